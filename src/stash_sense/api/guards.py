"""What a request must pass before FastAPI sees it: host, origin and secret, then the limits on its body."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import ipaddress
import re
from collections import deque
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stash_sense.api.problems import problem_response
from stash_sense.errors import BodyTooLarge, BodyTooSlow, ForeignHost, ForeignOrigin, QueueFull, Unauthorized

PAGES = frozenset({"/", "/docs", "/openapi.json", "/metrics"})
"""Opened in a browser: read-only, and with Basic authentication too."""
OPEN = "/health"
"""Answers briefly without a secret."""
AUTHORIZED = "stash_sense.authorized"
"""In a request's scope: whether it carries the secret, or none is required."""
CLIENT_CLOSED_REQUEST = 499
"""For the log alone: the client is gone."""

_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]+))(?::[0-9]{1,5})?\Z")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
_BODIES_IN_FLIGHT = 6
"""All bodies held at once, as a multiple of the largest one accepted."""
_LINGER_S = 1.0
_LINGER_BYTES = 100_000_000


class AccessGuard:
    """ASGI middleware that answers 401 or 403 before the body is read, unless the request may pass."""

    def __init__(self, app: ASGIApp, *, secret: str | None, allowed_hosts: Collection[str]) -> None:
        self._app = app
        self._secret = None if secret is None else _digest(secret)
        self._allowed = frozenset(allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._check_host(headers.get("host", ""))
            _check_origin(headers)
            scope[AUTHORIZED] = self._is_authorized(scope, headers)
        except (ForeignHost, ForeignOrigin) as error:
            await problem_response(error)(scope, receive, send)
        except Unauthorized as error:
            scheme = 'Basic realm="Stash Sense", charset="UTF-8"'
            challenge = scheme if _is_page(scope) else 'Bearer realm="Stash Sense"'
            await problem_response(error, {"WWW-Authenticate": challenge})(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _check_host(self, host: str) -> None:
        name = _host_name(host)
        try:
            ipaddress.ip_address(name)
        except ValueError:
            # A name without a dot belongs to the home network or a container. No page on the internet can
            # have one, so DNS rebinding, which this check is for, cannot use it.
            if (name and "." not in name) or name in self._allowed:
                return
            raise ForeignHost(
                f"The host name {host[:100]!r} is not allowed. Use the IP address of Stash Sense, or add the "
                "name to STASH_SENSE_ALLOWED_HOSTS."
            ) from None

    def _is_authorized(self, scope: Scope, headers: Headers) -> bool:
        if self._secret is None:
            return True
        given = headers.get("authorization")
        if given is None and scope["path"] == OPEN:
            return False
        scheme, _, credentials = (given or "").partition(" ")
        credentials = credentials.strip()
        if scheme.lower() == "basic" and _is_page(scope):
            credentials = _password(credentials)
        elif scheme.lower() != "bearer":
            credentials = ""
        if not hmac.compare_digest(_digest(credentials), self._secret):
            raise Unauthorized(
                "The secret of this Stash Sense is missing or wrong. `stash-sense token` prints it; in a "
                "browser it is the password."
            )
        return True


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
        self._held = 0

    def hold(self, size: int) -> None:
        """Count bytes in memory. Raises QueueFull where all bodies together would hold too many."""
        if self._held + size > _BODIES_IN_FLIGHT * self.max_bytes:
            raise QueueFull("Too many large requests are being sent at once. Try again in a moment.", 2)
        self._held += size

    def release(self, size: int) -> None:
        """Stop counting bytes."""
        self._held -= size

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
        if scope["type"] != "http" or scope["method"] in _BODILESS:
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
            await answer(scope, _replay(chunks, receive), _release_first(held, send))

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


def _replay(chunks: deque[bytes], receive: Receive) -> Receive:
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


def _digest(text: str) -> bytes:
    """Equally long for every text, so that comparing digests leaks nothing."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _is_page(scope: Scope) -> bool:
    return scope["method"] == "GET" and scope["path"] in PAGES


def _password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""


def _host_name(host: str) -> str:
    """A Host header without port, brackets and final dot; empty where it is invalid."""
    match = _HOST.match(host.strip().lower())
    return (match[1] or match[2]).rstrip(".") if match else ""


def _check_origin(headers: Headers) -> None:
    """Browsers name the page's server in Origin. It must be the server that is called."""
    own = headers.get("host", "").strip().lower()
    for origin in headers.getlist("origin"):
        scheme, _, server = origin.strip().lower().partition("://")
        if scheme not in _DEFAULT_PORTS or _with_port(server, scheme) != _with_port(own, scheme):
            raise ForeignOrigin(
                "A page of another server sent this request; only Stash Sense's own pages may call it. "
                "From Stash, use the plugin, which calls through Stash's server."
            )


def _with_port(server: str, scheme: str) -> str:
    has_port = server.rfind(":") > server.rfind("]")
    return server if has_port else f"{server}:{_DEFAULT_PORTS[scheme]}"
