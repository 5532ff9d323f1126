"""One request to Stash and its response: bounded in time and bytes, retried where that is safe.

The API key goes into a header, to Stash's own origin, and nowhere else: requests are made for URLs of
`StashAddress` only, redirects are not followed, and no proxy of the environment is used.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

import httpx
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_before_delay,
    wait_exponential,
    wait_random_exponential,
)

from stash_sense.errors import StashAnsweredWrongly, StashError, StashKeyRefused, StashTooSlow
from stash_sense.stash.address import StashAddress
from stash_sense.stash.bodies import (
    ACCEPT_ENCODING,
    BadEncoding,
    BodyTooLong,
    CutShort,
    read_beginning,
    read_body,
)
from stash_sense.stash.failures import TransientFailure, connection_lost, error_from_response, unreachable

log = logging.getLogger(__name__)

_MAX_TEXT_BYTES = 65_536  # read of a response whose status is not 200
_IN_DOUBT = " It is not known whether Stash carried it out."


@dataclass(frozen=True, slots=True)
class StashLimits:
    """Limits of one request, in seconds and bytes.

    connect_s: to reach the server. stall_s: without a byte arriving or leaving. total_s: the whole request
    with all attempts, the wait for a free connection, and the body. retry_s: no attempt begins later than
    this. A person waits a few seconds for Stash to come back; a job of an hour may wait for a minute.
    attempts: how often a request that may have reached Stash is sent in all. pause_s: before the second
    attempt, doubled for each further one up to longest_pause_s, each shortened at random by up to half.
    media_bytes: of one image. answer_bytes: of one GraphQL answer; 200 images are about 300 kB. connections:
    to Stash at a time, all callers together; fixed when the client is created.
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


DEFAULT_STASH_LIMITS = StashLimits()


@dataclass(frozen=True, slots=True)
class StashRequest:
    """name: in messages. idempotent: whether it may be sent again after it may have reached Stash.

    too_large: the error for a body above `max_bytes`. status: of the response that is wanted. check_headers:
    is given such a response before its body is read; raises to refuse it. explain_failure: is given any other
    response and the beginning of its body; returns a better error than ours, or None.
    """

    name: str
    method: str
    url: httpx.URL
    max_bytes: int
    too_large: type[StashError] = StashAnsweredWrongly
    content: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    idempotent: bool = True
    status: HTTPStatus = HTTPStatus.OK
    check_headers: Callable[[httpx.Response], None] | None = None
    explain_failure: Callable[[httpx.Response, str], StashError | None] | None = None


@dataclass(frozen=True, slots=True)
class StashResponse:
    """The whole body of a response with the status that was wanted."""

    body: bytes
    headers: httpx.Headers

    @property
    def content_type(self) -> str:
        """As the server names it; often empty."""
        return str(self.headers.get("content-type", ""))


