"""Fetching a picture from a URL that a caller chose, without reaching anything private.

The host is resolved once, all its addresses are checked, and the connection is made to a checked address, so
that DNS rebinding has no effect. Each redirect is checked like the first URL. No cookies, credentials or
proxies are used, and fetches share no state.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import httpx

from stash_sense.errors import (
    BadUrl,
    ForbiddenAddress,
    ImageTooLarge,
    NotAnImage,
    UrlAnsweredWrongly,
    UrlTooSlow,
    UrlUnreachable,
)
from stash_sense.media.addresses import WebAddress, is_fetchable
from stash_sense.media.formats import ACCEPTED_FORMATS

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host name and port -> all IP addresses of the host."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_UNKNOWN_KINDS = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_HEADERS = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "stash-sense"}


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Limits of one fetch. seconds: in total, with redirects. stall_s: without a byte arriving."""

    file_bytes: int = 50_000_000
    seconds: float = 20.0
    connect_s: float = 5.0
    stall_s: float = 10.0
    redirects: int = 3
    private_too: bool = False


class ImageFetcher:
    """Fetches pictures by URL. One per process; close it with `aclose`."""

    def __init__(
        self, limits: FetchLimits, resolve: Resolve | None = None, trusted: ssl.SSLContext | None = None
    ) -> None:
        """resolve: the system's resolver by default. trusted: the system's certificates by default."""
        self._limits = limits
        self._resolve = resolve or self._resolve_by_system
        # A pool of its own: names that hang must not block the threads that other work waits for.
        self._resolving = ThreadPoolExecutor(4, thread_name_prefix="resolve")
        # Only the transport: httpx's client adds cookies, redirects, .netrc and the environment's proxies.
        # No connection is reused: a request for another name at the same address needs its own handshake.
        self._transport = httpx.AsyncHTTPTransport(
            verify=trusted or True,
            trust_env=False,
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=0),
        )

    async def aclose(self) -> None:
        self._resolving.shutdown(wait=False, cancel_futures=True)
        await self._transport.aclose()

    async def fetch(self, url: str) -> bytes:
        """The bytes at `url`, not yet verified to be a picture.

        Raises BadUrl, ForbiddenAddress, UrlUnreachable, UrlTooSlow, UrlAnsweredWrongly, NotAnImage,
        ImageTooLarge.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._limits.seconds):
                address = WebAddress.parse(url)
                for _ in range(self._limits.redirects + 1):
                    answer = await self._request_once(address, began + self._limits.seconds)
                    if isinstance(answer, bytes):
                        return answer
                    address = answer
        except (TimeoutError, httpx.TimeoutException):
            raise UrlTooSlow(
                f"The URL's server did not deliver the picture; given up after {loop.time() - began:.1f} s. "
                "Try again, or save the picture and send its bytes."
            ) from None
        raise UrlAnsweredWrongly(
            f"The URL redirects more than {self._limits.redirects} times. Give the picture's own URL."
        )

    async def _request_once(self, address: WebAddress, deadline: float) -> bytes | WebAddress:
        """The body, or the address that the server redirects to. deadline: in the event loop's time."""
        last: httpx.TransportError | None = None
        addresses = await self._resolve_checked(address)
        for index, checked in enumerate(addresses):
            # The addresses share the time that is left, so that one that swallows packets leaves some.
            share_s = (deadline - asyncio.get_running_loop().time()) / (len(addresses) - index)
            request = self._request(address, checked, min(self._limits.connect_s, max(share_s, 0.0)))
            try:
                response = await self._transport.handle_async_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                last = error  # the host's next address may answer
                continue
            except httpx.TimeoutException:
                raise
            except httpx.TransportError as error:
                raise _unreachable(address, error) from error
            try:
                return await self._read(address, response)
            except httpx.TimeoutException:
                raise
            except httpx.TransportError as error:
                raise _unreachable(address, error) from error
            finally:
                await response.aclose()
        if isinstance(last, httpx.ConnectTimeout):
            raise last
        raise _unreachable(address, last)

    async def _resolve_checked(self, address: WebAddress) -> Sequence[str]:
        """The host's addresses, all of which may be connected to."""
        try:
            literal = address.literal
            addresses = [literal] if literal else await self._resolve(address.host, address.port)
        except (OSError, UnicodeError):
            addresses = []
        if not addresses:
            raise UrlUnreachable(f"{address.host}: no such host. Check the URL.")
        if not all(
            is_fetchable(ip_address, private_too=self._limits.private_too) for ip_address in addresses
        ):
            raise ForbiddenAddress(
                f"{address.host} is in a private network, on this machine, or otherwise not on the public "
                "internet. Send the picture's bytes instead, or set STASH_SENSE_ALLOW_PRIVATE_URLS=true if "
                "everyone who may use Stash Sense may also reach your network."
            )
        return addresses

    async def _resolve_by_system(self, host: str, port: int) -> Sequence[str]:
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        entries = await asyncio.get_running_loop().run_in_executor(self._resolving, ask)
        return list(dict.fromkeys(str(entry[4][0]) for entry in entries))

    def _request(self, address: WebAddress, checked: str, connect_s: float) -> httpx.Request:
        limits = self._limits
        waits = {"connect": connect_s, "read": limits.stall_s, "write": limits.stall_s, "pool": 5.0}
        return httpx.Request(
            "GET",
            address.at(checked),
            headers={**_HEADERS, "Host": address.host_header},
            extensions={"timeout": waits, "sni_hostname": address.host},
        )

    async def _read(self, address: WebAddress, response: httpx.Response) -> bytes | WebAddress:
        if response.status_code in _REDIRECTS and "location" in response.headers:
            try:
                return WebAddress.of(address.url.join(response.headers["location"]))
            except (httpx.InvalidURL, BadUrl):
                raise UrlAnsweredWrongly(
                    f"{address.host} redirects to an invalid URL. Give the picture's own URL."
                ) from None
        if response.status_code != httpx.codes.OK:
            raise UrlAnsweredWrongly(
                f"{address.host} answered with status {response.status_code} instead of the picture. "
                "Open the URL in a browser that is not logged in there."
            )
        _check_kind(address, response)
        if _declared(response) > self._limits.file_bytes:
            raise self._too_large(address)
        body = bytearray()
        async for part in response.aiter_raw():
            body += part
            if len(body) > self._limits.file_bytes:
                raise self._too_large(address)
        return bytes(body)

    def _too_large(self, address: WebAddress) -> ImageTooLarge:
        return ImageTooLarge(
            f"The picture at {address.host} is larger than the {self._limits.file_bytes / 1e6:,g} MB "
            "that are accepted. Save a smaller copy and send that."
        )


def _check_kind(address: WebAddress, response: httpx.Response) -> None:
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", ""):
        raise UrlAnsweredWrongly(
            f"{address.host} sends the picture compressed ({coding[:20]!r}), although asked not to. "
            "Save it and send its bytes."
        )
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if (kind.startswith("image/") and "svg" not in kind) or kind in _UNKNOWN_KINDS:
        return
    raise NotAnImage(
        f"{address.host} sends {kind[:60]!r} for this URL; {ACCEPTED_FORMATS}. Give the picture's own URL."
    )


def _declared(response: httpx.Response) -> int:
    length = response.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else 0


def _unreachable(address: WebAddress, error: httpx.TransportError | None) -> UrlUnreachable:
    # Only the class: httpx's text would reveal the address that the host resolved to.
    why = type(error).__name__ if error else "no answer"
    return UrlUnreachable(f"{address.host} cannot be reached ({why}). Check the URL, and that it is up.")
