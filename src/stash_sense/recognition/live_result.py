"""The partial result of a running job, recomputed now and then however often it is read."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from stash_sense.jobs.workers import Lane, WorkPool

LEAST_PAUSE_S = 2.0


_SHARE = 20
"""Working it out may take one part in so many of the job's time."""


class LiveResult:
    """The last result that was worked out, and when a newer one is due."""

    def __init__(self, first: Mapping[str, Any], pool: WorkPool) -> None:
        self._last = first
        self._pool = pool
        self._looked_at = False
        self._working = False
        self._due = time.monotonic()
        self._pending: Callable[[], Mapping[str, Any]] | None = None

    def make(self) -> Mapping[str, Any]:
        """At once, while the work goes on; asks for a newer one to be worked out. From any thread."""
        self._looked_at = True
        pending, self._pending = self._pending, None
        if pending is not None:
            self._last = pending()
        return self._last

    async def refresh(self, work_out: Callable[[], Mapping[str, Any]]) -> None:
        """Called whenever something was done: works the result out if somebody looked and it is time."""
        if self._working or not self._looked_at or time.monotonic() < self._due:
            return
        self._working, self._looked_at = True, False
        began = time.monotonic()
        try:
            self._last = await self._pool.run(work_out, Lane.BACKGROUND)
        finally:
            self._working = False
        spent = time.monotonic() - began
        self._due = time.monotonic() + max(LEAST_PAUSE_S, _SHARE * spent)

    def cut_short(self, work_out: Callable[[], Mapping[str, Any]]) -> None:
        """The work has ended before its end: whoever looks next has what was done worked out."""
        self._pending = work_out

    def end(self, last: Mapping[str, Any]) -> None:
        """Nothing will change any more."""
        self._last = last
