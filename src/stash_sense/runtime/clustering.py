"""Unknown people are put together in the background, soon after anything that is stored of faces changed."""

import asyncio
import logging
import time
from functools import partial

from stash_sense.errors import StashSenseError
from stash_sense.jobs.workers import Lane
from stash_sense.recognition.parameters import pack_key
from stash_sense.recognition.unknown_people import cluster_new_tracks
from stash_sense.runtime.services import Services

log = logging.getLogger(__name__)

POLL_S = 2.0
"""How often is looked for what changed: one row is read."""

AGAIN_S = 60.0
"""How soon is tried again what failed."""


class Clusterer:
    """One task in the background, which gives way to everything that a person asks for."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin in the background; without a Stash no faces are stored."""
        if self._services.stash is not None:
            self._task = asyncio.create_task(self._run(), name="clusters of unknown people")

    async def close(self) -> None:
        """Stop; what is left is done after the next start."""
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        services = self._services
        await services.recognition.first_attempt.wait()
        await services.state.first_attempt.wait()
        again_at = 0.0
        while True:
            if services.recognition.current and services.state.current and time.monotonic() >= again_at:
                try:
                    await self._cluster()
                except Exception as error:
                    bug = None if isinstance(error, StashSenseError) else error
                    log.warning("unknown people were not put together; trying again: %s", error, exc_info=bug)
                    again_at = time.monotonic() + AGAIN_S
            await asyncio.sleep(POLL_S)

    async def _cluster(self) -> None:
        async with self._services.recognition.lease() as recognizer:
            state = await self._services.state.ready()
            pack, scorer = pack_key(recognizer.pack), recognizer.pack.scorer
            while await state.run(lambda store: store.has_changed_tracks()):
                # A transaction a unit of work: an interactive call may have to wait for one.
                turns = iter((True, False))
                work = partial(cluster_new_tracks, state.store, pack, scorer, partial(next, turns))
                await self._services.pool.run(work, Lane.BACKGROUND)
