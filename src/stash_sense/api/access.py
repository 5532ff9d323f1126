"""Who may call: the host that is called, the page that calls, and the secret, checked before FastAPI."""

import base64
import binascii
import hashlib
import hmac
import ipaddress
import re
import socket
from collections import deque
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from stash_sense.api import signatures
from stash_sense.api.clients import WrongSecrets, client_group, note_client
from stash_sense.api.guards import BODILESS, BodyGuard, BodyLimit, replay
from stash_sense.api.problems import problem_response
from stash_sense.api.signatures import Signature, SignatureVerifier
from stash_sense.errors import BadParameter, ForeignHost, ForeignOrigin, QueueFull, Unauthorized
from stash_sense.runtime.plugin_source import ARCHIVE, INDEX

JOB_PAGES = "/jobs/"
"""How the paths of the jobs begin that the status page links to."""
PAGES = frozenset({"/", "/docs", "/openapi.json", "/metrics"})
"""Opened in a browser: read-only, and with Basic authentication too."""
OPEN = frozenset({"/health", f"/plugin/{INDEX}", f"/plugin/{ARCHIVE}"})
"""Answer without a secret: /health briefly; the plugin, which is public, to Stash's server."""
AUTHORIZED = "stash_sense.authorized"
"""In a request's scope: whether it carries the secret, or none is required."""

_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]+))(?::[0-9]{1,5})?\Z")
_OWN_NAMES = frozenset({"localhost", "stash-sense"})
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_SIGNED_BYTES = 1_000_000
"""Of a signed body: it has to be read before it is known whether the caller may call."""
_SIGNED_S = 10.0
_SIGNATURE = "stash_sense.signature"


