"""Failed requests to a stash-box as errors that say what to do."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar

import httpx

from stash_sense.errors import (
    NotAStashBox,
    StashBoxError,
    StashBoxKeyRefused,
    StashBoxLimited,
    StashBoxTooSlow,
    StashBoxUnreachable,
)
from stash_sense.graphql.failures import excerpt, is_untrusted
from stash_sense.stashbox.address import StashBoxAddress

_KEY_ADVICE = (
    "Copy a key from your account there into Stash: Settings, Metadata Providers. It needs the role READ."
)
_NOT_ONE = (
    "Stash Sense reads only stash-boxes; for other sites, let Stash fetch portraits and build from Stash."
)
_UNAUTHORIZED = "not authorized"
_OTHER_SCHEMA = ("cannot query field", "unknown argument", "unknown type", "is not defined by type")


@dataclass(frozen=True, slots=True)
class StashBoxFailures:
    """What can go wrong with one stash-box. with_key: whether requests carry a key. See ServerFailures."""

    address: StashBoxAddress
    with_key: bool
    wrong_answer: ClassVar[type[StashBoxError]] = NotAStashBox

    def bad_key(self) -> StashBoxKeyRefused:
        """See ServerFailures."""
        return StashBoxKeyRefused(
            f"{self.address}: the API key in Stash contains a space or a character that no key has. "
            f"{_KEY_ADVICE}"
        )

    def unreachable(self, reason: str) -> StashBoxUnreachable:
        """See ServerFailures."""
        advice = (
            "This machine does not trust its certificate; set SSL_CERT_FILE if it is your own stash-box."
            if is_untrusted(reason)
            else "Check the network and the endpoint, then build again: what was fetched is kept."
        )
        return StashBoxUnreachable(f"{self.address}: cannot be reached ({reason}). {advice}")

    def connection_lost(self, what: str, reason: str, *, in_doubt: bool) -> StashBoxError:  # noqa: ARG002
        """See ServerFailures. Nothing is ever changed on a stash-box."""
        return StashBoxError(
            f"{self.address}: the connection broke during {what} ({reason}). Build again later: what was "
            "fetched is kept."
        )

    def too_slow(self, what: str, how: str, *, in_doubt: bool) -> StashBoxTooSlow:  # noqa: ARG002
        """See ServerFailures."""
        return StashBoxTooSlow(
            f"{self.address}: {what} {how}. It is busy; build again later: what was fetched is kept."
        )

    def damaged(self, what: str, reason: str, *, in_doubt: bool) -> StashBoxError:  # noqa: ARG002
        """See ServerFailures."""
        return StashBoxError(
            f"{self.address}: the answer to {what} is damaged ({reason}). Build again later."
        )

    def refused(self, operation: str, messages: tuple[str, ...]) -> StashBoxError:
        """See ServerFailures."""
        words = "; ".join(dict.fromkeys(messages))
        if _UNAUTHORIZED in words.lower():
            return self._key_error(words)
        if any(sign in words.lower() for sign in _OTHER_SCHEMA):
            return NotAStashBox(f"{self.address}: does not answer as a stash-box ({words}). {_NOT_ONE}")
        return StashBoxError(f"{self.address}: refused {operation}: {words}")

    def not_graphql(self, operation: str) -> NotAStashBox:
        """See ServerFailures."""
        return NotAStashBox(
            f"{self.address}: does not answer {operation} as a stash-box. Check the endpoint in Stash, which "
            f"ends in /graphql. {_NOT_ONE}"
        )

    def bad_status(self, what: str, response: httpx.Response, text: str) -> StashBoxError:
        """See ServerFailures."""
        status = response.status_code
        if status == HTTPStatus.UNAUTHORIZED:
            return self._key_error("401")
        answer = f"{status} {response.reason_phrase}{excerpt(response, text)}"
        if response.has_redirect_location:
            return NotAStashBox(
                f"{self.address}: {what} was redirected, which is not followed. Correct the endpoint in "
                "Stash: Settings, Metadata Providers."
            )
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return StashBoxLimited(
                f"{self.address}: asks for fewer requests ({answer}). Build again later: what was fetched is "
                "kept. A lower limit can be set for it in Stash: Settings, Metadata Providers."
            )
        if response.is_server_error:
            return StashBoxError(f"{self.address}: {what} was answered with {answer}. Build again later.")
        return NotAStashBox(
            f"{self.address}: {what} was answered with {answer}. Check the endpoint in Stash. {_NOT_ONE}"
        )

    def _key_error(self, words: str) -> StashBoxKeyRefused:
        if self.with_key:
            return StashBoxKeyRefused(
                f"{self.address}: refuses the API key that Stash has for it ({words}): it is wrong, has "
                f"expired, or may not read. {_KEY_ADVICE}"
            )
        return StashBoxKeyRefused(
            f"{self.address}: requires an API key, and Stash has none for it. {_KEY_ADVICE}"
        )
