"""Connections to a SQLite file: transactions, a pool for all threads, and errors that say what to do.

`isolation_level=None` keeps Python's sqlite3 from opening transactions of its own: every BEGIN is ours, and
IMMEDIATE, because a read that turns into a write may fail at once whatever the timeout.
"""

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stash_sense.errors import (
    BadInput,
    DiskFull,
    StateBusy,
    StateDamaged,
    StateError,
    StateReplaced,
    StateUnwritable,
)
from stash_sense.private_files import is_in_the_way

log = logging.getLogger(__name__)
BUSY_SECONDS = 30.0
_PAGE_SIZE = 8192  # 15 faces of the default pack or 3 of a 512+512 pack share a page
_CACHE_KIB = 16 * 1024  # a batch's pages at a million faces; SQLite's 2 MiB would write them several times
_WAL_KEPT_BYTES = 64 * 2**20
_MAX_IDLE = 4
"""Connections kept open: each may hold a cache of _CACHE_KIB, and opening one takes a millisecond."""


def connect(path: Path, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
    """A connection that may be handed from thread to thread, one at a time; no transaction is open.

    The path is never read as a URI, so `?` and `#` in it mean themselves.
    """
    with translate_errors(path):
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
    with translate_errors(path):
        return sqlite3.connect(
            uri, uri=True, timeout=busy_seconds, isolation_level=None, check_same_thread=False
        )


def configure(connection: sqlite3.Connection, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
    """Configure a connection for daily work: WAL, foreign keys on, synchronous NORMAL."""
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            break
        except sqlite3.OperationalError as error:  # SQLite's timeout does not cover this change
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    if mode != "wal":
        log.warning(
            "the state file's folder does not support WAL (%s); readers may have to wait for writers", mode
        )
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_KEPT_BYTES}")
    return connection


@contextmanager
def writing(connection: sqlite3.Connection, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
    """A write transaction: all of the block or nothing of it.

    `durable` waits until the disk has it (synchronous FULL), for what cannot be computed again: a decision, a
    journal entry before a write to Stash. Without it a power cut may lose the latest image results. A crash
    of this program never does, and neither ever damages the file.
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
def translate_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about the machine into errors that a person can act on."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        translated = _translated(path, error)
        if translated is None:
            raise
        raise translated from error
    except (UnicodeEncodeError, OverflowError) as error:
        raise BadInput(
            f"A value cannot be stored: {error}. Send valid Unicode and numbers below 2**63."
        ) from error


def _translated(path: Path, error: sqlite3.DatabaseError) -> StateError | StateBusy | None:
    # Errors that Python raises by itself carry no code.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StateBusy(f"{path}: still locked by another process. Try again, or stop the other process.")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StateDamaged(
            f"{path}: {error}. See `stash-sense state check`; restore a copy with "
            "`stash-sense state restore FILE` (the damaged file is kept beside it)."
        )
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_TOOBIG):
        return DiskFull(f"{path}: {error}. Nothing was half written; free some space and try again.")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR):
        return StateUnwritable(
            f"{path}: {error}. The file and its folder must be readable and writable by this user, "
            "on a disk that works."
        )
    return None


@contextmanager
def savepoint(connection: sqlite3.Connection, name: str) -> Iterator[None]:
    """Inside the open transaction, all of the block or nothing of it."""
    connection.execute(f"SAVEPOINT {name}")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # a full disk may have rolled the whole transaction back
            connection.execute(f"ROLLBACK TO {name}")
            connection.execute(f"RELEASE {name}")
        raise
    connection.execute(f"RELEASE {name}")


def create_private_file(path: Path) -> None:
    """Create the folder, and an empty file that only its owner can read: it will contain faces."""
    for file in (path, *(Path(f"{path}{suffix}") for suffix in ("-wal", "-shm", "-journal"))):
        if is_in_the_way(file):  # SQLite would follow it
            raise StateUnwritable(
                f"{file}: is a link, a pipe or a device. It must be a regular file, readable and writable by "
                "this user. Move the file itself here, or remove what is in its place."
            )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):  # EXCL: closing a file in use would drop this process's locks on it
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise StateUnwritable(f"{path}: {error.strerror}. Let this user write in {path.parent}.") from error


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and inode; None if there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


class ConnectionPool:
    """Connections for all threads of this process, and one writer at a time among them.

    Threads queue at a lock, so that SQLite's own waiting, which polls, only happens between processes.
    """

    def __init__(self, path: Path, busy_seconds: float) -> None:
        self._path = path
        self._busy_seconds = busy_seconds
        self._idle: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._writer = threading.Lock()
        self._closed = False
        with self.connection() as connection:  # switches the file to WAL, and proves that it can be read
            self._has_log = connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        self._file = _identity(path)

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A configured connection outside any transaction."""
        with translate_errors(self._path):
            connection = self._take()
            try:
                yield connection
            finally:
                self._give_back(connection)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection with one unchanging view of the file."""
        with self.connection() as connection, reading(connection):
            yield connection

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection in a write transaction; see `writing`. Raises StateReplaced."""
        with self.alone(), self.connection() as connection:
            self.check_file()
            with writing(connection, durable=durable):
                yield connection
            self.check_file(written=True)

    def check_file(self, *, written: bool = False) -> None:
        """Raise StateReplaced where the path no longer leads to the open file.

        SQLite would go on writing into a file that has no name any more. written: a connection has just
        written, so that its log must be there too.
        """
        current = _identity(self._path)
        is_logged = not (written and self._has_log) or _identity(Path(f"{self._path}-wal")) is not None
        if current == self._file and is_logged:
            return
        what = "replaced" if current not in (None, self._file) else "deleted or moved"
        raise StateReplaced(
            f"{self._path} was {what} while Stash Sense uses it. Nothing more is stored, because it would be "
            "lost. Stop Stash Sense, put the file back or restore a copy with `stash-sense state restore "
            "FILE`, then start it again."
        )

    @contextmanager
    def alone(self) -> Iterator[None]:
        """This process's only writer for the length of the block. Raises StateBusy."""
        if not self._writer.acquire(timeout=self._busy_seconds):
            raise StateBusy(
                f"{self._path}: another write of this process has taken {self._busy_seconds:g} s. "
                "Try again later."
            )
        try:
            yield
        finally:
            self._writer.release()

    def close(self) -> None:
        """Close all connections; the last one of all processes writes the log into the file."""
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> sqlite3.Connection:
        with self._guard:
            if self._closed:
                raise StateError(f"{self._path} was closed; open RecommendationsDB again.")
            if self._idle:
                return self._idle.pop()
        connection = connect(self._path, self._busy_seconds)
        try:
            return configure(connection, self._busy_seconds)
        except BaseException:
            connection.close()
            raise

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._guard:
            if not self._closed and not connection.in_transaction and len(self._idle) < _MAX_IDLE:
                self._idle.append(connection)
                return
        connection.close()
