"""The data folder is its owner's alone: modes are repaired, and no link or pipe is taken for a file."""

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

TOKEN_FILE = "token"  # noqa: S105 - a file's name
"""Not repaired: others may have read it, so it is refused until its owner has looked at it."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OURS = ("database", "jobs.db", "models", "stash-sense.toml", "stash_sense.db", "token")
"""How our names begin, for a data folder that holds other things too."""


@dataclass(frozen=True, slots=True)
class PrivacyReport:
    """What a look at a folder found. exposed: how many files and folders others may read or write.

    problems: what no change of a mode repairs, a sentence each.
    """

    exposed: int = 0
    problems: tuple[str, ...] = ()

    def repaired_lines(self, folder: Path) -> list[str]:
        """What to tell the owner after `make_private`."""
        changed = f"{folder}: other users could read {self.exposed} of the files and folders in it."
        return ([f"{changed} Now they cannot."] if self.exposed else []) + list(self.problems)


def restrict_umask() -> None:
    """Let nobody else read what this process creates."""
    os.umask(0o077)


def check_privacy(folder: Path) -> PrivacyReport:
    """What others may read or write below a folder, and what is not there as a file of its owner's."""
    return _look(folder, repair=False)


def make_private(folder: Path) -> PrivacyReport:
    """Take everything below a folder away from others. `exposed` counts what was repaired."""
    return _look(folder, repair=True)


def open_regular(path: Path, flags: int = os.O_RDONLY) -> BinaryIO:
    """Open a file that is none of a link, a pipe or a device; a pipe would wait for its other end.

    flags: those of os.open. Only for reading, a link is followed: its owner may keep a token elsewhere.
    Raises OSError.
    """
    is_reading = flags == os.O_RDONLY
    guards = 0 if is_reading else getattr(os, "O_NOFOLLOW", 0)
    guards |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags | guards, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")  # noqa: TRY301 - closed like any other
        return os.fdopen(handle, "rb" if is_reading else "r+b" if flags & os.O_RDWR else "wb")
    except BaseException:
        os.close(handle)
        raise


def is_in_the_way(path: Path) -> bool:
    """Whether a link, a pipe or a device is at `path`, where a file is to be written."""
    try:
        kind = path.lstat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(kind) or stat.S_ISDIR(kind))


def _look(folder: Path, *, repair: bool) -> PrivacyReport:
    if os.name != "posix" or not folder.is_dir():
        return PrivacyReport()
    exposed, problems = 0, []
    for path, status in _walk(folder, _OURS if _is_shared(folder) else ()):
        kind = status.st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind) or stat.S_ISLNK(kind)):
            problems.append(f"{path} is not a file but a pipe, a socket or a device. Remove it.")
        elif status.st_uid not in (os.geteuid(), 0):
            problems.append(f"{path} belongs to another user (uid {status.st_uid}). Change its owner.")
        elif kind & _OTHERS and not stat.S_ISLNK(kind) and path != folder / TOKEN_FILE:
            exposed += 1
            if repair:
                try:
                    path.chmod(stat.S_IMODE(kind) & ~_OTHERS)
                except OSError as error:
                    problems.append(f"{path} stays readable by other users ({error.strerror}).")
    return PrivacyReport(exposed, tuple(problems))


def _walk(folder: Path, names: tuple[str, ...] = ()) -> Iterator[tuple[Path, os.stat_result]]:
    """The folder, then all below it, each folder before its contents; no link is followed.

    names: with what names in the folder begin; without any, all, and the folder itself.
    """
    if not names:
        yield folder, folder.stat()
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for path in entries:
        if names and not path.name.startswith(names):
            continue
        try:
            status = path.lstat()
        except OSError:  # gone by now
            continue
        if stat.S_ISDIR(status.st_mode):
            yield from _walk(path)
        else:
            yield path, status


def _is_shared(folder: Path) -> bool:
    """Whether a folder is a home, above one, or for all users: what else is there is none of our business."""
    status = folder.stat()
    if status.st_mode & stat.S_ISVTX or status.st_uid != os.geteuid():
        return True
    try:
        home = Path.home().resolve()
    except (OSError, RuntimeError):
        return False
    resolved = folder.resolve()
    return resolved in home.parents or (resolved == home and any(home.glob(".*rc")))
