"""The stand-in as an ASGI app: records, faults and a proxy's prefix around Stash's routes."""

import asyncio
import json
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import access, execution, page
from .faults import Chunked, Delay, Dribble, Drop, Fault, Faults, Hold, Status, Truncate
from .library import Library
from .mutations import PluginOperation
from .pictures import Pictures
from .plugins import Plugins
from .record import Record, Seen, kind_of

_READ_ONLY = ["GET", "HEAD"]
_LOOK_S = 0.01
_GONE_S = 0.01  # until the server knows that its connection was cut


@dataclass
class Setup:
    """What a test or the demo may set, also while the stand-in runs.

    api_key: empty is a Stash without login. session: a cookie that is logged in. version: 0.26 and up.
    external_host: what Stash puts before its URLs instead of the Host that it was asked by.
    prefix: where a proxy has put Stash; nothing is found outside it. run_plugin: for runPluginOperation, in
    place of the processes of the installed `plugins`. libraries: a folder node_modules, for a page to see.
    own_port: past any proxy, as Stash's own plugins come.
    """

    library: Library = field(default_factory=Library)
    api_key: str = ""
    session: str = ""
    version: str = "0.30"
    external_host: str = ""
    prefix: str = ""
    run_plugin: PluginOperation | None = None
    plugins: Plugins = field(default_factory=Plugins)
    libraries: Path | None = None
    port: int = 0
    own_port: int = 0
    faults: Faults = field(default_factory=Faults)
    record: Record = field(default_factory=Record)

    def refusal(self, request: Request, seen: Seen) -> Response | None:
        """None where the request may pass."""
        if seen.kind == "health":  # before any login
            return None
        return access.refusal(request, self.api_key, self.session)


def build(setup: Setup, cut: Callable[[Scope], None]) -> ASGIApp:
    """cut: breaks the connection that a request came by."""
    pictures = Pictures(setup.library)

    async def graphql(request: Request) -> Response:
        return await _graphql(setup, request)

    routes = [
        Route(access.GRAPHQL, graphql, methods=["POST"]),
        Route("/healthz", lambda _: PlainTextResponse("."), methods=_READ_ONLY),
        Route(access.LOGIN, access.login_page, methods=_READ_ONLY),
        Route("/image/{id}/image", pictures.original, methods=_READ_ONLY),
        Route("/image/{id}/thumbnail", pictures.thumbnail, methods=_READ_ONLY),
        Route("/performer/{id}/image", pictures.portrait, methods=_READ_ONLY),
        Route("/scene/{id}/{what}", pictures.scene, methods=_READ_ONLY),
        Route("/scene/{name}", pictures.scene_sheet, methods=_READ_ONLY),
        *_pages(setup),
    ]
    return Edge(setup, Starlette(routes=routes), cut)


def _pages(setup: Setup) -> list[Route]:
    if setup.libraries:
        return page.routes(lambda: setup.plugins, setup.libraries)
    bare = HTMLResponse("<!DOCTYPE html><title>Stash</title>")
    return [Route("/{rest:path}", lambda _: bare, methods=_READ_ONLY)]


async def _graphql(setup: Setup, request: Request) -> Response:
    try:
        asked = json.loads(await request.body())
    except ValueError:
        return PlainTextResponse("json request body could not be decoded", 400)
    base = setup.external_host or f"{request.url.scheme}://{request.headers.get('host', '')}"
    run_plugin = setup.run_plugin or partial(setup.plugins.run, connection=_connection(setup))
    # In a thread, since a plugin's operation may ask Stash back.
    status, answer = await run_in_threadpool(
        execution.run,
        setup.library,
        asked,
        base_url=base + access.proxy_prefix(request),
        api_key=setup.api_key,
        version=setup.version,
        run_plugin=run_plugin,
    )
    return JSONResponse(answer, status)


