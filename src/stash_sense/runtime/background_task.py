"""A task that runs beside the requests, from the start of the sidecar to its end."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from stash_sense.errors import StashSenseError


class BackgroundTask:
    """One run of a coroutine function that ends with `close` at the latest."""

    def __init__(self, run: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        self._run = run
        self._name = name
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin on the running event loop."""
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def close(self) -> None:
        """Cancel it and wait for its end; does nothing before `start`."""
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task})


def log_failed_attempt(log: logging.Logger, what: str, error: Exception) -> None:
    """Warn of an attempt that will be made again; a bug, unlike an error of ours, with its traceback."""
    log.warning("%s: %s", what, error, exc_info=None if isinstance(error, StashSenseError) else error)
