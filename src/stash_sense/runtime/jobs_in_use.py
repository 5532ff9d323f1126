import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from stash_sense.errors import Starting, StashSenseError, StateError
from stash_sense.jobs.queue import JobQueue
from stash_sense.jobs.run import JobWork

log = logging.getLogger(__name__)


PATIENCE_S = 15.0
"""How long a request waits for the file to be opened."""


AGAIN_S = 15.0
"""After how long a file that could not be opened is tried again: its owner may have mended it."""


class JobsInUse:
    """One JobQueue for everybody; a failure to open its file is kept for whoever asks."""

    def __init__(self, place: Path, kinds: Mapping[str, JobWork]) -> None:
        self.problem: StashSenseError | None = Starting("The list of jobs is being opened. Try again soon.")
        """Why jobs cannot be taken, in words that say what to do; None where they can."""
        self.first_look = asyncio.Event()
        """Set once it is known whether the file can be opened."""
        self._place = place
        self._queue = JobQueue(place, kinds)
        self._opener: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to open the file and to go on with what was running; nobody has to wait for it."""
        self._opener = asyncio.create_task(self._open(), name="open the jobs")

    async def opened(self) -> JobQueue:
        """The jobs, once the first look at them is over. Raises what keeps them from being opened."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.first_look.wait(), PATIENCE_S)
        if self.problem:
            raise type(self.problem)(*self.problem.args)
        return self._queue

    def leave_off(self) -> None:
        """Tell the running job, and whoever waits for one, that an end is coming: `close` follows."""
        self._queue.leave_off()

    async def close(self) -> None:
        """Park the running job and close the file."""
        if self._opener:
            self._opener.cancel()
            with suppress(asyncio.CancelledError):
                await self._opener
        await self._queue.stop()

    async def _open(self) -> None:
        while True:
            try:
                await self._queue.start()
            except StashSenseError as error:
                if str(error) != str(self.problem):
                    log.warning("%s", error)
                self.problem = error
            except Exception:
                log.exception("the list of jobs could not be opened")
                self.problem = StateError(f"{self._place}: cannot be opened; the log has more.")
            else:
                self.problem = None
            self.first_look.set()
            if self.problem is None:
                return
            await asyncio.sleep(AGAIN_S)
