"""Preparing a model pack: every network is verified, converted and recorded in the data folder.

`DATA_DIR/models/<pack id>/` holds the prepared networks, `prepared.json`, and a user's own
`calibration.json`.
"""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from pydantic import Field, ValidationError

from stash_sense.domain.progress import NO_PROGRESS, Progress
from stash_sense.errors import AlteredFile, Busy, MissingFile
from stash_sense.files import explained_write_errors, remove_leftovers, sha256_of, write_atomically
from stash_sense.models.manifest import (
    AS_IS,
    FrozenModel,
    PackageSource,
    PackFile,
    PackManifest,
    Recipe,
    Role,
    Sha256,
    load_manifest,
    package_file,
    with_user_calibration,
)

if TYPE_CHECKING:
    import onnx

log = logging.getLogger(__name__)

RECORD_NAME = "prepared.json"
LOCK_WAIT_S = 120.0
"""A conversion takes two seconds; on a slow disk and a busy machine, far longer."""


class PreparedFile(FrozenModel):
    """One prepared file: what it was made from, and its hash, size and time when it was made."""

    source_sha256: Sha256
    recipe: Recipe
    sha256: Sha256
    size: int
    mtime_ns: int

    def made_from(self, file: PackFile) -> bool:
        """Whether the manifest still names this source and this recipe."""
        return self.source_sha256 == file.sha256 and self.recipe == file.recipe

    def untouched(self, stat: os.stat_result) -> bool:
        """Whether size and modification time are as recorded; the hash is then assumed to be."""
        return stat.st_size == self.size and stat.st_mtime_ns == self.mtime_ns


class PackRecord(FrozenModel):
    """All prepared files of a pack, by name."""

    files: dict[str, PreparedFile] = Field(default_factory=dict)


def read_record(folder: Path) -> PackRecord:
    """The record; empty if there is none or it cannot be read, so that the files are hashed again."""
    try:
        return PackRecord.model_validate_json((folder / RECORD_NAME).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return PackRecord()


def write_record(folder: Path, record: PackRecord) -> None:
    """Replace the record. Raises NoSpace or CannotWrite."""
    write_atomically(folder / RECORD_NAME, record.model_dump_json(indent=2).encode() + b"\n")


def record_of(file: PackFile, path: Path) -> PreparedFile:
    """The record of a prepared file as it is now."""
    stat = path.stat()
    return PreparedFile(
        source_sha256=file.sha256,
        recipe=file.recipe,
        sha256=sha256_of(path),
        size=stat.st_size,
        mtime_ns=stat.st_mtime_ns,
    )


# `onnx` takes a tenth of a second to load and is needed once: imported where it is used.


def _convert_yunet(data: bytes) -> "onnx.ModelProto":
    import onnx  # noqa: PLC0415

    from stash_sense.models.dequantize import convert_yunet  # noqa: PLC0415

    return convert_yunet(onnx.load_model_from_string(data))


def _convert_sface(data: bytes) -> "onnx.ModelProto":
    import onnx  # noqa: PLC0415

    from stash_sense.models.sface import convert_sface  # noqa: PLC0415

    return convert_sface(onnx.load_model_from_string(data))


def _convert_dlib_resnet(data: bytes) -> "onnx.ModelProto":
    from stash_sense.models.dlib_resnet import convert_dlib_resnet  # noqa: PLC0415

    return convert_dlib_resnet(data)


CONVERTERS: "dict[str, Callable[[bytes], onnx.ModelProto]]" = {
    "yunet": _convert_yunet,
    "sface-clean": _convert_sface,
    "dlib-resnet-v1": _convert_dlib_resnet,
}


def run_recipe(file: PackFile, data: bytes) -> bytes:
    """Convert a source to the prepared file's bytes. Raises AlteredFile if the recipe does not fit it."""
    if file.recipe.name == AS_IS:
        return data
    try:
        return bytes(CONVERTERS[file.recipe.name](data).SerializeToString())
    except ValueError as error:
        raise AlteredFile(
            f"{file.name}: the recipe {file.recipe.name} does not fit its source ({error})."
        ) from error


@dataclass(frozen=True)
class PreparedPack:
    """A pack that is ready to be loaded.

    manifest.calibration: the user's own if there is one. paths: ONNX files by role. fingerprint: changes
    whenever the pack would embed a face differently.
    """

    manifest: PackManifest
    paths: dict[Role, Path]
    fingerprint: str


def pack_folder(pack_id: str, data_dir: Path) -> Path:
    """The folder of the pack's prepared files."""
    return data_dir / "models" / pack_id


def resolve_manifest(pack: str | PackManifest) -> PackManifest:
    """The manifest itself, or the one with this id. Raises UnknownPack."""
    return load_manifest(pack) if isinstance(pack, str) else pack


def repair_command(manifest: PackManifest, file: PackFile) -> str:
    """The command that restores the file's source if it is missing or altered."""
    if isinstance(file.source, PackageSource):
        return file.source.install_command
    return f"stash-sense models download {manifest.id}"


def source_path(file: PackFile, folder: Path) -> Path:
    """The path of the file's source, which may be missing. Raises MissingFile if its package lacks it."""
    if isinstance(file.source, PackageSource):
        return package_file(file.source)
    return folder / (file.name if file.recipe.name == AS_IS else f"source-{file.name}")


def verified_source(manifest: PackManifest, file: PackFile, folder: Path) -> Path:
    """The path of the file's source, once its hash is verified. Raises MissingFile or AlteredFile."""
    path, command = source_path(file, folder), repair_command(manifest, file)
    if not path.is_file():
        raise MissingFile(f"{path}: the file is missing. Run: {command}")
    try:
        size, sha256 = path.stat().st_size, sha256_of(path)
    except OSError as error:
        raise MissingFile(f"{path}: cannot be read ({error.strerror}). Run: {command}") from error
    if size != file.size:
        what = "truncated" if size < file.size else "altered"
        raise AlteredFile(f"{path}: {what}, {size} bytes instead of {file.size}. Run: {command}")
    if sha256 != file.sha256:
        raise AlteredFile(f"{path}: altered, its sha256 is not as expected. Run: {command}")
    return path


@contextlib.contextmanager
def pack_lock(folder: Path, name: str = "prepare", wait_s: float | None = None) -> Iterator[None]:
    """A lock held by one process at a time, released by the system if that process dies. Raises Busy."""
    with explained_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f".{name}.lock")
        try:
            lock.acquire(timeout=LOCK_WAIT_S if wait_s is None else wait_s)
        except Timeout as error:  # an OSError too, so it must be caught first
            raise Busy(f"{folder}: another process is working on it. Try again when it is done.") from error
    try:
        yield
    finally:
        lock.release()


