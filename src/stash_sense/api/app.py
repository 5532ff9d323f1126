"""The FastAPI app over a running sidecar: routes, middleware, error handlers, OpenAPI document."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from stash_sense import __version__
from stash_sense.api.guards import AccessGuard, BodyGuard, BodyLimit
from stash_sense.api.problems import (
    Problem,
    describe_validation,
    internal_error_response,
    problem_response,
    status_of,
)
from stash_sense.api.routes import decisions, identify, jobs, state
from stash_sense.api.telemetry import Metrics, RecentEvents, RequestLog
from stash_sense.errors import (
    BadParameter,
    MethodNotAllowed,
    NotFound,
    StashError,
    StashSenseError,
    StateBusy,
    StateError,
)
from stash_sense.runtime.sidecar import Sidecar

log = logging.getLogger(__name__)

_TITLE = "Stash Sense"
_BASE64 = 4 / 3
_FORM_BYTES = 100_000
"""Bytes of a body besides its picture: fields, boundaries."""
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
    for routes in (state, identify, jobs, decisions):
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
        sidecar.pool.admit,
    )
    # The middleware added last sees a request first.
    app.add_middleware(
        BodyGuard,
        default=BodyLimit(_JSON_BYTES, "Send it in several smaller requests."),
        by_path={"/identify": picture},
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
