"""Log lines as JSON without secrets, one for each request, and metrics for Prometheus."""

import logging
import os
import queue
import re
import secrets
import sys
import threading
import time
from collections import Counter as Counts
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector
from pythonjsonlogger.json import JsonFormatter
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stash_sense import __version__
from stash_sense.api.log_repeats import RepeatFilter
from stash_sense.runtime.sidecar import Sidecar

log = logging.getLogger(__name__)

REDACTED = "[secret]"
SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'",
}
"""On every answer, unless the route has set its own."""

_LAST_LINES_S = 2.0
_SHORTEST_SECRET = 6
"""Redacting a shorter secret would blot out ordinary words."""
_BUCKETS_S = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60)
_QUIET = frozenset({"/health", "/metrics"})
"""Polled every few seconds by machines."""
_METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"})
_HARMLESS_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_request_id: ContextVar[str] = ContextVar("request_id", default="-")


def request_id() -> str:
    """The id of the request being answered; `-` outside of any."""
    return _request_id.get()


class JsonLineFormatter(JsonFormatter):
    """One JSON object a line: time, level, logger, message, request_id, `extra` fields, and error."""

    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self, hidden: Iterable[str]) -> None:
        """hidden: secrets that must not appear in a line."""
        names = {"asctime": "time", "levelname": "level", "name": "logger", "exc_info": "error"}
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s", rename_fields=names)
        self.converter = time.gmtime
        self._secrets = [secret for secret in hidden if len(secret) >= _SHORTEST_SECRET]

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """See JsonFormatter. Secrets are looked for before JSON escapes them, and after."""
        line = {
            key: self.redact(value) if isinstance(value, str) else value for key, value in log_data.items()
        }
        return {**line, "level": str(line["level"]).lower(), "request_id": request_id()}

    def serialize_log_record(self, log_data: dict[str, Any]) -> str:
        """See JsonFormatter."""
        return self.redact(super().serialize_log_record(log_data))

    def redact(self, text: str) -> str:
        """The text without any secret."""
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return text


@dataclass(frozen=True, slots=True)
class LogEvent:
    """A warning or an error for the status page. at: seconds since 1970. times: how often it was logged."""

    at: float
    message: str
    request_id: str
    source: str = ""
    times: int = 1


class RecentEvents(logging.Handler):
    """Remembers the last warnings and errors, the same message once.

    Where there are too many, the oldest from the line of code that logged most goes: what is repeated with
    ever new texts does not displace the rest.
    """

    def __init__(self, formatter: JsonLineFormatter, capacity: int = 20) -> None:
        super().__init__(logging.WARNING)
        self._redact = formatter.redact
        self._capacity = capacity
        self._events: dict[str, LogEvent] = {}
        """By message, the newest last."""

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        message = self._redact(record.getMessage())
        before = self._events.pop(message, None)
        times = before.times + 1 if before else 1
        source = f"{record.pathname}:{record.lineno}"
        self._events[message] = LogEvent(record.created, message, request_id(), source, times)
        if len(self._events) > self._capacity:
            counts = Counts(event.source for event in self._events.values())
            most = max(counts.values())
            self._events.pop(next(key for key, event in self._events.items() if counts[event.source] == most))

    def newest_first(self) -> Sequence[LogEvent]:
        """All remembered events."""
        return list(self._events.values())[::-1]


class BackgroundHandler(logging.Handler):
    """Writes lines in a thread, so that a stalled terminal or pipe does not stall the sidecar.

    Lines that do not fit in the queue meanwhile are dropped, and counted in the next line that fits.
    """

    def __init__(self, formatter: JsonLineFormatter, descriptor: int, capacity: int = 10_000) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.addFilter(RepeatFilter())
        self._lines: queue.Queue[str | None] = queue.Queue(capacity)
        self._dropped = 0
        self._descriptor = descriptor
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        if self._dropped:
            record.left_out_before = self._dropped
        try:
            self._lines.put_nowait(self.format(record))
            self._dropped = 0
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Write the remaining lines, unless that takes too long."""
        with suppress(queue.Full):
            self._lines.put(None, timeout=_LAST_LINES_S)
        self._thread.join(_LAST_LINES_S)
        super().close()

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            # Not sys.stderr: at exit, Python would wait for the lock that a stalled write still holds.
            rest = line.encode("utf-8", "replace") + b"\n"
            with suppress(OSError):  # nobody reads any more
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]


def log_to_stderr(level: str, formatter: JsonLineFormatter) -> BackgroundHandler:
    """Send this process's log lines to its error stream; the caller closes the handler at the end."""
    handler = BackgroundHandler(formatter, sys.stderr.fileno())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its lines hold the requested URLs
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    # We log the start ourselves; its warnings are of what strangers send.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    logging.captureWarnings(capture=True)
    return handler


class Metrics:
    """The app's own registry: counts and times, never a name, a URL or an id."""

    def __init__(self, sidecar: Sidecar) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.requests = Counter(
            "stash_sense_requests",
            "Requests answered, by call and status.",
            ("route", "method", "status"),
            registry=self._registry,
        )
        self.seconds = Histogram(
            "stash_sense_request_seconds",
            "From a request's arrival to the end of its answer.",
            ("route",),
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self.faces = Counter("stash_sense_faces", "Faces found in pictures.", registry=self._registry)
        self.pictures = Counter("stash_sense_pictures", "Pictures looked at.", registry=self._registry)
        info = Gauge("stash_sense_info", "Always 1.", ("version",), registry=self._registry)
        info.labels(__version__).set(1)
        pool = sidecar.pool
        self._gauge("stash_sense_work_running", "Units of work in hand.", lambda: pool.running)
        self._gauge("stash_sense_work_waiting", "Units of work not yet begun.", lambda: pool.waiting)
        self._gauge("stash_sense_places_taken", "Requests being dealt with.", lambda: pool.admitted)
        self._gauge(
            "stash_sense_enrolled_people",
            "People in the face database in use.",
            lambda: _enrolled_people(sidecar),
        )

    def _gauge(self, name: str, description: str, value: Callable[[], float]) -> None:
        Gauge(name, description, registry=self._registry).set_function(value)

    def count_picture(self, faces: int) -> None:
        """Count a picture that was analysed, and its faces."""
        self.pictures.inc()
        self.faces.inc(faces)

    def text(self) -> bytes:
        """All metrics in Prometheus's text format."""
        return generate_latest(self._registry)


def _enrolled_people(sidecar: Sidecar) -> int:
    recognizer = sidecar.recognition.current
    return recognizer.database.people if recognizer else 0


class RequestLog:
    """ASGI middleware around all others: request ids, security headers, log lines, metrics.

    failure: makes the answer to a request at which the code below raised.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, failure: Callable[[], Response]) -> None:
        self._app = app
        self._metrics = metrics
        self._failure = failure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        proxy_id = Headers(scope=scope).get("x-request-id", "")
        own_id = proxy_id if _HARMLESS_ID.match(proxy_id) else secrets.token_hex(8)
        _request_id.set(own_id)
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = own_id
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:  # any failure of ours becomes a 500 with nothing of it but the log line
            log.exception("a request failed")
            if status:
                raise  # half an answer is out: the connection has to break, or it would pass for whole
            await self._failure()(scope, receive, send_with_headers)
        finally:
            self._record(scope, status, time.perf_counter() - began)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.requests.labels(route, method, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        level = logging.DEBUG if scope["path"] in _QUIET and status == HTTPStatus.OK else logging.INFO
        fields = {"route": route, "method": method, "status": status, "ms": round(seconds * 1000, 1)}
        log.log(level, "%s %s %s", method, route, status, extra=fields)
