"""How often a stash-box is asked: at most so many requests in any minute, over all processes and restarts.

A request counts from when it is sent until a minute after it ended, so that the server, too, counts no more,
however long it was on its way. The times are kept in a file that all processes with this data folder share: a
build that is killed and started again, or two at once, share one minute.
"""

import asyncio
import os
import struct
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Protocol

from filelock import FileLock

from stash_sense.private_files import open_regular

_KEPT_S = 60.5
"""A minute, and what two clocks may differ in that time."""
_TIME = struct.Struct("<d")


class Clock(Protocol):
    """Seconds since 1970, and waiting."""

    def time(self) -> float:
        """Now."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's clock."""

    def time(self) -> float:
        """See Clock."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """See Clock."""
        await asyncio.sleep(seconds)


SYSTEM_CLOCK = SystemClock()


class RequestRate:
    """At most `per_minute` requests in any window of 60 s.

    file: keeps the times at which the requests of the last minute ended; only this class writes it.
    """

    def __init__(self, per_minute: int, file: Path, clock: Clock = SYSTEM_CLOCK) -> None:
        """per_minute: at least 1. Creates the file's folder. Raises OSError."""
        if per_minute < 1:
            raise ValueError("at least one request a minute")
        file.parent.mkdir(parents=True, exist_ok=True)
        self.per_minute = per_minute
        self.clock = clock
        self._file = file
        self._lock = FileLock(file.with_name(file.name + ".lock"))

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until one more request may be sent, and count the one that is sent within the block."""
        while True:
            with self._recent() as times:
                begun = self.clock.time()
                if len(times) < self.per_minute:
                    times.append(begun)
                    break
                wait_s = times[-self.per_minute] + _KEPT_S - begun
            await self.clock.sleep(wait_s)
        try:
            yield
        finally:
            with self._recent() as times:
                if begun in times:
                    times.remove(begun)
                times.append(max(begun, self.clock.time()))

    @contextmanager
    def _recent(self) -> Iterator[list[float]]:
        """The times of the last minute's requests, the oldest first; written back as they are then."""
        with self._lock, open_regular(self._file, os.O_RDWR | os.O_CREAT) as file:
            data = file.read()
            now = self.clock.time()
            whole = data[: len(data) // _TIME.size * _TIME.size]
            # A time to come was written before the clock was set back.
            earlier = (min(each, now) for (each,) in _TIME.iter_unpack(whole))
            times = sorted(each for each in earlier if each > now - _KEPT_S)
            yield times
            # In one call and in place: a process that is killed meanwhile leaves the old times or the new.
            file.seek(0)
            file.write(b"".join(map(_TIME.pack, times)))
            file.truncate()