class Transport:
    """The connection pool to one Stash."""

    def __init__(self, address: StashAddress, api_key: str, limits: StashLimits) -> None:
        """Raises StashKeyRefused if the key cannot be sent in a header."""
        self.address = address
        key = api_key.strip()
        if not all("!" <= letter <= "~" for letter in key):
            # Checked here because the HTTP library would quote the key in its error.
            raise StashKeyRefused(
                "STASH_API_KEY contains a space or a character that cannot be part of a key. Copy the key "
                "from Stash again: Settings, Security, API Key."
            )
        self._key = key
        self._http = httpx.AsyncClient(
            auth=address.login,
            headers={"Accept-Encoding": ACCEPT_ENCODING, **({"ApiKey": key} if key else {})},
            limits=httpx.Limits(max_connections=limits.connections),
            # SSL_CERT_FILE counts, for self-signed certificates. HTTP_PROXY and .netrc do not: a proxy would
            # see the key.
            verify=httpx.create_ssl_context(),
            trust_env=False,
            follow_redirects=False,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    def redact(self, text: str) -> str:
        """Return the server's text without the API key: a proxy may quote the request that it refuses."""
        return text.replace(self._key, "(the API key)") if self._key else text

    async def send(self, request: StashRequest, limits: StashLimits) -> StashResponse:
        """Send the request until it succeeds or `limits` are used up.

        Raises StashUnreachable, StashTooSlow, StashKeyRefused, StashAnsweredWrongly, and the request's own
        errors.
        """
        try:
            async with asyncio.timeout(limits.total_s):
                return await _retrying(request, limits)(self._send_once, request, limits)
        except TransientFailure as failure:
            raise failure.error from failure.__cause__
        except TimeoutError:
            raise self._too_slow(request, f"was not done after {limits.total_s:g} s") from None

    async def _send_once(self, request: StashRequest, limits: StashLimits) -> StashResponse:
        prepared = self._http.build_request(
            request.method,
            request.url,
            content=request.content,
            headers=request.headers,
            timeout=httpx.Timeout(limits.stall_s, connect=limits.connect_s, pool=None),
        )
        with self._translated_errors(request):
            response = await self._http.send(prepared, stream=True)
            async with aclosing(response):
                if response.status_code != request.status:
                    beginning = await read_beginning(response, _MAX_TEXT_BYTES)
                    text = self.redact(beginning.decode("utf-8", "replace"))
                    raise self._failure(request, response, text)
                if request.check_headers:
                    request.check_headers(response)
                body = await read_body(response, request.max_bytes)
        return StashResponse(body, response.headers)

    def _failure(
        self, request: StashRequest, response: httpx.Response, text: str
    ) -> StashError | TransientFailure:
        explained = request.explain_failure(response, text) if request.explain_failure else None
        return explained or error_from_response(
            self.address, request.name, response, text, with_key=bool(self._key)
        )

    @contextmanager
    def _translated_errors(self, request: StashRequest) -> Iterator[None]:
        """Turn the HTTP library's errors into ours."""
        doubt = "" if request.idempotent else _IN_DOUBT
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise TransientFailure(unreachable(self.address, error), reached_server=False) from error
        except httpx.TimeoutException as error:
            too_slow = self._too_slow(request, "got no answer in time")
            raise TransientFailure(too_slow, reached_server=True) from error
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            lost = connection_lost(self.address, request.name, reason + doubt)
            raise TransientFailure(lost, reached_server=True) from error
        except CutShort as error:
            lost = connection_lost(self.address, request.name, "the body was cut short" + doubt)
            raise TransientFailure(lost, reached_server=True) from error
        except BadEncoding as error:
            raise StashAnsweredWrongly(
                f"{self.address}: the answer to {request.name} is damaged ({error}).{doubt} Check that "
                "no proxy changes it on the way."
            ) from error
        except BodyTooLong as error:
            raise request.too_large(
                f"{request.name}: {error.count / 1e6:.1f} MB or more; at most "
                f"{request.max_bytes / 1e6:.1f} MB are accepted.",
                megabytes=error.count / 1e6,
                most=request.max_bytes / 1e6,
            ) from error

    def _too_slow(self, request: StashRequest, how: str) -> StashTooSlow:
        return StashTooSlow(
            f"{self.address}: {request.name} {how}. Stash, its disk or the network is busy; try again later."
            f"{'' if request.idempotent else _IN_DOUBT}"
        )


def _retrying(request: StashRequest, limits: StashLimits) -> AsyncRetrying:
    """Retry until `retry_s`. A request that may have reached Stash is sent `attempts` times at most, and only
    once if it is not idempotent.
    """
    sent = 0

    def was_sent_enough(state: RetryCallState) -> bool:
        nonlocal sent
        sent += _failure_of(state).reached_server
        return sent >= (limits.attempts if request.idempotent else 1)

    out_of_time = stop_before_delay(limits.retry_s)
    # A fixed half and a random half, so that not all clients come back at once.
    half, longest_half = limits.pause_s / 2, limits.longest_pause_s / 2
    backoff = wait_exponential(half, longest_half) + wait_random_exponential(half, longest_half)
    return AsyncRetrying(
        retry=retry_if_exception_type(TransientFailure),
        stop=lambda state: was_sent_enough(state) or out_of_time(state),
        wait=lambda state: max(_failure_of(state).retry_after_s, backoff(state)),
        before_sleep=lambda state: log.info(
            "%s Trying again in %.1f s.", _failure_of(state), state.upcoming_sleep
        ),
        reraise=True,
    )


def _failure_of(state: RetryCallState) -> TransientFailure:
    failure = state.outcome.exception() if state.outcome else None
    assert isinstance(failure, TransientFailure)  # the only exception that is retried
    return failure
