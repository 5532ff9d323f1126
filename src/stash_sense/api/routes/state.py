"""The sidecar's state: `/health`, `/metrics`, and the pages for a browser.

The pages hold no script and load nothing from elsewhere.
"""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from stash_sense import __version__
from stash_sense.api.dependencies import AuthorizedDep, MetricsDep, RecentEventsDep, SidecarDep
from stash_sense.api.problems import documented
from stash_sense.api.schemas.health import HealthOut, health_out
from stash_sense.domain.progress import format_duration
from stash_sense.errors import Starting, StashNotConfigured
from stash_sense.runtime.from_settings import state_file
from stash_sense.runtime.plugin_source import version_advice
from stash_sense.runtime.sidecar import Sidecar
from stash_sense.stash.address import StashAddress
from stash_sense.store.repositories.job_rows import Job

router = APIRouter(tags=["state"])

PartState = Literal["ok", "wait", "off", "fault"]

_JOBS_SHOWN = 10
_PLUGIN = re.compile(r"stash-sense-plugin/([0-9A-Za-z.+-]{1,40})")
"""How the plugin's backend calls itself."""
_LABELS: dict[PartState, str] = {
    "ok": "works",
    "wait": "starting",
    "off": "not set up",
    "fault": "needs attention",
}
_templates = Environment(
    loader=PackageLoader("stash_sense.api", "templates"), autoescape=True, undefined=StrictUndefined
)


@router.get("/health", responses=documented(), response_model_exclude_unset=True)
async def get_health(request: Request, sidecar: SidecarDep, authorized: AuthorizedDep) -> HealthOut:
    """Whether it works; with the secret, what is missing. Answers at once, whatever else is running."""
    if authorized and (plugin := _PLUGIN.fullmatch(request.headers.get("user-agent", ""))):
        sidecar.plugin_version = plugin[1]
    return health_out(sidecar, brief=not authorized)


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
async def get_prometheus_metrics(metrics: MetricsDep) -> Response:
    """Counts and times for Prometheus."""
    return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)


@router.get("/", include_in_schema=False)
async def get_status_page(sidecar: SidecarDep, events: RecentEventsDep) -> HTMLResponse:
    """The state on one page."""
    parts = sidecar_parts(sidecar)
    return _page(
        "status.html.j2",
        version=__version__,
        parts=parts,
        overall=_overall(parts),
        pool=sidecar.pool,
        jobs=await _job_lines(sidecar),
        since=_clock(sidecar.began),
        events=[(_clock(event.at), format_ago(event.at), event) for event in events.newest_first()],
        secret=sidecar.secret is not None,
    )


@router.get("/docs", include_in_schema=False)
async def get_docs_page(request: Request) -> HTMLResponse:
    """Every call, from the OpenAPI document."""
    document = request.app.openapi()
    calls = [
        (method.upper(), path, call)
        for path, methods in document["paths"].items()
        for method, call in methods.items()
    ]
    schemas = {f"#/components/schemas/{name}": it for name, it in document["components"]["schemas"].items()}
    return _page("docs.html.j2", version=__version__, calls=calls, schemas=schemas)


def _page(template: str, **values: Any) -> HTMLResponse:
    return HTMLResponse(_templates.get_template(template).render(values))


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"


def format_ago(then: float) -> str:
    """How long ago a moment (seconds since 1970) was, roughly: `5 min ago`."""
    seconds = max(0, int(time.time() - then))
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


@dataclass(frozen=True, slots=True)
class SidecarPart:
    """A part of the sidecar on the status page. problem: what is wrong and what to do, else empty."""

    name: str
    state: PartState
    problem: str
    facts: tuple[tuple[str, str], ...]

    @property
    def label(self) -> str:
        """The state, for a person."""
        return _LABELS[self.state]


def sidecar_parts(sidecar: Sidecar) -> list[SidecarPart]:
    """Every part, the one that the others rest on first."""
    parts = [_recognition_part(sidecar), _state_part(sidecar), _stash_part(sidecar)]
    if sidecar.jobs.problem:
        parts.append(_part("Jobs", sidecar.jobs.problem, {}))
    if version := sidecar.plugin_version:
        parts.append(_plugin_part(version))
    return parts


def _overall(parts: list[SidecarPart]) -> PartState:
    states = {part.state for part in parts}
    return "fault" if "fault" in states else "wait" if "wait" in states else "ok"


def _part(name: str, problem: Exception | None, facts: dict[str, str]) -> SidecarPart:
    state: PartState = "ok"
    if isinstance(problem, Starting):
        state = "wait"
    elif isinstance(problem, StashNotConfigured):
        state = "off"
    elif problem:
        state = "fault"
    return SidecarPart(name, state, str(problem or ""), tuple(facts.items()))


def _recognition_part(sidecar: Sidecar) -> SidecarPart:
    facts = {}
    if recognizer := sidecar.recognition.current:
        manifest = recognizer.database.manifest
        facts = {
            "People": f"{manifest.people:,}",
            "Reference faces": f"{manifest.faces:,}",
            "Face database": manifest.version,
            "Built": manifest.built_at.replace("T", " ").replace("+00:00", " UTC"),
            "Model pack": recognizer.pack.id,
        }
    return _part("Recognition", sidecar.recognition.problem, facts)


def _state_part(sidecar: Sidecar) -> SidecarPart:
    state = sidecar.state
    facts = {"File": str(state_file(sidecar.settings))}
    if state.current and (backup := state.current.store.migrated_from):
        facts["Before its migration"] = str(backup)
    return _part("State", state.problem, facts)


def _stash_part(sidecar: Sidecar) -> SidecarPart:
    stash = sidecar.stash_status
    facts = {}
    if sidecar.stash:
        facts["Address"] = str(StashAddress.parse(sidecar.settings.stash_url))  # without a password
    if stash.current:
        facts["Version"] = stash.current.version or "a build without a version"
    if stash.checked_at:
        facts["Looked for"] = format_ago(stash.checked_at)
    looking = Starting("Stash is being looked for.") if sidecar.stash and not stash.checked_at else None
    return _part("Stash", stash.problem or looking, facts)


def _plugin_part(version: str) -> SidecarPart:
    advice = version_advice(version)
    return SidecarPart("Plugin", "fault" if advice else "ok", advice, (("Version", version),))


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job on the status page. share: of it that is done, 0 to 1; None while unknown."""

    name: str
    status: str
    share: float | None
    summary: str
    link: str


async def _job_lines(sidecar: Sidecar) -> list[JobLine]:
    """The newest jobs; none where their list cannot be opened, which `sidecar_parts` reports."""
    if sidecar.jobs.problem:
        return []
    queue = await sidecar.jobs.ready()
    return [_job_line(job) for job in await queue.list(limit=_JOBS_SHOWN)]


def _job_line(job: Job) -> JobLine:
    figures = [f"{job.done:,} of {job.total:,}" if job.total else f"{job.done:,} done"]
    figures += [f"{job.faces:,} faces", f"{job.people:,} people"]
    if job.status == "running" and job.rate:
        figures.append(f"{job.rate:.1f} a second")
    if job.eta_s is not None and job.status == "running":
        figures.append(f"about {format_duration(job.eta_s)} left")
    if job.error_count:
        figures.append(f"{job.error_count:,} problems")
    if job.error:
        figures.append(job.error)
    share = job.done / job.total if job.total else None
    return JobLine(job.target.replace(":", " "), job.status, share, ", ".join(figures), f"jobs/{job.job_id}")