def recorded_file(file: PackFile, folder: Path, record: PackRecord) -> tuple[PreparedFile, Path] | None:
    """The record and path of the prepared file, if it exists and the manifest still names its source."""
    prepared, path = record.files.get(file.name), folder / file.name
    if prepared is None or not prepared.made_from(file) or not path.is_file():
        return None
    return prepared, path


def is_unchanged(file: PackFile, folder: Path, record: PackRecord) -> bool:
    """Whether the prepared file is as recorded, by size and modification time alone."""
    match recorded_file(file, folder, record):
        case (prepared, path):
            return prepared.untouched(path.stat())
        case _:
            return False


def is_intact(file: PackFile, folder: Path, record: PackRecord) -> bool:
    """Whether the prepared file is as recorded, by its hash."""
    match recorded_file(file, folder, record):
        case (prepared, path):
            return path.stat().st_size == prepared.size and sha256_of(path) == prepared.sha256
        case _:
            return False


def make_file(manifest: PackManifest, file: PackFile, folder: Path) -> PreparedFile:
    """Verify the source and convert it to the prepared file. The caller holds the lock.

    Raises MissingFile or AlteredFile (naming the command that repairs it), NoSpace or CannotWrite.
    """
    source, path = verified_source(manifest, file, folder), folder / file.name
    if source != path:
        log.info("converting %s into %s", source, path)
        write_atomically(path, run_recipe(file, source.read_bytes()))
    return record_of(file, path)


def prepare_pack(
    pack: str | PackManifest,
    data_dir: Path,
    progress: Progress = NO_PROGRESS,
    *,
    user_calibration: bool = True,
) -> PreparedPack:
    """Make a pack ready to be loaded: convert what is not converted yet, and again what was altered.

    user_calibration: use the user's own if there is one; False while a new one is being made.
    Costs a few file look-ups if nothing changed. Several processes may call it at once.
    Raises UnknownPack, MissingFile or AlteredFile (naming the command that repairs it), Busy, NoSpace,
    CannotWrite.
    """
    manifest = resolve_manifest(pack)
    folder = pack_folder(manifest.id, data_dir)
    record = read_record(folder)
    if not all(is_unchanged(file, folder, record) for file in manifest.files):
        with pack_lock(folder):
            remove_leftovers(folder)
            record = read_record(folder)
            progress.start("Preparing", len(manifest.files))
            for done, file in enumerate(manifest.files, 1):
                if not is_unchanged(file, folder, record):
                    prepared = (
                        record_of(file, folder / file.name)
                        if is_intact(file, folder, record)
                        else make_file(manifest, file, folder)
                    )
                    record = PackRecord(files={**record.files, file.name: prepared})
                    write_record(folder, record)
                progress.update(done)
    return PreparedPack(
        manifest=with_user_calibration(manifest, data_dir) if user_calibration else manifest,
        paths={file.role: folder / file.name for file in manifest.files},
        fingerprint=manifest.fingerprint,
    )
