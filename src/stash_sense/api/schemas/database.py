"""How far the face database lags behind Stash, and whom it did not learn."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from stash_sense.api.schemas.health import DatabaseOut
from stash_sense.enrolment.snapshot import StashChanges, StashSnapshot, UnlearnedPerformer
from stash_sense.facedb.layout import Manifest

UnlearnedCode = Literal[
    "no-portrait",
    "no-face",
    "several-faces",
    "poor-face",
    "upside-down",
    "copy",
    "other-person",
    "by-hand",
    "unreadable",
]


class DatabaseChangesOut(BaseModel):
    """What is newer in Stash than the face database."""

    version: str
    built_at: str
    from_stash: bool = Field(description="Whether it was built from Stash; if not, nothing is compared.")
    new: int = Field(description="Performers with a portrait whom the build did not see.")
    changed: int = Field(description="Performers edited since: anything about them, the portrait included.")
    removed: int = Field(description="Performers whom Stash no longer has.")


class DatabaseInfoOut(DatabaseOut):
    """The face database in use, and what can become of it."""

    other_version: str | None = Field(description="What POST /database/rollback would put in use.")
    rolled_back: bool = Field(description="Whether a newer one was rolled back; then none follows by itself.")
    next_update: str | None = Field(description="When it is updated next by itself; null: when asked to.")


class StaleOut(BaseModel):
    """What follows a change in Stash."""

    update_at: str | None = Field(description="When the update begins; null: it does not follow by itself.")


class RollbackOut(BaseModel):
    """From which version to which the face database was switched."""

    from_: str = Field(alias="from", description="Empty if the version in use was damaged.")
    to: str
    forward: bool = Field(description="Whether this undid a rollback.")
    people: int
    faces: int
    built_at: str


class UnlearnedOut(BaseModel):
    """A performer of whom the database has no face."""

    local_id: str = Field(description="The performer's id in Stash.")
    code: UnlearnedCode
    reason: str = Field(description="Why, in one line.")


class UnlearnedPageOut(BaseModel):
    """Performers of whom the database has no face, as of its build."""

    performers: list[UnlearnedOut]
    total: int
    counts: dict[str, int] = Field(description="Performers by code.")


class UnlearnedQuery(BaseModel):
    """Which of them to list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=500)] = 50
    offset: Annotated[int, Field(ge=0)] = 0


def time_out(seconds: float | None) -> str | None:
    """A time since 1970 as ISO 8601, UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def changes_out(manifest: Manifest, changes: StashChanges | None) -> DatabaseChangesOut:
    """changes: None for a database that was not built from Stash."""
    counts = changes or StashChanges()
    return DatabaseChangesOut(
        version=manifest.version,
        built_at=manifest.built_at,
        from_stash=changes is not None,
        new=counts.new,
        changed=counts.changed,
        removed=counts.removed,
    )


def unlearned_out(snapshot: StashSnapshot, query: UnlearnedQuery) -> UnlearnedPageOut:
    """A page of the performers without a face."""
    counts: dict[str, int] = {}
    for performer in snapshot.unlearned:
        counts[performer.code] = counts.get(performer.code, 0) + 1
    page = snapshot.unlearned[query.offset : query.offset + query.limit]
    return UnlearnedPageOut(
        performers=[_unlearned(each) for each in page], total=len(snapshot.unlearned), counts=counts
    )


def _unlearned(performer: UnlearnedPerformer) -> UnlearnedOut:
    return UnlearnedOut.model_validate(performer, from_attributes=True)
