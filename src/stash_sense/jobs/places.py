"""The places of requests that are being handled, shared fairly between callers."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Places:
    """Room for `capacity` requests at a time; safe in every thread.

    A quarter is kept for requests about the library, which a person in Stash waits for: pictures that callers
    upload or name by URL cannot take it. One client gets half of the places for uploads.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._for_uploads = capacity - capacity // 4
        self._each = -(-self._for_uploads // 2)
        self._lock = threading.Lock()
        self._taken = 0
        self._uploads: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """Places in use."""
        return self._taken

    @contextmanager
    def take(self, client: str = "", *, upload: bool = False) -> Iterator[bool]:
        """Take a place; yields whether there was one. client: empty where it is unknown, and has no share."""
        has_place = self._enter(client, upload)
        try:
            yield has_place
        finally:
            if has_place:
                self.leave(client, upload=upload)

    def hold(self, client: str = "", *, upload: bool = False) -> None:
        """Count a place, free or not, until `leave`: its work goes on without its request."""
        with self._lock:
            self._count(client, upload, 1)

    def leave(self, client: str = "", *, upload: bool = False) -> None:
        """Give a place back."""
        with self._lock:
            self._count(client, upload, -1)

    def _enter(self, client: str, upload: bool) -> bool:
        with self._lock:
            if self._taken >= self.capacity:
                return False
            if upload and self._uploads.total() >= self._for_uploads:
                return False
            if upload and client and self._uploads[client] >= self._each:
                return False
            self._count(client, upload, 1)
            return True

    def _count(self, client: str, upload: bool, by: int) -> None:
        self._taken += by
        if upload:
            self._uploads[client] += by
            if not self._uploads[client]:
                del self._uploads[client]
