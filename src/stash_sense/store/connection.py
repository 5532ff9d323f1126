"""One connection to the state file, its transactions, and SQLite's errors in words.

`isolation_level=None` keeps Python's sqlite3 from opening transactions of its own: every BEGIN is
ours, and IMMEDIATE, since a read that turns into a write may fail at once however long one waits.
"""

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stash_sense.errors import BadInput, DiskFull, StateBusy, StateDamaged, StateError, StateUnwritable

log = logging.getLogger(__name__)

BUSY_SECONDS = 30.0
_PAGE_SIZE = 8192  # 15 faces of the default pack or 3 of a 512+512 pack share a page
_CACHE_KIB = 16 * 1024  # a batch's pages at a million faces; SQLite's 2 MiB would write them several times
_WAL_KEPT_BYTES = 64 * 2**20


def connect(path: Path, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
    """A connection that may be handed from thread to thread, one at a time; no transaction is open.

    The path is never read as a URI, so `?` and `#` in it mean themselves.
    """
    with translated(path):
        connection = sqlite3.connect(
            str(path.absolute()), timeout=busy_seconds, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute(f"PRAGMA page_size = {_PAGE_SIZE}")  # of a new file; an old one keeps its own
        except BaseException:
            connection.close()
            raise
        return connection


def connect_read_only(
    path: Path, *, immutable: bool = False, busy_seconds: float = BUSY_SECONDS
) -> sqlite3.Connection:
    """A connection that cannot write; `immutable` takes no lock and leaves nothing beside the file.

    Nothing here opens the file by other means than SQLite: closing such a handle would drop every
    lock this process holds on it (https://sqlite.org/howtocorrupt.html, 2.2).
    """
    uri = path.absolute().as_uri() + ("?immutable=1" if immutable else "?mode=ro")
    with translated(path):
        return sqlite3.connect(
            uri, uri=True, timeout=busy_seconds, isolation_level=None, check_same_thread=False
        )


def prepare(connection: sqlite3.Connection, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
    """Make a connection ready for daily work: WAL, foreign keys on, synchronous NORMAL."""
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            break
        except sqlite3.OperationalError as error:  # SQLite does not wait for this change by itself
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    if mode != "wal":
        log.warning("the state file's folder cannot do WAL (%s); readers may have to wait for writers", mode)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_KEPT_BYTES}")
    return connection


@contextmanager
def writing(connection: sqlite3.Connection, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
    """A write transaction: all of the block or nothing of it.

    `durable` waits until the disk has it (synchronous FULL), for what cannot be computed again: a
    person's word, a note before a write to Stash. Without it a power cut may take the last moments
    of image results; a crash of this program never does, and neither ever breaks the file.
    """
    if durable:
        connection.execute("PRAGMA synchronous = FULL")
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    finally:
        if durable:
            connection.execute("PRAGMA synchronous = NORMAL")


@contextmanager
def reading(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One unchanging view of the file over several statements."""
    connection.execute("BEGIN")
    try:
        yield connection
    finally:
        connection.execute("ROLLBACK")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite says about the machine into an error that a person can act on."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        found = _in_words(path, error)
        if found is None:
            raise
        raise found from error
    except (UnicodeEncodeError, OverflowError) as error:
        raise BadInput(f"A value cannot be stored: {error}. Send texts and numbers as they came.") from error


def _in_words(path: Path, error: sqlite3.DatabaseError) -> StateError | StateBusy | None:
    # Errors that Python raises by itself carry no code.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StateBusy(
            f"{path}: still locked by another process. Try again; if it stays so, stop the other."
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StateDamaged(
            f"{path}: {error}. See `stash-sense state check`; bring back a copy with "
            "`stash-sense state restore FILE` (the damaged file is kept beside it)."
        )
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_TOOBIG):
        return DiskFull(f"{path}: {error}. Nothing half-written stays; free some space and repeat.")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR):
        return StateUnwritable(
            f"{path}: {error}. The file and its folder must be readable and writable by this user, "
            "on a disk that works."
        )
    return None
