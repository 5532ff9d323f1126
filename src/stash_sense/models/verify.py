"""The state of a pack's files: at a glance (`pack_status`), or hashed one by one and repaired (`verify`)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stash_sense.domain.progress import NO_PROGRESS, Progress
from stash_sense.errors import AlteredFile, MissingFile
from stash_sense.files import remove_leftovers
from stash_sense.models import prepare
from stash_sense.models.manifest import PackFile, PackManifest, Role
from stash_sense.models.prepare import (
    checked_source,
    current,
    intact,
    make,
    mending_command,
    pack_folder,
    pack_lock,
    resolve,
    source_path,
)
from stash_sense.models.user_calibration import own_calibration


@dataclass(frozen=True)
class FileStatus:
    """One file at a glance. `ready`: prepared and unchanged; `source`: what it is made from is there.

    `command` is what a person runs where the source is missing; empty otherwise.
    """

    role: Role
    name: str
    ready: bool
    source: bool
    command: str


@dataclass(frozen=True)
class PackStatus:
    """A pack at a glance, without hashing anything.

    `problem` says, with the command that mends it, that the user's own calibration cannot be read.
    """

    manifest: PackManifest
    files: tuple[FileStatus, ...]
    calibrated: bool
    problem: str

    @property
    def state(self) -> Literal["ready", "available", "missing"]:
        """`ready` to run at once; `available`: will be prepared at first use; `missing`: see the commands."""
        if all(file.ready for file in self.files):
            return "ready"
        return "available" if all(file.ready or file.source for file in self.files) else "missing"


@dataclass(frozen=True)
class FileCheck:
    """One file after `verify`.

    `intact`: as it should be; `made`: was not prepared yet, is now; `mended`: was altered and has been made
    anew; `missing`, `altered`: cannot be made, and `problem` is a sentence with the command that mends it.
    """

    role: Role
    name: str
    outcome: Literal["intact", "made", "mended", "missing", "altered"]
    problem: str


def pack_status(pack: str | PackManifest, data_dir: Path) -> PackStatus:
    """The pack's files at a glance. Raises UnknownPack."""
    manifest = resolve(pack)
    folder = pack_folder(manifest.id, data_dir)
    known = prepare.read_record(folder)
    files = []
    for file in manifest.files:
        try:
            path = source_path(file, folder)
            source = path.is_file() and path.stat().st_size == file.size
        except MissingFile:
            source = False
        ready = current(file, folder, known)
        command = "" if ready or source else mending_command(manifest, file)
        files.append(FileStatus(file.role, file.name, ready, source, command))
    try:
        calibrated, problem = own_calibration(manifest, data_dir).calibration is not None, ""
    except AlteredFile as error:
        calibrated, problem = False, str(error)
    return PackStatus(manifest, tuple(files), calibrated, problem)


def _verify_file(
    manifest: PackManifest, file: PackFile, folder: Path, known: prepare.Record
) -> tuple[Literal["intact", "made", "mended"], prepare.Prepared]:
    path = folder / file.name
    source = checked_source(manifest, file, folder)
    if source == path or intact(file, folder, known):
        return "intact", prepare.remember(file, path)
    outcome: Literal["made", "mended"] = "mended" if path.exists() else "made"
    return outcome, make(manifest, file, folder)


def verify(
    pack: str | PackManifest, data_dir: Path, progress: Progress = NO_PROGRESS
) -> tuple[FileCheck, ...]:
    """Hashes every file, the sources too, and makes anew what can be made anew.

    A problem with a file is in its FileCheck; raised are only UnknownPack, Busy, NoSpace and CannotWrite.
    """
    manifest = resolve(pack)
    folder = pack_folder(manifest.id, data_dir)
    checks: list[FileCheck] = []
    with pack_lock(folder):
        remove_leftovers(folder)
        known = prepare.read_record(folder)
        progress.start("Verifying", len(manifest.files))
        for done, file in enumerate(manifest.files, 1):
            try:
                outcome, made = _verify_file(manifest, file, folder, known)
                known = prepare.Record(files={**known.files, file.name: made})
                checks.append(FileCheck(file.role, file.name, outcome, ""))
            except AlteredFile as error:
                checks.append(FileCheck(file.role, file.name, "altered", str(error)))
            except MissingFile as error:
                checks.append(FileCheck(file.role, file.name, "missing", str(error)))
            progress.update(done)
        prepare.write_record(folder, known)
    return tuple(checks)
