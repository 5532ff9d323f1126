"""The frames of a scene as the state keeps them, and back; and the scene while it is looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from stash_sense.domain.faces import Box, EmbeddedFace, Vectors
from stash_sense.matching.scene_people import SceneFace
from stash_sense.recognition.scene_sampling import SceneFrame
from stash_sense.recognition.stored_faces import QUALITY, quality_from_details
from stash_sense.store.repositories.faces import DetectedFace
from stash_sense.store.repositories.scene_faces import NewSceneFrame
from stash_sense.store.repositories.scenes import StoredSceneFace, StoredSceneFrame


def as_stored(frame: SceneFrame) -> SceneFrame:
    """The frame with embeddings as exact as the state keeps them, without faces of no size.

    A result is then the same whether it was just made or is read back.
    """
    kept = [
        position
        for position, face in enumerate(frame.faces)
        if face.box[2] > face.box[0] and face.box[3] > face.box[1]
    ]
    return replace(
        frame,
        faces=tuple(_rounded(frame.faces[position]) for position in kept),
        crops=tuple(frame.crops[position] for position in kept) if frame.crops else (),
    )


def _rounded(face: EmbeddedFace) -> EmbeddedFace:
    return replace(
        face, embeddings={slot: vector.astype(np.float16) for slot, vector in face.embeddings.items()}
    )


def to_new_frame(frame: SceneFrame) -> NewSceneFrame:
    """A frame to be stored; see `as_stored`."""
    width, height = frame.width, frame.height
    return NewSceneFrame(
        frame.time_s,
        width,
        height,
        [_detected(face, width, height) for face in frame.faces],
        frame.crops,
    )


def _detected(face: EmbeddedFace, width: int, height: int) -> DetectedFace:
    x1, y1, x2, y2 = (float(side) for side in face.box)
    quality = face.quality
    return DetectedFace(
        Box(x1 / width, y1 / height, (x2 - x1) / width, (y2 - y1) / height),
        face.confidence,
        quality=quality.score,
        landmarks=face.landmarks / np.array([width, height], np.float32),
        facenet=face.embeddings["facenet"],
        arcface=face.embeddings["arcface"],
        details={QUALITY: [quality.size, quality.blur, quality.yaw, quality.reason]},
    )


def to_frame(stored: StoredSceneFrame) -> SceneFrame:
    """A frame as it was looked at."""
    size = np.array([stored.width, stored.height], np.float32)
    return SceneFrame(
        stored.time_s, stored.width, stored.height, tuple(_embedded(face, size) for face in stored.faces)
    )


def _embedded(stored: StoredSceneFace, size: Vectors) -> EmbeddedFace:
    box = stored.box
    corners = np.array([[box.x, box.y], [box.x + box.w, box.y + box.h]], np.float32)
    landmarks = np.zeros((5, 2), np.float32) if stored.landmarks is None else stored.landmarks * size
    return EmbeddedFace(
        box=(corners * size).reshape(4),
        confidence=stored.detection_confidence,
        landmarks=landmarks,
        quality=quality_from_details(stored.quality, stored.details),
        embeddings={
            "facenet": stored.facenet.astype(np.float16),
            "arcface": stored.arcface.astype(np.float16),
        },
    )


@dataclass(frozen=True, slots=True, eq=False)
class LookedAtFrame:
    """A frame, and of each face its id in the state, and whether its crop is kept. No ids: not stored."""

    frame: SceneFrame
    face_ids: tuple[int, ...] = ()
    has_crop: tuple[bool, ...] = ()

    @classmethod
    def stored(cls, stored: StoredSceneFrame) -> "LookedAtFrame":
        """A frame that is read back."""
        return cls(
            to_frame(stored),
            tuple(face.face_id for face in stored.faces),
            tuple(face.has_crop for face in stored.faces),
        )


@dataclass(slots=True, eq=False)
class LookedAtScene:
    """The frames that were looked at, by their times, with the faces that are as sure as asked for.

    min_face_confidence: 0 to 1.
    """

    min_face_confidence: float
    frames: dict[float, LookedAtFrame] = field(default_factory=dict)

    def add(self, looked_at: LookedAtFrame) -> None:
        """A frame is done. Faces that are less sure than asked for are left out."""
        frame = looked_at.frame
        sure = [
            position
            for position, face in enumerate(frame.faces)
            if face.confidence >= self.min_face_confidence
        ]
        self.frames[frame.time_s] = LookedAtFrame(
            replace(frame, faces=tuple(frame.faces[position] for position in sure), crops=()),
            tuple(looked_at.face_ids[position] for position in sure) if looked_at.face_ids else (),
            tuple(looked_at.has_crop[position] for position in sure) if looked_at.has_crop else (),
        )

    def in_order(self) -> "FramesInOrder":
        """The frames so far, in the order of time. From any thread."""
        frames = dict(self.frames)
        return FramesInOrder(tuple(frames[time_s] for time_s in sorted(frames)))


@dataclass(frozen=True, slots=True, eq=False)
class FramesInOrder:
    """Frames in the order of time."""

    frames: tuple[LookedAtFrame, ...]

    @property
    def times(self) -> tuple[float, ...]:
        """When each frame is, seconds from the first one."""
        return tuple(each.frame.time_s for each in self.frames)

    @property
    def faces(self) -> int:
        """How many faces there are."""
        return sum(len(each.frame.faces) for each in self.frames)

    def evidence(self) -> list[tuple[float, Sequence[EmbeddedFace]]]:
        """As the solver takes them."""
        return [(each.frame.time_s, each.frame.faces) for each in self.frames]

    def face(self, place: SceneFace) -> EmbeddedFace:
        """The face at a place."""
        return self.frames[place[0]].frame.faces[place[1]]

    def face_id(self, place: SceneFace) -> int | None:
        """The state's id of the face at a place; None if it is not stored."""
        ids = self.frames[place[0]].face_ids
        return ids[place[1]] if ids else None

    def has_crop(self, place: SceneFace) -> bool:
        """Whether a picture of the face is kept."""
        crops = self.frames[place[0]].has_crop
        return bool(crops) and crops[place[1]]

    def places(self) -> Mapping[int, SceneFace]:
        """Face id -> place."""
        return {
            face_id: (frame, position)
            for frame, each in enumerate(self.frames)
            for position, face_id in enumerate(each.face_ids)
        }
