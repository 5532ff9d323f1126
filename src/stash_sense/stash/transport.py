"""One request to Stash and its answer: bounded in time and bytes, retried where that is safe.

The API key goes into a header, to Stash's own origin, and nowhere else: requests are made for URLs of
`StashAddress` only, redirects are not followed, and no proxy of the environment is used.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeVar

import httpx

from stash_sense.errors import StashAnsweredWrongly, StashError, StashKeyRefused, StashTooSlow
from stash_sense.stash.address import StashAddress
from stash_sense.stash.refusals import Passing, broken_off, refusal, unreachable


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes; every request is bounded by all of them.

    `connect_s`: to reach the server. `stall_s`: without a byte arriving or leaving. `total_s`: one request
    with all its repetitions, its wait for a free connection, and its whole body.
    `retry_s`: after this, no new attempt is begun. A person waits a few seconds for Stash to come back, a
    job of an hour may wait for a minute.
    `attempts`: how often a request that reached the server is sent in all. `pause_s`: before the second,
    doubled for each further one up to `longest_pause_s`; each is shortened at random by up to half, lest
    all come back at once.
    `media_bytes`: of one picture. `answer_bytes`: of one GraphQL answer; 200 images are about 300 kB.
    `connections`: to Stash at a time, all callers together; fixed when the pool is made.
    """

    connect_s: float = 5.0
    stall_s: float = 20.0
    total_s: float = 60.0
    retry_s: float = 5.0
    attempts: int = 3
    pause_s: float = 0.25
    longest_pause_s: float = 4.0
    media_bytes: int = 200_000_000
    answer_bytes: int = 64_000_000
    connections: int = 16


DEFAULT_LIMITS = Limits()


log = logging.getLogger(__name__)


T = TypeVar("T")


async def repeat(attempt: Callable[[], Awaitable[T]], limits: Limits, *, safe: bool) -> T:
    """Return the first attempt's result that succeeds; else raise the last attempt's error.

    A request that did not reach the server is sent again until `retry_s` is over. One that may have reached
    it is sent again only if it is `safe` to repeat, and `attempts` times in all.
    """
    started = time.monotonic()
    reached = failures = 0
    while True:
        try:
            return await attempt()
        except Passing as passing:
            reached += passing.reached
            failures += 1
            pause = max(passing.wait_s, _pause(failures, limits))
            over = time.monotonic() - started + pause > limits.retry_s
            if over or reached >= (limits.attempts if safe else 1):
                raise passing.error from passing.__cause__
            log.info("%s Trying again in %.1f s.", passing.error, pause)
            await asyncio.sleep(pause)


def _pause(failures: int, limits: Limits) -> float:
    doubled = limits.pause_s * 2.0 ** min(failures - 1, 16)
    # Spread out, not secret.
    return min(doubled, limits.longest_pause_s) * random.uniform(0.5, 1.0)  # noqa: S311


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
            raise StashKeyRefused(
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
