"""Every detected face of an image: as it arrives from a run, and as it is read back."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from stash_sense.domain.boxes import Box
from stash_sense.domain.decisions import (
    NO_DECISIONS,
    Decision,
    apply_decisions,
    combine_decisions,
    decisions_by_face,
)
from stash_sense.domain.matches import StoredMatch, validate_matches
from stash_sense.domain.validation import (
    canonical_json,
    parse_json_object,
    validate_integer,
    validate_number,
    validate_optional_number,
)
from stash_sense.errors import BadInput, NotStored
from stash_sense.store.decisions import decisions_on_pictures
from stash_sense.store.embeddings import Vector, decode, remember_embeddings
from stash_sense.store.people import add_candidates, candidates_by_face, forget_candidates

_LANDMARKS = np.dtype("<f4")


@dataclass(frozen=True, slots=True, eq=False)
class DetectedFace:
    """One face of a run. `box` in fractions; `landmarks` (5, 2) in fractions; both embeddings, shape (d,),
    or neither; `candidates` best first, one a person; `details` what else a run wants to find again (why the
    quality is low, …), as JSON. Raises BadInput.
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
        set_(
            self,
            "detection_confidence",
            validate_number("detection confidence", self.detection_confidence, 0, 1),
        )
        set_(self, "quality", validate_optional_number("quality", self.quality))
        set_(self, "candidates", validate_matches(self.verdict, self.reason, self.candidates))
        if (self.facenet is None) != (self.arcface is None):
            raise BadInput("A face came with one embedding; give both, or neither.")


@dataclass(frozen=True, slots=True, eq=False)
class StoredFace:
    """A face as the state holds it, a person's decisions already applied to verdict and candidates."""

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


def _row(face: DetectedFace) -> tuple[Any, ...]:
    landmarks = None
    if face.landmarks is not None:
        points = np.asarray(face.landmarks, dtype=_LANDMARKS)
        if points.shape != (5, 2) or not np.isfinite(points).all():
            raise BadInput(f"The landmarks have shape {points.shape}; give five finite points, shape (5, 2).")
        landmarks = points.tobytes()
    box = face.box
    numbers = (box.x, box.y, box.w, box.h, face.detection_confidence, face.quality)
    return (*numbers, landmarks, face.verdict, face.reason, canonical_json("details", face.details))


def put_face(
    connection: sqlite3.Connection,
    fingerprint: int,
    position: int,
    pack: str,
    face: DetectedFace,
    face_id: int | None,
) -> int:
    """Write a face; with `face_id` over the one that was found again."""
    values = (position, *_row(face))
    if face_id is None:
        cursor = connection.execute(
            "INSERT INTO stash_sense_faces (image_fingerprint_id, position, x, y, w, h, "
            "detection_confidence, quality, landmarks, verdict, reason, details) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (fingerprint, *values),
        )
        face_id = int(cursor.lastrowid or 0)
    else:
        connection.execute(
            "UPDATE stash_sense_faces SET position = ?, x = ?, y = ?, w = ?, h = ?, "
            "detection_confidence = ?, quality = ?, landmarks = ?, verdict = ?, reason = ?, "
            "details = ? WHERE id = ?",
            (*values, face_id),
        )
        if face.facenet is None:  # what an earlier run saw here is not what this one saw
            connection.execute(
                "DELETE FROM stash_sense_embeddings WHERE face_id = ? AND pack_id = "
                "(SELECT id FROM stash_sense_packs WHERE name = ?)",
                (face_id, pack),
            )
        forget_candidates(connection, face_id)
    add_candidates(connection, face_id, face.candidates)
    if face.facenet is not None:
        remember_embeddings(connection, face_id, pack, face.facenet, face.arcface)
    return face_id


def boxes_of(connection: sqlite3.Connection, fingerprint: int) -> list[tuple[int, Box]]:
    """Face ids and boxes of an image, in the order of its last run."""
    return [
        (row[0], Box(*row[1:]))
        for row in connection.execute(
            "SELECT id, x, y, w, h FROM stash_sense_faces WHERE image_fingerprint_id = ? "
            "ORDER BY position, id",
            (fingerprint,),
        )
    ]


def faces_of(
    connection: sqlite3.Connection, fingerprint: int, *, embeddings: bool = False, as_found: bool = False
) -> tuple[StoredFace, ...]:
    """All faces of an image, decisions applied; with `embeddings` those of the pack of its last run.

    `as_found` gives what the run said, without the decisions.
    """
    found = faces_of_images(connection, [fingerprint], embeddings=embeddings, as_found=as_found)
    return found.get(fingerprint, ())


