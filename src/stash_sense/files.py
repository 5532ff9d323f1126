"""Files that are either whole or not there: hashing and atomic writes."""

import contextlib
import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from stash_sense.errors import CannotWrite, NoSpace

FULL = {errno.ENOSPC, errno.EDQUOT}


TEMPORARY = ".making-"


def sha256_of(path: Path) -> str:
    """The file's sha256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def clear_write_errors(path: Path) -> Iterator[None]:
    """Turns the operating system's refusals to write into NoSpace and CannotWrite."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise NoSpace(f"{path}: no space left on the disk. Make room and try again.") from error
        raise CannotWrite(f"{path}: cannot be written ({error.strerror or error}).") from error


def sync_folder(folder: Path) -> None:
    """Makes a rename in this folder survive a power cut, where the system knows how."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, data: bytes) -> None:
    """Writes the file so that nobody ever sees a part of it. Raises NoSpace or CannotWrite."""
    with clear_write_errors(path):
        handle, name = tempfile.mkstemp(prefix=TEMPORARY, dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)


def remove_leftovers(folder: Path) -> None:
    """Removes what a killed process was writing. Only under the folder's lock."""
    for leftover in folder.glob(f"{TEMPORARY}*"):
        leftover.unlink(missing_ok=True)
