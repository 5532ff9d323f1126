"""Whole-file writes: a file is complete under its name or not there at all, even after a power cut."""

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from stash_sense.errors import CannotWrite, NoSpace

TEMPORARY_PREFIX = ".making-"
"""Names of unfinished files; `remove_leftovers` deletes those of a killed process."""

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}

_UNSUPPORTED = {
    *(errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOTTY),
    # What exFAT answers to a link or a mode, SMB to a directory that is opened or synced.
    *(errno.EPERM, errno.EACCES, errno.EBADF, errno.EISDIR, errno.EMLINK, errno.EXDEV),
}
"""How file systems refuse what they lack. An error of the disk itself is none of these."""

_ADVICE = {
    "permission denied. Let the user that runs Stash Sense read and write it": (errno.EACCES, errno.EPERM),
    "the file system is read-only. Make it writable, or choose another folder": (errno.EROFS,),
    "no space left on the disk. Free some space": tuple(_DISK_FULL),
    "too many files are open. Stop other programs, or raise the limit (ulimit -n)": (
        errno.EMFILE,
        errno.ENFILE,
    ),
    "is a folder where a file belongs. Move it away, or correct the path": (errno.EISDIR,),
    "a part of the path is a file, not a folder. Correct the path": (errno.ENOTDIR,),
    "no such file or folder. Check the path": (errno.ENOENT,),
    "the path is too long or leads to itself. Correct it": (errno.ENAMETOOLONG, errno.ELOOP),
    "the disk or the network share fails. Check that it is connected and sound": (
        *(errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.ETIMEDOUT, errno.EHOSTDOWN),
        *(errno.ENOTCONN, errno.ENETUNREACH, errno.EHOSTUNREACH),
    ),
    "not enough memory. Stop other programs": (errno.ENOMEM,),
}
_ADVICE_BY_ERRNO = {number: advice for advice, numbers in _ADVICE.items() for number in numbers}


def describe_os_error(error: OSError) -> str:
    """A sentence on what the operating system refused, and what to do about it."""
    advice = _ADVICE_BY_ERRNO.get(error.errno or 0)
    if advice is None:
        reason = error.strerror or str(error) or type(error).__name__
        advice = f"{reason}. Check the disk and the folder"
    name = error.filename if isinstance(error.filename, str | bytes | os.PathLike) else ""
    shown = os.fsencode(name).decode("utf-8", "replace") if name else "The system refused a file or a socket"
    return f"{shown}: {advice}."


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file in hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file as a whole. Raises NoSpace or CannotWrite."""
    with explained_write_errors(path), replacement_of(path) as temporary:
        temporary.write_bytes(data)


@contextlib.contextmanager
def replacement_of(path: Path) -> Iterator[Path]:
    """Yield an empty temporary file beside `path`, which takes its name at the end of the block.

    Only its owner can read it, and no planted file or link has its name. Where the block raises, it is
    deleted and `path` stays as it was; a link at `path` is replaced, not followed. Raises OSError.
    """
    handle, name = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
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
    """Force a file's content to disk, where its file system can. Raises OSError."""
    with path.open("r+b") as file, _where_supported():  # Windows flushes only what is open for writing
        os.fsync(file.fileno())


def sync_directory(directory: Path) -> None:
    """Force the names in a directory to disk, where its file system can. Raises OSError."""
    if os.name != "posix":
        return
    with _where_supported():
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def keep_under(path: Path, name: Path) -> None:
    """Let the file at `path` have a second name in the same directory, or a copy where links are unknown.

    Raises OSError, FileExistsError where the name is taken.
    """
    try:
        os.link(path, name)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        with path.open("rb") as source, name.open("xb") as copy:
            shutil.copyfileobj(source, copy)
        with _where_supported():
            name.chmod(path.stat().st_mode)
        sync_file(name)


@contextlib.contextmanager
def _where_supported() -> Iterator[None]:
    """Do without what this file system lacks: exFAT, FAT, SMB and some others have only files and names."""
    try:
        yield
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise


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
