"""What is asked of images, galleries and jobs, and what is answered of galleries and jobs, field by field."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from stash_sense.api.asked import MaxDistance, MinFaceConfidence, TopK
from stash_sense.api.wire import MatchOut, StashIdOut
from stash_sense.api.wire_words import StashIdIn
from stash_sense.recognition.evidence import MatchOptions
from stash_sense.runtime.job_kinds import IdentifyOptions
from stash_sense.store.jobs.job import Job


class _LibraryIn(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    top_k: TopK = 5
    max_distance: MaxDistance = 0.6
    min_face_confidence: MinFaceConfidence = 0.5
    force: bool = Field(default=False, description="Look again, although a result is kept.")
    source: Literal["original", "thumbnail"] = Field(
        default="original", description="`thumbnail` is quicker and misses small faces."
    )


class ImageIn(_LibraryIn):
    """An image of Stash to identify."""

    image_id: StashIdIn

    def asked(self) -> IdentifyOptions:
        """For the work."""
        return IdentifyOptions(
            MatchOptions(self.top_k, self.max_distance, self.min_face_confidence), self.force, self.source
        )


class GalleryIn(_LibraryIn):
    """A gallery of Stash to identify."""

    gallery_id: StashIdIn
    evidence: Literal["gallery", "plain"] = Field(
        default="gallery",
        description="`gallery`: the faces of one person are judged together; `plain`: each face for itself.",
    )

    def asked(self) -> IdentifyOptions:
        """For the work."""
        knobs = MatchOptions(self.top_k, self.max_distance, self.min_face_confidence, self.evidence)
        return IdentifyOptions(knobs, self.force, self.source)


class DatabaseIn(BaseModel):
    """A face database to be built from Stash's performers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: bool = Field(
        default=False,
        description="Beside portraits, take images on which a performer alone is tagged and one face shows.",
    )


class PerformerOut(BaseModel):
    """A person found in a gallery."""

    performer_id: str
    stashdb_id: str | None
    stash_ids: list[StashIdOut]
    local_id: str | None
    name: str
    best_distance: float
    avg_distance: float
    confidence: float = Field(description="Of the nearest face, 0 to 1.")
    image_count: int
    image_ids: list[str] = Field(description="Where they were seen, in the gallery's order.")
    country: str | None
    image_url: str | None
    reference_id: str | None = Field(
        description="What their nearest face rests on, for GET /references/{reference_id}; null where "
        "somebody only said who it is."
    )
    track_ids: list[str]
    face_ids: list[str] = Field(description="Their stored faces, the best view first.")
    face_image_ids: list[str] = Field(description="The image of each of `face_ids`.")
    face_count: int
    faces_alone: int = Field(description="Of these faces those that are this person's each by itself.")
    confirmed: bool = Field(description="Whether a person confirmed it on one of the faces.")
    reason: str


class UnknownTrackOut(BaseModel):
    """All faces of one person who was given no name."""

    track_id: str
    verdict: Literal["ambiguous", "unknown"]
    reason: str
    face_ids: list[str] = Field(description="The stored faces, the best view first.")
    face_image_ids: list[str] = Field(description="The image of each of `face_ids`.")
    face_count: int
    image_ids: list[str] = Field(description="In the gallery's order.")
    image_count: int
    nearest: list[MatchOut] = Field(description="Whom it may be, best first; often nobody for `unknown`.")


class SkippedOut(BaseModel):
    """An image that was not looked at."""

    image_id: str
    reason: str


class GalleryOut(BaseModel):
    """The people of a gallery, those on most images first."""

    gallery_id: str
    total_images: int
    images_processed: int
    faces_detected: int
    performers: list[PerformerOut]
    unknown: list[UnknownTrackOut] = Field(
        description="Those who were given no name, each person once, on most images first."
    )
    errors: list[str] = Field(description="At most ten of `error_count`; a job tells all.")
    error_count: int
    skipped: list[SkippedOut] = Field(description="Videos and clips.")
    not_stored: int = Field(description="Images whose result could not be kept; the log says why.")


class JobIdOut(BaseModel):
    """A job that was taken on."""

    job_id: str


class JobOut(BaseModel):
    """A job and how far it is."""

    job_id: str
    kind: str = Field(description="`gallery` or `database`.")
    target: str
    status: Literal["queued", "running", "done", "failed", "cancelled"]
    done: int
    total: int
    faces: int
    people: int
    rate: float = Field(description="Done a second, 0 while unknown.")
    eta_s: float | None = Field(description="Seconds left, null while unknown.")
    result: dict[str, Any] | None = Field(
        description="As it stands: for a gallery what POST /identify/gallery answers. Not in lists."
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


class JobsOut(BaseModel):
    """Jobs, the newest first."""

    jobs: list[JobOut]


class JobsAsked(BaseModel):
    """Which jobs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target: Annotated[str, Field(min_length=1, max_length=100, examples=["gallery:45"])] | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


def job_out(job: Job) -> JobOut:
    """A job; its result, which may be long, is not copied."""
    return JobOut.model_validate(job, from_attributes=True)
