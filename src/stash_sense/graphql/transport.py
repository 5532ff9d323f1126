"""One request to a server and its response: bounded in time and bytes, retried where that is safe.

The API key goes into a header, to the server's own origin, and nowhere else: callers make requests for URLs
below its address only, redirects are not followed, and no proxy of the environment is used.
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

from stash_sense.errors import StashSenseError
from stash_sense.graphql.bodies import (
    ACCEPT_ENCODING,
    BadEncoding,
    BodyTooLong,
    CutShort,
    read_beginning,
    read_body,
)
from stash_sense.graphql.failures import (
    ServerFailures,
    TransientFailure,
    connect_reason,
    failed_response,
)

log = logging.getLogger(__name__)

_MAX_TEXT_BYTES = 65_536  # read of a response whose status is not the one that was wanted
_MAX_RETRY_AFTER_S = 30.0


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Limits of one request, in seconds and bytes.

    connect_s: to reach the server. stall_s: without a byte arriving or leaving. total_s: the whole request
    with all attempts, the wait for a free connection, and the body. retry_s: no attempt begins later than
    this. A person waits a few seconds for a server to come back; a job of an hour may wait for a minute.
    attempts: how often a request that may have reached the server is sent in all. pause_s: before the second
    attempt, doubled for each further one up to longest_pause_s, each shortened at random by up to half.
    media_bytes: of one image. answer_bytes: of one GraphQL answer. connections: to the server at a time, all
    callers together; fixed when the client is created.
    """

    connect_s: float
    stall_s: float
    total_s: float
    retry_s: float
    attempts: int
    pause_s: float
    longest_pause_s: float
    media_bytes: int
    answer_bytes: int
    connections: int


@dataclass(frozen=True, slots=True)
class ServerRequest:
    """name: in messages. too_large: the error for a body above `max_bytes`.
    idempotent: whether it may be sent again after it may have reached the server.

    status: of the response that is wanted. check_headers: is given such a response before its body is read;
    raises to refuse it. explain_failure: is given any other response and the beginning of its body; returns a
    better error than ours, or None.
    """

    name: str
    method: str
    url: httpx.URL
    max_bytes: int
    too_large: type[StashSenseError]
    content: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    idempotent: bool = True
    status: HTTPStatus = HTTPStatus.OK
    check_headers: Callable[[httpx.Response], None] | None = None
    explain_failure: Callable[[httpx.Response, str], StashSenseError | None] | None = None


@dataclass(frozen=True, slots=True)
class ServerResponse:
    """The whole body of a response with the status that was wanted."""

    body: bytes
    headers: httpx.Headers

    @property
    def content_type(self) -> str:
        """As the server names it; often empty."""
        return str(self.headers.get("content-type", ""))


class Transport:
    """The connection pool to one server. failures: its errors, which every method raises."""

    def __init__(
        self,
        failures: ServerFailures,
        api_key: str,
        limits: RequestLimits,
        *,
        login: tuple[str, str] | None = None,
        user_agent: str = "",
    ) -> None:
        """login: user and password of a proxy in front of it. Raises `bad_key` if no header can carry it."""
        self.failures = failures
        self._key = api_key.strip()
        if not all("!" <= letter <= "~" for letter in self._key):
            # Checked here because the HTTP library would quote the key in its error.
            raise failures.bad_key()
        headers = {"Accept-Encoding": ACCEPT_ENCODING}
        if self._key:
            headers["ApiKey"] = self._key
        if user_agent:
            headers["User-Agent"] = user_agent
        self._http = httpx.AsyncClient(
            auth=login,
            headers=headers,
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

    async def send(self, request: ServerRequest, limits: RequestLimits) -> ServerResponse:
        """Send the request until it succeeds or `limits` are used up. Raises the request's own errors too."""
        try:
            async with asyncio.timeout(limits.total_s):
                return await _retrying(request, limits)(self.attempt, request, limits)
        except TransientFailure as failure:
            raise failure.error from failure.__cause__
        except TimeoutError:
            raise self.failures.too_slow(
                request.name, f"was not done after {limits.total_s:g} s", in_doubt=not request.idempotent
            ) from None

    async def attempt(self, request: ServerRequest, limits: RequestLimits) -> ServerResponse:
        """Send the request once. Raises TransientFailure where a further attempt may help."""
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
        return ServerResponse(body, response.headers)

    def _failure(
        self, request: ServerRequest, response: httpx.Response, text: str
    ) -> StashSenseError | TransientFailure:
        explained = request.explain_failure(response, text) if request.explain_failure else None
        return explained or failed_response(self.failures.bad_status(request.name, response, text), response)

    @contextmanager
    def _translated_errors(self, request: ServerRequest) -> Iterator[None]:
        """Turn the HTTP library's errors into the server's."""
        what, failures, in_doubt = request.name, self.failures, not request.idempotent
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise TransientFailure(
                failures.unreachable(connect_reason(error)), reached_server=False
            ) from error
        except httpx.TimeoutException as error:
            too_slow = failures.too_slow(what, "got no answer in time", in_doubt=in_doubt)
            raise TransientFailure(too_slow, reached_server=True) from error
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            lost = failures.connection_lost(what, reason, in_doubt=in_doubt)
            raise TransientFailure(lost, reached_server=True) from error
        except CutShort as error:
            lost = failures.connection_lost(what, "the body was cut short", in_doubt=in_doubt)
            raise TransientFailure(lost, reached_server=True) from error
        except BadEncoding as error:
            raise failures.damaged(what, str(error), in_doubt=in_doubt) from error
        except BodyTooLong as error:
            raise request.too_large(
                f"{what}: {error.count / 1e6:.1f} MB or more; at most "
                f"{request.max_bytes / 1e6:.1f} MB are accepted.",
                megabytes=error.count / 1e6,
                most=request.max_bytes / 1e6,
            ) from error


def _retrying(request: ServerRequest, limits: RequestLimits) -> AsyncRetrying:
    """Retry until `retry_s`. A request that may have reached the server is sent `attempts` times at most, and
    only once if it is not idempotent.
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
        wait=lambda state: max(min(_failure_of(state).retry_after_s, _MAX_RETRY_AFTER_S), backoff(state)),
        before_sleep=lambda state: log.info(
            "%s Trying again in %.1f s.", _failure_of(state), state.upcoming_sleep
        ),
        reraise=True,
    )


def _failure_of(state: RetryCallState) -> TransientFailure:
    failure = state.outcome.exception() if state.outcome else None
    assert isinstance(failure, TransientFailure)  # the only exception that is retried
    return failure
