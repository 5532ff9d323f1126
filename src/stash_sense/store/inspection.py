"""What a file is, found out without changing a byte of it or leaving one beside it."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from stash_sense.errors import NewerState, NotAStateFile, StateUnwritable
from stash_sense.store.connection import connect, connect_read_only, translated
from stash_sense.store.steps import CONTRACT_VERSION, STEPS

T = TypeVar("T")

_RESTORE = "Bring back a copy with `stash-sense state restore FILE`, or move the file away to start anew."


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a file has come: `version` 0 is an empty one; `pending` are the steps it still needs."""

    version: int
    pending: tuple[str, ...]


def look_at(path: Path) -> Standing:
    """Read a file's version and steps; raises NotAStateFile, NewerState, StateDamaged, StateUnwritable."""
    if path.is_dir():
        raise NotAStateFile(f"{path} is a folder; give the state file's own path.")
    try:
        if not path.exists() or path.stat().st_size == 0:
            return Standing(0, tuple(step.name for step in STEPS))
    except OSError as error:
        raise StateUnwritable(f"{path}: {error.strerror}. Let this user read and write it.") from error
    with translated(path):
        try:
            return untouched(path, standing)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
                raise NotAStateFile(
                    f"{path} is not an SQLite file, or its start is damaged. {_RESTORE}"
                ) from error
            raise


def untouched(path: Path, find: Callable[[sqlite3.Connection, Path], T]) -> T:
    """What `find` reads in the file, in use or not, without changing it; SQLite's errors come as they are."""
    if Path(f"{path}-journal").exists():
        # A process killed in mid-write left its journal: only a writer may put that right.
        with closing(connect(path)) as connection:
            return find(connection, path)
    in_use = any(Path(f"{path}{end}").exists() for end in ("-wal", "-shm"))
    if not in_use:
        try:
            with closing(connect_read_only(path, immutable=True)) as connection:
                return find(connection, path)
        except (sqlite3.DatabaseError, NotAStateFile):
            pass  # somebody may have begun to write meanwhile: look again, with locks
    with closing(connect_read_only(path)) as connection:
        return find(connection, path)


def standing(connection: sqlite3.Connection, path: Path) -> Standing:
    """The same, of an open connection."""
    tables = {
        row[0].lower() for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    } - {"sqlite_sequence"}
    if not tables:
        return Standing(0, tuple(step.name for step in STEPS))
    if "schema_version" not in tables:
        shown = ", ".join(sorted(tables)[:5])
        raise NotAStateFile(
            f"{path} is another program's database (it holds {shown}); it was left as it is. "
            "Give another path, or bring back a copy with `stash-sense state restore FILE`."
        )
    version = _version(connection, path)
    if version > CONTRACT_VERSION:
        raise NewerState(
            f"{path} has schema version {version}; this Stash Sense knows up to {CONTRACT_VERSION}. "
            "The file was left as it is: start the program that wrote it, or give another path."
        )
    done = set()
    if "stash_sense_migrations" in tables:
        done = {row[0] for row in connection.execute("SELECT name FROM stash_sense_migrations")}
    unknown = sorted(done - {step.name for step in STEPS})
    if unknown:
        raise NewerState(
            f"{path} was migrated by a later Stash Sense (step {unknown[-1]}). The file was left as it is: "
            "update Stash Sense, or restore the copy made before that step with "
            "`stash-sense state restore FILE`."
        )
    return Standing(version, tuple(step.name for step in STEPS if step.name not in done))


def _version(connection: sqlite3.Connection, path: Path) -> int:
    found = [row[0] for row in connection.execute("SELECT version FROM schema_version")]
    if not found:
        return 1  # a first start that was cut off before it wrote its number
    try:
        versions = [int(value) for value in found]
    except (TypeError, ValueError) as error:
        raise NotAStateFile(f"{path}: its schema_version is {found!r}, not a number. {_RESTORE}") from error
    if max(versions) < 1:
        raise NotAStateFile(f"{path}: its schema_version is {max(versions)}; 1 to 6 are known. {_RESTORE}")
    return max(versions)
