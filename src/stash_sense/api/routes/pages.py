"""What a person opens in a browser: the state, and the calls. Without any script; nothing from elsewhere."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from stash_sense import __version__
from stash_sense.api import metrics
from stash_sense.api.depends import AtDesk
from stash_sense.api.openapi import documented
from stash_sense.api.status import ago, jobs_of, overall, parts_of

router = APIRouter(tags=["state"])

_pages = Environment(
    loader=PackageLoader("stash_sense.api", "templates"), autoescape=True, undefined=StrictUndefined
)


@router.get("/", include_in_schema=False)
async def status(desk: AtDesk) -> HTMLResponse:
    """The state on one page."""
    sidecar = desk.sidecar
    parts = parts_of(sidecar)
    return _page(
        "status.html.j2",
        version=__version__,
        parts=parts,
        overall=overall(parts),
        pool=sidecar.pool,
        jobs=await jobs_of(sidecar),
        since=_clock(sidecar.began),
        events=[(_clock(event.at), ago(event.at), event) for event in desk.events.all()],
        secret=sidecar.secret is not None,
    )


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    """Every call, from the OpenAPI document."""
    described = request.app.openapi()
    calls = [
        (method.upper(), path, call)
        for path, methods in described["paths"].items()
        for method, call in methods.items()
    ]
    return _page("docs.html.j2", version=__version__, calls=calls)


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {
            "content": {"text/plain": {"schema": {"type": "string"}}},
            "description": "Prometheus's format.",
        },
        **documented(),
    },
)
async def prometheus(desk: AtDesk) -> Response:
    """Counts and times for Prometheus."""
    return Response(desk.metrics.text(), media_type=metrics.MEDIA_TYPE)


def _page(template: str, **values: Any) -> HTMLResponse:
    return HTMLResponse(_pages.get_template(template).render(values))


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
