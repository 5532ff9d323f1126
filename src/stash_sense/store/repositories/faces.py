"""Every detected face of an image: as it comes from a run, and as it is stored."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from stash_sense.domain.decisions import (
    NO_DECISIONS,
    Decision,
    StoredMatch,
    apply_decisions,
    combine_decisions,
    decisions_by_face,
    validate_matches,
)
from stash_sense.domain.faces import Box
from stash_sense.domain.reasons import Reason
from stash_sense.domain.validation import (
    canonical_json,
    parse_json_object,
    validate_integer,
    validate_number,
    validate_optional_number,
    validate_stash_id,
)
from stash_sense.errors import BadInput, NotStored
from stash_sense.store.repositories.decisions import decisions_on_pictures
from stash_sense.store.repositories.matches import Vector, embeddings_by_face, matches_by_face
from stash_sense.store.unreadable import UNREADABLE, log_unreadable

LANDMARKS = np.dtype("<f4")

FRAME_DETAIL = "frame"
"""The key in a face's details for the frame that its box is a place in."""


@dataclass(frozen=True, slots=True, eq=False)
class DetectedFace:
    """One face of a run, to be stored. Raises BadInput.

    landmarks: (5, 2), fractions of the image. candidates: best first, each person once. facenet, arcface:
    both (d,), or both None. details: whatever else the run wants to read back, as JSON.
    """

    box: Box
    detection_confidence: float
    verdict: str = "unknown"
    reason: str = ""
    candidates: tuple[StoredMatch, ...] = ()
    quality: float | None = None
    landmarks: Any = None
    facenet: Any = None
    arcface: Any = None
    details: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        confidence = validate_number("detection confidence", self.detection_confidence, 0, 1)
        set_(self, "detection_confidence", confidence)
        set_(self, "quality", validate_optional_number("quality", self.quality))
        set_(self, "candidates", validate_matches(self.verdict, self.reason, self.candidates))
        if (self.facenet is None) != (self.arcface is None):
            raise BadInput("A face came with one embedding; give both, or neither.")


@dataclass(frozen=True, slots=True, eq=False)
class StoredFace:
    """A face as the state stores it; see DetectedFace. embeddings: of the pack of its last run, if read.

    decisions: on this face. Whether verdict and candidates have them applied depends on who reads the face.
    """

    face_id: int
    stash_image_id: str
    box: Box
    detection_confidence: float
    quality: float | None
    landmarks: npt.NDArray[np.float32] | None
    verdict: str
    reason: str
    candidates: tuple[StoredMatch, ...]
    decisions: tuple[Decision, ...]
    details: Mapping[str, Any] | None = None
    facenet: Vector | None = field(default=None, repr=False)
    arcface: Vector | None = field(default=None, repr=False)

    @property
    def frame(self) -> int:
        """The frame of an animation that the box is a place in; 0 of a still picture."""
        frame = (self.details or {}).get(FRAME_DETAIL, 0)
        return frame if type(frame) is int and frame > 0 else 0


def as_detected(face: StoredFace) -> DetectedFace:
    """The face as a run found it; read it with `decided=False`."""
    return DetectedFace(
        face.box,
        face.detection_confidence,
        face.verdict,
        face.reason,
        face.candidates,
        face.quality,
        face.landmarks,
        face.facenet,
        face.arcface,
        face.details,
    )


def face_columns(face: DetectedFace) -> tuple[Any, ...]:
    """Box, confidence, quality, landmarks, verdict, reason and details as columns."""
    landmarks = None
    if face.landmarks is not None:
        points = np.asarray(face.landmarks, dtype=LANDMARKS)
        if points.shape != (5, 2) or not np.isfinite(points).all():
            raise BadInput(f"The landmarks have shape {points.shape}; give five finite points, shape (5, 2).")
        landmarks = points.tobytes()
    box = face.box
    numbers = (box.x, box.y, box.w, box.h, face.detection_confidence, face.quality)
    return (*numbers, landmarks, face.verdict, face.reason, canonical_json("details", face.details))


def get_face(connection: sqlite3.Connection, face_id: int) -> StoredFace:
    """One face, decisions applied. Raises NotStored."""
    row = connection.execute(
        "SELECT image_fingerprint_id FROM stash_sense_faces WHERE id = ?",
        (validate_integer("face_id", face_id),),
    ).fetchone()
    if row is None:
        raise NotStored(f"There is no face {face_id}; identify the image again and use its new face ids.")
    faces = faces_by_image(connection, [row[0]])[row[0]]
    return next(face for face in faces if face.face_id == face_id)


