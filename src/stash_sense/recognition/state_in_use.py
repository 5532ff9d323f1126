import asyncio
import contextvars
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from stash_sense.errors import Starting, StashSenseError, StateBusy, StateError
from stash_sense.store.database import RecommendationsDB

T = TypeVar("T")


log = logging.getLogger(__name__)


BUSY_S = 8.0
"""How long another process may hold the file before a request is told to come back: whoever pressed a button
in Stash waits 30 s at most, and two such waits may follow each other."""


PATIENCE_S = 15.0
"""How long a request waits for the file to be opened; a large one may be migrated meanwhile."""


AGAIN_S = 15.0
"""After how long a file that could not be opened is tried again: its owner may have mended it."""


_THREADS = 8


class StateInUse:
    """One RecommendationsDB for everybody; a failure to open it is kept for whoever asks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.first_look = asyncio.Event()
        """Set once it is known whether the file can be opened."""
        self._store: RecommendationsDB | None = None
        self._problem: StashSenseError | None = Starting("The state is being opened. Try again in a moment.")
        self._opening: Future[RecommendationsDB] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="state")

    @property
    def problem(self) -> StashSenseError | None:
        """Why there is no state, in words that say what to do; None where there is one."""
        return self._problem

    @property
    def store(self) -> RecommendationsDB:
        """The open state, for threads; a route uses `run`. Raises what keeps it from being open."""
        if self._store is None:
            problem = self._problem or Starting("Stash Sense is being stopped.")
            raise type(problem)(*problem.args)
        return self._store

    def start(self) -> None:
        """Begin to open the file; nobody has to wait for it."""
        self._keeper = asyncio.create_task(self._open(), name="open the state")

    async def opened(self) -> RecommendationsDB:
        """The state, once the first look at it is over. Raises what keeps it from being open."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.first_look.wait(), PATIENCE_S)
        return self.store

    async def run(self, work: Callable[[RecommendationsDB], T]) -> T:
        """`work` with the state, in a thread. Raises what the store raises, and StateBusy."""
        store = await self.opened()
        future = self._threads.submit(contextvars.copy_context().run, work, store)
        waiting = asyncio.wrap_future(future)
        await asyncio.wait({waiting}, timeout=BUSY_S)
        # Only what has not begun is taken back: of a write that runs nobody could say whether it happened.
        if not waiting.done() and future.cancel():
            raise StateBusy(f"{self.path}: too much waits for the state at once. Try again in a moment.")
        return await waiting

    async def close(self) -> None:
        """Let what runs come to its end, then close the file."""
        if self._keeper:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)
        store, self._store, self._problem = self._store, None, None
        if store is None and self._opening and not self._opening.cancelled():
            with suppress(Exception):  # said already, or not of interest any more
                store = self._opening.result()
        if store is not None:
            await asyncio.to_thread(store.close)

    async def _open(self) -> None:
        while True:
            # Kept hold of: if this task is cancelled the thread goes on, and what it opens has to be closed.
            self._opening = self._threads.submit(RecommendationsDB, self.path, BUSY_S)
            try:
                store = await asyncio.wrap_future(self._opening)
            except StashSenseError as error:
                self._note(error)
            except Exception:
                log.exception("the state could not be opened")
                self._note(StateError(f"{self.path}: cannot be opened; the log has more."))
            else:
                self._store, self._problem = store, None
                self.first_look.set()
                return
            self.first_look.set()
            await asyncio.sleep(AGAIN_S)

    def _note(self, error: StashSenseError) -> None:
        if str(error) != str(self._problem):
            log.warning("%s", error)
        self._problem = error
