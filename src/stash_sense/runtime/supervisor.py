"""Opens what may be absent, retries, remembers why it is missing, swaps it for a newer one, and closes it."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from stash_sense.errors import ShuttingDown, Starting, StashSenseError, Unavailable
from stash_sense.files import describe_os_error

log = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_RETRY_S = 1.0
"""Pause before the first retry; it doubles with each further failure."""

_DOUBLINGS = 20
_FORMER_POLL_S = 0.05

_SHUTTING_DOWN = "Stash Sense is being stopped. Try again when it is back."


@dataclass(slots=True, eq=False)
class _Leased(Generic[T]):
    value: T
    leases: int = 0


async def _never() -> None:
    await asyncio.get_running_loop().create_future()


class Supervised(Generic[T]):
    """A resource that may be absent while the sidecar serves. All methods run on one event loop.

    Any failure to open it becomes `problem`, for /health and for callers that need the resource. What is
    open stays in use while a newer one fails to open.
    """

    def __init__(
        self,
        name: str,
        opener: Callable[[T | None], Awaitable[T]],
        closer: Callable[[T], Awaitable[None]] | None = None,
        *,
        problem: StashSenseError | None,
        failure: type[StashSenseError],
        wait_s: float,
        retry_s: float,
        recheck_s: float | None = None,
        changed: Callable[[], Awaitable[None]] = _never,
    ) -> None:
        """name: for messages, as in "cannot open {name}".

        opener: given the current value, returns the newest, which may be the same.
        problem: until the first attempt is over.
        failure: the kind of problem that an unexpected exception becomes.
        wait_s: how long `ready` waits for the first attempt.
        retry_s: the longest pause between attempts after a failure.
        recheck_s: pause between attempts after a success; None: no further attempt.
        changed: returns when opening again is worthwhile before the pause is over.
        """
        self.problem = problem
        """Why there is no value, or why a newer one could not replace it; None if all is well."""
        self.checked_at: float | None = None
        """When the last attempt ended, seconds since 1970."""
        self.first_attempt = asyncio.Event()
        """Set once the first attempt has succeeded or failed."""
        self._name = name
        self._opener = opener
        self._closer = closer
        self._failure = failure
        self._wait_s = wait_s
        self._retry_s = retry_s
        self._recheck_s = recheck_s
        self._changed = changed
        self._leased: _Leased[T] | None = None
        self._former: list[_Leased[T]] = []  # still leased by somebody
        self._logged: str | None = None
        self._closed = False
        self._attempt_lock = asyncio.Lock()
        self._attempts: set[asyncio.Task[None]] = set()
        self._loop: asyncio.Task[None] | None = None

    @property
    def current(self) -> T | None:
        """The value if it is open; work that outlasts a swap takes a `lease` instead."""
        return self._leased.value if self._leased else None

    def require(self) -> T:
        """The value. Raises Unavailable, with the code and message of the problem."""
        if self._leased is None:
            raise Unavailable(self.problem or Starting(f"Still opening {self._name}. Try again soon."))
        return self._leased.value

    async def ready(self) -> T:
        """The value, once the first attempt is over. Raises Unavailable."""
        # Not `wait_for`, which may swallow a cancellation where the event is set at the same moment.
        with suppress(TimeoutError):
            async with asyncio.timeout(self._wait_s):
                await self.first_attempt.wait()
        return self.require()

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[T]:
        """The value, kept open to the end of the block even if it is replaced. Raises Unavailable."""
        await self.ready()
        leased = self._leased
        if leased is None:
            raise Unavailable(ShuttingDown(_SHUTTING_DOWN))
        leased.leases += 1
        try:
            yield leased.value
        finally:
            leased.leases -= 1
            await self._close_unused(leased)

    def start(self) -> None:
        """Begin to open in the background."""
        self._loop = asyncio.create_task(self._supervise(), name=f"supervise {self._name}")

    async def refresh(self) -> None:
        """Open now what is new. A failure becomes `problem`.

        Cancelling this ends only the waiting: what a thread has opened is taken into use.
        """
        if self._closed:
            return
        attempt = asyncio.create_task(self._attempt(), name=f"open {self._name}")
        self._attempts.add(attempt)
        attempt.add_done_callback(self._attempts.discard)
        await asyncio.shield(attempt)

    async def until_former_are_closed(self) -> None:
        """Return once nobody works with a value that has been replaced."""
        while self._former:  # noqa: ASYNC110 - rare, and the work that is waited for takes seconds
            await asyncio.sleep(_FORMER_POLL_S)

    async def close(self) -> None:
        """Stop trying, and close what is open once its last lease has ended."""
        self._closed = True
        if self._loop:
            self._loop.cancel()
            await asyncio.wait({self._loop})
        if self._attempts:  # what a thread is opening has to be closed too
            await asyncio.wait(self._attempts)
        self.problem = ShuttingDown(_SHUTTING_DOWN)
        leased, self._leased = self._leased, None
        if leased:
            await self._close_unused(leased)

    async def _supervise(self) -> None:
        failures = 0
        while True:
            await self.refresh()
            failures = failures + 1 if self.problem else 0
            retry_s = min(self._retry_s, FIRST_RETRY_S * 2 ** min(failures - 1, _DOUBLINGS))
            with suppress(TimeoutError):
                async with asyncio.timeout(retry_s if failures else self._recheck_s):
                    await self._until_changed()

    async def _until_changed(self) -> None:
        try:
            await self._changed()
        except Exception:  # the pause must go on, and with it the attempts
            log.exception("cannot tell whether %s has changed", self._name)
            await _never()

    async def _attempt(self) -> None:
        async with self._attempt_lock:
            slow = asyncio.get_running_loop().call_later(self._wait_s, self._is_slow)
            try:
                value = await self._opener(self.current)
            except StashSenseError as error:
                self._remember(error, error)
            except OSError as error:
                self._remember(
                    self._failure(
                        f"Cannot open {self._name}. {describe_os_error(error)} Stash Sense keeps trying."
                    ),
                    error,
                )
            except Exception as error:  # noqa: BLE001 - logged with its traceback and kept as the problem
                self._remember(
                    self._failure(
                        f"Cannot open {self._name}: unexpected {type(error).__name__}. The log has the "
                        "details; Stash Sense keeps trying."
                    ),
                    error,
                )
            else:
                await self._take(value)
            finally:
                slow.cancel()
            self.checked_at = time.time()
            self.first_attempt.set()

    def _is_slow(self) -> None:
        """Say so where "in a moment" is over. It becomes true or is replaced when the attempt ends."""
        if isinstance(self.problem, Starting):
            self.problem = self._failure(
                f"Opening {self._name} has taken more than {self._wait_s:g} s. Large files take minutes; "
                "otherwise check that the disk answers and that no other program holds the files. Stash "
                "Sense goes on waiting."
            )
            log.warning("%s", self.problem)

    def _remember(self, problem: StashSenseError, error: Exception) -> None:
        if repr(error) != self._logged:  # once, not at every retry
            unexpected = None if problem is error else error
            log.log(logging.ERROR if unexpected else logging.WARNING, "%s", problem, exc_info=unexpected)
            self._logged = repr(error)
        self.problem = problem.with_traceback(None)  # its frames would be kept alive

    async def _take(self, value: T) -> None:
        if self._logged:
            log.info("%s: available again", self._name)
        self._logged, self.problem = None, None
        before = self._leased
        if before and before.value is value:
            return
        self._leased = _Leased(value)
        if before:
            self._former.append(before)
            await self._close_unused(before)

    async def _close_unused(self, leased: _Leased[T]) -> None:
        if leased is self._leased or leased.leases:
            return
        if leased in self._former:
            self._former.remove(leased)
        if self._closer is None:
            return
        try:
            await self._closer(leased.value)
        except Exception:  # its successor is in use already
            log.exception("cannot close %s", self._name)
