"""Calls to the sidecar, and what the user reads when one fails."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from backend import log
from backend.errors import Failure
from backend.web import Answer, NotHttp, TooSlow, parts_of, request

if TYPE_CHECKING:
    from backend.stash import Access

SECONDS = 30.0
_LONGEST_DETAIL = 2000
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


class Words(NamedTuple):
    """How a call's failures begin: some calls have their own sentences."""

    failed: str = "Request failed"
    too_slow: str = "Request timed out"


class Sidecar:
    """The sidecar at the address and with the secrets that Stash knows. Every method raises Failure."""

    def __init__(self, access: Access) -> None:
        self._tokens = access.tokens or ("",)
        try:
            self._address = parts_of(access.address)
        except ValueError as error:
            raise Failure(
                f"Request failed: the address in the plugin's settings is {_shown(access.address)!r}; "
                "it must be like http://localhost:6960"
            ) from error

    def json(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        words: Words = Words(),  # noqa: B008 - immutable
        seconds: float = SECONDS,
        has: str = "",
    ) -> Any:
        """The answer of a call that speaks JSON: an object with the key `has`, or None for no content."""
        answer = self._ask(method, path, body, words, seconds)
        if answer.status == 204:
            return None
        try:
            found = answer.json()
        except ValueError as error:
            raise self._stranger(answer, words) from error
        if not isinstance(found, dict) or (has and has not in found):
            raise self._stranger(answer, words)
        return found

    def jpeg(self, path: str, *, seconds: float = SECONDS) -> bytes:
        """A picture. May be called from several threads at once."""
        words = Words()
        answer = self._ask("GET", path, None, words, seconds)
        if answer.content_type != "image/jpeg" or not answer.body.startswith(b"\xff\xd8"):
            raise self._stranger(answer, words)
        return answer.body

    def _ask(
        self, method: str, path: str, body: dict[str, Any] | None, words: Words, seconds: float
    ) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        until = time.monotonic() + seconds
        for token in self._tokens:
            answer = self._answer(method, path, token, data, words, until - time.monotonic())
            if answer.status != 401:  # refused before anything was done, so another may be tried
                break
        log.debug(f"{method} {path}: {answer.status}")
        if 200 <= answer.status < 300:
            return answer
        if 300 <= answer.status < 400:
            raise self._stranger(answer, words)
        raise self._problem(answer, words)

    def _answer(
        self, method: str, path: str, token: str, data: bytes | None, words: Words, seconds: float
    ) -> Answer:
        headers = {"Accept": "application/json, image/jpeg"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if data is not None:
            headers["Content-Type"] = "application/json"
        try:
            return request(self._address, method, path, headers, data, seconds=seconds)
        except ConnectionRefusedError as error:
            raise Failure(self._refused()) from error
        except TooSlow as error:
            raise Failure(words.too_slow) from error
        except socket.gaierror as error:
            raise Failure(f"{words.failed}: no computer is called {self._address.hostname!r} here") from error
        except (OSError, NotHttp, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise Failure(f"{words.failed}: {why}") from error

    def _refused(self) -> str:
        text = "Connection refused - is Stash Sense running?"
        if self._address.hostname in _HERE:
            text += (
                f" If Stash runs in a container: {self._address.hostname} here is Stash's own container; "
                "set the sidecar's address in the plugin's settings."
            )
        return text

    def _problem(self, answer: Answer, words: Words) -> Failure:
        try:
            detail = answer.json()["detail"]
        except (ValueError, TypeError, KeyError):
            return self._stranger(answer, words)
        return Failure(f"{words.failed}: {str(detail)[:_LONGEST_DETAIL]}")

    def _stranger(self, answer: Answer, words: Words) -> Failure:
        return Failure(
            f"{words.failed}: what answers at {self._address.netloc} is not Stash Sense "
            f"(status {answer.status}, {answer.content_type}). Check the address in the plugin's settings"
        )


def _shown(address: str) -> str:
    """Without a user's name and password: this goes into Stash's log."""
    return address.rpartition("@")[2][:200]
