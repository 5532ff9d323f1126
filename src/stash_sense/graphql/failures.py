"""Failures of a server as errors of ours: each kind of server brings its own words and advice."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Protocol

import httpx

from stash_sense.errors import StashSenseError

_EXCERPT_LENGTH = 300
_TRANSIENT = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INTERNAL_SERVER_ERROR}
    | {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)


class TransientFailure(Exception):
    """A failure that may be gone at the next attempt; `error` is raised if there is none.

    reached_server: whether the server may have carried out the request. asks_to_wait: it answered that this
    comes too early. retry_after_s: as it asked, else 0.
    """

    def __init__(
        self,
        error: StashSenseError,
        *,
        reached_server: bool,
        asks_to_wait: bool = False,
        retry_after_s: float = 0.0,
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.reached_server = reached_server
        self.asks_to_wait = asks_to_wait
        self.retry_after_s = retry_after_s


class ServerFailures(Protocol):
    """The errors for what can go wrong with one server, in sentences that say what to do there.

    what: the request, as its `name`. in_doubt: it changes something, and may have been carried out.
    """

    @property
    def wrong_answer(self) -> type[StashSenseError]:
        """For what no such server answers."""
        ...

    def bad_key(self) -> StashSenseError:
        """The API key cannot be part of a header."""
        ...

    def unreachable(self, reason: str) -> StashSenseError:
        """No connection could be made. reason: as the system words it."""
        ...

    def connection_lost(self, what: str, reason: str, *, in_doubt: bool) -> StashSenseError:
        """The connection broke before the whole response had arrived."""
        ...

    def too_slow(self, what: str, how: str, *, in_doubt: bool) -> StashSenseError:
        """No answer came in time. how: "got no answer in time"."""
        ...

    def damaged(self, what: str, reason: str, *, in_doubt: bool) -> StashSenseError:
        """The body is not packed as its headers say."""
        ...

    def bad_status(self, what: str, response: httpx.Response, text: str) -> StashSenseError:
        """Another status than the one that was wanted. text: the beginning of the body, without the key."""
        ...

    def refused(self, operation: str, messages: tuple[str, ...]) -> StashSenseError:
        """GraphQL errors, in the server's words."""
        ...

    def not_graphql(self, operation: str) -> StashSenseError:
        """Something else than the answer to a GraphQL operation."""
        ...


def failed_response(error: StashSenseError, response: httpx.Response) -> StashSenseError | TransientFailure:
    """`error`, the error for this response, or a transient failure where the status may change."""
    if response.status_code not in _TRANSIENT:
        return error
    wait_s = retry_after_s(response)
    asks_to_wait = response.status_code == HTTPStatus.TOO_MANY_REQUESTS or wait_s > 0
    return TransientFailure(error, reached_server=True, asks_to_wait=asks_to_wait, retry_after_s=wait_s)


def connect_reason(error: httpx.TransportError) -> str:
    """Why no connection could be made."""
    return str(error) or ("no answer" if isinstance(error, httpx.TimeoutException) else type(error).__name__)


def is_untrusted(reason: str) -> bool:
    """Whether a connection failed because this machine does not trust the server's certificate."""
    return "CERTIFICATE_VERIFY_FAILED" in reason


def excerpt(response: httpx.Response, text: str) -> str:
    """What the server said, on one line after a colon; nothing of an HTML page."""
    if "html" in response.headers.get("content-type", "") or text.lstrip().startswith("<"):
        return " and a page of HTML"
    line = " ".join(text.split())[:_EXCERPT_LENGTH].rstrip(".")
    return f": {line}" if line else ""


def graphql_errors(answer: Any, redact: Callable[[str], str] = str) -> tuple[str, ...]:
    """The messages of the errors in a GraphQL answer, redacted and shortened; empty if there are none."""
    errors = answer.get("errors") if isinstance(answer, dict) else None
    if not isinstance(errors, list):
        return ()
    return tuple(" ".join(redact(_message(error)).split())[:_EXCERPT_LENGTH] for error in errors)


def graphql_errors_in(text: str) -> tuple[str, ...]:
    """`graphql_errors` of a JSON text; empty if it is not JSON."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    return graphql_errors(answer)


def retry_after_s(response: httpx.Response) -> float:
    """Seconds that the server asked to wait, from a number or a date; 0 where it asked nothing readable."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError, TypeError):
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _message(error: Any) -> str:
    text = error.get("message") if isinstance(error, dict) else error
    return str(text or "no reason given")