class AccessGuard:
    """ASGI middleware that answers 401, 403 or 429 before FastAPI sees a request that may not pass."""

    def __init__(self, app: ASGIApp, *, secret: str | None, allowed_hosts: Collection[str]) -> None:
        self._app = app
        self._secret = None if secret is None else _digest(secret)
        self._signatures = None if secret is None else SignatureVerifier(secret)
        self._wrong = WrongSecrets()
        self._allowed = _OWN_NAMES | _machine_names() | frozenset(allowed_hosts)
        limit = BodyLimit(_SIGNED_BYTES, "Send larger bodies with the secret as bearer token.")
        self._read_signed = BodyGuard(self._verify, default=limit, by_path={}, seconds=_SIGNED_S)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        note_client(scope)
        headers = Headers(scope=scope)
        try:
            self._check_host(headers.get("host", ""))
            _check_origin(headers)
            _check_target(scope)
        except (ForeignHost, ForeignOrigin, BadParameter) as error:
            await problem_response(error)(scope, receive, send)
            return
        given = headers.get("authorization")
        if self._secret is None or (given is None and scope["path"] in OPEN):
            scope[AUTHORIZED] = self._secret is None
            await self._app(scope, receive, send)
        elif given is None:
            await self._refuse(Unauthorized(_MISSING_OR_WRONG), scope, receive, send)
        else:
            await self._check_secret(given, scope, receive, send)

    def _check_host(self, host: str) -> None:
        name = _host_name(host)
        try:
            ipaddress.ip_address(name)
        except ValueError:
            if name in self._allowed:
                return
            raise ForeignHost(
                f"The host name {host[:100]!r} is not allowed. Use the IP address of Stash Sense, or add the "
                "name to STASH_SENSE_ALLOWED_HOSTS."
            ) from None

    async def _check_secret(self, given: str, scope: Scope, receive: Receive, send: Send) -> None:
        scheme, _, credentials = given.partition(" ")
        handle: ASGIApp = self._pass
        try:
            self._wrong.check(client_group(scope))
            if scheme.lower() == signatures.SCHEME and self._signatures:
                scope[_SIGNATURE] = signature = Signature.parse(credentials.strip())
                self._signatures.check_time(signature)
                handle = self._verify if scope["method"] in BODILESS else self._read_signed
            else:
                self._compare(scheme.lower(), credentials.strip(), scope)
        except (Unauthorized, QueueFull) as error:
            await self._refuse(error, scope, receive, send)
        else:
            await handle(scope, receive, send)

    def _compare(self, scheme: str, credentials: str, scope: Scope) -> None:
        """Raises Unauthorized unless the credentials are the secret, in a form that this call accepts."""
        if scheme == "basic" and _is_page(scope):
            credentials = _password(credentials)
        elif scheme != "bearer":
            credentials = ""
        if not hmac.compare_digest(_digest(credentials), self._secret or b""):
            raise Unauthorized(_MISSING_OR_WRONG)

    async def _verify(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The rest of a signed request, its body read."""
        chunks: deque[bytes] = deque()
        more = scope["method"] not in BODILESS
        while more:
            message = await receive()
            chunks.append(message.get("body", b""))
            more = message.get("more_body", False)
        digest = hashlib.sha256(b"".join(chunks)).hexdigest()
        query = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        try:
            if self._signatures:
                self._signatures.verify(scope[_SIGNATURE], scope["method"], target, digest)
        except (Unauthorized, QueueFull) as error:
            await self._refuse(error, scope, receive, send)
        else:
            await self._pass(scope, replay(chunks, receive), send)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._wrong.note_right(client_group(scope))
        scope[AUTHORIZED] = True
        await self._app(scope, receive, send)

    async def _refuse(
        self, error: Unauthorized | QueueFull, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if type(error) is Unauthorized and "authorization" in Headers(scope=scope):
            try:
                await self._wrong.slow_down(client_group(scope))
            except QueueFull as refusal:
                error = refusal
        # An answer may come before the body is read; what is left of it must not be taken for a request.
        headers = {"Connection": "close"}
        if isinstance(error, Unauthorized):
            scheme = 'Basic realm="Stash Sense", charset="UTF-8"'
            headers = {"WWW-Authenticate": scheme if _is_page(scope) else 'Bearer realm="Stash Sense"'}
        await problem_response(error, headers)(scope, receive, send)


_MISSING_OR_WRONG = (
    "The secret of this Stash Sense is missing or wrong. `stash-sense token` prints it; in a browser it is "
    "the password."
)


def _digest(text: str) -> bytes:
    """Equally long for every text, so that comparing digests leaks nothing."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _machine_names() -> frozenset[str]:
    """This machine's name, also without its domain."""
    name = socket.gethostname().lower().rstrip(".")
    return frozenset({name, name.partition(".")[0]} - {""})


def _is_page(scope: Scope) -> bool:
    path = scope["path"]
    return scope["method"] == "GET" and (path in PAGES or path.startswith(JOB_PAGES))


def _password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""


def _host_name(host: str) -> str:
    """A Host header without port, brackets and final dot; empty where it is invalid."""
    match = _HOST.match(host.strip().lower())
    return (match[1] or match[2]).rstrip(".") if match else ""


def _check_origin(headers: Headers) -> None:
    """Browsers name the page's server in Origin. It must be the server that is called."""
    own = headers.get("host", "").strip().lower()
    for origin in headers.getlist("origin"):
        scheme, _, server = origin.strip().lower().partition("://")
        if scheme not in _DEFAULT_PORTS or _with_port(server, scheme) != _with_port(own, scheme):
            raise ForeignOrigin(
                "A page of another server sent this request; only Stash Sense's own pages may call it. "
                "From Stash, use the plugin, which calls through Stash's server."
            )


def _check_target(scope: Scope) -> None:
    """No id or key contains a NUL, and SQLite would take it for the end of one."""
    if b"%00" in scope.get("raw_path", b"") or b"%00" in scope.get("query_string", b""):
        raise BadParameter("The path or the query contains a NUL character (%00). Leave it out.")


def _with_port(server: str, scheme: str) -> str:
    has_port = server.rfind(":") > server.rfind("]")
    return server if has_port else f"{server}:{_DEFAULT_PORTS[scheme]}"
