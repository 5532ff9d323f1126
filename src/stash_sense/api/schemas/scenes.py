"""Scenes: what to identify, who is in one, and when."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from stash_sense.api.schemas.faces import (
    FileName,
    MatchOptionsIn,
    MatchOut,
    ReasonOut,
    StashIdIn,
    StashIdOut,
)
from stash_sense.recognition.scene import MOST_FRAMES
from stash_sense.recognition.scene_video import SceneSource


class SceneIn(MatchOptionsIn):
    """A scene of Stash to identify."""

    scene_id: StashIdIn
    force: bool = Field(default=False, description="Look at the video again, although a result is stored.")
    source: SceneSource = Field(
        default="auto",
        description="`file`: the scene's file, if it opens here; `stream`: as Stash streams it; `sprite`: "
        "the small pictures that Stash has generated; `auto`: the first of these that works.",
    )
    max_frames: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=MOST_FRAMES, description="At most so many frames are looked at, and fewer where fewer tell."
    )


class SceneFaceOut(BaseModel):
    """A face of a scene, at its moment."""

    time_s: float
    face_id: str | None = Field(description="For decisions and crops; null where it could not be stored.")


class SceneTrackOut(ReasonOut):
    """The faces of one person in a scene."""

    track_id: str
    verdict: Literal["match", "ambiguous", "unknown"]
    frame_count: int = Field(description="On how many of the frames that were looked at.")
    face_count: int
    moments: int = Field(description="At how many moments, far enough apart to be witnesses of their own.")
    proportion: float = Field(description="Of the frames that were looked at, 0 to 1.")
    spans: list[tuple[float, float]] = Field(description="From and to, in seconds, while on screen.")
    first_s: float
    best_frame: SceneFaceOut
    best_faces: list[SceneFaceOut] = Field(description="At most eight whose pictures are kept, best first.")


class ScenePersonOut(SceneTrackOut):
    """A person in a scene."""

    performer_id: FileName
    stashdb_id: str | None
    stash_ids: list[StashIdOut]
    local_id: str | None
    name: FileName
    country: str | None
    image_url: str | None
    reference_id: str | None = Field(description="For GET /references/{reference_id}.")
    confidence: float = Field(description="Of the track as a whole, 0 to 1.")
    confirmed: bool = Field(description="Whether a person confirmed it.")
    best_match: MatchOut
    all_matches: list[MatchOut] = Field(description="Whom it may show, best first.")


class UnknownSceneTrackOut(SceneTrackOut):
    """A person without a name in a scene."""

    nearest: list[MatchOut] = Field(description="Whom it may be, best first; often nobody for `unknown`.")


class SceneOut(BaseModel):
    """Who is in a scene, and when; those on most frames first."""

    scene_id: str
    duration_s: float | None
    width: int = Field(description="Of the upright video, pixels.")
    height: int
    frames_analyzed: int
    faces_detected: int
    source: str = Field(description="Where the frames came from: `file`, `stream` or `sprite`.")
    stopped: str | None = Field(
        description="Why no more frames were looked at: `settled`, `all-frames`, `scarce-keyframes`, "
        "`max-frames` or `unreadable`; null while it runs."
    )
    frames: list[float] = Field(description="When each frame is that was looked at, seconds.")
    persons: list[ScenePersonOut]
    unknown: list[UnknownSceneTrackOut] = Field(description="People without a name, each once.")
    errors: list[str] = Field(description="At most ten of `error_count`; a job lists all.")
    error_count: int
    stored: bool = Field(description="Whether all of it was stored; if not, the log says why.")
    reused: bool = Field(description="Whether it was answered without reading any video.")
    db_version: str = Field(description="Of the face database that the faces were matched with.")
    decisions_revision: str = Field(
        default="", description="GET /decisions/revision when the decisions were applied; empty until then."
    )
