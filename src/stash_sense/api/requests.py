"""Around every request: its id, a log line, counts, and an answer where the code below failed. Pure ASGI."""

import logging
import time
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stash_sense.api import context
from stash_sense.api.metrics import Metrics
from stash_sense.api.problems import internal

log = logging.getLogger(__name__)

_QUIET = frozenset({"/health", "/metrics"})
"""Asked every few seconds by machines."""
_METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"})
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'",
}
"""On every answer, where the route has not set its own."""


class RequestLog:
    """Sees every request first and every answer last."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        own = context.begin(Headers(scope=scope).get("x-request-id", ""))
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = own
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception:
            log.exception("a request failed")
            if status:
                raise  # half an answer is out: the connection has to break, or it would pass for whole
            await internal()(scope, receive, sending)
        finally:
            self._say(scope, status, time.perf_counter() - began)

    def _say(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.requests.labels(route, method, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        level = logging.DEBUG if scope["path"] in _QUIET and status == HTTPStatus.OK else logging.INFO
        fields = {"route": route, "method": method, "status": status, "ms": round(seconds * 1000, 1)}
        log.log(level, "%s %s %s", method, route, status, extra={"fields": fields})
