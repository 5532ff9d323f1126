"""The state of a pack's files: at a glance (`pack_status`), or hashed and repaired (`verify_pack`)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stash_sense.domain.progress import NO_PROGRESS, Progress
from stash_sense.errors import AlteredFile, MissingFile
from stash_sense.files import remove_leftovers
from stash_sense.models import prepare
from stash_sense.models.manifest import PackFile, PackManifest, Role, with_user_calibration
from stash_sense.models.prepare import (
    is_intact,
    is_unchanged,
    make_file,
    pack_folder,
    pack_lock,
    repair_command,
    resolve_manifest,
    source_path,
    verified_source,
)


@dataclass(frozen=True)
class FileStatus:
    """One file at a glance. ready: prepared and unchanged. source: what it is made from exists.

    command: restores a missing source; empty otherwise.
    """

    role: Role
    name: str
    ready: bool
    source: bool
    command: str


@dataclass(frozen=True)
class PackStatus:
    """A pack at a glance; nothing is hashed.

    problem: why the user's own calibration cannot be read, with the command that repairs it; else empty.
    """

    manifest: PackManifest
    files: tuple[FileStatus, ...]
    calibrated: bool
    problem: str

    @property
    def state(self) -> Literal["ready", "available", "missing"]:
        """`ready`; `available`: will be prepared at first use; `missing`: run the files' commands first."""
        if all(file.ready for file in self.files):
            return "ready"
        return "available" if all(file.ready or file.source for file in self.files) else "missing"


@dataclass(frozen=True)
class FileCheck:
    """One file after `verify`.

    outcome: `intact`; `made`: was not prepared yet, is now; `mended`: was altered and has been made again;
    `missing`, `altered`: cannot be made, and `problem` says why, with the command that repairs it.
    """

    role: Role
    name: str
    outcome: Literal["intact", "made", "mended", "missing", "altered"]
    problem: str


def pack_status(pack: str | PackManifest, data_dir: Path) -> PackStatus:
    """The pack's files at a glance. Raises UnknownPack."""
    manifest = resolve_manifest(pack)
    folder = pack_folder(manifest.id, data_dir)
    record = prepare.read_record(folder)
    files = []
    for file in manifest.files:
        try:
            path = source_path(file, folder)
            source = path.is_file() and path.stat().st_size == file.size
        except MissingFile:
            source = False
        ready = is_unchanged(file, folder, record)
        command = "" if ready or source else repair_command(manifest, file)
        files.append(FileStatus(file.role, file.name, ready, source, command))
    try:
        calibrated, problem = with_user_calibration(manifest, data_dir).calibration is not None, ""
    except AlteredFile as error:
        calibrated, problem = False, str(error)
    return PackStatus(manifest, tuple(files), calibrated, problem)


def _verify_file(
    manifest: PackManifest, file: PackFile, folder: Path, record: prepare.PackRecord
) -> tuple[Literal["intact", "made", "mended"], prepare.PreparedFile]:
    path = folder / file.name
    source = verified_source(manifest, file, folder)
    if source == path or is_intact(file, folder, record):
        return "intact", prepare.record_of(file, path)
    outcome: Literal["made", "mended"] = "mended" if path.exists() else "made"
    return outcome, make_file(manifest, file, folder)


def verify_pack(
    pack: str | PackManifest, data_dir: Path, progress: Progress = NO_PROGRESS
) -> tuple[FileCheck, ...]:
    """Hash every file and its source, and make again what was altered.

    A problem with a file is in its FileCheck. Raises UnknownPack, Busy, NoSpace and CannotWrite.
    """
    manifest = resolve_manifest(pack)
    folder = pack_folder(manifest.id, data_dir)
    checks: list[FileCheck] = []
    with pack_lock(folder):
        remove_leftovers(folder)
        record = prepare.read_record(folder)
        progress.start("Verifying", len(manifest.files))
        for done, file in enumerate(manifest.files, 1):
            try:
                outcome, prepared = _verify_file(manifest, file, folder, record)
                record = prepare.PackRecord(files={**record.files, file.name: prepared})
                checks.append(FileCheck(file.role, file.name, outcome, ""))
            except AlteredFile as error:
                checks.append(FileCheck(file.role, file.name, "altered", str(error)))
            except MissingFile as error:
                checks.append(FileCheck(file.role, file.name, "missing", str(error)))
            progress.update(done)
        prepare.write_record(folder, record)
    return tuple(checks)
