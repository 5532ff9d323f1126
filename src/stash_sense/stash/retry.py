"""Asking again: when, how often, and how long in all."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from stash_sense.stash.errors import StashError
from stash_sense.stash.limits import Limits

log = logging.getLogger(__name__)

T = TypeVar("T")


class Passing(Exception):
    """A failure that may be gone at the next attempt.

    reached: whether the server may have seen the request. wait_s: how long it asked us to wait.
    """

    def __init__(self, error: StashError, *, reached: bool, wait_s: float = 0.0) -> None:
        super().__init__(str(error))
        self.error = error
        self.reached = reached
        self.wait_s = wait_s


async def repeat(attempt: Callable[[], Awaitable[T]], limits: Limits, *, safe: bool) -> T:
    """Return the first attempt's result that succeeds; else raise the last attempt's error.

    A request that did not reach the server is sent again until `retry_s` is over. One that may have reached
    it is sent again only if it is `safe` to repeat, and `attempts` times in all.
    """
    started = time.monotonic()
    reached = failures = 0
    while True:
        try:
            return await attempt()
        except Passing as passing:
            reached += passing.reached
            failures += 1
            pause = max(passing.wait_s, _pause(failures, limits))
            over = time.monotonic() - started + pause > limits.retry_s
            if over or reached >= (limits.attempts if safe else 1):
                raise passing.error from passing.__cause__
            log.info("%s Trying again in %.1f s.", passing.error, pause)
            await asyncio.sleep(pause)


def _pause(failures: int, limits: Limits) -> float:
    doubled = limits.pause_s * 2.0 ** min(failures - 1, 16)
    # Spread out, not secret.
    return min(doubled, limits.longest_pause_s) * random.uniform(0.5, 1.0)  # noqa: S311
