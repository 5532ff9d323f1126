"""Maintenance of a state file, as `stash-sense state` offers it: check, backup, restore."""

import filecmp
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from stash_sense.errors import (
    Conflict,
    DiskFull,
    NewerState,
    NotAStateFile,
    StateBusy,
    StateDamaged,
    StateError,
    StateUnwritable,
)
from stash_sense.files import keep_under, remove_leftovers, replacement_of
from stash_sense.store.connection import connect, connect_read_only, translate_errors
from stash_sense.store.migrations import read_file_version
from stash_sense.store.table_rebuild import quote_name

_ABANDONED_SECONDS = 3600
_LOGS = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class StateReport:
    """What `stash-sense state check` reports.

    problems: empty for a sound file. size, log_size: bytes. rows: per table. open_journal: entries without an
    outcome. copies: the backups beside the file.
    """

    path: Path
    exists: bool
    problems: tuple[str, ...]
    version: int
    pending: tuple[str, ...]
    size: int
    log_size: int
    rows: dict[str, int]
    open_journal: int
    copies: tuple[Path, ...]

    @property
    def ok(self) -> bool:
        """Whether there are no problems."""
        return not self.problems


def check_state(path: Path) -> StateReport:
    """Read a whole state file; damage is reported, not raised."""
    exists = path.exists()
    problems: list[str] = []
    version, open_journal = 0, 0
    pending: tuple[str, ...] = ()
    rows: dict[str, int] = {}
    try:
        file = read_file_version(path)
        version, pending = file.version, file.pending
        if version:
            with translate_errors(path), closing(connect(path)) as connection:
                problems += _damage(connection)
                rows = _counts(connection)
                if "stash_sense_journal" in rows:
                    open_journal = connection.execute(
                        "SELECT count(*) FROM stash_sense_journal WHERE status = 'open'"
                    ).fetchone()[0]
    except StateError as error:
        problems.append(str(error))
    return StateReport(
        path=path,
        exists=exists,
        problems=tuple(problems),
        version=version,
        pending=pending,
        size=_size(path),
        log_size=_size(Path(f"{path}-wal")),
        rows=rows,
        open_journal=open_journal,
        copies=tuple(list_backups(path)),
    )


def _damage(connection: sqlite3.Connection) -> list[str]:
    problems = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    if problems == ["ok"]:
        problems = []
    orphans: dict[tuple[str, str], int] = {}
    for table, _, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        orphans[table, parent] = orphans.get((table, parent), 0) + 1
    return problems + [
        f"{count} row(s) of {table} refer to rows of {parent} that do not exist"
        for (table, parent), count in orphans.items()
    ]


def _counts(connection: sqlite3.Connection) -> dict[str, int]:
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    ).fetchall()
    return {
        table: connection.execute(f"SELECT count(*) FROM {quote_name(table)}").fetchone()[0]  # noqa: S608  names
        for (table,) in tables
    }


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() and path.is_file() else 0


def list_backups(path: Path) -> list[Path]:
    """The backups beside a state file, oldest first."""
    return _backups(path, "")


def backups_labelled(path: Path, label: str) -> list[Path]:
    """Those backups with this label, oldest first."""
    return _backups(path, f"{label}-")


def _backups(path: Path, prefix: str) -> list[Path]:
    name = "".join(f"[{letter}]" if letter in "*?[" else letter for letter in path.name)
    return sorted(path.parent.glob(f"{name}.{prefix}*.bak"), key=lambda backup: backup.stat().st_mtime)


def create_backup(path: Path, target: Path | None = None) -> Path:
    """Copy a state file, in use or not, into one checked file; returns where it is.

    Without `target` the backup is created beside the original. Raises Conflict where `target` exists.
    """
    if not path.exists():
        raise NotAStateFile(f"{path} does not exist, so there is nothing to copy. Check the data folder.")
    read_file_version(path)
    if target is None:
        return backup_beside(path, "backup")
    if target.is_dir():
        target = target / path.name
    if target.exists():
        raise Conflict(f"{target} already exists; give a new name, or remove it first.")
    _copy(path, target)
    return target


