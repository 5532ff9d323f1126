"""A coroutine on an event loop and a thread of its own: nothing it computes holds up the caller's loop."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Generic, TypeVar

T = TypeVar("T")


async def run_on_own_loop(make: Callable[[], Coroutine[Any, Any, T]], name: str) -> T:
    """The result of `make()`, which is called and awaited in a thread called `name`. Raises what it raises.

    What belongs to the caller's loop, such as a connection, cannot be used in it. Cancelling cancels it there
    and waits for its end.
    """
    run = _OwnLoop(make)
    threading.Thread(target=run.work, name=name, daemon=True).start()
    while True:
        try:
            return await asyncio.shield(run.ended)
        except asyncio.CancelledError:
            if run.ended.done():
                raise
            run.cancel()


class _OwnLoop(Generic[T]):
    """One run. Create it in the caller's loop."""

    def __init__(self, make: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._make = make
        self._caller = asyncio.get_running_loop()
        self.ended: asyncio.Future[T] = self._caller.create_future()
        self._guard = threading.Lock()
        self._task: asyncio.Task[Any] | None = None
        self._cancelled = False

    def work(self) -> None:
        """Run it, and tell the caller how it ended."""
        try:
            result = asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001 - raised again by the future
            self._tell(self.ended.set_exception, error)
        else:
            self._tell(self.ended.set_result, result)

    def cancel(self) -> None:
        """Cancel it, also before it has begun."""
        with self._guard:
            self._cancelled = True
            if self._task:
                with suppress(RuntimeError):  # its loop has just ended
                    self._task.get_loop().call_soon_threadsafe(self._task.cancel)

    async def _main(self) -> T:
        with self._guard:
            self._task = asyncio.current_task()
            if self._cancelled:
                raise asyncio.CancelledError
        return await self._make()

    def _tell(self, settle: Callable[[Any], None], outcome: object) -> None:
        with suppress(RuntimeError):  # an abandoned run may outlive the caller's loop
            self._caller.call_soon_threadsafe(settle, outcome)
