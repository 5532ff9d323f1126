"""The state as a job reads and writes it: patiently, and without ending where nothing can be stored."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TypeVar

from stash_sense.errors import StashSenseError, StateBusy
from stash_sense.jobs.run import JobProgress

log = logging.getLogger(__name__)

T = TypeVar("T")

PAUSE_S = 0.5
"""Between two tries to read a state that another process holds."""


class StateAccess:
    """Reads wait while the state is locked; a failure to write is reported and does not end the job.

    name: of what the job is about, in the log. busy_s: how long another process may hold the state.
    """

    def __init__(self, name: str, progress: JobProgress, busy_s: float) -> None:
        self._name = name
        self._progress = progress
        self._busy_s = busy_s
        self._reported: set[str] = set()

    async def read(self, read: Callable[[], T]) -> T:
        """Call `read` in a thread, again while the state is locked. Raises StateBusy if it stays locked."""
        deadline = time.monotonic() + self._busy_s
        while True:
            try:
                return await asyncio.to_thread(read)
            except StateBusy as error:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise
                log.warning("%s: waiting up to %.0f s more: %s", self._name, left, error)
            await asyncio.sleep(min(PAUSE_S, left))

    def write(self, write: Callable[[], T]) -> T | None:
        """What `write` returns; None if it failed, which is reported. Blocks."""
        try:
            return write()
        except StashSenseError as error:
            self.report(error)
            return None

    def report(self, error: StashSenseError, what: str = "a part") -> None:
        """Something was not stored. Once for each reason: a full disk would be reported for every image."""
        log.warning("%s: %s was not stored: %s", self._name, what, error)
        if str(error) not in self._reported:
            self._reported.add(str(error))
            self._progress.not_stored(error)
