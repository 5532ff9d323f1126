"""Answers that are not a success, and broken connections, as sentences that say what to do."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httpx

from stash_sense.errors import StashAnsweredWrongly, StashError, StashKeyRefused, StashUnreachable
from stash_sense.stash.address import StashAddress


class Passing(Exception):
    """A failure that may be gone at the next attempt.

    reached: whether the server may have seen the request. wait_s: how long it asked us to wait.
    """

    def __init__(self, error: StashError, *, reached: bool, wait_s: float = 0.0) -> None:
        super().__init__(str(error))
        self.error = error
        self.reached = reached
        self.wait_s = wait_s


QUOTED = 300


_LOGIN = "/login"


_LONGEST_WAIT_S = 30.0


_WHERE_THE_KEY_IS = "In Stash it stands under Settings, Security, API Key; set STASH_API_KEY to it"


_PASSING = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INTERNAL_SERVER_ERROR}
    | {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)


def refusal(
    address: StashAddress, what: str, response: httpx.Response, words: str, *, with_key: bool
) -> StashError | Passing:
    """What an answer with another status than 200 means. words: the beginning of its body."""
    status = response.status_code
    if status == HTTPStatus.UNAUTHORIZED:
        return _key_refused(address, with_key=with_key)
    if response.has_redirect_location:
        return _redirected(address, what, response, with_key=with_key)
    error = StashAnsweredWrongly(
        f"{address}: answered {what} with {status} {response.reason_phrase}{quoted(response, words)}. "
        "Check that STASH_URL is Stash's own address, and Stash's log."
    )
    if status in _PASSING:
        return Passing(error, reached=True, wait_s=_asked_wait(response))
    return error


def unreachable(address: StashAddress, error: httpx.TransportError) -> StashUnreachable:
    reason = str(error) or (
        "no answer" if isinstance(error, httpx.TimeoutException) else type(error).__name__
    )
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        advice = "Its certificate is not trusted here: name its authority in SSL_CERT_FILE, or use http://."
    else:
        advice = (
            "Is Stash running, and is STASH_URL right? Within a container, localhost is the container "
            "itself: use the name or the address of Stash's machine."
        )
    return StashUnreachable(f"{address}: Stash cannot be reached ({reason}). {advice}")


def broken_off(address: StashAddress, what: str, reason: str) -> StashUnreachable:
    return StashUnreachable(
        f"{address}: the connection broke during {what} ({reason}). Stash was stopped, or the network failed."
    )


def quoted(response: httpx.Response, words: str) -> str:
    """What the server said, on one line; of a page nothing."""
    if "html" in response.headers.get("content-type", "") or words.lstrip().startswith("<"):
        return " and a page of HTML"
    text = " ".join(words.split())[:QUOTED].rstrip(".")
    return f": {text}" if text else ""


def messages(words: str) -> tuple[str, ...]:
    """The messages of GraphQL errors in a JSON text; none where it is something else."""
    try:
        found = json.loads(words)
    except ValueError:
        return ()
    return error_messages(found)


def error_messages(answer: Any, shown: Callable[[str], str] = str) -> tuple[str, ...]:
    """The messages of a GraphQL answer's errors, each as `shown` has it and not too long."""
    errors = answer.get("errors") if isinstance(answer, dict) else None
    if not isinstance(errors, list):
        return ()
    return tuple(" ".join(shown(_message(each)).split())[:QUOTED] for each in errors)


def _message(error: Any) -> str:
    text = error.get("message") if isinstance(error, dict) else error
    return str(text or "no reason given")


def _key_refused(address: StashAddress, *, with_key: bool) -> StashKeyRefused:
    if with_key:
        return StashKeyRefused(
            f"{address}: Stash refused the API key (401). {_WHERE_THE_KEY_IS} anew. "
            "Leave it empty only if this Stash has no login: it refuses a wrong key even then."
        )
    return StashKeyRefused(
        f"{address}: Stash asks for a login, and there is no API key. {_WHERE_THE_KEY_IS}."
    )


def _redirected(address: StashAddress, what: str, response: httpx.Response, *, with_key: bool) -> StashError:
    try:
        target = response.url.join(response.headers["location"])
    except httpx.InvalidURL:
        return StashAnsweredWrongly(f"{address}: answered {what} with a redirect to nowhere.")
    if target.path.endswith(_LOGIN) and with_key:
        return StashKeyRefused(
            f"{address}: asks for a login although the API key was sent. Does a proxy before Stash take the "
            "ApiKey header away? Set STASH_URL to Stash's own address."
        )
    if target.path.endswith(_LOGIN):
        return _key_refused(address, with_key=False)
    place = str(target.copy_with(username=None, password=None, query=None, fragment=None))
    return StashAnsweredWrongly(
        f"{address}: answered {what} with a redirect to {place}, which is not followed. "
        "If Stash is there, set STASH_URL to that address."
    )


def _asked_wait(response: httpx.Response) -> float:
    text = response.headers.get("retry-after", "")
    return min(float(text), _LONGEST_WAIT_S) if text.isascii() and text.isdigit() else 0.0
