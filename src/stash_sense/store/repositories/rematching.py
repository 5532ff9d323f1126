"""Matching stored faces again after the face database changed, without images: embeddings out, matches in.

Also the version-6 rows that name who was matched or confirmed on an image.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from stash_sense.domain.decisions import BY_DECISION, Decision, StoredMatch, validate_matches
from stash_sense.domain.faces import Box
from stash_sense.domain.validation import (
    canonical_json,
    validate_integer,
    validate_optional_text,
    validate_stash_id,
    validate_text,
)
from stash_sense.store.repositories.faces import decisions_by_face_id, faces_by_image
from stash_sense.store.repositories.matches import (
    Vector,
    decode_embeddings,
    delete_matches,
    embedding_sizes,
    insert_matches,
)

FACES_PER_BATCH = 8192
_IMAGES_AT_ONCE = 500


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingBatch:
    """Whole images with the embeddings of their faces; images without a face are included.

    stash_image_ids: of n images. face_ids: (m,). image_index: (m,), each face's index into the images.
    facenet: (m, d1), arcface: (m, d2). decisions: by face id. last: pass it as `after` for the next batch.
    """

    stash_image_ids: tuple[str, ...]
    face_ids: npt.NDArray[np.int64]
    image_index: npt.NDArray[np.int32]
    facenet: Vector
    arcface: Vector
    decisions: dict[int, tuple[Decision, ...]]
    last: int


@dataclass(frozen=True, slots=True)
class FaceMatches:
    """The new verdict and matches of a stored face. details: replace the stored ones, unless None."""

    face_id: int
    verdict: str
    reason: str = ""
    candidates: tuple[StoredMatch, ...] = ()
    details: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        validate_integer("face_id", self.face_id, 1)
        object.__setattr__(self, "candidates", validate_matches(self.verdict, self.reason, self.candidates))


@dataclass(frozen=True, slots=True)
class MatchUpdate:
    """Image ids: updated, and skipped because a newer run or a deletion came first."""

    updated: tuple[str, ...]
    skipped: tuple[str, ...]


class NamedFace(Protocol):
    """A face that may name a performer, just detected or stored."""

    @property
    def verdict(self) -> str: ...
    @property
    def candidates(self) -> Sequence[StoredMatch]: ...
    @property
    def box(self) -> Box: ...


def read_embeddings(
    connection: sqlite3.Connection,
    pack: str,
    after: int = 0,
    gallery_id: str | None = None,
    unless_version: str | None = None,
    faces: int = FACES_PER_BATCH,
) -> EmbeddingBatch | None:
    """The batch after `after` (a batch's `last`), about `faces` faces; None at the end.

    Covers images whose last run used `pack`; with `gallery_id` those seen in it; with `unless_version` those
    not yet matched with that database version, so that interrupted work resumes where it stopped.
    """
    images = _next_images(connection, validate_text("pack", pack), after, gallery_id, unless_version, faces)
    if not images:
        return None
    pack_id, sizes = embedding_sizes(connection, pack) or (0, (0, 0))
    rows = connection.execute(
        """SELECT f.image_fingerprint_id, f.id, e.vectors FROM json_each(?) wanted
           CROSS JOIN stash_sense_faces f ON f.image_fingerprint_id = wanted.value
           CROSS JOIN stash_sense_embeddings e ON e.face_id = f.id AND e.pack_id = ?
           ORDER BY wanted.id, f.id""",
        (json.dumps([fingerprint_id for fingerprint_id, _ in images]), pack_id),
    ).fetchall()
    index = {fingerprint_id: position for position, (fingerprint_id, _) in enumerate(images)}
    image_ids = tuple(image for _, image in images)
    facenet, arcface = decode_embeddings([row[2] for row in rows], sizes)
    return EmbeddingBatch(
        image_ids,
        np.array([row[1] for row in rows], dtype=np.int64),
        np.array([index[row[0]] for row in rows], dtype=np.int32),
        facenet,
        arcface,
        decisions_by_face_id(connection, image_ids),
        images[-1][0],
    )


def _next_images(
    connection: sqlite3.Connection,
    pack: str,
    after: int,
    gallery_id: str | None,
    unless_version: str | None,
    faces: int,
) -> list[tuple[int, str]]:
    """Fingerprint ids and image ids, until they have `faces` faces together."""
    cursor = connection.execute(
        """SELECT r.image_fingerprint_id, i.stash_image_id, r.face_count FROM stash_sense_image_results r
           CROSS JOIN image_fingerprints i ON i.id = r.image_fingerprint_id
           WHERE r.image_fingerprint_id > ?1 AND r.pack = ?2
             AND (?3 IS NULL OR r.db_version IS NOT ?3)
             AND (?4 IS NULL OR i.gallery_id = ?4 OR EXISTS (
                SELECT 1 FROM stash_sense_image_galleries g
                WHERE g.image_fingerprint_id = i.id AND g.gallery_id = ?4))
           ORDER BY r.image_fingerprint_id LIMIT ?5""",
        (
            after,
            pack,
            unless_version,
            None if gallery_id is None else validate_stash_id("gallery_id", gallery_id),
            validate_integer("faces", faces, 1),
        ),
    )
    images, total = [], 0
    for fingerprint_id, image, count in cursor:
        images.append((fingerprint_id, image))
        total += count
        if total >= faces:
            break
    return images


def update_matches(
    connection: sqlite3.Connection,
    pack: str,
    db_version: str | None,
    stash_image_ids: Sequence[str],
    matches: Sequence[FaceMatches],
    settings: Mapping[str, Any] | None = None,
) -> MatchUpdate:
    """Write new verdicts and matches of whole images; embeddings, boxes and decisions stay.

    settings: of the run; None leaves the stored ones. An image is skipped and stays as it was unless
    `matches` has every face of it that has embeddings of `pack`.
    """
    validate_optional_text("db_version", db_version)
    settings_json = canonical_json("settings", settings)
    by_face_id = {face.face_id: face for face in matches}
    images = [validate_stash_id("stash_image_id", image) for image in stash_image_ids]
    faces = _faces_of_images(connection, pack, images)
    complete = {image: own for image, own in faces.items() if own.embedded.issubset(by_face_id)}
    updated = {own.fingerprint_id: image for image, own in complete.items()}
    _update_faces(
        connection,
        [by_face_id[face_id] for own in complete.values() for face_id in own.all if face_id in by_face_id],
    )
    ids = json.dumps(list(updated))
    connection.execute(
        "UPDATE stash_sense_image_results SET db_version = ?, settings = coalesce(?, settings) "
        "WHERE image_fingerprint_id IN (SELECT value FROM json_each(?))",
        (db_version, settings_json, ids),
    )
    connection.execute(
        "UPDATE image_fingerprints SET db_version = ?, updated_at = datetime('now') "
        "WHERE id IN (SELECT value FROM json_each(?))",
        (db_version, ids),
    )
    refresh_named_performers(connection, list(updated))
    skipped = tuple(dict.fromkeys(image for image in images if image not in complete))
    return MatchUpdate(tuple(dict.fromkeys(image for image in images if image in complete)), skipped)


@dataclass(frozen=True, slots=True)
class _ImageFaces:
    """Ids of an image's faces: all, and those with embeddings of the pack of the image's last run."""

    fingerprint_id: int
    all: set[int]
    embedded: set[int]


def _faces_of_images(
    connection: sqlite3.Connection, pack: str, images: Sequence[str]
) -> dict[str, _ImageFaces]:
    """By image id, for those images whose last run used `pack`."""
    by_image: dict[str, _ImageFaces] = {}
    for image, fingerprint_id, face_id, embedded in connection.execute(
        """SELECT i.stash_image_id, i.id, f.id, e.face_id FROM json_each(?1) wanted
           CROSS JOIN image_fingerprints i ON i.stash_image_id = wanted.value
           JOIN stash_sense_image_results r ON r.image_fingerprint_id = i.id AND r.pack = ?2
           LEFT JOIN stash_sense_faces f ON f.image_fingerprint_id = i.id
           LEFT JOIN stash_sense_embeddings e ON e.face_id = f.id
             AND e.pack_id = (SELECT id FROM stash_sense_packs WHERE name = ?2)""",
        (json.dumps(list(images)), pack),
    ):
        own = by_image.setdefault(image, _ImageFaces(fingerprint_id, set(), set()))
        own.all.update(() if face_id is None else [face_id])
        own.embedded.update(() if embedded is None else [embedded])
    return by_image


def _update_faces(connection: sqlite3.Connection, faces: Sequence[FaceMatches]) -> None:
    connection.executemany(
        "UPDATE stash_sense_faces SET verdict = ?, reason = ?, details = coalesce(?, details) WHERE id = ?",
        [
            (face.verdict, face.reason, canonical_json("details", face.details), face.face_id)
            for face in faces
        ],
    )
    delete_matches(connection, [face.face_id for face in faces])
    insert_matches(connection, {face.face_id: face.candidates for face in faces})


def refresh_named_performers(connection: sqlite3.Connection, fingerprint_ids: Sequence[int]) -> None:
    """Rewrite the version-6 faces of images from their stored faces, decisions applied."""
    for start in range(0, len(fingerprint_ids), _IMAGES_AT_ONCE):
        batch = fingerprint_ids[start : start + _IMAGES_AT_ONCE]
        faces = faces_by_image(connection, batch)
        images = connection.execute(
            "SELECT i.id, i.stash_image_id FROM json_each(?) wanted "
            "CROSS JOIN image_fingerprints i ON i.id = wanted.value",
            (json.dumps(list(batch)),),
        ).fetchall()
        write_named_performers(connection, {image: faces.get(number, ()) for number, image in images})


def refresh_pictures(connection: sqlite3.Connection, picture_ids: Iterable[int]) -> None:
    """Rewrite the version-6 faces of all images that show these pictures."""
    rows = connection.execute(
        "SELECT r.image_fingerprint_id FROM json_each(?) wanted "
        "CROSS JOIN stash_sense_image_results r ON r.picture_id = wanted.value",
        (json.dumps(sorted(set(picture_ids))),),
    )
    refresh_named_performers(connection, [row[0] for row in rows.fetchall()])


def write_named_performers(
    connection: sqlite3.Connection, faces_by_image: Mapping[str, Iterable[NamedFace]]
) -> None:
    """Replace the version-6 faces of images: one row per matched performer, for their best face."""
    best: dict[tuple[str, str], NamedFace] = {}
    for image, faces in faces_by_image.items():
        for face in faces:
            if face.verdict != "match" or not face.candidates:
                continue
            person = face.candidates[0]
            rival = best.get((image, person.performer_id))
            if rival is None or person.distance < rival.candidates[0].distance:
                best[image, person.performer_id] = face
    connection.execute(
        "DELETE FROM image_fingerprint_faces WHERE stash_image_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(faces_by_image)),),
    )
    connection.executemany(
        "INSERT INTO image_fingerprint_faces (stash_image_id, performer_id, confidence, distance, "
        "bbox_x, bbox_y, bbox_w, bbox_h, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, datetime('now'))",
        [(image, performer_id, *_numbers(face)) for (image, performer_id), face in best.items()],
    )


def _numbers(face: NamedFace) -> tuple[float | None, ...]:
    person, box = face.candidates[0], face.box
    # A decision alone has no distance, and none is invented for it.
    distance = None if person.support == BY_DECISION else person.distance
    confidence = None if distance is None else min(max(1 - distance, 0.0), 1.0)
    return confidence, distance, box.x, box.y, box.w, box.h
