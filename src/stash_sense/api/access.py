"""Who may ask: the Host and Origin of every request, and the secret. Pure ASGI, before anything is read."""

import base64
import binascii
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from stash_sense.api.problems import answer
from stash_sense.errors import ForeignHost, ForeignOrigin, Unauthorized

PAGES = frozenset({"/", "/docs", "/openapi.json", "/metrics"})
"""What a person opens in a browser: by Basic too, and only to be read."""
OPEN = "/health"
"""Answers, in short, without a secret."""
KNOWN = "stash_sense.known"
"""In a request's scope: whether it brought the secret, or none is asked for."""

_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]+))(?::[0-9]{1,5})?\Z")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


class AccessGate:
    """Lets through what may pass; the rest gets 401 or 403 before its body is read."""

    def __init__(self, app: ASGIApp, *, secret: str | None, allowed_hosts: Collection[str]) -> None:
        self._app = app
        self._secret = None if secret is None else _digest(secret)
        self._allowed = frozenset(allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._check_host(headers.get("host", ""))
            _check_origin(headers)
            scope[KNOWN] = self._known(scope, headers)
        except (ForeignHost, ForeignOrigin) as error:
            await answer(error)(scope, receive, send)
        except Unauthorized as error:
            basic = _is_page(scope)
            ask = 'Basic realm="Stash Sense", charset="UTF-8"' if basic else 'Bearer realm="Stash Sense"'
            await answer(error, {"WWW-Authenticate": ask})(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _check_host(self, host: str) -> None:
        name = _name(host)
        try:
            ipaddress.ip_address(name)
        except ValueError:
            # A name without a dot is one of the home network or of a container: no page on the internet can
            # have it, so that rebinding, which this check is for, cannot use it.
            if (name and "." not in name) or name in self._allowed:
                return
            raise ForeignHost(
                f"Stash Sense does not know itself by the name {host[:100]!r}. Use its IP address, or add "
                "the name to STASH_SENSE_ALLOWED_HOSTS."
            ) from None

    def _known(self, scope: Scope, headers: Headers) -> bool:
        if self._secret is None:
            return True
        given = headers.get("authorization")
        if given is None and scope["path"] == OPEN:
            return False
        scheme, _, rest = (given or "").partition(" ")
        rest = rest.strip()
        if scheme.lower() == "basic" and _is_page(scope):
            rest = _password(rest)
        elif scheme.lower() != "bearer":
            rest = ""
        if not hmac.compare_digest(_digest(rest), self._secret):
            raise Unauthorized(
                "This needs the secret of this Stash Sense, and none or a wrong one came. "
                "`stash-sense token` prints it; in a browser it is the password."
            )
        return True


def _digest(text: str) -> bytes:
    """Of one length whatever the text, so that comparing tells nothing of it."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _is_page(scope: Scope) -> bool:
    return scope["method"] == "GET" and scope["path"] in PAGES


def _password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""


def _name(host: str) -> str:
    """A Host header without its port, brackets and final dot; empty where it is none."""
    found = _HOST.match(host.strip().lower())
    return (found[1] or found[2]).rstrip(".") if found else ""


def _check_origin(headers: Headers) -> None:
    """A browser names the page's server in Origin; it must be the one that is asked."""
    own = headers.get("host", "").strip().lower()
    for origin in headers.getlist("origin"):
        scheme, _, place = origin.strip().lower().partition("://")
        if scheme not in _DEFAULT_PORTS or _with_port(place, scheme) != _with_port(own, scheme):
            raise ForeignOrigin(
                "A page of another server sent this request, and only Stash Sense's own pages may. "
                "Stash's plugin asks through Stash instead."
            )


def _with_port(place: str, scheme: str) -> str:
    port_at = place.rfind(":")
    has_port = port_at > place.rfind("]")
    return place if has_port else f"{place}:{_DEFAULT_PORTS[scheme]}"
