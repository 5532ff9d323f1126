"""Fetching a gallery's images ahead of the workers, in bounded memory."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from stash_sense.errors import MediaError, NotInStash, StashSenseError, StashTooSlow
from stash_sense.jobs.workers import task_group
from stash_sense.recognition.analysis import PHOTOS_A_STEP
from stash_sense.recognition.analysis_units import Fetched
from stash_sense.recognition.image_tasks import ImageTask
from stash_sense.stash.outage import OUTAGE_ERRORS, ResilientStash
from stash_sense.stash.types import Source

FETCHERS = 6
"""Pictures fetched at a time."""


UNITS_A_WORKER = 2
"""Units submitted at a time for each worker: one in hand and one ready."""


BYTES_IN_FLIGHT = 96_000_000
"""Of fetched pictures that are not yet decoded; a larger one alone passes all the same."""


_UNKNOWN_BYTES = 5_000_000


_THUMBNAIL_BYTES = 200_000


DoUnit = Callable[[Sequence[Fetched]], Awaitable[None]]


Failed = Callable[[ImageTask, StashSenseError], None]


class Pipeline:
    """From images to units of a few pictures each, as fast as the workers take them and no faster.

    do: looks at a unit and stores it. failed: is told of each image that cannot be had.
    """

    def __init__(
        self, stash: ResilientStash, source: Source, workers: int, do: DoUnit, failed: Failed
    ) -> None:
        self._stash = stash
        self._source = source
        self._workers = workers
        self._do = do
        self._failed = failed
        self._changed = asyncio.Condition()
        self._to_fetch: deque[tuple[ImageTask, bool]] = deque()
        self._fetching = 0
        self._ready: list[Fetched] = []
        self._units = 0
        self._bytes = self._pictures = 0

    async def run(self, asked: Sequence[ImageTask]) -> None:
        """Until every image is done or has failed. Raises the StashError that concerns all of them."""
        self._to_fetch.extend((one, False) for one in asked)
        async with task_group() as group:
            for _ in range(min(FETCHERS, len(asked))):
                group.create_task(self._fetch_all())
            await self._make_units(group)

    async def _fetch_all(self) -> None:
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: bool(self._to_fetch) or not self._fetching)
                if not self._to_fetch:
                    return
                asked, again = self._to_fetch.popleft()
                self._fetching += 1
                cost = self._cost(asked)
                while not self._has_room(cost):
                    await self._changed.wait()
                self._bytes += cost
                self._pictures += 1
            fetched = await self._fetch(asked, again=again)
            async with self._changed:
                self._fetching -= 1
                if fetched is None:
                    self._give_back(asked)
                else:
                    self._ready.append(fetched)
                self._changed.notify_all()

    async def _fetch(self, asked: ImageTask, *, again: bool) -> Fetched | None:
        """None where it failed: told, or put behind all the others to be asked for once more."""
        try:
            media = await self._stash.fetch(asked.image, self._source, retry=not again)
        except OUTAGE_ERRORS as error:
            if again or isinstance(error, StashTooSlow):
                self._failed(asked, error)
            else:
                self._to_fetch.append((asked, True))
        except (MediaError, NotInStash) as error:
            self._failed(asked, error)
        else:
            return Fetched(asked, media.data)
        return None

    async def _make_units(self, group: asyncio.TaskGroup) -> None:
        """A unit as soon as it is full, or a worker would have nothing to do."""
        while True:
            async with self._changed:
                await self._changed.wait_for(self._unit_due)
                if not self._left:
                    return
                size = self._unit_size
                unit, self._ready = self._ready[:size], self._ready[size:]
                self._units += 1
            group.create_task(self._unit(unit))

    async def _unit(self, unit: Sequence[Fetched]) -> None:
        try:
            await self._do(unit)
        finally:
            async with self._changed:
                self._units -= 1
                for one in unit:
                    self._give_back(one.wanted)
                self._changed.notify_all()

    def _unit_due(self) -> bool:
        if not self._ready:
            return not self._left
        if self._units < self._workers:
            return True
        return self._units < UNITS_A_WORKER * self._workers and len(self._ready) >= self._unit_size

    @property
    def _left(self) -> int:
        """Images that are not yet in a unit."""
        return len(self._to_fetch) + self._fetching + len(self._ready)

    @property
    def _unit_size(self) -> int:
        """Smaller towards the end, so that no worker waits long for the last one."""
        return max(1, min(PHOTOS_A_STEP, -(-self._left // (2 * self._workers))))

    def _cost(self, asked: ImageTask) -> int:
        file = asked.image.primary_file
        if self._source == "thumbnail" or file is None:
            return _THUMBNAIL_BYTES
        return file.size or _UNKNOWN_BYTES

    def _has_room(self, cost: int) -> bool:
        most = PHOTOS_A_STEP * UNITS_A_WORKER * self._workers + FETCHERS
        return self._pictures < most and (not self._bytes or self._bytes + cost <= BYTES_IN_FLIGHT)

    def _give_back(self, asked: ImageTask) -> None:
        self._bytes -= self._cost(asked)
        self._pictures -= 1
