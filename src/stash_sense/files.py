"""Whole-file writes: a file is complete under its name or not there at all, even after a power cut."""

import contextlib
import errno
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from stash_sense.errors import CannotWrite, NoSpace

TEMPORARY_PREFIX = ".making-"
"""Names of unfinished files; `remove_leftovers` deletes those of a killed process."""
OWNER_ONLY = 0o600
READABLE_BY_ALL = 0o644

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file in hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, data: bytes, *, mode: int = READABLE_BY_ALL) -> None:
    """Replace a file as a whole, with the given permissions. Raises NoSpace or CannotWrite."""
    with explained_write_errors(path), replacement_of(path, mode=mode) as temporary:
        temporary.write_bytes(data)


@contextlib.contextmanager
def replacement_of(path: Path, *, mode: int = READABLE_BY_ALL) -> Iterator[Path]:
    """Yield an empty temporary file beside `path`, which takes its name at the end of the block.

    Where the block raises, the temporary file is deleted and `path` stays as it was. Raises OSError.
    """
    handle, name = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        temporary.chmod(mode)  # before any content: mkstemp lets the owner alone read it
        yield temporary
        move_into_place(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def move_into_place(finished: Path, path: Path) -> None:
    """Force a finished file to disk, then rename it to `path` in the same directory. Raises OSError."""
    sync_file(finished)
    finished.replace(path)
    sync_directory(path.parent)


def sync_file(path: Path) -> None:
    """Force a file's content to disk. Raises OSError."""
    with path.open("r+b") as file:  # Windows flushes only what is open for writing
        os.fsync(file.fileno())


def sync_directory(directory: Path) -> None:
    """Force the names in a directory to disk; does nothing on systems that cannot. Raises OSError."""
    if os.name != "posix":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_leftovers(directory: Path, *, min_age_s: float = 0.0) -> None:
    """Delete unfinished files of killed processes, last written at least `min_age_s` seconds ago.

    Without a minimum age, call this only while holding the lock that every writer in the directory takes.
    """
    for leftover in directory.glob(f"{TEMPORARY_PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):
            if not min_age_s or time.time() - leftover.stat().st_mtime >= min_age_s:
                leftover.unlink()


def is_disk_full(error: OSError) -> bool:
    """Whether a write failed for want of space or quota."""
    return error.errno in _DISK_FULL


@contextlib.contextmanager
def explained_write_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusal to write `path` into NoSpace or CannotWrite."""
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            raise NoSpace(f"{path}: no space left on the disk. Free some space, then try again.") from error
        raise CannotWrite(f"{path}: cannot be written ({error.strerror or error}).") from error
