"""A running queue over a real file, and works that can be held and watched."""

import asyncio
from contextlib import asynccontextmanager

from stash_sense.jobs.queue import JobQueue


class Works:
    """Three kinds: `held` waits for `go`, `quick` returns at once, `deaf` ignores being told to stop."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.begun: list[str] = []
        self.at_work = 0
        self.at_once = 0
        self.progresses = []

    @property
    def kinds(self):
        return {"held": self.held, "quick": self.quick, "deaf": self.deaf}

    async def held(self, progress, parameters):
        self._begin(progress)
        try:
            progress.start("Working", 4)
            progress.update(1, faces=2, people=1)
            progress.set_live_result(lambda: {"so": "far"})
            await self.go.wait()
            progress.update(4, faces=8, people=3)
        finally:
            self.at_work -= 1
        return {"asked": dict(parameters)}

    async def quick(self, progress, parameters):
        self._begin(progress)
        self.at_work -= 1
        return dict(parameters)

    async def deaf(self, progress, parameters):
        self._begin(progress)
        while not self.go.is_set():
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                continue
        self.at_work -= 1
        return {}

    def _begin(self, progress):
        self.progresses.append(progress)
        self.begun.append(progress.job_id)
        self.at_work += 1
        self.at_once = max(self.at_once, self.at_work)


@asynccontextmanager
async def running(place, kinds, *more):
    queue = JobQueue(place, kinds, *more)
    await queue.start()
    try:
        yield queue
    finally:
        await queue.stop()


async def until(fact, seconds: float = 60.0) -> None:
    """Wait until `fact()` holds."""
    async with asyncio.timeout(seconds):
        while not fact():  # noqa: ASYNC110 - what is waited for knows no event
            await asyncio.sleep(0.005)