def boxes_by_image(
    connection: sqlite3.Connection, fingerprint_ids: Iterable[int]
) -> dict[int, list[tuple[int, Box]]]:
    """Fingerprint id -> face ids and boxes of the image, in the order of its last run."""
    by_image: dict[int, list[tuple[int, Box]]] = {}
    for fingerprint_id, face_id, *box in connection.execute(
        """SELECT f.image_fingerprint_id, f.id, f.x, f.y, f.w, f.h FROM json_each(?) wanted
           CROSS JOIN stash_sense_faces f ON f.image_fingerprint_id = wanted.value
           ORDER BY f.image_fingerprint_id, f.position, f.id""",
        (json.dumps(sorted(set(fingerprint_ids))),),
    ):
        try:
            by_image.setdefault(fingerprint_id, []).append((face_id, Box(*box)))
        except UNREADABLE as error:
            log_unreadable("face", face_id, error)
    return by_image


def faces_by_image(
    connection: sqlite3.Connection,
    fingerprint_ids: Sequence[int],
    *,
    embeddings: bool = False,
    decided: bool = True,
) -> dict[int, tuple[StoredFace, ...]]:
    """Fingerprint id -> the faces of its last run; images without a face are left out.

    embeddings: read them too. decided: apply the decisions; otherwise verdicts are as the run found them.
    """
    rows: dict[int, list[tuple[Any, ...]]] = {}
    for row in connection.execute(
        """SELECT i.id, f.id, i.stash_image_id, f.x, f.y, f.w, f.h, f.detection_confidence, f.quality,
                  f.landmarks, f.verdict, f.reason, r.picture_id, f.details
           FROM json_each(?) wanted
           CROSS JOIN stash_sense_faces f ON f.image_fingerprint_id = wanted.value
           JOIN image_fingerprints i ON i.id = f.image_fingerprint_id
           JOIN stash_sense_image_results r ON r.image_fingerprint_id = i.id
           ORDER BY wanted.id, f.position, f.id""",
        (json.dumps(list(fingerprint_ids)),),
    ):
        rows.setdefault(row[0], []).append(row[1:])
    if not rows:
        return {}
    on_pictures = decisions_on_pictures(connection, {own[0][11] for own in rows.values()})
    matches = matches_by_face(connection, [row[0] for own in rows.values() for row in own])
    vectors = embeddings_by_face(connection, fingerprint_ids) if embeddings else {}
    faces = {}
    boxes = boxes_by_image(connection, rows)
    for fingerprint_id, own in rows.items():
        box_of = dict(boxes.get(fingerprint_id, ()))
        on_faces = decisions_by_face([*box_of.values()], on_pictures.get(own[0][11], ()))
        decisions = dict(zip(box_of, on_faces, strict=True))
        readable = []
        for row in own:
            try:
                readable.append(
                    _stored_face(
                        row, box_of, decisions, matches.get(row[0], []), vectors.get(row[0]), decided=decided
                    )
                )
            except (*UNREADABLE, KeyError) as error:
                log_unreadable("face", row[0], error)
        faces[fingerprint_id] = tuple(readable)
    return faces


def _stored_face(
    row: tuple[Any, ...],
    boxes: Mapping[int, Box],
    decisions: Mapping[int, Sequence[Decision]],
    matches: Sequence[StoredMatch],
    vectors: tuple[Vector, Vector] | None,
    *,
    decided: bool,
) -> StoredFace:
    combined = combine_decisions(decisions[row[0]]) if decided else NO_DECISIONS
    verdict = apply_decisions(row[9], Reason.from_stored(row[10]), matches, combined)
    facenet, arcface = vectors or (None, None)
    return StoredFace(
        face_id=row[0],
        stash_image_id=row[1],
        box=boxes[row[0]],
        detection_confidence=row[6],
        quality=row[7],
        landmarks=None if row[8] is None else np.frombuffer(row[8], dtype=LANDMARKS).reshape(5, 2),
        verdict=verdict.verdict,
        reason=str(verdict.reason),
        candidates=verdict.matches,
        decisions=tuple(decisions[row[0]]),
        details=parse_json_object(row[12]),
        facenet=facenet,
        arcface=arcface,
    )


def decisions_by_face_id(
    connection: sqlite3.Connection, stash_image_ids: Sequence[str]
) -> dict[int, tuple[Decision, ...]]:
    """Face id -> the decisions on it, for those faces of these images that have some."""
    images = connection.execute(
        """SELECT DISTINCT i.id, r.picture_id FROM json_each(?) wanted
           CROSS JOIN image_fingerprints i ON i.stash_image_id = wanted.value
           JOIN stash_sense_image_results r ON r.image_fingerprint_id = i.id
           JOIN stash_sense_decisions d ON d.picture_id = r.picture_id""",
        (json.dumps([validate_stash_id("stash_image_id", image) for image in stash_image_ids]),),
    ).fetchall()
    on_pictures = decisions_on_pictures(connection, {picture_id for _, picture_id in images})
    boxes = boxes_by_image(connection, [fingerprint_id for fingerprint_id, _ in images])
    by_face_id = {}
    for fingerprint_id, picture_id in images:
        faces = boxes.get(fingerprint_id, [])
        on_faces = decisions_by_face([box for _, box in faces], on_pictures.get(picture_id, ()))
        for (face_id, _), decisions in zip(faces, on_faces, strict=True):
            if decisions:
                by_face_id[face_id] = tuple(decisions)
    return by_face_id
