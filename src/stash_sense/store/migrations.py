"""Migrating a state file: its version, and every pending migration or none, after a backup.

All pending migrations and their records share one transaction, so a failure, a kill or a full disk at any
point leaves the file exactly as it was. A savepoint around each one tells which failed.
"""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from stash_sense.errors import (
    MigrationFailed,
    NewerState,
    NotAStateFile,
    NotFaithful,
    StateDamaged,
    StateUnwritable,
)
from stash_sense.store.connection import (
    BUSY_SECONDS,
    connect,
    connect_read_only,
    create_private_file,
    savepoint,
    translate_errors,
)
from stash_sense.store.schema import MIGRATIONS, RECORD, Migration
from stash_sense.store.version_6 import CONTRACT_VERSION

log = logging.getLogger(__name__)

T = TypeVar("T")

BackUp = Callable[[Path, str], Path]
"""Copies a file beside itself, given a label that says why; see `maintenance.backup_beside`."""
_RESTORE = "Restore a copy with `stash-sense state restore FILE`, or move the file away to start a new one."


@dataclass(frozen=True, slots=True)
class FileVersion:
    """version: of the schema, 0 for an empty file. pending: names of the migrations it still needs."""

    version: int
    pending: tuple[str, ...]


def read_file_version(path: Path) -> FileVersion:
    """Read a file's version without changing a byte of it, or leaving one beside it.

    Raises NotAStateFile, NewerState, StateDamaged, StateUnwritable.
    """
    if path.is_dir():
        raise NotAStateFile(f"{path} is a folder; give the state file's own path.")
    try:
        if not path.exists() or path.stat().st_size == 0:
            return FileVersion(0, tuple(migration.name for migration in MIGRATIONS))
    except OSError as error:
        raise StateUnwritable(f"{path}: {error.strerror}. Let this user read and write it.") from error
    with translate_errors(path):
        try:
            return read_untouched(path, file_version)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
                raise NotAStateFile(
                    f"{path} is not an SQLite file, or its start is damaged. {_RESTORE}"
                ) from error
            raise


def read_untouched(path: Path, read: Callable[[sqlite3.Connection, Path], T]) -> T:
    """What `read` returns for the file, in use or not, without changing it. Raises SQLite's own errors."""
    if Path(f"{path}-journal").exists():
        # A process killed while writing left its journal: only a writer may roll it back.
        with closing(connect(path)) as connection:
            return read(connection, path)
    in_use = any(Path(f"{path}{end}").exists() for end in ("-wal", "-shm"))
    if not in_use:
        try:
            with closing(connect_read_only(path, immutable=True)) as connection:
                return read(connection, path)
        except (sqlite3.DatabaseError, NotAStateFile):
            pass  # another process may have started to write: read again, with locks
    with closing(connect_read_only(path)) as connection:
        return read(connection, path)


def file_version(connection: sqlite3.Connection, path: Path) -> FileVersion:
    """As `read_file_version`, of an open connection."""
    tables = {
        row[0].lower() for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    } - {"sqlite_sequence"}
    if not tables:
        return FileVersion(0, tuple(migration.name for migration in MIGRATIONS))
    if "schema_version" not in tables:
        names = ", ".join(sorted(tables)[:5])
        raise NotAStateFile(
            f"{path} is another program's database (it contains {names}); it was left as it is. "
            "Give another path, or bring back a copy with `stash-sense state restore FILE`."
        )
    version = _version(connection, path)
    if version > CONTRACT_VERSION:
        raise NewerState(
            f"{path} has schema version {version}; this Stash Sense knows up to {CONTRACT_VERSION}. "
            "The file was left as it is: start the program that wrote it, or give another path."
        )
    done: set[str] = set()
    if "stash_sense_migrations" in tables:
        done = {row[0] for row in connection.execute("SELECT name FROM stash_sense_migrations")}
    unknown = sorted(done - {migration.name for migration in MIGRATIONS})
    if unknown:
        raise NewerState(
            f"{path} was migrated by a later Stash Sense (migration {unknown[-1]}). It was left as it is: "
            "update Stash Sense, or restore the backup made before that with "
            "`stash-sense state restore FILE`."
        )
    return FileVersion(
        version, tuple(migration.name for migration in MIGRATIONS if migration.name not in done)
    )


def _version(connection: sqlite3.Connection, path: Path) -> int:
    values = [row[0] for row in connection.execute("SELECT version FROM schema_version")]
    if not values:
        return 1  # a first start that was cut off before it wrote its version
    try:
        versions = [int(value) for value in values]
    except (TypeError, ValueError) as error:
        raise NotAStateFile(f"{path}: its schema_version is {values!r}, not a number. {_RESTORE}") from error
    if max(versions) < 1:
        raise NotAStateFile(f"{path}: its schema_version is {max(versions)}; 1 to 6 are known. {_RESTORE}")
    return max(versions)


def migrate_file(path: Path, back_up: BackUp, busy_seconds: float = BUSY_SECONDS) -> Path | None:
    """Create or migrate the file at `path`; returns the backup of the old one, if there was one.

    Raises NotAStateFile, NewerState and StateDamaged with the file untouched; MigrationFailed with
    the file as it was.
    """
    if not read_file_version(path).pending:
        return None
    create_private_file(path)
    with translate_errors(path), closing(connect(path, busy_seconds)) as connection:
        return apply_migrations(connection, path, back_up)


def apply_migrations(
    connection: sqlite3.Connection, path: Path, back_up: BackUp, migrations: Sequence[Migration] = MIGRATIONS
) -> Path | None:
    """Apply the pending ones of `migrations` to the open, idle `connection` to `path`."""
    # Neither can change inside a transaction. Tables are rebuilt by dropping the old one: with foreign
    # keys on that would empty the tables that refer to it, and a modern RENAME trips over views.
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("PRAGMA legacy_alter_table = ON")
    connection.execute("BEGIN IMMEDIATE")
    try:
        file = file_version(connection, path)  # again: another process may just have migrated it
        if not file.pending:
            return None
        backup = None
        if file.version:
            _refuse_damaged(connection, path)
            backup = back_up(path, f"v{file.version}")
            log.info("%s (version %s) was backed up to %s before its migration", path, file.version, backup)
        _apply(
            connection,
            [migration for migration in migrations if migration.name in file.pending],
            path,
            backup,
        )
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    log.info("%s is up to date: %s", path, ", ".join(file.pending))
    return backup


def _apply(
    connection: sqlite3.Connection, migrations: Sequence[Migration], path: Path, backup: Path | None
) -> None:
    name = "table of migrations"
    try:
        connection.execute(RECORD)
        for migration in migrations:
            name = migration.name
            with savepoint(connection, "migration"):
                migration.apply(connection)
                connection.execute(
                    "INSERT INTO stash_sense_migrations (name, applied_at) VALUES (?, datetime('now'))",
                    (migration.name,),
                )
        connection.execute("COMMIT")
    except (sqlite3.Error, NotFaithful) as error:
        backed_up = f" A copy is at {backup}." if backup else ""
        raise MigrationFailed(
            f"{path}: migration {name} failed: {error}. The file is as it was.{backed_up} "
            "Free some space if the disk is full, or else see `stash-sense state check`."
        ) from error


def _refuse_damaged(connection: sqlite3.Connection, path: Path) -> None:
    check = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if check != "ok":
        raise StateDamaged(
            f"{path} is damaged ({check}) and was not migrated. See `stash-sense state check`; restore "
            "a copy with `stash-sense state restore FILE`."
        )
