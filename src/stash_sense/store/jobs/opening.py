"""The jobs file is ours and whole, or is begun anew with the damaged one kept aside."""

import logging
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from stash_sense.errors import NewerState, NotAStateFile, StateDamaged, StateUnwritable
from stash_sense.store.connection import connect, translated, writing
from stash_sense.store.inspection import untouched
from stash_sense.store.migrations import make_room

log = logging.getLogger(__name__)

_OURS = 0x53534A51  # "SSJQ", SQLite's mark of whose file it is
_VERSION = 1
_CHECKED_BYTES = 64 * 2**20  # a larger file is not read through at every start

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
  result TEXT  -- last: it may be long, and a row is read from its front
)"""
_OPEN = "CREATE INDEX open_jobs ON jobs (turn) WHERE status IN ('queued', 'running')"
_TARGET = "CREATE INDEX jobs_of_target ON jobs (target, number)"


def ready(path: Path) -> None:
    """See that a jobs file of ours is at `path`.

    Raises NewerState and NotAStateFile with the file untouched, StateUnwritable, DiskFull, StateBusy.
    """
    make_room(path)
    try:
        with translated(path):
            if path.stat().st_size and untouched(path, _is_ours):
                return
    except OSError as error:
        raise StateUnwritable(f"{path}: {error.strerror}. Let this user read and write it.") from error
    except StateDamaged as error:
        aside = _move_aside(path)
        log.error(  # noqa: TRY400 - the sentence says it all
            "the list of jobs is damaged (%s); it was moved to %s and a new one is begun. Jobs that were "
            "queued or running have to be asked for again; no result of an image is lost",
            error.__cause__,
            aside,
        )
        make_room(path)
    _begin(path)


def _is_ours(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether it is one of ours; False: an empty one, whose creation was cut short."""
    ours = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if ours != _OURS:
        if version or ours or connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise NotAStateFile(
                f"{path} is a file of another program. Move it away; a new one is then begun."
            )
        return False
    if version > _VERSION:
        raise NewerState(f"{path} was written by a newer Stash Sense. Use that one, or move the file away.")
    if path.stat().st_size <= _CHECKED_BYTES:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise StateDamaged(f"{path} is damaged.") from sqlite3.DatabaseError(found)
    return True


def _begin(path: Path) -> None:
    with translated(path), closing(connect(path)) as connection, writing(connection, durable=True):
        connection.execute(_TABLE)
        connection.execute(_OPEN)
        connection.execute(_TARGET)
        connection.execute(f"PRAGMA application_id = {_OURS}")
        connection.execute(f"PRAGMA user_version = {_VERSION}")


def _move_aside(path: Path) -> Path:
    """Give the file and its log another name, in this order: no log may be replayed into the new file."""
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}")
    for end in ("-wal", "-shm", "-journal", ""):
        part = Path(f"{path}{end}")
        if part.exists():
            part.replace(f"{aside}{end}")
    return aside
