import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from stash_sense.errors import StashNotConfigured, StashNotReady, StashSenseError
from stash_sense.stash.client import StashClient
from stash_sense.stash.transport import Limits
from stash_sense.stash.types import StashStatus

if TYPE_CHECKING:
    from stash_sense.stash.types import StashStatus

log = logging.getLogger(__name__)


LOOK_S = 30.0


AGAIN_S = 5.0
"""The same while Stash does not answer: it may just be starting."""


_QUICK = Limits(connect_s=3.0, stall_s=5.0, total_s=8.0, retry_s=0.0, attempts=1)


_READY = "OK"


def not_configured() -> StashNotConfigured:
    """There is no Stash, and how to name one."""
    return StashNotConfigured(
        "No Stash is set up here. Set STASH_URL to its address as in the browser (http://host:9999), and "
        "STASH_API_KEY where it asks for a login; then start Stash Sense again."
    )


class StashWatch:
    """What was last seen of Stash. looked_at: seconds since 1970; None before the first look is over."""

    def __init__(self, stash: StashClient | None) -> None:
        self.status: StashStatus | None = None
        self.problem: StashSenseError | None = None if stash else not_configured()
        self.looked_at: float | None = None
        self._stash = stash.with_limits(_QUICK) if stash else None
        self._keeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look, at once and then every so often."""
        if self._stash:
            self._keeper = asyncio.create_task(self._keep_looking(self._stash), name="look for Stash")

    async def stop(self) -> None:
        """Look no more."""
        if self._keeper:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper

    async def _keep_looking(self, stash: StashClient) -> None:
        while True:
            try:
                await self._look(stash)
            except Exception:
                log.exception("whether Stash answers could not be found out")
            await asyncio.sleep(AGAIN_S if self.problem else LOOK_S)

    async def _look(self, stash: StashClient) -> None:
        problem: StashSenseError | None = None
        try:
            self.status = await stash.status()
            if self.status.status != _READY:
                problem = StashNotReady(
                    f"Stash says {self.status.status[:40]}. Open it in a browser and do what it asks for."
                )
        except StashSenseError as error:
            problem = error
        if problem and str(problem) != str(self.problem):
            log.warning("%s", problem)
        elif self.problem and not problem:
            log.info("Stash answers again")
        self.problem, self.looked_at = problem, time.time()
