"""The process's memory: a budget for the work on pictures, and giving back to the system what was freed."""

import ctypes
import logging
import mmap
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from stash_sense.machine import usable_memory

log = logging.getLogger(__name__)

MOST_WORKING_BYTES = 1_000_000_000
LEAST_WORKING_BYTES = 200_000_000
WORKING_SHARE = 1 / 4
"""Of the memory that the process may use."""

FILES_SHARE = 1 / 5
"""Of the working memory: files that are read but not yet decoded. The rest is for decoding and networks."""

NETWORK_BYTES = 80_000_000
"""What a call of a network takes at most (measured): a detection at 1024 x 1024, or embedding eight crops."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_ARENAS = 1
_KEPT_BYTES = 256_000_000
_OWN_MAPPING_BYTES = 32_000_000


class Reservation:
    """A share of a budget, which may become smaller."""

    def __init__(self, budget: "MemoryBudget", size: int) -> None:
        self._budget = budget
        self.size = size

    def shrink(self, size: int) -> None:
        """Give back all but `size` bytes; a larger size changes nothing."""
        if size < self.size:
            self._budget._give_back(self.size - size)  # noqa: SLF001 - the two are one
            self.size = size


class MemoryBudget:
    """So many bytes for all threads together, first come, first served.

    A share larger than the whole budget is granted when nothing else is. A thread that holds a share is
    granted further ones at once, so that no two threads can wait for each other.
    """

    def __init__(self, capacity: int, when_given_back: Callable[[], None] = lambda: None) -> None:
        """when_given_back: called each time a share, or a part of one, has been given back."""
        self.capacity = capacity
        self._when_given_back = when_given_back
        self.reserved = 0
        """Bytes granted now."""
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()
        self._of_thread = threading.local()

    @contextmanager
    def reserve(self, size: int) -> Iterator[Reservation]:
        """Wait until `size` bytes are free, and hold them to the end of the block."""
        held = getattr(self._of_thread, "held", 0)
        self._take(size, wait=not held)
        self._of_thread.held = held + 1
        reservation = Reservation(self, size)
        try:
            yield reservation
        finally:
            self._of_thread.held = held
            reservation.shrink(0)

    def _take(self, size: int, *, wait: bool) -> None:
        turn = object()
        with self._changed:
            if wait:
                self._waiting.append(turn)
                try:
                    self._changed.wait_for(lambda: self._waiting[0] is turn and self._has_room(size))
                finally:
                    self._waiting.remove(turn)
                    self._changed.notify_all()
            self.reserved += size

    def _has_room(self, size: int) -> bool:
        return not self.reserved or self.reserved + size <= self.capacity

    def _give_back(self, size: int) -> None:
        with self._changed:
            self.reserved -= size
            self._changed.notify_all()
        self._when_given_back()


def working_bytes(usable: int | None) -> int:
    """How much memory the work on pictures may take. usable: bytes that the process may use, if known."""
    share = MOST_WORKING_BYTES if usable is None else int(usable * WORKING_SHARE)
    return max(LEAST_WORKING_BYTES, min(MOST_WORKING_BYTES, share))


def files_budget() -> MemoryBudget:
    """The process's budget for files that are read but not yet decoded."""
    return _budgets()[0]


def pictures_budget() -> MemoryBudget:
    """The process's budget for decoded pictures and the networks' work on them.

    A thread may wait for it while it holds a share of `files_budget`, never the other way round.
    """
    return _budgets()[1]


_making_budgets = threading.Lock()
"""Threads that call a cached function for the first time at once run it each, and get a result each."""


def _budgets() -> tuple[MemoryBudget, MemoryBudget]:
    with _making_budgets:
        return _made_budgets()


@cache
def _made_budgets() -> tuple[MemoryBudget, MemoryBudget]:
    working = working_bytes(usable_memory())
    files = int(working * FILES_SHARE)
    return MemoryBudget(files), MemoryBudget(working - files, _Leftovers().give_back_if_many)


def bound_arenas() -> None:
    """Let all threads share one heap. Call it before threads start; does nothing but with glibc.

    With an arena a thread, which is glibc's default, what one thread frees is of no use to the others, and
    the process grows with every database it opens and every thread that decodes a picture.

    Blocks below 32 MB come from that heap, which keeps what is free until `give_back_memory`: to ask the
    system for each of a network's blocks took a tenth of its time.
    """
    if libc := _glibc():
        libc.mallopt(_M_ARENA_MAX, _ARENAS)
        libc.mallopt(_M_MMAP_THRESHOLD, _OWN_MAPPING_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def give_back_memory() -> None:
    """Give freed memory back to the system; does nothing but with glibc. Takes milliseconds."""
    if libc := _glibc():
        libc.malloc_trim(0)


class _Leftovers:
    """Watches over the bytes that the heap holds and nothing uses."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lowest: int | None = None

    def give_back_if_many(self) -> None:
        """`give_back_memory` if they grew by more than 256 MB; takes microseconds if not.

        What many threads free lies scattered, and the next block often fits in none of the gaps.
        """
        left = _unused_bytes()
        if left is None or not self._lock.acquire(blocking=False):
            return
        try:
            # Python's own heap counts as unused too, and is never given back.
            self._lowest = left if self._lowest is None else min(left, self._lowest)
            if left > self._lowest + _KEPT_BYTES:
                give_back_memory()
                self._lowest = _unused_bytes()
        finally:
            self._lock.release()


def _unused_bytes() -> int | None:
    """Bytes that this process has from the system and does not use; None where it cannot be told."""
    libc = _glibc()
    if libc is None or not hasattr(libc, "mallinfo2"):  # glibc 2.33
        return None
    try:
        _, resident, shared, *_ = map(int, Path("/proc/self/statm").read_text("ascii").split())
    except (OSError, ValueError):
        return None
    info = libc.mallinfo2()
    # Not its count of free bytes, in which pages stay that were given back.
    in_use: int = info.uordblks + info.hblkhd
    return (resident - shared) * mmap.PAGESIZE - in_use


class _MallInfo(ctypes.Structure):
    """See mallinfo(3). uordblks: bytes in use on the heap; hblkhd: in blocks with a mapping of their own."""

    _fields_ = (
        ("arena", ctypes.c_size_t),
        ("ordblks", ctypes.c_size_t),
        ("smblks", ctypes.c_size_t),
        ("hblks", ctypes.c_size_t),
        ("hblkhd", ctypes.c_size_t),
        ("usmblks", ctypes.c_size_t),
        ("fsmblks", ctypes.c_size_t),
        ("uordblks", ctypes.c_size_t),
        ("fordblks", ctypes.c_size_t),
        ("keepcost", ctypes.c_size_t),
    )


@cache
def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    try:
        libc = ctypes.CDLL(None)
        libc.mallopt.argtypes = [ctypes.c_int, ctypes.c_int]
        libc.malloc_trim.argtypes = [ctypes.c_size_t]
    except (OSError, AttributeError):  # musl has neither
        return None
    if hasattr(libc, "mallinfo2"):
        libc.mallinfo2.restype = _MallInfo
    return libc
