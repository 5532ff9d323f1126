"""Heavy work on a few threads: interactive requests first, and the queue is bounded."""

import asyncio
import contextvars
import heapq
import itertools
import math
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TypeVar

from stash_sense.errors import QueueFull, ShuttingDown

T = TypeVar("T")


LONGEST_PAUSE_S = 30
"""The most that anybody is told to stay away."""


_FIRST_GUESS_S = 0.5


_MEMORY = 0.1


class Lane(IntEnum):
    """Who goes first: the lower number."""

    PERSON = 0
    """Somebody waits for the answer."""
    JOB = 1
    """A unit of a long job: small, since a person may have to wait for one to end."""


@dataclass(order=True, slots=True)
class _Unit:
    lane: Lane
    number: int
    work: Callable[[], Any] = field(compare=False)
    future: Future[Any] = field(compare=False)
    context: contextvars.Context = field(compare=False)


class WorkPool:
    """`workers` threads, and `places` (workers + queue_length) for requests that are being dealt with.

    A request takes a place before it reads its body and keeps it to its end: so the places bound the queue
    and the memory, and a request that has a place is never turned away later. A job needs no place; it bounds
    itself by having only a few units (about two a worker) submitted at a time.
    """

    def __init__(self, workers: int, queue_length: int) -> None:
        self.workers = workers
        self.places = workers + queue_length
        self._taken = 0
        self._running = 0
        self._waiting: list[_Unit] = []
        self._numbers = itertools.count()
        self._mean_s = _FIRST_GUESS_S
        self._stopped = False
        self._changed = threading.Condition()
        self._threads = [
            threading.Thread(target=self._work, name=f"work-{number}", daemon=True)
            for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Be one of the requests dealt with. Raises Full, which says when to come back."""
        with self._changed:
            if self._taken >= self.places:
                raise QueueFull(
                    f"{self.places} requests are being dealt with, and no more are taken. Try again later.",
                    self._pause_s(),
                )
            self._taken += 1
        try:
            yield
        finally:
            with self._changed:
                self._taken -= 1

    def submit(self, work: Callable[[], T], lane: Lane = Lane.PERSON) -> Future[T]:
        """Have `work` done; cancelling the future helps until it has begun. Raises Stopping."""
        future: Future[T] = Future()
        with self._changed:
            if self._stopped:
                raise ShuttingDown("Stash Sense is being stopped. Try again when it is back.")
            unit = _Unit(lane, next(self._numbers), work, future, contextvars.copy_context())
            heapq.heappush(self._waiting, unit)
            self._changed.notify()
        return future

    async def run(self, work: Callable[[], T], lane: Lane = Lane.PERSON) -> T:
        """`submit` for a coroutine; one that is cancelled takes its unit out of the queue."""
        return await asyncio.wrap_future(self.submit(work, lane))

    @property
    def running(self) -> int:
        """Units in hand."""
        return self._running

    @property
    def waiting(self) -> int:
        """Units not yet begun."""
        return len(self._waiting)

    @property
    def taken(self) -> int:
        """Requests being dealt with."""
        return self._taken

    def close(self, seconds: float) -> bool:
        """Begin nothing more; whether all that was begun ended within `seconds`."""
        with self._changed:
            self._stopped = True
            left, self._waiting = self._waiting, []
            self._changed.notify_all()
        for unit in left:
            if unit.future.set_running_or_notify_cancel():
                unit.future.set_exception(ShuttingDown("Stash Sense was stopped before this was done."))
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _pause_s(self) -> int:
        ahead = (len(self._waiting) + self._running) / self.workers
        return min(LONGEST_PAUSE_S, max(1, math.ceil(ahead * self._mean_s)))

    def _next(self) -> _Unit | None:
        with self._changed:
            while not self._waiting and not self._stopped:
                self._changed.wait()
            if self._stopped:
                return None
            self._running += 1
            return heapq.heappop(self._waiting)

    def _work(self) -> None:
        while (unit := self._next()) is not None:
            began = time.monotonic()
            if unit.future.set_running_or_notify_cancel():
                self._do(unit)
            with self._changed:
                self._running -= 1
                self._mean_s += _MEMORY * (time.monotonic() - began - self._mean_s)
            del unit  # an idle worker must not keep a picture alive

    @staticmethod
    def _do(unit: _Unit) -> None:
        try:
            result = unit.context.run(unit.work)
        except BaseException as error:  # noqa: BLE001 - carried to whoever waits, not swallowed
            unit.future.set_exception(error)
        else:
            unit.future.set_result(result)


@asynccontextmanager
async def tasks() -> AsyncIterator[asyncio.TaskGroup]:
    """A TaskGroup that raises the first failure itself, as whoever waits expects it."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