def _connection(setup: Setup) -> dict[str, Any]:
    """How a plugin's process reaches Stash, as the user who asked."""
    cookie = {"Name": "session", "Value": setup.session} if setup.session else None
    return {
        "Scheme": "http",
        "Host": "0.0.0.0",
        "Port": setup.own_port,
        "SessionCookie": cookie,
        "Dir": "/root/.stash",
    }


class Edge:
    """Everything before a server's routes."""

    def __init__(self, setup: Setup, inner: ASGIApp, cut: Callable[[Scope], None]) -> None:
        self._setup = setup
        self._inner = inner
        self._cut = cut

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = await _body(receive)
        past_proxy = scope["server"][1] == self._setup.own_port
        inside = scope if past_proxy else _below(scope, self._setup.prefix)
        if inside is None:
            await PlainTextResponse("nothing here", 404)(scope, receive, send)
            return
        request = Request(inside, _replay(body))
        seen = _seen(request, body)
        self._setup.record.add(seen)
        faults = self._setup.faults.of(seen)
        for fault in faults:
            match fault:
                case Delay(seconds):
                    await asyncio.sleep(seconds)
                case Hold(go):
                    while not go.is_set():  # noqa: ASYNC110 - set by another thread
                        await asyncio.sleep(_LOOK_S)
                case Drop():
                    self._cut(scope)
                    await asyncio.sleep(_GONE_S)
                    return
                case Status(code, content, content_type, headers):
                    answer = Response(content, code, headers, content_type)
                    await answer(inside, _replay(body), send)
                    return
        send = self._spoiled(scope, send, faults)
        refused = self._setup.refusal(request, seen)
        await (refused or self._inner)(inside, _replay(body), send)

    def _spoiled(self, scope: Scope, send: Send, faults: list[Fault]) -> Send:
        for fault in faults:
            match fault:
                case Truncate(keep):
                    return self._truncated(scope, send, keep)
                case Dribble(size, pause_s):
                    return _dribbled(send, size, pause_s)
                case Chunked():
                    return _chunked(send)
        return send

    def _truncated(self, scope: Scope, send: Send, keep: float) -> Send:
        async def truncated(message: Message) -> None:
            if message["type"] != "http.response.body":
                await send(message)
                return
            body = message.get("body", b"")
            await send({**message, "body": body[: int(len(body) * keep)], "more_body": True})
            self._cut(scope)
            await asyncio.sleep(_GONE_S)

        return truncated


def _dribbled(send: Send, size: int, pause_s: float) -> Send:
    async def dribbled(message: Message) -> None:
        body = message.get("body", b"")
        for start in range(0, len(body), size):
            await asyncio.sleep(pause_s)
            await send({**message, "body": body[start : start + size], "more_body": True})
        await send({**message, "body": b""} if body else message)

    return dribbled


def _chunked(send: Send) -> Send:
    async def chunked(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message["headers"] if name != b"content-length"]
            message = {**message, "headers": kept}
        await send(message)

    return chunked


def _below(scope: Scope, prefix: str) -> MutableMapping[str, Any] | None:
    """The request as a proxy at `prefix` passes it on; None where it is not the proxy's."""
    if not prefix:
        return scope
    if not scope["path"].startswith(f"{prefix}/"):
        return None
    path = scope["path"].removeprefix(prefix)
    headers = [*scope["headers"], (b"x-forwarded-prefix", prefix.encode())]
    return {**scope, "path": path, "raw_path": path.encode(), "headers": headers}


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _seen(request: Request, body: bytes) -> Seen:
    kind = kind_of(request.url.path)
    headers = {name.lower(): value for name, value in request.headers.items()}
    operation = _operation(body) if kind == "graphql" else ""
    return Seen(kind, request.method, request.url.path, request.url.query, headers, operation)


def _operation(body: bytes) -> str:
    try:
        asked = json.loads(body)
    except ValueError:
        return ""
    return str(asked.get("operationName") or "") if isinstance(asked, dict) else ""
