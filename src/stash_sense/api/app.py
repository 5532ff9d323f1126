"""The app and its server: the parts put together, the socket, signals and logs."""

import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from stash_sense import __version__
from stash_sense.api.access import AccessGuard
from stash_sense.api.clients import current_client
from stash_sense.api.connections import HEADER_S, guarded_protocol
from stash_sense.api.guards import BodyGuard, BodyLimit
from stash_sense.api.problems import (
    Problem,
    describe_validation,
    internal_error_response,
    problem_response,
    status_of,
)
from stash_sense.api.routes import (
    database,
    decisions,
    identify,
    jobs,
    people,
    plugin,
    state,
    suggestions,
    unknown,
)
from stash_sense.api.telemetry import JsonLineFormatter, Metrics, RecentEvents, RequestLog, log_to_stderr
from stash_sense.errors import (
    BadParameter,
    CannotListen,
    MethodNotAllowed,
    NotFound,
    StashError,
    StashSenseError,
    StateBusy,
    StateError,
)
from stash_sense.private_files import make_private
from stash_sense.runtime.plugin_source import OfferedPlugin
from stash_sense.runtime.sidecar import Sidecar, build_sidecar
from stash_sense.settings import Settings

log = logging.getLogger(__name__)
_TITLE = "Stash Sense"
_BASE64 = 4 / 3

_FORM_BYTES = 100_000
"""Bytes of a body besides its picture: fields, boundaries."""

_PICTURES_BYTES = 40_000_000
_PICTURES_ADVICE = "Give the performer a smaller picture in Stash first."
_JSON_BYTES = 1_000_000
"""Bytes of a body without a picture: as many image ids as one tag is ever written to."""


def create_app(sidecar: Sidecar, events: RecentEvents) -> FastAPI:
    """The app over a sidecar, which its lifespan starts and stops. events: for the status page."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await sidecar.start()
        try:
            yield
        finally:
            await sidecar.stop()

    app = FastAPI(
        title=_TITLE,
        version=__version__,
        lifespan=lifespan,
        docs_url=None,  # FastAPI's pages load their scripts from elsewhere; /docs is ours
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    metrics = Metrics(sidecar)
    app.state.sidecar, app.state.metrics, app.state.events = sidecar, metrics, events
    app.state.offered_plugin = OfferedPlugin(sidecar.settings.data_dir)
    for routes in (state, database, identify, jobs, decisions, plugin, suggestions, people, unknown):
        app.include_router(routes.router)
    _describe(app)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(app.openapi())

    _handle_errors(app, sidecar)
    settings = sidecar.settings
    picture = BodyLimit(
        int(settings.max_bytes * _BASE64) + _FORM_BYTES,
        "Send a smaller copy of the picture, or raise STASH_SENSE_MAX_BYTES.",
        lambda: sidecar.pool.admit(current_client(), upload=True),
    )
    # The middleware added last sees a request first.
    app.add_middleware(
        BodyGuard,
        default=BodyLimit(_JSON_BYTES, "Send it in several smaller requests."),
        by_path={"/identify": picture, "/journal/picture": BodyLimit(_PICTURES_BYTES, _PICTURES_ADVICE)},
        seconds=settings.upload_seconds,
    )
    secret = sidecar.secret.value if sidecar.secret else None
    app.add_middleware(AccessGuard, secret=secret, allowed_hosts=settings.allowed_hosts)
    app.add_middleware(RequestLog, metrics=metrics, failure=internal_error_response)
    return app


def _handle_errors(app: FastAPI, sidecar: Sidecar) -> None:
    """Answer every error with a problem document. Bugs are left to RequestLog."""

    async def handle_ours(_: Request, error: Exception) -> Response:
        ours = cast("StashSenseError", error)
        is_owners = isinstance(ours, StateError | StateBusy | StashError) and status_of(ours) >= 500
        if is_owners and str(ours) != str(sidecar.stash_status.problem):
            log.warning("%s", ours)  # once, for the owner, who sees it on the status page
        return problem_response(ours)

    async def handle_invalid(_: Request, error: Exception) -> Response:
        errors = cast("RequestValidationError", error).errors()
        return problem_response(BadParameter(describe_validation(errors)))

    async def handle_http(_: Request, error: Exception) -> Response:
        http_error = cast("HTTPException", error)
        problem: StashSenseError
        if http_error.status_code == 405:
            problem = MethodNotAllowed("This call needs another method: see the Allow header, or /docs.")
        elif http_error.status_code == 404:
            problem = NotFound("There is no such call. See /docs for the list.")
        else:  # FastAPI could not parse the body: it is nested too deeply, or not UTF-8
            problem = BadParameter("The body is not valid JSON in UTF-8. See /docs for what this call takes.")
        return problem_response(problem, http_error.headers)

    handlers: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        StashSenseError: handle_ours,
        RequestValidationError: handle_invalid,
        HTTPException: handle_http,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _describe(app: FastAPI) -> None:
    """Give the app its OpenAPI document, made at the first request for it."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=_TITLE,
                version=__version__,
                summary="Names the people in pictures, on your own machine.",
                routes=app.routes,
                tags=app.openapi_tags,
            )
            components = schema.setdefault("components", {})
            components.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
            components["securitySchemes"] = {
                "token": {"type": "http", "scheme": "bearer", "description": "`stash-sense token` prints it."}
            }
            schema["security"] = [{"token": []}]
            schema["paths"]["/health"]["get"]["security"] = [{}, {"token": []}]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # the way FastAPI documents


