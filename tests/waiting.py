"""Waiting for a fact, in this process or another."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_S = 300.0
"""After this a test fails. No measure of anything: long enough for the busiest machine."""

_PAUSE_S = 0.01

T = TypeVar("T")


def until(fact: Callable[[], T], patience_s: float = PATIENCE_S) -> T:
    """Asks again and again; returns the first answer that is true."""
    deadline = time.monotonic() + patience_s
    while not (answer := fact()):
        assert time.monotonic() < deadline, "this never came true"
        time.sleep(_PAUSE_S)
    return answer


async def eventually(fact: Callable[[], T]) -> T:
    """The same, for what happens on this event loop."""
    async with asyncio.timeout(PATIENCE_S):
        while not (answer := fact()):  # noqa: ASYNC110 - facts are of any kind
            await asyncio.sleep(_PAUSE_S)
    return answer
