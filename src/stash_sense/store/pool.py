"""Connections for all threads of this process, and one writer at a time among them."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stash_sense.errors import StateBusy, StateError
from stash_sense.store.connection import connect, prepare, reading, translated, writing


class Pool:
    """Lends a connection to a thread for one piece of work; idle ones are used again.

    Threads of this process queue at a lock, so that SQLite's own waiting, which polls, only has to
    settle matters between processes.
    """

    def __init__(self, path: Path, busy_seconds: float) -> None:
        self._path = path
        self._busy_seconds = busy_seconds
        self._idle: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._writer = threading.Lock()
        self._closed = False
        with self.connection():  # the first one switches the file to WAL, and shows that it can be read
            pass

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A prepared connection outside any transaction."""
        with translated(self._path):
            connection = self._take()
            try:
                yield connection
            finally:
                self._give_back(connection)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with self.connection() as connection, reading(connection):
            yield connection

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        with self.alone(), self.connection() as connection, writing(connection, durable=durable):
            yield connection

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be this process's only writer."""
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
        """Close all; the last connection of all processes folds the log into the file."""
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
            return prepare(connection, self._busy_seconds)
        except BaseException:
            connection.close()
            raise

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._guard:
            if not self._closed and not connection.in_transaction:
                self._idle.append(connection)
                return
        connection.close()
