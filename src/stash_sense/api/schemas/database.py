"""How far the face database lags behind Stash, whom it did not learn, and whom it named lately."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from stash_sense.api.schemas.faces import STRICT, FileName, StashIdOut
from stash_sense.api.schemas.health import DatabaseOut
from stash_sense.domain.faces import confidence_at
from stash_sense.domain.identity import bare_ids
from stash_sense.enrolment.snapshot import StashChanges, StashSnapshot, UnlearnedPerformer
from stash_sense.facedb.layout import Manifest
from stash_sense.recognition.rematching import person_of
from stash_sense.runtime.forgetting import ForgettingReport
from stash_sense.store.repositories.newly_named import NewlyNamed, NewlyNamedPage

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


class NewlyNamedOut(BaseModel):
    """A face whose verdict became a name, or another name."""

    id: int
    face_id: str = Field(description="For GET /faces/{face_id}/crop and POST /decisions.")
    performer_id: FileName
    name: FileName
    stashdb_id: str | None
    stash_ids: list[StashIdOut]
    local_id: str | None = Field(description="The performer's id in this Stash, where known.")
    confidence: float = Field(description="1 - distance, 0 to 1.")
    distance: float
    country: str | None
    image_url: str | None
    reference_id: str | None = Field(description="For GET /references/{reference_id}.")
    image_id: str | None = Field(description="The image that shows the face; null for a scene.")
    gallery_ids: list[str] = Field(description="The galleries that the image was seen in.")
    scene_id: str | None = Field(description="The scene that shows it.")
    time_s: float | None = Field(description="When in the scene, seconds.")
    db_version: str = Field(description="The face database that gave the name.")
    created_at: str = Field(description="UTC.")


class NewlyNamedPageOut(BaseModel):
    """Newest first, without those that are tagged there, decided on or dismissed."""

    faces: list[NewlyNamedOut]
    next_before: int | None = Field(description="For the next page's `before`; null on the last one.")
    matching: bool = Field(description="Whether stored faces are being matched now, so that more may follow.")


class NewlyNamedQuery(BaseModel):
    """Which page."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(default=50, ge=1, le=200, description="At most this many faces.")
    before: int | None = Field(
        default=None, ge=0, lt=2**63, description="Only faces older than this one: `next_before`."
    )


class DismissIn(BaseModel):
    """Faces to take off the list."""

    model_config = STRICT

    ids: Annotated[
        list[Annotated[int, Field(ge=1, lt=2**63)]],
        Field(min_length=1, max_length=1000, description="Of GET /database/newly-named."),
    ]


class DismissedOut(BaseModel):
    """How many were on the list."""

    dismissed: int


def newly_named_out(page: NewlyNamedPage, *, matching: bool) -> NewlyNamedPageOut:
    """A page of the list."""
    return NewlyNamedPageOut(
        faces=[_face_out(item) for item in page.items], next_before=page.next_before, matching=matching
    )


def _face_out(item: NewlyNamed) -> NewlyNamedOut:
    place, person = item.place, person_of(item.place)
    stashdb, local_id = bare_ids(person)
    return NewlyNamedOut(
        id=item.id,
        face_id=str(place.face_id),
        performer_id=person.key,
        name=person.name,
        stashdb_id=stashdb,
        stash_ids=[StashIdOut(endpoint=endpoint, stash_id=each) for endpoint, each in person.stash_ids],
        local_id=local_id,
        confidence=confidence_at(place.match.distance),
        distance=place.match.distance,
        country=person.country,
        image_url=person.image_url,
        reference_id=place.match.reference_id,
        image_id=place.image_id,
        gallery_ids=list(place.gallery_ids),
        scene_id=place.scene_ids[0] if place.scene_ids else None,
        time_s=place.time_s,
        db_version=item.db_version,
        created_at=item.created_at,
    )


class DeletedPersonOut(BaseModel):
    """What was deleted of a person."""

    entry_id: str = Field(description="The person's entry on the list of the deleted: a salted hash.")
    references: int = Field(description="Reference faces.")
    photos: int = Field(description="Photos that the face database listed.")
    versions: int = Field(description="Older versions of face databases.")
    rows: int = Field(description="Rows of the state, deleted or changed.")
    mentions: dict[str, int] = Field(description="Rows of older programs' tables, by table.")
    jobs: int = Field(description="Jobs deleted, or emptied of their results so far.")
    backups: list[str] = Field(description="Names of the backups that are gone.")
    new_backup: str = Field(
        description="Name of the backup of what is left, where there was one; else empty."
    )


def deleted_person_out(report: ForgettingReport) -> DeletedPersonOut:
    """The report for an answer."""
    return DeletedPersonOut(**asdict(report))
