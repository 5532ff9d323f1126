"""The worker pool: heavy work on a few threads, interactive requests first, with a bounded queue."""

import asyncio
import contextvars
import heapq
import itertools
import math
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TypeVar

from stash_sense.errors import ImageTooLarge, QueueFull, ShuttingDown
from stash_sense.jobs.places import Places

T = TypeVar("T")
MAX_RETRY_AFTER_S = 30
PICTURE_S = 30.0
"""In which the work on one picture has to end that a person or a program waits for."""
IDLE_S = 1.0
"""After so long without work the pool is idle."""

_SHUTTING_DOWN = "Stash Sense is shutting down. Try again after it has restarted."
_FIRST_MEAN_S = 0.5
_MEAN_WEIGHT = 0.1  # of the newest unit in the running mean


class Lane(IntEnum):
    """Which work goes first: the lower number."""

    INTERACTIVE = 0
    """A person in Stash waits for the answer."""
    UPLOAD = 1
    """A caller waits who sent a picture, or its URL."""
    BACKGROUND = 2
    """A unit of a long job. Keep it small: an interactive request may have to wait for one."""


@dataclass(order=True, slots=True)
class _Unit:
    lane: Lane
    number: int
    work: Callable[[], Any] = field(compare=False)
    future: Future[Any] = field(compare=False)
    context: contextvars.Context = field(compare=False)


class WorkPool:
    """`workers` threads, and room for `capacity` (workers + queue_length) requests at a time.

    A request is admitted before its body is read, and until its end: this bounds the queue and the memory,
    and an admitted request is never turned away later. A job is not admitted; it bounds itself by submitting
    only a few units (about two a worker) at a time.
    """

    def __init__(self, workers: int, queue_length: int, when_idle: Callable[[], None] = lambda: None) -> None:
        """when_idle: called in a thread once there has been nothing to do for IDLE_S after some work."""
        self.workers = workers
        self.capacity = workers + queue_length
        self._places = Places(self.capacity)
        self._running = 0
        self._waiting: list[_Unit] = []
        self._numbers = itertools.count()
        self._mean_s = _FIRST_MEAN_S
        self._stopped = False
        self._when_idle = when_idle
        self._is_idle = True
        self._changed = threading.Condition()
        self._threads = [
            threading.Thread(target=self._work, name=f"work-{number}", daemon=True)
            for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    @contextmanager
    def admit(self, client: str = "", *, upload: bool = False) -> Iterator[None]:
        """Count as one of the requests being handled. Raises QueueFull, which says when to try again.

        client, upload: see Places, on who gets how many.
        """
        with self._places.take(client, upload=upload) as has_place:
            if not has_place:
                raise QueueFull(
                    f"Too many requests at a time (at most {self.capacity}, fewer from one address). Try "
                    "again in a few seconds.",
                    self._retry_after_s(),
                )
            yield

    def submit(self, work: Callable[[], T], lane: Lane = Lane.INTERACTIVE) -> Future[T]:
        """Queue `work`. Cancelling the future helps until it has begun. Raises ShuttingDown."""
        future: Future[T] = Future()
        with self._changed:
            if self._stopped:
                raise ShuttingDown(_SHUTTING_DOWN)
            unit = _Unit(lane, next(self._numbers), work, future, contextvars.copy_context())
            heapq.heappush(self._waiting, unit)
            self._changed.notify()
        return future

    async def run(self, work: Callable[[], T], lane: Lane = Lane.INTERACTIVE) -> T:
        """`submit` for a coroutine; cancelling the coroutine takes its unit out of the queue.

        Raises ImageTooLarge where work that is not a job's takes longer than PICTURE_S from its beginning.
        A decoder cannot be interrupted: the work goes on, and holds a place until it ends.
        """
        if lane is Lane.BACKGROUND:
            return await asyncio.wrap_future(self.submit(work, lane))
        loop, begun = asyncio.get_running_loop(), asyncio.Event()

        def noted_work() -> T:
            with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
                loop.call_soon_threadsafe(begun.set)
            return work()

        unit = self.submit(noted_work, lane)
        result = asyncio.wrap_future(unit)
        result.add_done_callback(lambda _: begun.set())
        try:
            await begun.wait()
            done, _ = await asyncio.wait({result}, timeout=PICTURE_S)
        except asyncio.CancelledError:
            result.cancel()
            raise
        if done:
            return result.result()
        upload = lane is Lane.UPLOAD
        self._places.hold(upload=upload)
        unit.add_done_callback(lambda _: self._places.leave(upload=upload))
        result.add_done_callback(lambda late: late.cancelled() or late.exception())  # nobody waits for it
        raise ImageTooLarge(
            f"The picture was not read within {PICTURE_S:g} s. Send a smaller copy, or in another format."
        )

    @property
    def running(self) -> int:
        """Units being worked on."""
        return self._running

    @property
    def waiting(self) -> int:
        """Units that have not begun."""
        return len(self._waiting)

    @property
    def admitted(self) -> int:
        """Requests being handled."""
        return self._places.taken

    def close(self, seconds: float) -> bool:
        """Begin nothing more; return whether all that had begun ended within `seconds`."""
        with self._changed:
            self._stopped = True
            left, self._waiting = self._waiting, []
            self._changed.notify_all()
        for unit in left:
            if unit.future.set_running_or_notify_cancel():
                unit.future.set_exception(
                    ShuttingDown(
                        "Stash Sense was shut down before this was done. Try again after it has restarted."
                    )
                )
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _retry_after_s(self) -> int:
        ahead = (len(self._waiting) + self._running) / self.workers
        return min(MAX_RETRY_AFTER_S, max(1, math.ceil(ahead * self._mean_s)))

    def _next(self) -> _Unit | None:
        """The next unit, once there is one; None if there has been none for IDLE_S."""
        with self._changed:
            if not self._waiting and not self._stopped:
                self._changed.wait(None if self._is_idle or self._running else IDLE_S)
            if not self._waiting or self._stopped:
                return None
            self._running += 1
            self._is_idle = False
            return heapq.heappop(self._waiting)

    def _idles(self) -> bool:
        """Whether this thread is the first to see that there is nothing to do."""
        with self._changed:
            if self._is_idle or self._running or self._waiting:
                return False
            self._is_idle = True
            return True

    def _work(self) -> None:
        while not self._stopped:
            unit = self._next()
            if unit is None:
                if self._idles():
                    self._when_idle()
                continue
            began = time.monotonic()
            if unit.future.set_running_or_notify_cancel():
                self._do(unit)
            with self._changed:
                self._running -= 1
                self._mean_s += _MEAN_WEIGHT * (time.monotonic() - began - self._mean_s)
            del unit  # an idle worker must not keep an image alive

    @staticmethod
    def _do(unit: _Unit) -> None:
        try:
            result = unit.context.run(unit.work)
        except BaseException as error:  # noqa: BLE001 - raised again by the future
            unit.future.set_exception(error)
        else:
            unit.future.set_result(result)


@asynccontextmanager
async def task_group() -> AsyncIterator[asyncio.TaskGroup]:
    """A TaskGroup that raises the first failure itself instead of an exception group."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
