"""One request to Stash and its answer: bounded in time and bytes, repeated where that is safe.

The API key goes into a header, to Stash's own origin, and nowhere else: requests are made for URLs of
`StashAddress` only, redirects are not followed, and no proxy of the environment is used.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

import httpx

from stash_sense.stash.address import StashAddress
from stash_sense.stash.errors import KeyRefused, StashAnsweredWrongly, StashError, StashTooSlow
from stash_sense.stash.limits import Limits
from stash_sense.stash.refusals import broken_off, refusal, unreachable
from stash_sense.stash.retry import Passing, repeat

_WORDS_BYTES = 65_536  # of an answer that is no success
_DOUBT = " It is not known whether Stash carried it out."


@dataclass(frozen=True, slots=True)
class Ask:
    """A request. `what` names it in messages.

    safe: whether it may be sent twice. too_large: what is raised for a body above `max_bytes`.
    check: sees the head of a 200 before its body is read, and raises to refuse it.
    failure: sees any other answer's head and first words, and may say better than we can what it means.
    """

    what: str
    method: str
    url: httpx.URL
    max_bytes: int
    too_large: type[StashError] = StashAnsweredWrongly
    content: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    safe: bool = True
    check: Callable[[httpx.Response], None] | None = None
    failure: Callable[[httpx.Response, str], StashError | None] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole body of a 200."""

    body: bytes
    content_type: str


class Transport:
    """The connection pool to one Stash."""

    def __init__(self, address: StashAddress, api_key: str, limits: Limits) -> None:
        self.address = address
        key = api_key.strip()
        if not all("!" <= letter <= "~" for letter in key):
            # Found here, since the HTTP library would quote the key in its error.
            raise KeyRefused(
                "STASH_API_KEY holds a blank or a letter that no key has. Copy it anew from Stash: "
                "Settings, Security, API Key."
            )
        self._key = key
        self._http = httpx.AsyncClient(
            auth=address.login,
            headers={"ApiKey": key} if key else {},
            limits=httpx.Limits(max_connections=limits.connections),
            # SSL_CERT_FILE counts, for a certificate of one's own. HTTP_PROXY and .netrc do not: a proxy
            # would see the key.
            verify=httpx.create_ssl_context(),
            trust_env=False,
            follow_redirects=False,
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    def keyless(self, words: str) -> str:
        """What the server says, without the key: a proxy may quote the request that it refuses."""
        return words.replace(self._key, "(the API key)") if self._key else words

    async def send(self, ask: Ask, limits: Limits) -> Answer:
        """Raises StashUnreachable, StashTooSlow, KeyRefused, StashAnsweredWrongly, and what `ask` says."""
        try:
            async with asyncio.timeout(limits.total_s):
                return await repeat(lambda: self._attempt(ask, limits), limits, safe=ask.safe)
        except TimeoutError:
            raise self._too_slow(ask, f"was not done after {limits.total_s:g} s") from None

    async def _attempt(self, ask: Ask, limits: Limits) -> Answer:
        request = self._http.build_request(
            ask.method,
            ask.url,
            content=ask.content,
            headers=ask.headers,
            timeout=httpx.Timeout(limits.stall_s, connect=limits.connect_s, pool=None),
        )
        with self._translated(ask):
            response = await self._http.send(request, stream=True)
            async with aclosing(response):
                if response.status_code != HTTPStatus.OK:
                    raise self._refusal(ask, response, self.keyless(await _words(response)))
                if ask.check:
                    ask.check(response)
                body = await _whole(response, ask)
        if body is None:
            raise Passing(broken_off(self.address, ask.what, "the body is cut short"), reached=True)
        return Answer(body, response.headers.get("content-type", ""))

    def _refusal(self, ask: Ask, response: httpx.Response, words: str) -> StashError | Passing:
        said = ask.failure(response, words) if ask.failure else None
        return said or refusal(self.address, ask.what, response, words, with_key=bool(self._key))

    @contextmanager
    def _translated(self, ask: Ask) -> Iterator[None]:
        """Turns the HTTP library's errors into ours."""
        doubt = "" if ask.safe else _DOUBT
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Passing(unreachable(self.address, error), reached=False) from error
        except httpx.TimeoutException as error:
            raise Passing(self._too_slow(ask, "got no answer in time"), reached=True) from error
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise Passing(broken_off(self.address, ask.what, reason + doubt), reached=True) from error
        except httpx.DecodingError as error:
            raise StashAnsweredWrongly(
                f"{self.address}: the answer to {ask.what} is damaged ({error}).{doubt}"
            ) from error

    def _too_slow(self, ask: Ask, how: str) -> StashTooSlow:
        return StashTooSlow(
            f"{self.address}: {ask.what} {how}. Stash, its disk or the network is busy; try again later."
            f"{'' if ask.safe else _DOUBT}"
        )


async def _words(response: httpx.Response) -> str:
    """The beginning of the body as text."""
    body = bytearray()
    async for block in response.aiter_bytes():
        body += block
        if len(body) >= _WORDS_BYTES:
            break
    return bytes(body[:_WORDS_BYTES]).decode("utf-8", "replace")


async def _whole(response: httpx.Response, ask: Ask) -> bytes | None:
    """The body, or None where less came than was announced."""
    announced = response.headers.get("content-length", "")
    size = int(announced) if announced.isascii() and announced.isdigit() else None
    if size is not None and size > ask.max_bytes:
        raise _too_large(ask, size)
    body = bytearray()
    async for block in response.aiter_bytes():
        body += block
        if len(body) > ask.max_bytes:
            raise _too_large(ask, len(body))
    return None if size is not None and response.num_bytes_downloaded < size else bytes(body)


def _too_large(ask: Ask, size: int) -> StashError:
    return ask.too_large(
        f"{ask.what}: {size / 1e6:.1f} MB or more; at most {ask.max_bytes / 1e6:.1f} MB are accepted."
    )
