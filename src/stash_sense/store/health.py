"""Whether a state file is sound, and what is in it, without changing it."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from stash_sense.errors import StateError
from stash_sense.store.connection import connect, translated
from stash_sense.store.copies import copies_of
from stash_sense.store.inspection import look_at
from stash_sense.store.sqltext import quoted


@dataclass(frozen=True, slots=True)
class StateReport:
    """What `stash-sense state check` tells. `problems` is empty for a sound file; sizes in bytes."""

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
        return not self.problems


def check(path: Path) -> StateReport:
    """Read a state file through and through; damage is reported, not raised."""
    exists = path.exists()
    problems: list[str] = []
    version, open_journal = 0, 0
    pending: tuple[str, ...] = ()
    rows: dict[str, int] = {}
    try:
        standing = look_at(path)
        version, pending = standing.version, standing.pending
        if version:
            with translated(path), closing(connect(path)) as connection:
                problems += _findings(connection)
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
        copies=tuple(copies_of(path)),
    )


def _findings(connection: sqlite3.Connection) -> list[str]:
    found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    problems = [] if found == ["ok"] else found
    strays: dict[tuple[str, str], int] = {}
    for table, _, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        strays[table, parent] = strays.get((table, parent), 0) + 1
    return problems + [
        f"{count} row(s) of {table} refer to rows of {parent} that do not exist"
        for (table, parent), count in strays.items()
    ]


def _counts(connection: sqlite3.Connection) -> dict[str, int]:
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    ).fetchall()
    return {
        table: connection.execute(f"SELECT count(*) FROM {quoted(table)}").fetchone()[0]  # noqa: S608  names
        for (table,) in tables
    }


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() and path.is_file() else 0
