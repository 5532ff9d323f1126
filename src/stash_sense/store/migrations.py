"""Bringing a state file to the present: every pending step or none, after copying it aside.

All pending steps and their records share one transaction, so a failure, a kill or a full disk at any
point leaves the file exactly as it was; a savepoint around each step names the one that failed.
"""

import logging
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

from stash_sense.errors import MigrationFailed, NotFaithful, StateDamaged, StateUnwritable
from stash_sense.store.connection import BUSY_SECONDS, connect, translated
from stash_sense.store.copies import copy_aside
from stash_sense.store.inspection import look_at, standing
from stash_sense.store.rebuild import savepoint
from stash_sense.store.steps import RECORD, STEPS, Step

log = logging.getLogger(__name__)


def bring_up_to_date(path: Path, busy_seconds: float = BUSY_SECONDS) -> Path | None:
    """Create or migrate the file at `path`; returns where the old one was copied to, if it was.

    Raises NotAStateFile, NewerState and StateDamaged with the file untouched; MigrationFailed with
    the file as it was.
    """
    if not look_at(path).pending:
        return None
    make_room(path)
    with translated(path), closing(connect(path, busy_seconds)) as connection:
        return migrate(connection, path)


def migrate(connection: sqlite3.Connection, path: Path, steps: Sequence[Step] = STEPS) -> Path | None:
    """Apply what is pending of `steps` to the open, idle `connection` to `path`."""
    # Neither can change inside a transaction. Tables are rebuilt by dropping the old one: with foreign
    # keys on that would empty the tables that refer to it, and a modern RENAME trips over views.
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("PRAGMA legacy_alter_table = ON")
    connection.execute("BEGIN IMMEDIATE")
    try:
        now = standing(connection, path)  # once more: another process may just have done it
        if not now.pending:
            return None
        copy = None
        if now.version:
            _refuse_damaged(connection, path)
            copy = copy_aside(path, f"v{now.version}")
            log.info("%s (version %s) was copied to %s before its migration", path, now.version, copy)
        _apply(connection, [step for step in steps if step.name in now.pending], path, copy)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    log.info("%s is up to date: %s", path, ", ".join(now.pending))
    return copy


def _apply(connection: sqlite3.Connection, steps: Sequence[Step], path: Path, copy: Path | None) -> None:
    name = "of making the record"
    try:
        connection.execute(RECORD)
        for step in steps:
            name = step.name
            with savepoint(connection, "step"):
                step.apply(connection)
                connection.execute(
                    "INSERT INTO stash_sense_migrations (name, applied_at) VALUES (?, datetime('now'))",
                    (step.name,),
                )
        connection.execute("COMMIT")
    except (sqlite3.Error, NotFaithful) as error:
        kept = f" A copy is at {copy}." if copy else ""
        raise MigrationFailed(
            f"{path}: step {name} failed: {error}. The file is as it was.{kept} "
            "Free some space if the disk is full; else see `stash-sense state check`."
        ) from error


def _refuse_damaged(connection: sqlite3.Connection, path: Path) -> None:
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise StateDamaged(
            f"{path} is damaged ({found}) and was not migrated. See `stash-sense state check`; bring back "
            "a copy with `stash-sense state restore FILE`."
        )


def make_room(path: Path) -> None:
    """The folder, and an empty file that only its owner can read: it will hold faces."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):  # EXCL: closing a file in use would drop this process's locks on it
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise StateUnwritable(f"{path}: {error.strerror}. Let this user write in {path.parent}.") from error
