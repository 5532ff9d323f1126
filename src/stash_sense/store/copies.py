"""Copies of the state file: aside before a migration, on request, and back again."""

import filecmp
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from stash_sense.errors import (
    Conflict,
    DiskFull,
    NewerState,
    NotAStateFile,
    StateBusy,
    StateDamaged,
    StateUnwritable,
)
from stash_sense.store.connection import connect, connect_read_only, translated
from stash_sense.store.inspection import look_at

_PARTIAL = ".partial"
_ABANDONED_SECONDS = 3600


def backup(path: Path, target: Path | None = None) -> Path:
    """Copy a state file, in use or not, into one file that is checked before it takes its name.

    Without `target` it lands beside the original. Raises Refused where `target` exists already.
    """
    if not path.exists():
        raise NotAStateFile(f"{path} does not exist, so there is nothing to copy. Check the data folder.")
    look_at(path)
    if target is None:
        return copy_aside(path, "backup")
    if target.is_dir():
        target = target / path.name
    if target.exists():
        raise Conflict(f"{target} exists already; give a new name, or remove it first.")
    _copy(path, target)
    return target


def copies_of(path: Path) -> list[Path]:
    """The copies beside a state file, oldest first: each still holds what the file held then."""
    found = [*path.parent.glob(f"{_glob_safe(path.name)}.*.bak")]
    return sorted(found, key=lambda copy: copy.stat().st_mtime)


def copy_aside(path: Path, label: str) -> Path:
    """Copy the file beside itself under a name that says when and why.

    An equal copy of that label serves again: a program restarted in a loop must not fill the disk.
    """
    for leftover in path.parent.glob(f"{_glob_safe(path.name)}.*.bak{_PARTIAL}"):
        with suppress(FileNotFoundError):
            if time.time() - leftover.stat().st_mtime > _ABANDONED_SECONDS:
                leftover.unlink()  # of a copy that was killed
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    for number in range(1000):
        target = path.with_name(f"{path.name}.{label}-{stamp}{f'-{number}' if number else ''}.bak")
        if not target.exists():
            break
    _copy(path, target)
    for former in path.parent.glob(f"{_glob_safe(path.name)}.{label}-*.bak"):
        if former != target and filecmp.cmp(former, target, shallow=False):
            target.unlink()
            return former
    return target


def restore(path: Path, source: Path) -> Path | None:
    """Put `source` in the place of the state file; returns where the former file was kept, if any.

    Raises Busy while another process has the state file open, NotAStateFile, NewerState or
    StateDamaged for a `source` that cannot serve; in each case nothing has changed.
    """
    if not source.exists():
        raise NotAStateFile(f"{source} does not exist. Give a copy made by `stash-sense state backup`.")
    if path.exists() and source.samefile(path):
        raise Conflict(f"{source} is the state file itself; give a copy of it.")
    if look_at(source).version == 0:
        raise NotAStateFile(f"{source} is empty. Give a copy made by `stash-sense state backup`.")
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.restore{_PARTIAL}")
    _copy_checked(source, fresh, connect_read_only)
    try:
        kept = _step_aside(path)
        # No log of the former file may be beside the new one: SQLite would replay it into it.
        for end in ("-wal", "-shm", "-journal"):
            Path(f"{path}{end}").unlink(missing_ok=True)
        fresh.replace(path)
        _persist_name(path)
    finally:
        fresh.unlink(missing_ok=True)
    return kept


def _step_aside(path: Path) -> Path | None:
    """Keep what stands at `path`, whole or damaged, under another name; it stays at `path` as well."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    try:
        with suppress(NewerState):  # going back is what such a file is replaced for
            look_at(path)  # reads only: opened for writing, a damaged file would lose its log
        with translated(path), closing(connect(path, busy_seconds=1)) as connection:
            # Only the last connection may leave WAL; this also takes the log into the file.
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
        return copy_aside(path, "replaced")
    except StateBusy as error:
        raise StateBusy(f"{path} is in use. Stop Stash Sense, then restore again.") from error
    except (StateDamaged, NotAStateFile):
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        kept = path.with_name(f"{path.name}.damaged-{stamp}.bak")
        for end in ("", "-wal", "-journal"):
            former = Path(f"{path}{end}")
            if former.exists():
                os.link(former, f"{kept}{end}")
        return kept


def _copy(path: Path, target: Path) -> None:
    """Copy our own file; opened for writing, so that SQLite tidies up its log when it is done."""
    partial = target.with_name(f"{target.name}{_PARTIAL}")
    try:
        _copy_checked(path, partial, connect)
        partial.replace(target)
        _persist_name(target)
    finally:
        partial.unlink(missing_ok=True)


def _copy_checked(path: Path, target: Path, opened: Callable[[Path], sqlite3.Connection]) -> None:
    """Write a whole, checked, single-file copy to `target`, readable by its owner only."""
    target.unlink(missing_ok=True)
    try:
        os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise StateUnwritable(f"{target}: {error.strerror}. Let this user write there.") from error
    try:
        with (
            translated(path),
            closing(opened(path)) as source,
            closing(sqlite3.connect(str(target.absolute()), isolation_level=None)) as copy,
        ):
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, no log beside it
            found = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except DiskFull as error:
        target.unlink(missing_ok=True)
        size = path.stat().st_size
        raise DiskFull(f"{target}: no room for a copy of {size:,} bytes. Free some space.") from error
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    if found != "ok":
        target.unlink(missing_ok=True)
        raise StateDamaged(
            f"{path} is damaged ({found}). See `stash-sense state check`; bring back an older copy with "
            "`stash-sense state restore FILE`."
        )


def _persist_name(path: Path) -> None:
    """Make a rename outlast a power cut."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _glob_safe(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
