"""GET /health and GET /database/info: what is loaded, what is missing, and how to mend it."""

from typing import Literal

from fastapi import APIRouter

from stash_sense import __version__
from stash_sense.api import wire
from stash_sense.api.depends import AtDesk, InSidecar, IsKnown
from stash_sense.api.features import features
from stash_sense.api.openapi import documented
from stash_sense.errors import StashNotConfigured
from stash_sense.runtime.sidecar import Sidecar

router = APIRouter(tags=["state"])


@router.get("/health", responses=documented(), response_model_exclude_unset=True)
async def health(desk: AtDesk, known: IsKnown) -> wire.HealthOut:
    """Whether it works; with the secret, what is missing. Answers at once, whatever is going on."""
    missing = missing_of(desk.sidecar)
    # To have no Stash is a choice, and said; it is nothing that went wrong.
    faults = [one for one in missing if one.code != StashNotConfigured.code]
    status: Literal["ok", "degraded"] = "degraded" if faults else "ok"
    if not known:
        return wire.HealthOut(status=status, version=__version__)
    return wire.HealthOut(
        status=status,
        version=__version__,
        loaded=loaded_of(desk.sidecar),
        missing=missing,
        features=features(desk.sidecar),
    )


@router.get("/database/info", responses=documented(429, 503))
async def database_info(sidecar: InSidecar) -> wire.DatabaseOut:
    """The face database in use."""
    async with sidecar.recognition.lease() as recognizer:
        return wire.database_out(recognizer)


def loaded_of(sidecar: Sidecar) -> wire.LoadedOut:
    """What is in use."""
    current = sidecar.recognition.current
    if current is None:
        return wire.LoadedOut(pack=None, database=None)
    return wire.LoadedOut(pack=current.pack.id, database=wire.database_out(current))


def missing_of(sidecar: Sidecar) -> list[wire.MissingOut]:
    """What is not there, and how to mend it; of Stash, what was last seen."""
    engine, database = sidecar.recognition.problem, "database"
    if engine and engine.code in ("starting", "engine", "missing-file", "altered-file"):
        database = "engine"
    found = [
        (database, engine),
        ("state", sidecar.state.problem),
        ("jobs", sidecar.jobs.problem),
        ("stash", sidecar.stash_status.problem),
    ]
    return [
        wire.MissingOut(what=what, code=problem.code, detail=str(problem))
        for what, problem in found
        if problem is not None
    ]
