"""Failed requests to Stash as errors that say what to do: HTTP statuses, lost connections, GraphQL errors."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httpx

from stash_sense.errors import StashAnsweredWrongly, StashError, StashKeyRefused, StashUnreachable
from stash_sense.stash.address import StashAddress

_EXCERPT_LENGTH = 300
_LOGIN = "/login"
_MAX_RETRY_AFTER_S = 30.0
_KEY_ADVICE = "Copy the key from Stash (Settings, Security, API Key) and set STASH_API_KEY to it."
_TRANSIENT = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INTERNAL_SERVER_ERROR}
    | {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)


class TransientFailure(Exception):
    """A failure that may be gone at the next attempt; `error` is raised if there is none.

    reached_server: whether Stash may have carried out the request. retry_after_s: as the server asked.
    """

    def __init__(self, error: StashError, *, reached_server: bool, retry_after_s: float = 0.0) -> None:
        super().__init__(str(error))
        self.error = error
        self.reached_server = reached_server
        self.retry_after_s = retry_after_s


def error_from_response(
    address: StashAddress, what: str, response: httpx.Response, text: str, *, with_key: bool
) -> StashError | TransientFailure:
    """The error for a response with another status than wanted. text: the beginning of its body."""
    status = response.status_code
    if status == HTTPStatus.UNAUTHORIZED:
        return _key_error(address, with_key=with_key)
    if response.has_redirect_location:
        return _redirect_error(address, what, response, with_key=with_key)
    error = StashAnsweredWrongly(
        f"{address}: {what} was answered with {status} {response.reason_phrase}{_excerpt(response, text)}. "
        "Check that STASH_URL is the address of Stash itself, and see Stash's log."
    )
    if status in _TRANSIENT:
        return TransientFailure(error, reached_server=True, retry_after_s=_retry_after(response))
    return error


def unreachable(address: StashAddress, error: httpx.TransportError) -> StashUnreachable:
    """The error for a connection that could not be made."""
    reason = str(error) or (
        "no answer" if isinstance(error, httpx.TimeoutException) else type(error).__name__
    )
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        advice = (
            "This machine does not trust its certificate. Set SSL_CERT_FILE to a file with the certificate "
            "authority, or use http://."
        )
    else:
        advice = (
            "Check that Stash is running and that STASH_URL is right. Inside a container, localhost is the "
            "container itself; use the name or the IP address of the machine that runs Stash."
        )
    return StashUnreachable(f"{address}: Stash cannot be reached ({reason}). {advice}")


def connection_lost(address: StashAddress, what: str, reason: str) -> StashUnreachable:
    """The error for a connection that broke before the whole response had arrived."""
    return StashUnreachable(
        f"{address}: the connection broke during {what} ({reason}). Stash may have been restarted, or the "
        "network failed; try again."
    )


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
    except ValueError:
        return ()
    return graphql_errors(answer)


def _message(error: Any) -> str:
    text = error.get("message") if isinstance(error, dict) else error
    return str(text or "no reason given")


def _excerpt(response: httpx.Response, text: str) -> str:
    """What the server said, on one line; nothing of an HTML page."""
    if "html" in response.headers.get("content-type", "") or text.lstrip().startswith("<"):
        return " and a page of HTML"
    excerpt = " ".join(text.split())[:_EXCERPT_LENGTH].rstrip(".")
    return f": {excerpt}" if excerpt else ""


def _key_error(address: StashAddress, *, with_key: bool) -> StashKeyRefused:
    if with_key:
        return StashKeyRefused(
            f"{address}: Stash refused the API key (401). {_KEY_ADVICE} "
            "Leave it empty only if this Stash has no login; even then Stash refuses a wrong key."
        )
    return StashKeyRefused(f"{address}: Stash requires a login, but no API key is set. {_KEY_ADVICE}")


def _redirect_error(
    address: StashAddress, what: str, response: httpx.Response, *, with_key: bool
) -> StashError:
    try:
        target = response.url.join(response.headers["location"])
    except httpx.InvalidURL:
        return StashAnsweredWrongly(
            f"{address}: {what} was answered with an invalid redirect. Set STASH_URL to the address of Stash "
            "itself, without a proxy in between."
        )
    if target.path.endswith(_LOGIN) and with_key:
        return StashKeyRefused(
            f"{address}: Stash requires a login although the API key was sent. A proxy may remove the ApiKey "
            "header: set STASH_URL to the address of Stash itself."
        )
    if target.path.endswith(_LOGIN):
        return _key_error(address, with_key=False)
    url = str(target.copy_with(username=None, password=None, query=None, fragment=None))
    return StashAnsweredWrongly(
        f"{address}: {what} was redirected to {url}, which is not followed. "
        "If Stash is there, set STASH_URL to that address."
    )


def _retry_after(response: httpx.Response) -> float:
    """Seconds; 0 if the header is missing or a date."""
    text = response.headers.get("retry-after", "")
    return min(float(text), _MAX_RETRY_AFTER_S) if text.isascii() and text.isdigit() else 0.0
