"""Waiting through an outage of Stash, and telling an outage from the failure of one image."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from tenacity import AsyncRetrying, RetryError, retry_if_result, stop_after_delay, wait_exponential

from stash_sense.errors import (
    OutageTooLong,
    StashAnsweredWrongly,
    StashError,
    StashRefused,
    StashTooSlow,
    StashUnreachable,
)
from stash_sense.stash.client import StashClient
from stash_sense.stash.types import Media, Source, StashImage

log = logging.getLogger(__name__)

T = TypeVar("T")

OUTAGE_ERRORS = (StashUnreachable, StashTooSlow, StashAnsweredWrongly)
"""Errors that may be gone later: signs of an outage."""

_MAX_OUTAGES_PER_REQUEST = 3  # after so many, the request itself is taken to be the cause


@dataclass(frozen=True, slots=True)
class OutageLimits:
    """How long a job waits for Stash during an outage, in seconds.

    at_start_s: before anything is done. midway_s: with work done. After that the job fails; what was done is
    kept. failures_in_a_row: so many images that fail one after another count as an outage too, although Stash
    itself answers: the disk with its files may be gone. state_s: for the state file while another process
    holds it.
    """

    at_start_s: float = 30.0
    midway_s: float = 120.0
    first_pause_s: float = 0.5
    longest_pause_s: float = 8.0
    failures_in_a_row: int = 8
    state_s: float = 60.0


DEFAULT_OUTAGE_LIMITS = OutageLimits()


class ResilientStash:
    """A Stash for several concurrent callers, who all wait while it is away.

    on_outage: called with a message when the waiting begins.
    """

    def __init__(
        self, stash: StashClient, outage_limits: OutageLimits, on_outage: Callable[[str], None]
    ) -> None:
        limits = stash.limits
        once = replace(limits, attempts=1, retry_s=0.0)
        prompt = replace(once, stall_s=min(limits.stall_s, 5.0), total_s=min(limits.total_s, 10.0))
        self._stash = stash
        self._stash_once = stash.with_limits(once)
        self._probe = stash.with_limits(prompt)
        self._outage_limits = outage_limits
        self._on_outage = on_outage
        self._outage_check = asyncio.Lock()
        self._outages = 0
        self._failures_in_a_row = 0

    async def query(self, ask: Callable[[StashClient], Awaitable[T]], *, midway: bool = False) -> T:
        """Return what `ask` returns; during an outage wait as long as at the start of a job, or midway.

        Raises OutageTooLong.
        """
        max_wait_s = self._outage_limits.midway_s if midway else self._outage_limits.at_start_s
        for _ in range(_MAX_OUTAGES_PER_REQUEST):
            try:
                return await ask(self._stash)
            except OUTAGE_ERRORS as error:
                if not await self._stash_answers():
                    await self._wait_until(self._stash_answers, error, max_wait_s)
        return await ask(self._stash)

    async def fetch(self, image: StashImage, source: Source, *, retry: bool = True) -> Media:
        """Return the image's bytes. retry: False for an image that has failed before.

        Raises a StashError that concerns this image alone, and OutageTooLong.
        """
        for _ in range(_MAX_OUTAGES_PER_REQUEST):
            async with self._outage_check:  # during an outage, wait for its end
                outages = self._outages
            try:
                media = await _fetch(self._stash if retry else self._stash_once, image, source)
            except OUTAGE_ERRORS as error:
                async with self._outage_check:
                    if self._outages == outages and not await self._waited_for_outage(error, image, source):
                        raise
            else:
                self._failures_in_a_row = 0
                return media
        return await _fetch(self._stash_once, image, source)

    async def _waited_for_outage(self, error: StashError, image: StashImage, source: Source) -> bool:
        """Wait if the failure is part of an outage; False if it is this image's own."""

        async def image_arrives() -> bool:
            try:
                await _fetch(self._stash_once, image, source)
            except OUTAGE_ERRORS:
                return False
            except StashError:
                pass  # concerns this image alone
            return True

        is_over = self._stash_answers
        if await self._stash_answers():
            self._failures_in_a_row += 1
            if self._failures_in_a_row < self._outage_limits.failures_in_a_row:
                return False
            is_over = image_arrives
        await self._wait_until(is_over, error, self._outage_limits.midway_s)
        self._outages += 1
        self._failures_in_a_row = 0
        return True

    async def _stash_answers(self) -> bool:
        try:
            await self._probe.status()
        except StashRefused:
            return True
        except OUTAGE_ERRORS:
            return False
        return True

    async def _wait_until(
        self, is_over: Callable[[], Awaitable[bool]], error: StashError, max_wait_s: float
    ) -> None:
        message = f"{error} Waiting up to {max_wait_s:g} s for Stash."
        log.warning("%s", message)
        self._on_outage(message)
        pause_s = self._outage_limits.first_pause_s
        max_polling_s = max_wait_s - pause_s
        backoff = wait_exponential(2 * pause_s, self._outage_limits.longest_pause_s)
        polling = AsyncRetrying(
            retry=retry_if_result(lambda over: not over),
            stop=stop_after_delay(max_polling_s),
            wait=lambda state: min(
                backoff(state), max(0.0, max_polling_s - (state.seconds_since_start or 0))
            ),
        )
        await asyncio.sleep(pause_s)
        try:
            await polling(is_over)
        except RetryError:
            raise OutageTooLong(error, max_wait_s) from error
        log.info("Stash is back.")


async def _fetch(stash: StashClient, image: StashImage, source: Source) -> Media:
    return await (stash.thumbnail(image) if source == "thumbnail" else stash.original(image))
