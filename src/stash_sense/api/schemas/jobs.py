"""Galleries and jobs: what to identify, the people found, and how far a job is."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stash_sense.api.schemas.faces import (
    STRICT,
    FileName,
    LibraryIn,
    MatchOut,
    ReasonOut,
    StashIdIn,
    StashIdOut,
)
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.store.repositories.job_rows import Job


class GalleryIn(LibraryIn):
    """A gallery of Stash to identify."""

    gallery_id: StashIdIn
    evidence: Literal["gallery", "plain"] = Field(
        default="gallery",
        description="`gallery`: the faces of one person are judged together; `plain`: each face for itself.",
    )

    def match_options(self) -> MatchOptions:
        """The options as recognition takes them."""
        return MatchOptions(self.top_k, self.max_distance, self.min_face_confidence, self.evidence)


_PerformerIds = Annotated[
    list[Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]], Field(min_length=1, max_length=1000)
]


class DatabaseIn(BaseModel):
    """A face database to build from Stash's performers."""

    model_config = STRICT

    images: bool | Literal["unlearned"] | _PerformerIds = Field(
        default=False,
        description="Enrol from images too, where one performer alone is tagged and one face shows; "
        "`unlearned`: only those of whom no portrait shows a face; performer ids: only these of them.",
    )
    scenes: bool = Field(
        default=False,
        description="Enrol from scenes too, where one performer alone is tagged and the same one face shows "
        "on all frames looked at.",
    )
    source: Literal["stash", "stash-box", "decisions", "all"] = Field(
        default="stash",
        description="`stash-box`: what the stash-box `endpoint` has of Stash's performers; `decisions`: "
        "faces that a person confirmed, new ones only where STASH_SENSE_LEARN_DECISIONS is set; `all`: every "
        "source of the database in use that can be brought up to date, each by itself. `images` and `scenes` "
        "count for `stash` alone.",
    )
    endpoint: Annotated[str, Field(min_length=1, max_length=500)] | None = Field(
        default=None,
        description="Of a stash-box in Stash's settings: its endpoint, host or name.",
        examples=["https://stashdb.org/graphql"],
    )
    allow_empty: bool = Field(
        default=False, description="Build although Stash has less than half of the people of the last build."
    )

    @model_validator(mode="after")
    def _endpoint_fits_the_source(self) -> Self:
        if (self.source == "stash-box") != (self.endpoint is not None):
            raise ValueError("`endpoint` names the stash-box of the source `stash-box`, and of no other")
        return self


class PerformerOut(ReasonOut):
    """A person in a gallery."""

    performer_id: FileName
    stashdb_id: str | None
    stash_ids: list[StashIdOut]
    local_id: str | None
    name: FileName
    best_distance: float
    avg_distance: float
    confidence: float = Field(description="Of the nearest face, 0 to 1.")
    image_count: int
    image_ids: list[str] = Field(description="Where they were seen, in the gallery's order.")
    country: str | None
    image_url: str | None
    reference_id: str | None = Field(
        description="What their nearest face rests on, for GET /references/{reference_id}; null where "
        "a person only confirmed who it is."
    )
    track_ids: list[str]
    face_ids: list[str] = Field(description="Their stored faces, the best view first.")
    face_image_ids: list[str] = Field(description="The image of each of `face_ids`.")
    face_count: int
    faces_alone: int = Field(description="How many of these faces support the name by themselves.")
    confirmed: bool = Field(description="Whether a person confirmed it on one of the faces.")


class UnknownTrackOut(ReasonOut):
    """All faces of one person without a name."""

    track_id: str
    verdict: Literal["ambiguous", "unknown"]
    face_ids: list[str] = Field(description="The stored faces, the best view first.")
    face_image_ids: list[str] = Field(description="The image of each of `face_ids`.")
    face_count: int
    image_ids: list[str] = Field(description="In the gallery's order.")
    image_count: int
    nearest: list[MatchOut] = Field(description="Whom it may be, best first; often nobody for `unknown`.")


class ImageFailureOut(BaseModel):
    """An image that was skipped or failed."""

    image_id: str
    code: str = Field(default="not-a-picture", description="As in a problem document.")
    reason: str
    numbers: dict[str, float] = Field(default={}, description="Those of the sentence, such as `megapixels`.")


class GalleryOut(BaseModel):
    """The people of a gallery, those on most images first."""

    gallery_id: str
    total_images: int
    images_processed: int
    faces_detected: int
    performers: list[PerformerOut]
    unknown: list[UnknownTrackOut] = Field(
        description="People without a name, each once, those on most images first."
    )
    errors: list[str] = Field(description="At most ten of `error_count`; a job lists all.")
    error_details: list[ImageFailureOut] = Field(
        default=[], description="The same as `errors`, with codes; empty in older results."
    )
    error_count: int
    skipped: list[ImageFailureOut] = Field(description="Videos and clips.")
    not_stored: int = Field(description="Images whose result could not be stored; the log says why.")
    db_version: str = Field(default="", description="Of the face database that the faces were matched with.")
    decisions_revision: str = Field(
        default="", description="GET /decisions/revision when the decisions were applied; empty until then."
    )


class JobIdOut(BaseModel):
    """A job that was accepted."""

    job_id: str


class JobOut(BaseModel):
    """A job and how far it is."""

    job_id: str
    kind: str = Field(description="`gallery`, `scene` or `database`.")
    target: str
    status: Literal["queued", "running", "done", "failed", "cancelled"]
    done: int
    total: int
    faces: int
    people: int
    rate: float = Field(description="Done a second in the last minute, 0 while unknown.")
    eta_s: float | None = Field(
        description="Seconds left; null while unknown, which is until 5 % are done or 5 s have passed."
    )
    result: dict[str, Any] | None = Field(
        description="As it stands: for a gallery what POST /identify/gallery answers. Not in lists, nor "
        "where `since` is its revision."
    )
    revision: str | None = Field(
        description="Changes whenever the result does, for GET /jobs/{job_id}?since=; null without one, and "
        "in lists."
    )
    error: str | None
    error_code: str | None
    all_errors: list[str] = Field(
        description="What went wrong without ending the job; in lists at most ten of `error_count`."
    )
    error_count: int
    asked: dict[str, Any]
    created_at: str
    started_at: str | None
    ended_at: str | None
    paused: bool = Field(description="Whether it is queued and rests until it is resumed.")
    starts_at: str | None = Field(description="Queued, and not to run before; else null.")


class JobsOut(BaseModel):
    """Jobs, newest first."""

    jobs: list[JobOut]


class ClearedOut(BaseModel):
    """How many jobs were taken off the list."""

    cleared: int


class JobsQuery(BaseModel):
    """Which jobs to list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target: Annotated[str, Field(min_length=1, max_length=100, examples=["gallery:45"])] | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


def job_out(job: Job) -> JobOut:
    """A job. Its result, which may be long, is not copied."""
    return JobOut.model_validate(job, from_attributes=True)
