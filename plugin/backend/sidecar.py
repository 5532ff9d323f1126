"""Calls to the sidecar, and the message that the user reads when one fails."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any, Dict, NamedTuple, Tuple, Union

from backend import log
from backend.errors import PluginError
from backend.http_client import InvalidResponse, Response, TimedOut, parse_address, send_request
from backend.pictures import media_type
from backend.version import plugin_version

if TYPE_CHECKING:
    from backend.stash import SidecarAccess

TIMEOUT_S = 30.0
_MAX_DETAIL, _MAX_CODE = 2000, 100
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


Shape = Dict[str, Union[type, Tuple[type, ...]]]
"""Fields of an object, and their types."""


def has_shape(value: dict[str, Any], shape: Shape) -> bool:
    """Whether an object has these fields, each of its type; a boolean is no number."""
    return all(
        isinstance(value.get(name), types) and (types is bool or not isinstance(value.get(name), bool))
        for name, types in shape.items()
    )


class FailureMessages(NamedTuple):
    """How the messages of a failed call begin."""

    failed: str = "Request failed"
    timed_out: str = "Request timed out"


class Sidecar:
    """The sidecar, with the address and the secrets from Stash. Every method raises PluginError."""

    def __init__(self, access: SidecarAccess) -> None:
        self._tokens = access.tokens or ("",)
        try:
            self._address = parse_address(access.address)
        except ValueError as error:
            raise PluginError(
                f"Request failed: invalid sidecar address {_without_login(access.address)!r} in the plugin's "
                "settings; use one like http://localhost:6960",
                "bad-address",
            ) from error

    def json(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        messages: FailureMessages = FailureMessages(),  # noqa: B008 - immutable
        timeout_s: float = TIMEOUT_S,
        expected: Shape | None = None,
    ) -> Any:
        """The JSON object that a call answers with, or None for status 204.

        An object without the `expected` fields, each of its type, is not from Stash Sense.
        """
        response = self._call(method, path, body, messages, timeout_s)
        if response.status == 204:
            return None
        try:
            document = response.json()
        except ValueError as error:
            raise self._not_stash_sense(response, messages) from error
        if not isinstance(document, dict) or not has_shape(document, expected or {}):
            raise self._not_stash_sense(response, messages)
        return document

    def picture(self, path: str, *, timeout_s: float = TIMEOUT_S) -> tuple[str, bytes]:
        """A JPEG or PNG, with its media type. May be called from several threads at once."""
        messages = FailureMessages()
        response = self._call("GET", path, None, messages, timeout_s)
        kind = media_type(response.body)
        if kind is None or response.content_type != kind:
            raise self._not_stash_sense(response, messages)
        return kind, response.body

    def _call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        messages: FailureMessages,
        timeout_s: float,
    ) -> Response:
        data = None if body is None else json.dumps(body, allow_nan=False).encode()
        deadline = time.monotonic() + timeout_s
        for token in self._tokens:
            response = self._send(method, path, token, data, messages, deadline - time.monotonic())
            if response.status != 401:  # refused before anything was done: the next token may be right
                break
        log.debug(f"{method} {path}: {response.status}")
        if 200 <= response.status < 300:
            return response
        if 300 <= response.status < 400:
            raise self._not_stash_sense(response, messages)
        raise self._problem(response, messages)

    def _send(
        self,
        method: str,
        path: str,
        token: str,
        data: bytes | None,
        messages: FailureMessages,
        timeout_s: float,
    ) -> Response:
        headers = {
            "Accept": "application/json, image/jpeg, image/png",
            "User-Agent": f"stash-sense-plugin/{plugin_version()}",
        }
        if token:  # not sent: whoever listens on the network must not be able to call on their own
            from backend.signature import sign  # noqa: PLC0415 - not every Stash has a secret

            headers["Authorization"] = sign(token, method, path, data or b"")
        if data is not None:
            headers["Content-Type"] = "application/json"
        try:
            return send_request(self._address, method, path, headers, data, timeout_s=timeout_s)
        except ConnectionRefusedError as error:
            raise PluginError(self._refused(), "connection-refused") from error
        except TimedOut as error:
            raise PluginError(messages.timed_out, "timed-out") from error
        except socket.gaierror as error:
            raise PluginError(
                f"{messages.failed}: the host {self._address.hostname!r} is unknown. "
                "Check the address in the plugin's settings",
                "unknown-host",
            ) from error
        except (OSError, InvalidResponse, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise PluginError(f"{messages.failed}: {reason}") from error

    def _refused(self) -> str:
        message = "Connection refused - is Stash Sense running?"
        if self._address.hostname in _LOOPBACK:
            message += (
                f" If Stash runs in a container: {self._address.hostname} here is Stash's own container; "
                "set the sidecar's address in the plugin's settings."
            )
        return message

    def _problem(self, response: Response, messages: FailureMessages) -> PluginError:
        try:
            document = response.json()
            detail, code = document["detail"], document.get("code")
        except (ValueError, TypeError, KeyError, AttributeError):
            return self._not_stash_sense(response, messages)
        return PluginError(f"{messages.failed}: {str(detail)[:_MAX_DETAIL]}", str(code or "")[:_MAX_CODE])

    def _not_stash_sense(self, response: Response, messages: FailureMessages) -> PluginError:
        return self.stranger(f" (status {response.status}, {response.content_type})", messages)

    def stranger(self, answer: str = "", messages: FailureMessages = FailureMessages()) -> PluginError:  # noqa: B008
        """The error for an answer that Stash Sense would not give."""
        return PluginError(
            f"{messages.failed}: the server at {self._address.netloc} is not Stash Sense{answer}. "
            "Check the address in the plugin's settings",
            "not-stash-sense",
        )


def _without_login(address: str) -> str:
    """The address without user name and password: the message goes into Stash's log."""
    return address.rpartition("@")[2][:200]
