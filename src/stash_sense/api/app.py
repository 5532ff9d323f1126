"""The app: its parts put together. Everything it works with comes from the Sidecar it is given."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from stash_sense import __version__
from stash_sense.api import problems
from stash_sense.api.access import AccessGate
from stash_sense.api.asked import sentence
from stash_sense.api.bodies import Bodies
from stash_sense.api.depends import Desk
from stash_sense.api.logs import RecentEvents
from stash_sense.api.metrics import Metrics
from stash_sense.api.openapi import describe
from stash_sense.api.requests import RequestLog
from stash_sense.api.routes import (
    crops,
    decisions,
    health,
    identify,
    jobs,
    journal,
    later,
    library,
    pages,
    references,
)
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

ROUTERS = tuple(
    routes.router
    for routes in (
        health,
        identify,
        library,
        later,  # before jobs: its paths would be taken for ids
        jobs,
        decisions,
        journal,
        crops,
        references,
        pages,
    )
)

_BASE64 = 4 / 3
_ROOM = 100_000
"""Bytes of a body beside its picture: fields, boundaries."""
_SMALL = 1_000_000
"""Bytes of a body without a picture: as many image ids as a tag is ever written to at once."""
_SMALLER_PICTURE = "Send a smaller copy of the picture, or raise STASH_SENSE_MAX_BYTES."
_SMALLER_PARTS = "Send it in several smaller requests."
_TOGETHER = 6
"""All bodies in hand, in largest ones."""


def create_app(sidecar: Sidecar, events: RecentEvents) -> FastAPI:
    """The app over a sidecar; its lifespan starts and stops it. events: for the status page."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await sidecar.start()
        try:
            yield
        finally:
            await sidecar.stop()

    app = FastAPI(
        title="Stash Sense",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,  # FastAPI's pages load their scripts from elsewhere; /docs is ours
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    settings = sidecar.settings
    most = int(settings.max_bytes * _BASE64) + _ROOM
    metrics = Metrics(sidecar)
    app.state.desk = Desk(
        sidecar=sidecar,
        bodies=Bodies(most, _TOGETHER * most, settings.upload_seconds, _SMALLER_PICTURE),
        small_bodies=Bodies(_SMALL, _TOGETHER * _SMALL, settings.upload_seconds, _SMALLER_PARTS),
        metrics=metrics,
        events=events,
    )
    for router in ROUTERS:
        app.include_router(router)
    describe(app)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(app.openapi())

    _answer_errors(app, sidecar)
    secret = sidecar.secret.value if sidecar.secret else None
    app.add_middleware(AccessGate, secret=secret, allowed_hosts=settings.allowed_hosts)
    app.add_middleware(RequestLog, metrics=metrics)  # added last: sees every request first
    return app


def _answer_errors(app: FastAPI, sidecar: Sidecar) -> None:
    """Every error leaves as a problem document; what is not ours is left to RequestLog."""

    async def ours(_: Request, error: Exception) -> Response:
        found = cast("StashSenseError", error)
        theirs = isinstance(found, StateError | StateBusy | StashError) and problems.status_of(found) >= 500
        if theirs and str(found) != str(sidecar.stash_status.problem):
            log.warning("%s", found)  # for the owner, who sees it on the status page; once is enough
        return problems.answer(found)

    async def invalid(_: Request, error: Exception) -> Response:
        found = cast("RequestValidationError", error)
        return problems.answer(BadParameter(sentence(list(found.errors()))))

    async def by_status(_: Request, error: Exception) -> Response:
        found = cast("HTTPException", error)
        if found.status_code == 405:
            said: StashSenseError = MethodNotAllowed(
                "This call is made by another method; see Allow, or /docs."
            )
        elif found.status_code == 404:
            said = NotFound("There is no such call. See /docs for all there are.")
        else:
            said = BadParameter(str(found.detail))
        return problems.answer(said, found.headers)

    async def gone(_: Request, __: Exception) -> Response:
        return Response(status_code=499)  # nobody is left to read it

    handlers: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        StashSenseError: ours,
        RequestValidationError: invalid,
        HTTPException: by_status,
        ClientDisconnect: gone,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
