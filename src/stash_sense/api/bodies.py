"""Reading a request's body: no more bytes and no longer than accepted, one request and all together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.requests import ClientDisconnect, Request

from stash_sense.errors import BodyTooLarge, BodyTooSlow, QueueFull

_LINGER_S = 1.0
_LINGER_BYTES = 100_000_000


class Bodies:
    """Reads bodies of at most `most` bytes within `seconds`; all in hand hold at most `together` bytes."""

    def __init__(self, most: int, together: int, seconds: float, advice: str) -> None:
        """advice: what to do where a body is too large."""
        self._advice = advice
        self._most = most
        self._together = max(together, most)
        self._seconds = seconds
        self._held = 0

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytearray]:
        """The body, whose bytes count as held until the end. Raises BodyTooLarge, BodyTooSlow, Full."""
        body = bytearray()
        try:
            async with asyncio.timeout(self._seconds) as limit:
                try:
                    await self._fill(request, body)
                except BodyTooLarge:
                    limit.reschedule(None)
                    await _let_the_caller_listen(request)
                    raise
        except TimeoutError:
            self._held -= len(body)
            raise BodyTooSlow(
                f"The body did not arrive within {self._seconds:g} s. Send a smaller one, or over a "
                "faster connection."
            ) from None
        except BaseException:
            self._held -= len(body)
            raise
        try:
            yield body
        finally:
            self._held -= len(body)

    async def _fill(self, request: Request, body: bytearray) -> None:
        declared = request.headers.get("content-length", "")
        if declared.isascii() and declared.isdigit() and int(declared) > self._most:
            raise self._too_large()
        async for part in request.stream():
            if len(body) + len(part) > self._most:
                raise self._too_large()
            if self._held + len(part) > self._together:
                raise QueueFull("Too many large pictures are being sent at once. Try again in a moment.", 2)
            self._held += len(part)
            body += part

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(
            f"The body has more than {self._most / 1e6:,.1f} MB, the most that is accepted. {self._advice}"
        )


async def _let_the_caller_listen(request: Request) -> None:
    """Read on for a moment: many callers listen for an answer only after they have sent everything."""
    if request.headers.get("expect", "").lower() == "100-continue":
        return
    read = 0
    with suppress(TimeoutError, ClientDisconnect, RuntimeError):
        async with asyncio.timeout(_LINGER_S):
            async for part in request.stream():
                read += len(part)
                if read > _LINGER_BYTES:
                    return
