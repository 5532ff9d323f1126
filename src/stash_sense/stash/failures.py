"""Failed requests to Stash as errors that say what to do: HTTP statuses, lost connections, GraphQL errors."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar

import httpx

from stash_sense.errors import (
    StashAnsweredWrongly,
    StashError,
    StashKeyRefused,
    StashRefused,
    StashTooSlow,
    StashUnreachable,
)
from stash_sense.graphql.failures import excerpt, is_untrusted
from stash_sense.stash.address import StashAddress

_LOGIN = "/login"
_KEY_ADVICE = "Copy the key from Stash (Settings, Security, API Key) and set STASH_API_KEY to it."
_IN_DOUBT = " It is not known whether Stash carried it out."


@dataclass(frozen=True, slots=True)
class StashFailures:
    """What can go wrong with one Stash. with_key: whether requests carry an API key. See ServerFailures."""

    address: StashAddress
    with_key: bool
    wrong_answer: ClassVar[type[StashError]] = StashAnsweredWrongly

    def bad_key(self) -> StashKeyRefused:
        """See ServerFailures."""
        return StashKeyRefused(
            "STASH_API_KEY contains a space or a character that cannot be part of a key. Copy the key "
            "from Stash again: Settings, Security, API Key."
        )

    def unreachable(self, reason: str) -> StashUnreachable:
        """See ServerFailures."""
        if is_untrusted(reason):
            advice = (
                "This machine does not trust its certificate. Set SSL_CERT_FILE to a file with the "
                "certificate authority, or use http://."
            )
        else:
            advice = (
                "Check that Stash is running and that STASH_URL is right. Inside a container, localhost is "
                "the container itself; use the name or the IP address of the machine that runs Stash."
            )
        return StashUnreachable(f"{self.address}: Stash cannot be reached ({reason}). {advice}")

    def connection_lost(self, what: str, reason: str, *, in_doubt: bool) -> StashUnreachable:
        """See ServerFailures."""
        return StashUnreachable(
            f"{self.address}: the connection broke during {what} ({reason}{_IN_DOUBT if in_doubt else ''}). "
            "Stash may have been restarted, or the network failed; try again."
        )

    def too_slow(self, what: str, how: str, *, in_doubt: bool) -> StashTooSlow:
        """See ServerFailures."""
        return StashTooSlow(
            f"{self.address}: {what} {how}. Stash, its disk or the network is busy; try again later."
            f"{_IN_DOUBT if in_doubt else ''}"
        )

    def damaged(self, what: str, reason: str, *, in_doubt: bool) -> StashAnsweredWrongly:
        """See ServerFailures."""
        return StashAnsweredWrongly(
            f"{self.address}: the answer to {what} is damaged ({reason}).{_IN_DOUBT if in_doubt else ''} "
            "Check that no proxy changes it on the way."
        )

    def refused(self, operation: str, messages: tuple[str, ...]) -> StashRefused:
        """See ServerFailures."""
        return StashRefused(operation, messages)

    def not_graphql(self, operation: str) -> StashAnsweredWrongly:
        """See ServerFailures."""
        return StashAnsweredWrongly(
            f"{self.address}: the server that answered {operation} is not Stash. Set STASH_URL to the "
            "address of Stash as you open it in the browser, without the path of a page."
        )

    def bad_status(self, what: str, response: httpx.Response, text: str) -> StashError:
        """See ServerFailures."""
        status = response.status_code
        if status == HTTPStatus.UNAUTHORIZED:
            return self._key_error(with_key=self.with_key)
        if response.has_redirect_location:
            return self._redirect_error(what, response)
        return StashAnsweredWrongly(
            f"{self.address}: {what} was answered with {status} {response.reason_phrase}"
            f"{excerpt(response, text)}. Check that STASH_URL is the address of Stash itself, and see "
            "Stash's log."
        )

    def _key_error(self, *, with_key: bool) -> StashKeyRefused:
        if with_key:
            return StashKeyRefused(
                f"{self.address}: Stash refused the API key (401). {_KEY_ADVICE} "
                "Leave it empty only if this Stash has no login; even then Stash refuses a wrong key."
            )
        return StashKeyRefused(
            f"{self.address}: Stash requires a login, but no API key is set. {_KEY_ADVICE}"
        )

    def _redirect_error(self, what: str, response: httpx.Response) -> StashError:
        try:
            target = response.url.join(response.headers["location"])
        except httpx.InvalidURL:
            return StashAnsweredWrongly(
                f"{self.address}: {what} was answered with an invalid redirect. Set STASH_URL to the address "
                "of Stash itself, without a proxy in between."
            )
        if target.path.endswith(_LOGIN) and self.with_key:
            return StashKeyRefused(
                f"{self.address}: Stash requires a login although the API key was sent. A proxy may remove "
                "the ApiKey header: set STASH_URL to the address of Stash itself."
            )
        if target.path.endswith(_LOGIN):
            return self._key_error(with_key=False)
        url = str(target.copy_with(username=None, password=None, query=None, fragment=None))
        return StashAnsweredWrongly(
            f"{self.address}: {what} was redirected to {url}, which is not followed. "
            "If Stash is there, set STASH_URL to that address."
        )