def backup_beside(path: Path, label: str) -> Path:
    """Copy the file beside itself, under a name that says when and why.

    An equal backup with that label is reused: a program that restarts in a loop must not fill the disk.
    """
    remove_leftovers(path.parent, min_age_s=_ABANDONED_SECONDS)  # of a copy that was killed
    for number in range(1000):
        suffix = f"-{number}" if number else ""
        target = path.with_name(f"{path.name}.{label}-{_timestamp()}{suffix}.bak")
        if not target.exists():
            break
    _copy(path, target)
    for earlier in backups_labelled(path, label):
        if earlier != target and filecmp.cmp(earlier, target, shallow=False):
            target.unlink()
            return earlier
    return target


def restore_backup(path: Path, source: Path) -> Path | None:
    """Replace the state file with `source`; returns where the former file was kept, if there was one.

    Raises StateBusy while another process has the state file open; NotAStateFile, NewerState or
    StateDamaged for a `source` that cannot be used. In each case nothing has changed.
    """
    if not source.exists():
        raise NotAStateFile(f"{source} does not exist. Give a copy made by `stash-sense state backup`.")
    if path.exists() and source.samefile(path):
        raise Conflict(f"{source} is the state file itself; give a copy of it.")
    if read_file_version(source).version == 0:
        raise NotAStateFile(f"{source} is empty. Give a copy made by `stash-sense state backup`.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with _unwritable(path), replacement_of(path) as temporary:
        _copy_checked(source, temporary, connect_read_only)
        former = _set_aside(path)
        # SQLite would replay a log of the former file into the new one.
        for suffix in _LOGS:
            Path(f"{path}{suffix}").unlink(missing_ok=True)
    return former


def _set_aside(path: Path) -> Path | None:
    """Keep the file at `path`, intact or damaged, under another name as well."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    try:
        with suppress(NewerState):  # going back to an older version is a reason to restore
            read_file_version(path)  # reads only: opened for writing, a damaged file would lose its log
        with translate_errors(path), closing(connect(path, busy_seconds=1)) as connection:
            # Only the last connection may leave WAL; this also writes the log into the file.
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
        return backup_beside(path, "replaced")
    except StateBusy as error:
        raise StateBusy(f"{path} is in use. Stop Stash Sense, then restore again.") from error
    except (StateDamaged, NotAStateFile):
        kept = path.with_name(f"{path.name}.damaged-{_timestamp()}.bak")
        for suffix in ("", "-wal", "-journal"):
            former = Path(f"{path}{suffix}")
            if former.exists():
                keep_under(former, Path(f"{kept}{suffix}"))
        return kept


def _copy(path: Path, target: Path) -> None:
    """Copy our own file; it is opened for writing, so that SQLite cleans up its log afterwards."""
    with _unwritable(target), replacement_of(target) as temporary:
        _copy_checked(path, temporary, connect)


def _copy_checked(path: Path, target: Path, open_source: Callable[[Path], sqlite3.Connection]) -> None:
    """Write a complete, checked, single-file copy into the empty file `target`."""
    try:
        with (
            translate_errors(path),
            closing(open_source(path)) as source,
            closing(sqlite3.connect(str(target.absolute()), isolation_level=None)) as copy,
        ):
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, no log beside it
            check = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except DiskFull as error:
        size = path.stat().st_size
        raise DiskFull(f"{target.parent}: no room for a copy of {size:,} bytes. Free some space.") from error
    if check != "ok":
        raise StateDamaged(
            f"{path} is damaged ({check}). See `stash-sense state check`; restore an older copy with "
            "`stash-sense state restore FILE`."
        )


@contextmanager
def _unwritable(target: Path) -> Iterator[None]:
    """Turn the operating system's refusal to write `target` into StateUnwritable."""
    try:
        yield
    except OSError as error:
        raise StateUnwritable(f"{target}: {error.strerror}. Let this user write there.") from error


def _timestamp() -> str:
    return time.strftime("%Y%m%d-%H%M%S", time.gmtime())
