"""The state for coroutines: work runs in threads, and waits a bounded time for its turn."""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from stash_sense.errors import StateBusy
from stash_sense.store.database import RecommendationsDB

T = TypeVar("T")

BUSY_S = 8.0
"""How long another process may hold the file before a request is refused: a button in Stash waits 30 s at
most, and two such waits may follow each other."""

_THREADS = 8


class AsyncState:
    """An open RecommendationsDB, `store`, for threads, and `run` to use it from the event loop."""

    def __init__(self, path: Path) -> None:
        """Open the file, and migrate it if needed. Raises StateError, StateBusy."""
        self.path = path
        self.store = RecommendationsDB(path, BUSY_S)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="state")

    async def run(self, work: Callable[[RecommendationsDB], T]) -> T:
        """The result of `work` on the store, in a thread. Raises what the store raises, and StateBusy."""
        future = self._threads.submit(contextvars.copy_context().run, work, self.store)
        waiting = asyncio.wrap_future(future)
        await asyncio.wait({waiting}, timeout=BUSY_S)
        # Cancels only work that has not begun: nobody could tell whether a running write took place.
        if not waiting.done() and future.cancel():
            raise StateBusy(f"{self.path}: too much waits for the state at once. Try again in a moment.")
        return await waiting

    def close(self) -> None:
        """Let running work end, then close the file. Blocks."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self.store.close()