def faces_of_images(
    connection: sqlite3.Connection,
    fingerprints: Sequence[int],
    *,
    embeddings: bool = False,
    as_found: bool = False,
) -> dict[int, tuple[StoredFace, ...]]:
    """The same for many images, in a handful of statements; those without a face are left out."""
    wanted = json.dumps(list(fingerprints))
    rows: dict[int, list[tuple[Any, ...]]] = {}
    for row in connection.execute(
        """SELECT i.id, f.id, i.stash_image_id, f.x, f.y, f.w, f.h, f.detection_confidence, f.quality,
                  f.landmarks, f.verdict, f.reason, r.picture_id, f.details
           FROM json_each(?) wanted
           CROSS JOIN stash_sense_faces f ON f.image_fingerprint_id = wanted.value
           JOIN image_fingerprints i ON i.id = f.image_fingerprint_id
           JOIN stash_sense_image_results r ON r.image_fingerprint_id = i.id
           ORDER BY wanted.id, f.position, f.id""",
        (wanted,),
    ):
        rows.setdefault(row[0], []).append(row[1:])
    if not rows:
        return {}
    decided = decisions_on_pictures(connection, {own[0][11] for own in rows.values()})
    candidates = candidates_by_face(connection, [row[0] for own in rows.values() for row in own])
    vectors = _vectors_of(connection, wanted) if embeddings else {}
    found = {}
    for fingerprint, own in rows.items():
        boxes = [Box(*row[2:6]) for row in own]
        words = decisions_by_face(boxes, decided.get(own[0][11], ()))
        found[fingerprint] = tuple(
            _face(row, box, said, candidates.get(row[0], []), vectors.get(row[0]), as_found=as_found)
            for row, box, said in zip(own, boxes, words, strict=True)
        )
    return found


def _face(
    row: tuple[Any, ...],
    box: Box,
    words: Sequence[Decision],
    candidates: Sequence[StoredMatch],
    vectors: tuple[Vector, Vector] | None,
    *,
    as_found: bool,
) -> StoredFace:
    outcome = apply_decisions(
        row[9], row[10], candidates, NO_DECISIONS if as_found else combine_decisions(words)
    )
    landmarks = None if row[8] is None else np.frombuffer(row[8], dtype=_LANDMARKS).reshape(5, 2)
    facenet, arcface = vectors or (None, None)
    return StoredFace(
        row[0],
        row[1],
        box,
        row[6],
        row[7],
        landmarks,
        outcome.verdict,
        outcome.reason,
        outcome.matches,
        tuple(words),
        parse_json_object(row[12]),
        facenet,
        arcface,
    )


def _vectors_of(connection: sqlite3.Connection, wanted: str) -> dict[int, tuple[Vector, Vector]]:
    """wanted: a JSON list of fingerprints."""
    by_sizes: dict[tuple[int, int], tuple[list[int], list[bytes]]] = {}
    for face_id, blob, *sizes in connection.execute(
        """SELECT f.id, e.vectors, p.facenet_size, p.arcface_size FROM json_each(?) wanted
           CROSS JOIN stash_sense_faces f ON f.image_fingerprint_id = wanted.value
           JOIN stash_sense_image_results r USING (image_fingerprint_id)
           JOIN stash_sense_packs p ON p.name = r.pack
           JOIN stash_sense_embeddings e ON e.face_id = f.id AND e.pack_id = p.id""",
        (wanted,),
    ):
        ids, blobs = by_sizes.setdefault((sizes[0], sizes[1]), ([], []))
        ids.append(face_id)
        blobs.append(blob)
    found: dict[int, tuple[Vector, Vector]] = {}
    for both, (ids, blobs) in by_sizes.items():
        facenet, arcface = decode(blobs, both)
        found.update(zip(ids, zip(facenet, arcface, strict=True), strict=True))
    return found


def get_face(connection: sqlite3.Connection, face_id: int) -> StoredFace:
    """One face, decisions applied. Raises NotStored."""
    found = connection.execute(
        "SELECT image_fingerprint_id FROM stash_sense_faces WHERE id = ?",
        (validate_integer("face_id", face_id),),
    ).fetchone()
    if found is None:
        raise NotStored(f"There is no face {face_id}; identify the image again and use its new face ids.")
    return next(face for face in faces_of(connection, found[0]) if face.face_id == face_id)
