"""What Stash tells the plugin through the session it handed over: the plugin's settings and the API key."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from backend.errors import Failure
from backend.web import Answer, NotHttp, TooSlow, parts_of, request

PLUGIN = "stash-sense"
DEFAULT_ADDRESS = "http://localhost:6960"
_DERIVED_FOR = b"stash-sense/1"
_ANY_INTERFACE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - never listened on
_WAIT_S = 10.0
_QUERY = """query StashSenseBackend {
  configuration { general { apiKey } plugins(include: ["stash-sense"]) }
}"""


class Access(NamedTuple):
    """Where the sidecar is, and the secrets that may be its, the likelier first."""

    address: str
    tokens: tuple[str, ...]


def access(connection: dict[str, Any]) -> Access:
    """Ask Stash; raises Failure. Of the API key only what is derived from it leaves this process."""
    configuration = _configuration(connection)
    settings = (configuration.get("plugins") or {}).get(PLUGIN) or {}
    key = (configuration.get("general") or {}).get("apiKey")
    pasted = str(settings.get("sidecarToken") or "").strip()
    tokens = ([derived(key)] if key else []) + ([pasted] if pasted else [])
    return Access(str(settings.get("sidecarUrl") or "").strip() or DEFAULT_ADDRESS, tuple(tokens))


def derived(api_key: str) -> str:
    """The token for a Stash with this API key, as the sidecar derives it too."""
    import hashlib  # noqa: PLC0415 - not every Stash has a key
    import hmac  # noqa: PLC0415

    return hmac.new(api_key.encode("utf-8"), _DERIVED_FOR, hashlib.sha256).hexdigest()


def _configuration(connection: dict[str, Any]) -> dict[str, Any]:
    try:
        answer = _ask(connection)
    except (OSError, TooSlow, NotHttp, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise Failure(f"Request failed: Stash did not answer its own plugin ({why})") from error
    try:
        found = answer.json()["data"]["configuration"]
    except (ValueError, TypeError, KeyError):
        found = None
    if answer.status != 200 or not isinstance(found, dict):
        raise Failure(
            f"Request failed: Stash did not let its plugin read the settings (status {answer.status}). "
            "Log in to Stash again; Stash's log may say more"
        )
    return found


def _ask(connection: dict[str, Any]) -> Answer:
    host = str(connection.get("Host") or "").strip("[]")  # Stash itself wants IPv6 in brackets
    host = _ANY_INTERFACE.get(host, host)
    place = f"[{host}]" if ":" in host else host
    headers = {"Content-Type": "application/json"}
    cookie = connection.get("SessionCookie") or {}
    if cookie.get("Value"):
        headers["Cookie"] = f"{cookie.get('Name') or 'session'}={cookie['Value']}"
    address = parts_of(f"{connection.get('Scheme') or 'http'}://{place}:{connection.get('Port') or 9999}")
    # Stash asks itself, on its own machine; its certificate is for another name.
    body = json.dumps({"query": _QUERY}).encode()
    return request(address, "POST", "/graphql", headers, body, seconds=_WAIT_S, verify=False)
