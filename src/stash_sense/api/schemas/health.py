"""What is loaded, what is missing, and what works: the answers of `GET /health` and `GET /database/info`."""

from typing import Literal

from pydantic import BaseModel, Field

from stash_sense import __version__
from stash_sense.errors import StashNotConfigured
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.runtime.sidecar import Sidecar

_ALWAYS = ("health", "metrics")
_WITH_DATABASE = ("database-info", "identify", "identify-url", "references")
_WITH_STATE = ("decisions", "journal")
_WITH_JOBS = ("jobs",)
_WITH_STATE_AND_STASH = ("face-crops",)
_WITH_JOBS_AND_STASH = ("jobs-database",)
_WITH_ALL = ("identify-image", "identify-gallery", "jobs-gallery", "scenes", "jobs-library")


class DatabaseOut(BaseModel):
    """The face database in use."""

    version: str
    pack: str
    people: int
    faces: int
    built_at: str
    sources: list[str]


class MissingOut(BaseModel):
    """Something that is missing."""

    what: str = Field(description="engine, database, state, jobs or stash.")
    code: str
    detail: str = Field(description="How to mend it.")


class LoadedOut(BaseModel):
    """What is in use."""

    pack: str | None
    database: DatabaseOut | None


class HealthOut(BaseModel):
    """How the sidecar is. Everything but status and version needs the secret."""

    status: Literal["ok", "degraded"]
    version: str
    loaded: LoadedOut | None = None
    missing: list[MissingOut] | None = None
    features: list[str] | None = Field(default=None, description="What works here, now.")


def health_out(sidecar: Sidecar, *, brief: bool) -> HealthOut:
    """How the sidecar is. brief: for callers without the secret."""
    missing = missing_out(sidecar)
    # Running without a Stash is a choice, not a fault.
    faults = [part for part in missing if part.code != StashNotConfigured.code]
    status: Literal["ok", "degraded"] = "degraded" if faults else "ok"
    if brief:
        return HealthOut(status=status, version=__version__)
    return HealthOut(
        status=status,
        version=__version__,
        loaded=loaded_out(sidecar),
        missing=missing,
        features=features(sidecar),
    )


def database_out(recognizer: FaceRecognizer) -> DatabaseOut:
    """The face database of a recognizer."""
    manifest = recognizer.database.manifest
    return DatabaseOut(
        version=manifest.version,
        pack=manifest.pack,
        people=manifest.people,
        faces=manifest.faces,
        built_at=manifest.built_at,
        sources=list(manifest.sources),
    )


def loaded_out(sidecar: Sidecar) -> LoadedOut:
    """What is in use."""
    recognizer = sidecar.recognition.current
    if recognizer is None:
        return LoadedOut(pack=None, database=None)
    return LoadedOut(pack=recognizer.pack.id, database=database_out(recognizer))


def missing_out(sidecar: Sidecar) -> list[MissingOut]:
    """What is missing and how to mend it; of Stash, what was last seen."""
    engine_problem, part = sidecar.recognition.problem, "database"
    if engine_problem and engine_problem.code in ("starting", "engine", "missing-file", "altered-file"):
        part = "engine"
    problems = [
        (part, engine_problem),
        ("state", sidecar.state.problem),
        ("jobs", sidecar.jobs.problem),
        ("stash", sidecar.stash_status.problem),
    ]
    return [
        MissingOut(what=what, code=problem.code, detail=str(problem))
        for what, problem in problems
        if problem is not None
    ]


def features(sidecar: Sidecar) -> list[str]:
    """Names of the calls that can succeed now, so that the plugin knows which buttons to offer."""
    database = sidecar.recognition.current is not None
    state = sidecar.state.problem is None
    jobs = sidecar.jobs.problem is None
    stash = sidecar.stash_status.problem is None
    return [
        *_ALWAYS,
        *(_WITH_DATABASE if database else ()),
        *(_WITH_STATE if state else ()),
        *(_WITH_JOBS if jobs else ()),
        *(_WITH_STATE_AND_STASH if state and stash else ()),
        *(_WITH_JOBS_AND_STASH if jobs and stash else ()),
        *(_WITH_ALL if database and state and jobs and stash else ()),
    ]