_BACKLOG = 512
"""Connections that the kernel holds until they are accepted."""
_ACCEPTED_AT_ONCE = 32
"""Each needs a file before its turn comes to be counted."""

SWITCH_S = 0.001
"""How soon a busy worker thread lets the event loop run; the default of 5 ms adds up in an answer."""


def run_server(settings: Settings) -> None:
    """Answer until SIGTERM or Ctrl-C. Raises NoSecret, CannotListen."""
    with listen(settings) as listener:
        sidecar = build_sidecar(settings)
        formatter = JsonLineFormatter(secrets_of(settings, sidecar))
        handler = log_to_stderr(settings.log_level, formatter)
        events = RecentEvents(formatter)
        logging.getLogger().addHandler(events)
        origin = sidecar.secret.origin if sidecar.secret else "none"
        fields = {"version": __version__, "host": settings.host, "port": settings.port, "secret": origin}
        log.info("listening", extra=fields)
        for line in make_private(settings.data_dir).repaired_lines(settings.data_dir):
            log.warning("%s", line)
        sys.setswitchinterval(SWITCH_S)
        # Uvicorn shuts down at a signal and then raises it again, when nothing is left to be killed.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        build_server(sidecar, events).run(sockets=[listener])
        log.info("stopped")
        handler.close()


def build_server(sidecar: Sidecar, events: RecentEvents) -> uvicorn.Server:
    """Uvicorn over the app of a sidecar."""
    return _Server(
        sidecar,
        uvicorn.Config(
            create_app(sidecar, events),
            http=guarded_protocol(),
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=round(HEADER_S),
            backlog=_ACCEPTED_AT_ONCE,
            timeout_graceful_shutdown=max(1, round(sidecar.settings.stop_seconds)),
        ),
    )


class _Server(uvicorn.Server):
    """Stops the jobs first: Uvicorn lets running requests end, and one may wait for a long job."""

    def __init__(self, sidecar: Sidecar, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._sidecar = sidecar

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn.Server. What is accepted at once is also asyncio's backlog; the kernel's is larger."""
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(_BACKLOG)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn.Server."""
        self._sidecar.begin_shutdown()
        await super().shutdown(sockets)


def listen(settings: Settings) -> socket.socket:
    """A socket on the settings' address and port. Raises CannotListen."""
    host = "127.0.0.1" if settings.host == "localhost" else settings.host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named TCP outright: only on such a socket does asyncio send small answers without a delay of 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, host != "::")
        listener.bind((host, settings.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotListen(
            f"{host} port {settings.port}: cannot be listened on ({error.strerror}). Stop what is using it, "
            "or set STASH_SENSE_PORT or STASH_SENSE_HOST."
        ) from error
    return listener


def secrets_of(settings: Settings, sidecar: Sidecar) -> list[str]:
    """Values that must not appear in a log line."""
    secrets = [settings.stash_api_key.get_secret_value(), settings.token.get_secret_value()]
    secrets += [unquote(urlsplit(settings.stash_url).password or "")]  # of a proxy in front of Stash
    secrets += [sidecar.secret.value] if sidecar.secret else []
    return [secret for secret in secrets if secret]
