"""What a scene answers: at its end, and live while it runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from stash_sense.domain.faces import SceneFaceId, confidence_at
from stash_sense.domain.identity import bare_ids
from stash_sense.domain.reasons import ReasonCode
from stash_sense.facedb.database import FaceDatabase
from stash_sense.matching.scene_people import BEST_FACES, SceneFace, SceneTrack
from stash_sense.recognition.gallery_answer import match_fields, stash_id_fields
from stash_sense.recognition.scene_frames import FramesInOrder
from stash_sense.recognition.scene_verdicts import JudgedScene

MOST_ERRORS = 10
"""Errors listed in a scene's answer; its job keeps them all."""


@dataclass(frozen=True, slots=True)
class SceneAnswer:
    """Who is in a scene, and when. persons, unknown: ready for JSON, those on most frames first.

    source: where the frames came from: `file`, `stream` or `sprite`. stopped: why no more frames were looked
    at; None while it runs. frames: when each frame is, seconds. stored: whether the state holds all of it.
    reused: whether it was answered without reading video. db_version: of the face database.
    decisions_revision: of the decisions that were applied; empty while it runs.
    """

    scene_id: str
    duration_s: float | None
    width: int
    height: int
    frames_analyzed: int
    faces_detected: int
    source: str
    stopped: str | None
    frames: tuple[float, ...]
    persons: tuple[dict[str, Any], ...]
    unknown: tuple[dict[str, Any], ...]
    errors: tuple[str, ...]
    error_count: int
    stored: bool
    reused: bool
    db_version: str
    decisions_revision: str = ""

    def as_json(self) -> dict[str, Any]:
        """The answer with the names of the HTTP API, ready for JSON."""
        return {name: getattr(self, name) for name in self.__slots__} | {
            "frames": list(self.frames),
            "persons": list(self.persons),
            "unknown": list(self.unknown),
            "errors": list(self.errors),
        }


def person_fields(track: SceneTrack, scene: JudgedScene, database: FaceDatabase) -> dict[str, Any]:
    """A person of a scene, ready for JSON."""
    match = track.match
    assert match is not None
    stashdb_id, local_id = bare_ids(match.person)
    best = match_fields(match, database)
    return {
        "performer_id": match.performer_id,
        "stashdb_id": stashdb_id,
        "stash_ids": stash_id_fields(match.stash_ids),
        "local_id": local_id,
        "name": match.name,
        "country": match.country,
        "image_url": match.image_url,
        "reference_id": best["reference_id"],
        "confidence": round(confidence_at(match.combined_score), 4),
        "confirmed": track.reason.code is ReasonCode.CONFIRMED,
        **_track_fields(track, scene.frames),
        "best_match": best,
        "all_matches": [match_fields(each, database) for each in track.matches],
    }


def unknown_fields(track: SceneTrack, scene: JudgedScene, database: FaceDatabase) -> dict[str, Any]:
    """A track without a name, ready for JSON."""
    return {
        **_track_fields(track, scene.frames),
        "nearest": [match_fields(each, database) for each in track.matches],
    }


def _track_fields(track: SceneTrack, frames: FramesInOrder) -> dict[str, Any]:
    times = frames.times
    first, position = track.faces[0]
    shown = shown_faces(track, frames)
    best = shown[0] if shown else track.best
    return {
        # The first face's moment and its number there: the same in every run that looks at it.
        "track_id": f"{times[first]:.2f}.{position}",
        "verdict": track.status,
        **track.reason.as_json(),
        "frame_count": len({frame for frame, _ in track.faces}),
        "face_count": len(track.faces),
        "moments": track.moments,
        "proportion": round(track.proportion, 4),
        "spans": [[round(from_s, 2), round(to_s, 2)] for from_s, to_s in track.spans],
        "first_s": round(track.spans[0][0] if track.spans else times[first], 2),
        "best_frame": _face_fields(best, frames),
        "best_faces": [_face_fields(face, frames) for face in shown],
    }


def shown_faces(track: SceneTrack, frames: FramesInOrder) -> list[SceneFace]:
    """At most BEST_FACES faces of the track whose pictures are kept, best first."""
    best = [face for face in track.best_faces if frames.has_crop(face)]
    others = [face for face in track.faces if face not in track.best_faces and frames.has_crop(face)]
    others.sort(key=lambda face: -frames.face(face).quality.score)
    return [*best, *others][:BEST_FACES] if len(best) < len(track.best_faces) else best


def _face_fields(face: SceneFace, frames: FramesInOrder) -> dict[str, Any]:
    face_id = frames.face_id(face)
    return {
        "time_s": round(frames.times[face[0]], 3),
        "face_id": None if face_id is None else str(SceneFaceId(face_id)),
    }


def listed_errors(errors: Iterable[str]) -> tuple[str, ...]:
    """The first errors, each once."""
    return tuple(dict.fromkeys(errors))[:MOST_ERRORS]


def persons_and_unknown(
    scene: JudgedScene, database: FaceDatabase
) -> tuple[tuple[dict[str, Any], ...], tuple[dict[str, Any], ...]]:
    """All tracks of a scene, with and without a name, ready for JSON."""
    persons: Sequence[SceneTrack] = scene.evidence.persons
    return (
        tuple(person_fields(track, scene, database) for track in persons),
        tuple(unknown_fields(track, scene, database) for track in scene.evidence.unknown),
    )
