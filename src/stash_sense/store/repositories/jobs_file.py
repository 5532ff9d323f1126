"""Opening the jobs file, counting the crashes of a job, and clearing the list."""

import logging
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from filelock import FileLock, Timeout

from stash_sense.errors import (
    JobCrashed,
    NewerState,
    NotAStateFile,
    StateBusy,
    StateDamaged,
    StateUnwritable,
)
from stash_sense.store.connection import connect, create_private_file, translate_errors, writing
from stash_sense.store.migrations import read_untouched
from stash_sense.store.repositories.deletion import Deletion, erase

log = logging.getLogger(__name__)
_APPLICATION_ID = 0x53534A51  # "SSJQ"
_VERSION = 1
_CHECKED_BYTES = 64 * 2**20  # larger files are not checked at every start

_TABLE = """CREATE TABLE jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id TEXT NOT NULL UNIQUE,
  turn INTEGER NOT NULL,  -- the lowest runs next; a resumed job gets a new one
  kind TEXT NOT NULL,
  target TEXT NOT NULL,
  asked TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled')),
  done INTEGER NOT NULL DEFAULT 0,
  total INTEGER NOT NULL DEFAULT 0,
  faces INTEGER NOT NULL DEFAULT 0,
  people INTEGER NOT NULL DEFAULT 0,
  rate REAL NOT NULL DEFAULT 0,
  error TEXT,
  error_code TEXT,
  all_errors TEXT NOT NULL DEFAULT '[]',
  created_at TEXT NOT NULL,
  started_at TEXT,
  ended_at TEXT,
  result TEXT  -- last: it may be long, and a row is read from its start
)"""
_OPEN = "CREATE INDEX open_jobs ON jobs (turn) WHERE status IN ('queued', 'running')"
_TARGET = "CREATE INDEX jobs_of_target ON jobs (target, number)"


