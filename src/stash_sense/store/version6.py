"""Keeping the version-6 faces of an image true to what is known of it now."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Protocol

from stash_sense.domain.boxes import Box
from stash_sense.domain.matches import StoredMatch
from stash_sense.store.faces import faces_of_images

_IMAGES_AT_ONCE = 500


class Named(Protocol):
    """What counts of a face here, whether it just arrived or is read back."""

    @property
    def verdict(self) -> str: ...
    @property
    def candidates(self) -> Sequence[StoredMatch]: ...
    @property
    def box(self) -> Box: ...


def show_in_version_6(connection: sqlite3.Connection, fingerprints: Sequence[int]) -> None:
    """Rewrite who is named on images from what is stored of them, decisions applied."""
    for start in range(0, len(fingerprints), _IMAGES_AT_ONCE):
        batch = fingerprints[start : start + _IMAGES_AT_ONCE]
        faces = faces_of_images(connection, batch)
        for fingerprint, image in connection.execute(
            "SELECT i.id, i.stash_image_id FROM json_each(?) wanted "
            "CROSS JOIN image_fingerprints i ON i.id = wanted.value",
            (json.dumps(list(batch)),),
        ).fetchall():
            name_faces(connection, image, faces.get(fingerprint, ()))


def name_faces(connection: sqlite3.Connection, image: str, faces: Iterable[Named]) -> None:
    """Write matched and confirmed people, the best face of each; no stale name stays."""
    best: dict[str, Named] = {}
    for face in faces:
        if face.verdict != "match":
            continue
        person = face.candidates[0]
        rival = best.get(person.performer_id)
        if rival is None or person.distance < rival.candidates[0].distance:
            best[person.performer_id] = face
    connection.execute("DELETE FROM image_fingerprint_faces WHERE stash_image_id = ?", (image,))
    connection.executemany(
        "INSERT INTO image_fingerprint_faces (stash_image_id, performer_id, confidence, distance, "
        "bbox_x, bbox_y, bbox_w, bbox_h, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, datetime('now'))",
        [(image, performer, *_numbers(face)) for performer, face in best.items()],
    )


def _numbers(face: Named) -> tuple[float | None, ...]:
    person, box = face.candidates[0], face.box
    # A person's word alone has no distance, and none is invented for it.
    distance = None if person.support == "decision" else person.distance
    confidence = None if distance is None else min(max(1 - distance, 0.0), 1.0)
    return confidence, distance, box.x, box.y, box.w, box.h
