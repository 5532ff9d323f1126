"""Photos and videos of this machine: what `stash-sense identify` found in them."""

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, Field

from stash_sense.api.schemas.faces import (
    MatchOut,
    NamedFaceOut,
    ReasonOut,
    StashIdOut,
    match_out,
    named_face_fields,
)
from stash_sense.api.schemas.scenes import ScenePersonOut, UnknownSceneTrackOut
from stash_sense.domain.identity import bare_ids
from stash_sense.matching.gallery_people import GalleryPerson, UnknownTrack
from stash_sense.media.photo import name_as_utf8
from stash_sense.recognition.folder import FolderResult, RecognizedPhoto
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.recognition.scene_answer import persons_and_unknown
from stash_sense.recognition.video_files import IdentifiedVideo


class PhotoFaceOut(NamedFaceOut):
    """One face of a photo in a folder."""

    quality_reason: str = Field(description="What lowers the quality, else empty.")


class PhotoOut(BaseModel):
    """A photo of a folder."""

    path: str
    width: int = Field(description="Of the upright photo, pixels: the boxes are in these.")
    height: int
    faces: list[PhotoFaceOut]
    error: str | None = Field(description="Why it could not be read.")


class FolderPerformerOut(BaseModel):
    """A person in a folder."""

    performer_id: str
    stashdb_id: str | None
    stash_ids: list[StashIdOut]
    local_id: str | None
    name: str
    image_count: int
    best_distance: float
    avg_distance: float
    confidence: float = Field(description="Of the nearest face, 0 to 1.")
    face_count: int
    faces_alone: int = Field(description="How many of these faces support the name by themselves.")
    images: list[str]


class FolderUnknownOut(ReasonOut):
    """All faces of one person without a name."""

    verdict: Literal["ambiguous", "unknown"]
    face_count: int
    image_count: int
    images: list[str]
    nearest: list[MatchOut]


class VideoOut(BaseModel):
    """A video file."""

    path: str
    duration_s: float
    width: int = Field(description="Of the upright video, pixels.")
    height: int
    frames_analyzed: int
    faces: int
    stopped: str | None = Field(description="Why no more frames were looked at; null if none could be.")
    persons: list[ScenePersonOut]
    unknown: list[UnknownSceneTrackOut]
    error: str | None = Field(description="Why it could not be read.")


class FolderOut(BaseModel):
    """What `stash-sense identify --json` writes."""

    images: list[PhotoOut]
    performers: list[FolderPerformerOut]
    unknown: list[FolderUnknownOut]
    scenes: list[VideoOut]
    errors: list[str]


def folder_out(
    result: FolderResult,
    videos: Iterable[IdentifiedVideo],
    problems: Iterable[str],
    recognizer: FaceRecognizer,
) -> FolderOut:
    """The result of photos and videos. problems: what went wrong before any of them was read."""
    scenes = [_video_out(video, recognizer) for video in videos]
    errors = [*(photo.error for photo in result.photos), *(scene.error for scene in scenes)]
    return FolderOut(
        images=[_photo_out(photo, recognizer) for photo in result.photos],
        performers=[_folder_performer_out(person, result) for person in result.people],
        unknown=[_folder_unknown_out(track, result, recognizer) for track in result.unknown],
        scenes=scenes,
        errors=[*problems, *filter(None, errors)],
    )


def _photo_out(photo: RecognizedPhoto, recognizer: FaceRecognizer) -> PhotoOut:
    faces = [
        PhotoFaceOut(quality_reason=face.quality.reason, **named_face_fields(face, recognizer))
        for face in photo.faces
    ]
    return PhotoOut(
        path=name_as_utf8(str(photo.path)),
        width=photo.width,
        height=photo.height,
        faces=faces,
        error=photo.error or None,
    )


def _folder_performer_out(found: GalleryPerson, result: FolderResult) -> FolderPerformerOut:
    stashdb_id, local_id = bare_ids(found.person)
    return FolderPerformerOut(
        performer_id=found.person.key,
        stashdb_id=stashdb_id,
        stash_ids=[
            StashIdOut(endpoint=endpoint, stash_id=stash_id) for endpoint, stash_id in found.person.stash_ids
        ],
        local_id=local_id,
        name=found.person.name,
        image_count=len(found.images),
        best_distance=round(found.best_distance, 4),
        avg_distance=round(found.avg_distance, 4),
        confidence=round(found.confidence, 4),
        face_count=len(found.faces),
        faces_alone=found.alone,
        images=[name_as_utf8(str(path)) for path in result.paths(found.images)],
    )


def _folder_unknown_out(
    track: UnknownTrack, result: FolderResult, recognizer: FaceRecognizer
) -> FolderUnknownOut:
    return FolderUnknownOut(
        verdict=track.status,
        **track.reason.as_json(),
        face_count=len(track.faces),
        image_count=len(track.images),
        images=[name_as_utf8(str(path)) for path in result.paths(track.images)],
        nearest=[match_out(match, recognizer) for match in track.nearest],
    )


def _video_out(video: IdentifiedVideo, recognizer: FaceRecognizer) -> VideoOut:
    persons, unknown = persons_and_unknown(video.scene, recognizer.database)
    return VideoOut(
        path=name_as_utf8(str(video.path)),
        duration_s=round(video.duration_s, 3),
        width=video.width,
        height=video.height,
        frames_analyzed=len(video.scene.frames.frames),
        faces=video.scene.frames.faces,
        stopped=video.stopped,
        persons=[ScenePersonOut.model_validate(person) for person in persons],
        unknown=[UnknownSceneTrackOut.model_validate(track) for track in unknown],
        error=video.error or None,
    )
