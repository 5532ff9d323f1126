"""Matching stored embeddings anew after the face database changed: no image is loaded.

Reading goes image by image in short transactions, so that a million faces need the memory of one
batch and no long reader keeps the write-ahead log from being folded in.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stash_sense.domain.decisions import Decision, decisions_by_face
from stash_sense.domain.matches import StoredMatch, validate_matches
from stash_sense.domain.validation import (
    canonical_json,
    validate_integer,
    validate_optional_text,
    validate_stash_id,
    validate_text,
)
from stash_sense.store.decisions import decisions_on as _decisions_on
from stash_sense.store.embeddings import Vector, decode, pack_sizes
from stash_sense.store.faces import boxes_of, faces_of_images
from stash_sense.store.people import add_candidates, forget_candidates
from stash_sense.store.version6 import name_faces

FACES_IN_A_BATCH = 8192


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingBatch:
    """Whole images with the embeddings of their faces; images without a face are in it too.

    `stash_image_ids` n images; `face_ids` (m,) int64; `image_index` (m,) int32 into the images;
    `facenet` (m, d1) and `arcface` (m, d2) float32; `decisions` for faces that have some; `last` is
    where the next batch goes on.
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
    """What matching a stored face anew gave. details: in place of the stored ones, unless None."""

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
    """Images whose faces were updated, and those a newer run or a deletion had overtaken meanwhile."""

    updated: tuple[str, ...]
    skipped: tuple[str, ...]


