"""Waiting for a fact in another process."""

import time
from collections.abc import Callable

START_S = 60


def until(done: Callable[[], bool]) -> None:
    """Asks again and again; fails after a minute."""
    deadline = time.monotonic() + START_S
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)
