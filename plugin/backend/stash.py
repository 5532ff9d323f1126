"""What the backend reads from Stash, in the user's session: the plugin's settings and the API key."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from backend.errors import PluginError
from backend.http_client import InvalidResponse, Response, TimedOut, parse_address, send_request

PLUGIN = "stash-sense"
DEFAULT_ADDRESS = "http://localhost:6960"
_TOKEN_CONTEXT = b"stash-sense/1"
_ANY_INTERFACE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - never listened on
_TIMEOUT_S = 10.0
_QUERY = """query StashSenseBackend {
  configuration { general { apiKey } plugins(include: ["stash-sense"]) }
}"""


class SidecarAccess(NamedTuple):
    """The sidecar's address, and the tokens to try, the most likely first."""

    address: str
    tokens: tuple[str, ...]


def read_access(connection: dict[str, Any]) -> SidecarAccess:
    """Reads both from Stash. Raises PluginError. The API key itself never leaves this process."""
    configuration = _configuration(connection)
    settings = _object(_object(configuration.get("plugins")).get(PLUGIN))
    key = _object(configuration.get("general")).get("apiKey")
    if key is not None and not isinstance(key, str):
        raise _wrong_type()
    pasted = str(settings.get("sidecarToken") or "").strip()
    tokens = ([derive_token(key)] if key else []) + ([pasted] if pasted else [])
    return SidecarAccess(str(settings.get("sidecarUrl") or "").strip() or DEFAULT_ADDRESS, tuple(tokens))


def _object(value: Any) -> dict[str, Any]:
    """A JSON object, empty for null."""
    if value is not None and not isinstance(value, dict):
        raise _wrong_type()
    return value or {}


def _wrong_type() -> PluginError:
    return PluginError("Request failed: Stash's settings have a form that is not known", "stash-silent")


def derive_token(api_key: str) -> str:
    """The token for a Stash with this API key; the sidecar derives the same."""
    import hashlib  # noqa: PLC0415 - not every Stash has a key
    import hmac  # noqa: PLC0415

    return hmac.new(api_key.encode("utf-8"), _TOKEN_CONTEXT, hashlib.sha256).hexdigest()


def _configuration(connection: dict[str, Any]) -> dict[str, Any]:
    try:
        response = _query(connection)
    except (OSError, TimedOut, InvalidResponse, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise PluginError(
            f"Request failed: Stash did not answer its own plugin ({reason})", "stash-silent"
        ) from error
    try:
        configuration = response.json()["data"]["configuration"]
    except (ValueError, TypeError, KeyError):
        configuration = None
    if response.status != 200 or not isinstance(configuration, dict):
        raise PluginError(
            f"Request failed: Stash did not let its plugin read the settings (status {response.status}). "
            "Log in to Stash again; Stash's log may say more",
            "logged-out",
        )
    return configuration


def _query(connection: dict[str, Any]) -> Response:
    host = str(connection.get("Host") or "").strip("[]")  # Stash writes IPv6 in brackets
    host = _ANY_INTERFACE.get(host, host)
    place = f"[{host}]" if ":" in host else host
    headers = {"Content-Type": "application/json"}
    cookie = _object(connection.get("SessionCookie"))
    if cookie.get("Value"):
        headers["Cookie"] = f"{cookie.get('Name') or 'session'}={cookie['Value']}"
    address = parse_address(
        f"{connection.get('Scheme') or 'http'}://{place}:{connection.get('Port') or 9999}"
    )
    # The request stays on this machine, where the certificate names another host.
    body = json.dumps({"query": _QUERY}).encode()
    return send_request(address, "POST", "/graphql", headers, body, timeout_s=_TIMEOUT_S, verify=False)
