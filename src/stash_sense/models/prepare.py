"""Preparing a model pack: every network verified, converted and recorded in the data folder.

`DATA_DIR/models/<pack id>/` holds the prepared networks, `prepared.json`, and, where a person has
calibrated the pack, `calibration.json`.
"""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx
from filelock import FileLock, Timeout
from pydantic import Field, ValidationError

from stash_sense.domain.progress import NO_PROGRESS, Progress
from stash_sense.errors import AlteredFile, Busy, MissingFile
from stash_sense.files import explained_write_errors, remove_leftovers, sha256_of, write_atomically
from stash_sense.models.convert import dlib_resnet, sface, yunet
from stash_sense.models.manifest import (
    AS_IS,
    Frozen,
    PackageSource,
    PackFile,
    PackManifest,
    Recipe,
    Role,
    Sha256,
    load_manifest,
    package_file,
)
from stash_sense.models.user_calibration import own_calibration

RECORD = "prepared.json"


class Prepared(Frozen):
    """One prepared file: what it was made from, and what it was when it was made."""

    source_sha256: Sha256
    recipe: Recipe
    sha256: Sha256
    size: int
    mtime_ns: int

    def made_from(self, file: PackFile) -> bool:
        """Whether the manifest still names this source and this recipe."""
        return self.source_sha256 == file.sha256 and self.recipe == file.recipe

    def untouched(self, stat: os.stat_result) -> bool:
        """Whether size and time of change are as remembered; then the hash is taken for granted."""
        return stat.st_size == self.size and stat.st_mtime_ns == self.mtime_ns


class Record(Frozen):
    """All prepared files of a pack, by name."""

    files: dict[str, Prepared] = Field(default_factory=dict)


def read_record(folder: Path) -> Record:
    """The record; an empty one where there is none or it cannot be read: then the files are hashed anew."""
    try:
        return Record.model_validate_json((folder / RECORD).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return Record()


def write_record(folder: Path, record: Record) -> None:
    """Replaces the record. Raises NoSpace or CannotWrite."""
    write_atomically(folder / RECORD, record.model_dump_json(indent=2).encode() + b"\n")


def remember(file: PackFile, path: Path) -> Prepared:
    """The record of a file as it now lies there."""
    stat = path.stat()
    return Prepared(
        source_sha256=file.sha256,
        recipe=file.recipe,
        sha256=sha256_of(path),
        size=stat.st_size,
        mtime_ns=stat.st_mtime_ns,
    )


CONVERTERS: dict[str, Callable[[bytes], onnx.ModelProto]] = {
    "yunet": lambda data: yunet.convert(onnx.load_model_from_string(data)),
    "sface-clean": lambda data: sface.convert(onnx.load_model_from_string(data)),
    "dlib-resnet-v1": dlib_resnet.convert,
}


def run_recipe(file: PackFile, data: bytes) -> bytes:
    """The prepared file's bytes. Raises AlteredFile where the source is not what the recipe expects."""
    if file.recipe.name == AS_IS:
        return data
    try:
        return bytes(CONVERTERS[file.recipe.name](data).SerializeToString())
    except ValueError as error:
        raise AlteredFile(
            f"{file.name}: the recipe {file.recipe.name} does not fit its source ({error})."
        ) from error


log = logging.getLogger(__name__)


LOCK_WAIT_S = 120.0  # a conversion takes two seconds; a slow disk and a busy machine, far longer


@dataclass(frozen=True)
class PreparedPack:
    """A pack whose files are whole.

    `manifest.calibration` is the user's own where there is one; `paths` are ONNX files by role;
    `fingerprint` changes whenever the pack would embed a face differently.
    """

    manifest: PackManifest
    paths: dict[Role, Path]
    fingerprint: str


def pack_folder(pack_id: str, data_dir: Path) -> Path:
    """Where the pack's prepared files lie."""
    return data_dir / "models" / pack_id


def resolve(pack: str | PackManifest) -> PackManifest:
    """The manifest itself, or the one with this id. Raises UnknownPack."""
    return load_manifest(pack) if isinstance(pack, str) else pack


def mending_command(manifest: PackManifest, file: PackFile) -> str:
    """What a person runs when the file's source is missing or altered."""
    if isinstance(file.source, PackageSource):
        return file.source.install_command
    return f"stash-sense models download {manifest.id}"


def source_path(file: PackFile, folder: Path) -> Path:
    """Where the file's source lies, there or not. Raises MissingFile where its package is not there."""
    if isinstance(file.source, PackageSource):
        return package_file(file.source)
    return folder / (file.name if file.recipe.name == AS_IS else f"source-{file.name}")


def checked_source(manifest: PackManifest, file: PackFile, folder: Path) -> Path:
    """The source's path, its hash being the manifest's. Raises MissingFile or AlteredFile."""
    path, command = source_path(file, folder), mending_command(manifest, file)
    if not path.is_file():
        raise MissingFile(f"{path}: not there. Run: {command}")
    try:
        size, sha256 = path.stat().st_size, sha256_of(path)
    except OSError as error:
        raise MissingFile(f"{path}: cannot be read ({error.strerror}). Run: {command}") from error
    if size != file.size:
        what = "cut short" if size < file.size else "altered"
        raise AlteredFile(f"{path}: {what}, {size} bytes instead of {file.size}. Run: {command}")
    if sha256 != file.sha256:
        raise AlteredFile(f"{path}: altered, its sha256 is not the expected one. Run: {command}")
    return path


@contextlib.contextmanager
def pack_lock(folder: Path, name: str = "prepare", wait_s: float | None = None) -> Iterator[None]:
    """Held by one process at a time; given back by the system if that process dies. Raises Busy."""
    with explained_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f".{name}.lock")
        try:
            lock.acquire(timeout=LOCK_WAIT_S if wait_s is None else wait_s)
        except Timeout as error:  # an OSError too, so it must be caught first
            raise Busy(f"{folder}: another process is at work on it. Try again when it is done.") from error
    try:
        yield
    finally:
        lock.release()


