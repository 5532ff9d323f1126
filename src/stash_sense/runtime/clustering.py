"""Unknown people are put together in the background, soon after anything that is stored of faces changed."""

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial

from stash_sense.jobs.workers import Lane
from stash_sense.recognition.parameters import pack_key
from stash_sense.recognition.unknown_people import cluster_new_tracks
from stash_sense.runtime.background_task import BackgroundTask, log_failed_attempt
from stash_sense.runtime.services import Services

log = logging.getLogger(__name__)

POLL_S = 2.0
"""How often is looked for what changed: one row is read."""

SHARE = 0.05
"""Of a worker's time at most: in a large library a look costs the same for one new track as for hundreds."""

AGAIN_S = 60.0
"""How soon is tried again what failed."""


class Clusterer:
    """One task in the background, which gives way to everything that a person asks for."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._task = BackgroundTask(self._run, "clusters of unknown people")

    def start(self) -> None:
        """Begin in the background; without a Stash no faces are stored."""
        if self._services.stash is not None:
            self._task.start()

    async def close(self) -> None:
        """Stop; what is left is done after the next start."""
        await self._task.close()

    async def _run(self) -> None:
        services = self._services
        await services.recognition.first_attempt.wait()
        await services.state.first_attempt.wait()
        while True:
            pause_s = POLL_S
            if services.recognition.current and services.state.current:
                try:
                    pause_s = pause_after(await self._cluster())
                except Exception as error:  # noqa: BLE001 - logged; one attempt must not end all further ones
                    log_failed_attempt(log, "unknown people were not put together; trying again", error)
                    pause_s = AGAIN_S
            await asyncio.sleep(pause_s)

    async def _cluster(self) -> float:
        """Link what has changed; returns the worker's processor seconds."""
        cost_s = 0.0
        async with self._services.recognition.lease() as recognizer:
            state = await self._services.state.ready()
            pack, scorer = pack_key(recognizer.pack), recognizer.pack.scorer
            while await state.run(lambda store: store.has_changed_tracks()):
                # A transaction a unit of work: an interactive call may have to wait for one.
                turns = iter((True, False))
                work = partial(cluster_new_tracks, state.store, pack, scorer, partial(next, turns))
                cost_s += await self._services.pool.run(partial(_timed, work), Lane.BACKGROUND)
        return cost_s


def pause_after(cost_s: float) -> float:
    """Seconds until the next look, after one that took so many of a worker's."""
    return max(POLL_S, cost_s / SHARE)


def _timed(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began
