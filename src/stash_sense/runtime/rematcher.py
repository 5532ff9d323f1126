"""While the sidecar serves, what is stored is matched again with each newer face database."""

import asyncio
import logging
import time
from functools import partial

from stash_sense.recognition.rematching import rematch_stored
from stash_sense.runtime.background_task import BackgroundTask, log_failed_attempt
from stash_sense.runtime.services import Services
from stash_sense.store.database import RecommendationsDB

log = logging.getLogger(__name__)

POLL_S = 1.0
"""How often another face database is looked for."""
AGAIN_S = 600.0
"""How soon is looked for what failed, and for what a job stored with the database that it began with."""
DERIVED_S = 0.2
"""How long suggestions are derived at a time; others may use the state between."""


class Rematcher:
    """One task in the background, which gives way to everything that a person asks for."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._task = BackgroundTask(self._run, "matching again")
        self.matching = False
        """Whether stored faces are being matched now."""

    def start(self) -> None:
        """Begin in the background; without a Stash nothing is stored that could be matched."""
        if self._services.stash is not None:
            self._task.start()

    async def close(self) -> None:
        """Stop; what is left is done after the next start."""
        await self._task.close()

    async def _run(self) -> None:
        services = self._services
        await services.recognition.first_attempt.wait()
        await services.state.first_attempt.wait()
        matched, again_at = "", 0.0
        while True:
            version = self._version()
            if version and (version != matched or time.monotonic() >= again_at):
                self.matching = True
                try:
                    await self._rematch()
                except Exception as error:  # noqa: BLE001 - logged; one attempt must not end all further ones
                    log_failed_attempt(
                        log, "not all that is stored was matched again; trying again later", error
                    )
                finally:
                    self.matching = False
                matched, again_at = version, time.monotonic() + AGAIN_S
            await asyncio.sleep(POLL_S)

    def _version(self) -> str:
        recognizer = self._services.recognition.current
        return recognizer.database.manifest.version if recognizer else ""

    async def _rematch(self) -> None:
        async with self._services.lease_tools() as (recognizer, tools):
            state = await self._services.state.ready()
            version = recognizer.database.manifest.version
            await rematch_stored(recognizer, tools, state.run, lambda: self._version() == version)
        derive = partial(RecommendationsDB.refresh_suggestions, longest_s=DERIVED_S)
        left = 1
        while left and self._version() == version:
            left = await state.run(derive)