def read_embeddings(
    connection: sqlite3.Connection,
    pack: str,
    *,
    after: int = 0,
    gallery_id: str | None = None,
    unless_version: str | None = None,
    faces: int = FACES_IN_A_BATCH,
) -> EmbeddingBatch | None:
    """The next batch behind `after` (a batch's `last`), about `faces` faces; None at the end.

    Only images whose last run used `pack`; with `gallery_id` those seen in it; with `unless_version`
    not those already matched with that database, so that work cut short goes on where it stopped.
    """
    images = _next_images(connection, validate_text("pack", pack), after, gallery_id, unless_version, faces)
    if not images:
        return None
    known = pack_sizes(connection, pack)
    number, sizes = known if known is not None else (0, (0, 0))
    rows = connection.execute(
        """SELECT f.image_fingerprint_id, f.id, e.vectors FROM json_each(?) wanted
           CROSS JOIN stash_sense_faces f ON f.image_fingerprint_id = wanted.value
           CROSS JOIN stash_sense_embeddings e ON e.face_id = f.id AND e.pack_id = ?
           ORDER BY wanted.id, f.id""",
        (json.dumps([image[0] for image in images]), number),
    ).fetchall()
    place = {image[0]: index for index, image in enumerate(images)}
    facenet, arcface = decode([row[2] for row in rows], sizes)
    return EmbeddingBatch(
        tuple(image[1] for image in images),
        np.array([row[1] for row in rows], dtype=np.int64),
        np.array([place[row[0]] for row in rows], dtype=np.int32),
        facenet,
        arcface,
        _decided(connection, images[0][0], images[-1][0]),
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
    gallery = None if gallery_id is None else validate_stash_id("gallery_id", gallery_id)
    cursor = connection.execute(
        """SELECT r.image_fingerprint_id, i.stash_image_id, r.face_count FROM stash_sense_image_results r
           CROSS JOIN image_fingerprints i ON i.id = r.image_fingerprint_id
           WHERE r.image_fingerprint_id > ?1 AND r.pack = ?2
             AND (?3 IS NULL OR r.db_version IS NOT ?3)
             AND (?4 IS NULL OR i.gallery_id = ?4 OR EXISTS (
                SELECT 1 FROM stash_sense_image_galleries g
                WHERE g.image_fingerprint_id = i.id AND g.gallery_id = ?4))
           ORDER BY r.image_fingerprint_id LIMIT ?5""",
        (after, pack, unless_version, gallery, validate_integer("faces", faces, 1)),
    )
    found, total = [], 0
    for fingerprint, image, count in cursor:
        found.append((fingerprint, image))
        total += count
        if total >= faces:
            break
    return found


def _decided(connection: sqlite3.Connection, first: int, last: int) -> dict[int, tuple[Decision, ...]]:
    return _words(
        connection,
        connection.execute(
            """SELECT DISTINCT r.image_fingerprint_id, r.picture_id FROM stash_sense_image_results r
               JOIN stash_sense_decisions d ON d.picture_id = r.picture_id
               WHERE r.image_fingerprint_id BETWEEN ? AND ?""",
            (first, last),
        ),
    )


def decided_faces(
    connection: sqlite3.Connection, stash_image_ids: Sequence[str]
) -> dict[int, tuple[Decision, ...]]:
    """Of the faces of these images those that a person has spoken of, by face id."""
    return _words(
        connection,
        connection.execute(
            """SELECT DISTINCT i.id, r.picture_id FROM json_each(?) wanted
               CROSS JOIN image_fingerprints i ON i.stash_image_id = wanted.value
               JOIN stash_sense_image_results r ON r.image_fingerprint_id = i.id
               JOIN stash_sense_decisions d ON d.picture_id = r.picture_id""",
            (json.dumps([validate_stash_id("stash_image_id", image) for image in stash_image_ids]),),
        ),
    )


def _words(
    connection: sqlite3.Connection, images: Iterable[tuple[int, int]]
) -> dict[int, tuple[Decision, ...]]:
    """images: (fingerprint, number of its picture)."""
    found = {}
    for fingerprint, picture in list(images):
        faces = boxes_of(connection, fingerprint)
        words = decisions_by_face([box for _, box in faces], _decisions_on(connection, picture))
        found.update({face: tuple(said) for (face, _), said in zip(faces, words, strict=True) if said})
    return found


def update_matches(
    connection: sqlite3.Connection,
    pack: str,
    db_version: str | None,
    stash_image_ids: Sequence[str],
    matches: Sequence[FaceMatches],
    settings: Mapping[str, Any] | None = None,
) -> MatchUpdate:
    """Write new verdicts and candidates of whole images; embeddings, boxes and decisions stay, and so do
    the run's settings unless others are given.

    An image counts as matched with `db_version` only if `matches` has every face of it that has
    embeddings of `pack`; otherwise it is skipped, and stays as it was.
    """
    validate_optional_text("db_version", db_version)
    kept = canonical_json("settings", settings)
    by_id = {one.face_id: one for one in matches}
    updated: dict[int, str] = {}
    skipped: list[str] = []
    for image in stash_image_ids:
        fingerprint = _overtaken_or(connection, pack, validate_stash_id("stash_image_id", image), by_id)
        if fingerprint is None:
            skipped.append(image)
            continue
        for (face_id,) in connection.execute(
            "SELECT id FROM stash_sense_faces WHERE image_fingerprint_id = ?", (fingerprint,)
        ).fetchall():
            new = by_id.get(face_id)
            if new is not None:
                connection.execute(
                    "UPDATE stash_sense_faces SET verdict = ?, reason = ?, details = coalesce(?, details) "
                    "WHERE id = ?",
                    (new.verdict, new.reason, canonical_json("details", new.details), face_id),
                )
                forget_candidates(connection, face_id)
                add_candidates(connection, face_id, new.candidates)
        connection.execute(
            "UPDATE stash_sense_image_results SET db_version = ?, settings = coalesce(?, settings) "
            "WHERE image_fingerprint_id = ?",
            (db_version, kept, fingerprint),
        )
        connection.execute(
            "UPDATE image_fingerprints SET db_version = ?, updated_at = datetime('now') WHERE id = ?",
            (db_version, fingerprint),
        )
        updated[fingerprint] = image
    shown = faces_of_images(connection, list(updated))
    for fingerprint, image in updated.items():
        name_faces(connection, image, shown.get(fingerprint, ()))
    return MatchUpdate(tuple(updated.values()), tuple(skipped))


def _overtaken_or(
    connection: sqlite3.Connection, pack: str, image: str, matches: dict[int, FaceMatches]
) -> int | None:
    """The image's fingerprint, or None where `matches` is no longer all of its faces."""
    found = connection.execute(
        """SELECT i.id FROM image_fingerprints i
           JOIN stash_sense_image_results r ON r.image_fingerprint_id = i.id
           WHERE i.stash_image_id = ? AND r.pack = ?""",
        (image, pack),
    ).fetchone()
    if found is None:
        return None
    wanted = connection.execute(
        """SELECT e.face_id FROM stash_sense_faces f JOIN stash_sense_embeddings e ON e.face_id = f.id
           WHERE f.image_fingerprint_id = ?
             AND e.pack_id = (SELECT id FROM stash_sense_packs WHERE name = ?)""",
        (found[0], pack),
    ).fetchall()
    return int(found[0]) if all(row[0] in matches for row in wanted) else None
