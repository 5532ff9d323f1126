"""Model packs: what they are made of, and their files, whole and checked.

Everything a caller needs is here; the modules behind it are this room's own.
"""

from .calibration import keep_calibration
from .check import FileCheck, FileStatus, PackStatus, pack_status, verify
from .download import Limits, download, licence_text
from .errors import AlteredFile, CannotWrite, DownloadFailed, NoSpace, UnknownPack
from .manifest import (
    DEFAULT_PACK,
    Detector,
    Licence,
    PackageSource,
    PackFile,
    PackManifest,
    Pixels,
    Recipe,
    Role,
    Slot,
    Slots,
    UrlSource,
    list_packs,
    load_manifest,
    parse_manifest,
)
from .prepare import PreparedPack, Progress, pack_folder, prepare

__all__ = [
    "DEFAULT_PACK",
    "AlteredFile",
    "CannotWrite",
    "Detector",
    "DownloadFailed",
    "FileCheck",
    "FileStatus",
    "Licence",
    "Limits",
    "NoSpace",
    "PackFile",
    "PackManifest",
    "PackStatus",
    "PackageSource",
    "Pixels",
    "PreparedPack",
    "Progress",
    "Recipe",
    "Role",
    "Slot",
    "Slots",
    "UnknownPack",
    "UrlSource",
    "download",
    "keep_calibration",
    "licence_text",
    "list_packs",
    "load_manifest",
    "pack_folder",
    "pack_status",
    "parse_manifest",
    "prepare",
    "verify",
]
