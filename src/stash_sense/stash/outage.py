"""Waiting through an outage of Stash, and telling it from a failure of one image."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from stash_sense.errors import (
    OutageTooLong,
    StashAnsweredWrongly,
    StashError,
    StashRefused,
    StashTooSlow,
    StashUnreachable,
)
from stash_sense.stash.client import StashClient
from stash_sense.stash.types import Image, Media, Source

log = logging.getLogger(__name__)


T = TypeVar("T")


PASSING = (StashUnreachable, StashTooSlow, StashAnsweredWrongly)
"""What may be gone when asked again later."""


_TURNS = 3
"""Outages that one request may meet; then it counts as failed by itself."""


@dataclass(frozen=True, slots=True)
class OutageLimits:
    """How long a job waits for a Stash that does not answer, seconds.

    at_start_s: before anything is done; midway_s: with work done; after that the job fails, and what was
    done is kept. in_a_row: pictures that fail one after another, with none in between that does not, before
    that counts as an outage too although Stash itself answers: its disk may be away. state_s: for a state
    that another process holds.
    """

    at_start_s: float = 30.0
    midway_s: float = 120.0
    first_pause_s: float = 0.5
    longest_pause_s: float = 8.0
    in_a_row: int = 8
    state_s: float = 60.0


DEFAULT_OUTAGE_LIMITS = OutageLimits()


class ResilientStash:
    """Stash, asked by several at once who all wait while it is away. say: is told when the waiting begins."""

    def __init__(self, stash: StashClient, patience: OutageLimits, say: Callable[[str], None]) -> None:
        limits = stash.limits
        self._stash = stash
        self._once = stash.with_limits(replace(limits, attempts=1, retry_s=0.0))
        self._probe = stash.with_limits(
            replace(
                limits,
                attempts=1,
                retry_s=0.0,
                stall_s=min(limits.stall_s, 5.0),
                total_s=min(limits.total_s, 10.0),
            )
        )
        self._patience = patience
        self._say = say
        self._finding_out = asyncio.Lock()
        self._outages = 0
        self._in_a_row = 0

    async def listed(self, ask: Callable[[StashClient], Awaitable[T]]) -> T:
        """An answer of GraphQL, waiting as long as at the start of a job."""
        for _ in range(_TURNS):
            try:
                return await ask(self._stash)
            except PASSING as error:
                if not await self._answers():
                    await self._until(self._answers, error, self._patience.at_start_s)
        return await ask(self._stash)

    async def picture(self, image: Image, source: Source, *, again: bool = False) -> Media:
        """The image's bytes. again: it failed before, so it is asked for only once.

        Raises what concerns this picture alone, and OutageTooLong.
        """
        for _ in range(_TURNS):
            async with self._finding_out:  # whoever comes during an outage waits for its end
                outages = self._outages
            try:
                media = await _fetch(self._once if again else self._stash, image, source)
            except PASSING as error:
                async with self._finding_out:
                    if self._outages == outages and not await self._outage(error, image, source):
                        raise
            else:
                self._in_a_row = 0
                return media
        return await _fetch(self._once, image, source)

    async def _outage(self, error: StashError, image: Image, source: Source) -> bool:
        """Whether the failure was not the picture's own; then it is over now."""

        async def picture_comes() -> bool:
            try:
                await _fetch(self._once, image, source)
            except PASSING:
                return False
            except StashError:
                pass  # said of this picture alone
            return True

        over = self._answers
        if await self._answers():
            self._in_a_row += 1
            if self._in_a_row < self._patience.in_a_row:
                return False
            over = picture_comes
        await self._until(over, error, self._patience.midway_s)
        self._outages += 1
        self._in_a_row = 0
        return True

    async def _answers(self) -> bool:
        try:
            await self._probe.status()
        except StashRefused:
            return True
        except PASSING:
            return False
        return True

    async def _until(self, over: Callable[[], Awaitable[bool]], error: StashError, patience_s: float) -> None:
        said = f"{error} Waiting up to {patience_s:g} s for Stash."
        log.warning("%s", said)
        self._say(said)
        end = time.monotonic() + patience_s
        pause = self._patience.first_pause_s
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise OutageTooLong(error, patience_s)
            await asyncio.sleep(min(pause, left))
            pause = min(2 * pause, self._patience.longest_pause_s)
            if await over():
                log.info("Stash is back")
                return


async def _fetch(stash: StashClient, image: Image, source: Source) -> Media:
    return await (stash.thumbnail(image) if source == "thumbnail" else stash.original(image))
