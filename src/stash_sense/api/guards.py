"""The limits on a request's body: bytes, time, and how much all bodies may hold together."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stash_sense.api.clients import current_client
from stash_sense.api.problems import problem_response
from stash_sense.errors import BodyTooLarge, BodyTooSlow, QueueFull

CLIENT_CLOSED_REQUEST = 499
"""For the log alone: the client is gone."""

BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
_BODIES_IN_FLIGHT = 6
"""All bodies held at once, as a multiple of the largest one accepted."""
_LINGER_S = 1.0
_LINGER_BYTES = 100_000_000


class BodyLimit:
    """The most bytes that one body may have, and all bodies under this limit together.

    advice: what to do about a larger one. admit: entered before a body is read, so that a full sidecar
    refuses it unread; raises QueueFull.
    """

    def __init__(
        self,
        max_bytes: int,
        advice: str,
        admit: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.max_bytes = max_bytes
        self.admit = admit
        self._advice = advice
        self._held: Counter[str] = Counter()

    def hold(self, size: int) -> None:
        """Count bytes in memory, of which one client may hold half.

        Raises QueueFull where all bodies together, or the client's, would hold too many.
        """
        client, most = current_client(), _BODIES_IN_FLIGHT * self.max_bytes
        is_over_share = client and self._held[client] + size > most // 2
        if is_over_share or self._held.total() + size > most:
            raise QueueFull("Too many large requests are being sent at once. Try again in a moment.", 2)
        self._held[client] += size

    def release(self, size: int) -> None:
        """Stop counting bytes of the same request."""
        client = current_client()
        self._held[client] -= size
        if not self._held[client]:
            del self._held[client]

    def too_large(self) -> BodyTooLarge:
        """The error for a larger body."""
        return BodyTooLarge(
            f"The body has more than {self.max_bytes / 1e6:,.1f} MB, which is the limit. {self._advice}"
        )


class BodyGuard:
    """ASGI middleware that reads each body into memory, within limits, before FastAPI parses it.

    FastAPI itself takes bodies of any size and speed.
    """

    def __init__(
        self, app: ASGIApp, *, default: BodyLimit, by_path: Mapping[str, BodyLimit], seconds: float
    ) -> None:
        """seconds: in which a body has to arrive."""
        self._app = app
        self._default = default
        self._by_path = by_path
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http" or scope["method"] in BODILESS:
            await self._app(scope, receive, send)
            return
        limit = self._by_path.get(scope["path"], self._default)
        chunks: deque[bytes] = deque()
        answer = self._app
        with ExitStack() as held:
            try:
                held.enter_context(limit.admit())
                await self._read(scope, receive, limit, chunks)
            except QueueFull as error:
                answer = problem_response(error)
            except (BodyTooLarge, BodyTooSlow) as error:
                answer = problem_response(error, {"Connection": "close"})
            except ClientDisconnect:
                answer = Response(status_code=CLIENT_CLOSED_REQUEST)
            finally:
                held.callback(limit.release, sum(map(len, chunks)))
            await answer(scope, replay(chunks, receive), _release_first(held, send))

    async def _read(self, scope: Scope, receive: Receive, limit: BodyLimit, chunks: deque[bytes]) -> None:
        headers = Headers(scope=scope)
        try:
            async with asyncio.timeout(self._seconds) as timeout:
                try:
                    await _fill(headers, receive, limit, chunks)
                except BodyTooLarge:
                    timeout.reschedule(None)
                    await _linger(headers, receive)
                    raise
        except TimeoutError:
            raise BodyTooSlow(
                f"The body did not arrive within {self._seconds:g} s. Send a smaller one, or over a "
                "faster connection."
            ) from None


async def _fill(headers: Headers, receive: Receive, limit: BodyLimit, chunks: deque[bytes]) -> None:
    declared = headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > limit.max_bytes:
        raise limit.too_large()
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit.max_bytes:
            raise limit.too_large()
        limit.hold(len(chunk))
        chunks.append(chunk)
        more = message.get("more_body", False)


def replay(chunks: deque[bytes], receive: Receive) -> Receive:
    """A `receive` that hands over the body, then what else happens on the connection."""

    async def replay() -> Message:
        if not chunks:
            return await receive()
        chunk = chunks.popleft()
        return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

    return replay


def _release_first(held: ExitStack, send: Send) -> Send:
    """A `send` that gives everything held back before the client sees the first byte of the answer."""

    async def release_and_send(message: Message) -> None:
        held.close()
        await send(message)

    return release_and_send


async def _linger(headers: Headers, receive: Receive) -> None:
    """Read on for a moment: many clients read the answer only after they have sent everything."""
    if headers.get("expect", "").lower() == "100-continue":
        return
    size = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_S):
            while size < _LINGER_BYTES:
                message = await receive()
                size += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