def remembered(file: PackFile, folder: Path, known: Record) -> tuple[Prepared, Path] | None:
    """What we remember of the prepared file, if it is there and the manifest has not moved on."""
    prepared, path = known.files.get(file.name), folder / file.name
    if prepared is None or not prepared.made_from(file) or not path.is_file():
        return None
    return prepared, path


def current(file: PackFile, folder: Path, known: Record) -> bool:
    """Whether the prepared file is as remembered, by size and time of change alone."""
    match remembered(file, folder, known):
        case (prepared, path):
            return prepared.untouched(path.stat())
        case _:
            return False


def intact(file: PackFile, folder: Path, known: Record) -> bool:
    """Whether the prepared file is as remembered, by its hash."""
    match remembered(file, folder, known):
        case (prepared, path):
            return path.stat().st_size == prepared.size and sha256_of(path) == prepared.sha256
        case _:
            return False


def make(manifest: PackManifest, file: PackFile, folder: Path) -> Prepared:
    """Checks the source and makes the prepared file of it; only under the lock.

    Raises MissingFile or AlteredFile (naming the command that mends it), NoSpace or CannotWrite.
    """
    source, path = checked_source(manifest, file, folder), folder / file.name
    if source != path:
        log.info("converting %s into %s", source, path)
        write_atomically(path, run_recipe(file, source.read_bytes()))
    return remember(file, path)


def prepare(
    pack: str | PackManifest,
    data_dir: Path,
    progress: Progress = NO_PROGRESS,
    *,
    with_own_calibration: bool = True,
) -> PreparedPack:
    """The pack, ready to run; converts what is not converted yet, and re-makes what was altered.

    `with_own_calibration`: take the user's own where there is one; not while a new one is made.

    Costs a few file look-ups where all is as remembered. Safe with several processes at once.
    Raises UnknownPack; MissingFile or AlteredFile, naming the command that mends it; Busy; NoSpace;
    CannotWrite.
    """
    manifest = resolve(pack)
    folder = pack_folder(manifest.id, data_dir)
    known = read_record(folder)
    if not all(current(file, folder, known) for file in manifest.files):
        with pack_lock(folder):
            remove_leftovers(folder)
            known = read_record(folder)
            progress.start("Preparing", len(manifest.files))
            for done, file in enumerate(manifest.files, 1):
                if not current(file, folder, known):
                    made = (
                        remember(file, folder / file.name)
                        if intact(file, folder, known)
                        else make(manifest, file, folder)
                    )
                    known = Record(files={**known.files, file.name: made})
                    write_record(folder, known)
                progress.update(done)
    return PreparedPack(
        manifest=own_calibration(manifest, data_dir) if with_own_calibration else manifest,
        paths={file.role: folder / file.name for file in manifest.files},
        fingerprint=manifest.fingerprint,
    )