def hold_jobs_file(path: Path, wait_s: float) -> FileLock:
    """Take the file for this process alone, until the lock is released. Raises StateBusy, StateUnwritable."""
    lock = FileLock(
        path.with_name(f".{path.name}.lock"),
        timeout=wait_s,
        thread_local=False,  # another thread may release it
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise StateBusy(
            f"{path}: another Stash Sense is using this file. Stop it first, or give this one its own "
            "DATA_DIR."
        ) from error
    except OSError as error:
        raise StateUnwritable(f"{path}: {error.strerror}. Let this user write in {path.parent}.") from error
    return lock


def prepare_jobs_file(path: Path) -> None:
    """Create the jobs file, or check the one at `path`; a damaged one is moved aside.

    Raises NewerState and NotAStateFile with the file untouched, StateUnwritable, DiskFull, StateBusy.
    """
    create_private_file(path)
    try:
        with translate_errors(path):
            if path.stat().st_size and read_untouched(path, _is_ours):
                return
    except OSError as error:
        raise StateUnwritable(f"{path}: {error.strerror}. Let this user read and write it.") from error
    except StateDamaged as error:
        aside = _move_aside(path)
        log.error(  # noqa: TRY400 - a traceback would add nothing
            "the list of jobs is damaged (%s); it was moved to %s, and a new one was created. Start jobs "
            "that were queued or running again; no result of an image is lost",
            error.__cause__,
            aside,
        )
        create_private_file(path)
    _create(path)


def _is_ours(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether it is one of ours; False for an empty one, whose creation was cut short."""
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application_id != _APPLICATION_ID:
        if version or application_id or connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise NotAStateFile(
                f"{path} belongs to another program. Move it away; a new one is then created."
            )
        return False
    if version > _VERSION:
        raise NewerState(f"{path} was written by a newer Stash Sense. Use that one, or move the file away.")
    if path.stat().st_size <= _CHECKED_BYTES:
        check = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if check != "ok":
            raise StateDamaged(f"{path} is damaged.") from sqlite3.DatabaseError(check)
    return True


def _create(path: Path) -> None:
    with translate_errors(path), closing(connect(path)) as connection, writing(connection, durable=True):
        connection.execute(_TABLE)
        connection.execute(_OPEN)
        connection.execute(_TARGET)
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {_VERSION}")


def _move_aside(path: Path) -> Path:
    """Rename the log, then the file: no log may be replayed into the new file."""
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}")
    for end in ("-wal", "-shm", "-journal", ""):
        part = Path(f"{path}{end}")
        if part.exists():
            part.replace(f"{aside}{end}")
    return aside


MAX_CRASHES = 3
"""A job fails when the program ends this often in a row while running it, without any progress."""
_CRASHED_MESSAGE = (
    f"Stash Sense ended {MAX_CRASHES} times while running this job, without any progress: it was killed, ran "
    "out of memory, or crashed. Give it more memory, or see the end of its log; then resume it to try again."
)
# A table of its own, so that a file without it needs no migration.
_UNCLEAN = """CREATE TABLE IF NOT EXISTS unclean (
  job_id TEXT PRIMARY KEY,
  ends INTEGER NOT NULL,  -- of the program while running this job, in a row, each without progress
  done INTEGER NOT NULL  -- of the job, at the last start
)"""


def fail_crashed_jobs(connection: sqlite3.Connection, now: str) -> None:
    """Count a crash for each job that was running, and fail those with MAX_CRASHES. Call once per start."""
    connection.execute(_UNCLEAN)
    connection.execute(
        "DELETE FROM unclean WHERE job_id NOT IN (SELECT job_id FROM jobs WHERE status = 'running')"
    )
    connection.execute(
        """INSERT INTO unclean SELECT job_id, done = 0, done FROM jobs WHERE status = 'running'
          ON CONFLICT (job_id) DO UPDATE SET
            ends = iif(excluded.done > unclean.done, 0, unclean.ends + 1), done = excluded.done"""
    )
    connection.execute(
        """UPDATE jobs SET status = 'failed', error = ?, error_code = ?, ended_at = ?
          WHERE job_id IN (SELECT job_id FROM unclean WHERE ends >= ?)""",
        (_CRASHED_MESSAGE, JobCrashed.code, now, MAX_CRASHES),
    )


def fail_unreadable_job(connection: sqlite3.Connection, number: int, now: str) -> None:
    """Let the queue pass over a job whose row makes no sense."""
    connection.execute(
        "UPDATE jobs SET status = 'failed', error = ?, error_code = ?, ended_at = ? WHERE number = ?",
        ("What is stored of this job cannot be read. Start it again.", StateDamaged.code, now, number),
    )


def reset_job(connection: sqlite3.Connection, job_id: str) -> None:
    """Treat a resumed job as a new one: with as many tries, and on the list of all jobs."""
    connection.execute("DELETE FROM unclean WHERE job_id = ?", (job_id,))
    connection.execute("DELETE FROM cleared WHERE job_id = ?", (job_id,))
    connection.execute("DELETE FROM paused WHERE job_id = ?", (job_id,))


# Likewise. cleared: ended jobs that the list of all jobs leaves out. paused: open jobs that are not to run.
_LISTS = ("cleared", "paused")


def prepare_lists(connection: sqlite3.Connection) -> None:
    """Let jobs be cleared and paused, and forget those that are no longer kept. Call once per start."""
    for table in _LISTS:
        connection.execute(f"CREATE TABLE IF NOT EXISTS {table} (job_id TEXT PRIMARY KEY)")
        connection.execute(f"DELETE FROM {table} WHERE job_id NOT IN (SELECT job_id FROM jobs)")  # noqa: S608


def clear_ended_jobs(connection: sqlite3.Connection) -> int:
    """Leave the jobs that have ended out of the list of all jobs; returns how many are new to that."""
    return connection.execute(
        """INSERT OR IGNORE INTO cleared
          SELECT job_id FROM jobs WHERE status IN ('done', 'failed', 'cancelled')"""
    ).rowcount


_ENDED = "status IN ('done', 'failed', 'cancelled')"
_SAYS = "mentions_person(result) OR mentions_person(all_errors) OR mentions_person(error)"


def delete_from_jobs(path: Path, mentions: Callable[[object], bool]) -> int:
    """Delete the jobs that mention a person, and the results so far of those that go on; returns how many.

    For the process that holds the file, while no job runs. No trace stays in the file or its log.
    """
    if not path.exists() or not path.stat().st_size:
        return 0

    def delete(connection: sqlite3.Connection) -> Deletion:
        connection.create_function("mentions_person", 1, mentions)
        rows = 0
        for statement in (
            "DELETE FROM jobs WHERE mentions_person(asked) OR mentions_person(target)",
            f"DELETE FROM jobs WHERE {_ENDED} AND ({_SAYS})",  # noqa: S608  our text
            f"UPDATE jobs SET result = NULL, all_errors = '[]', error = NULL WHERE {_SAYS}",  # noqa: S608
        ):
            rows += connection.execute(statement).rowcount
        return Deletion(rows, {})

    with translate_errors(path), closing(connect(path)) as connection:
        return erase(connection, path, delete).rows


def jobs_that_mention(path: Path, mentions: Callable[[object], bool]) -> list[dict[str, str]]:
    """Id, target and time of the jobs that mention a person, also while another process holds the file."""
    if not path.exists() or not path.stat().st_size:
        return []

    def read(connection: sqlite3.Connection, _: Path) -> list[dict[str, str]]:
        connection.create_function("mentions_person", 1, mentions)
        rows = connection.execute(
            "SELECT job_id, target, created_at FROM jobs "  # noqa: S608  our text
            f"WHERE mentions_person(asked) OR mentions_person(target) OR {_SAYS} ORDER BY number"
        )
        return [dict(zip(("job_id", "target", "created_at"), row, strict=True)) for row in rows]

    with translate_errors(path):
        return read_untouched(path, read)
