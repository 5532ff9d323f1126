"""Image fingerprints: the two version-6 tables that older programs read too, and galleries."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from stash_sense.domain.validation import (
    validate_integer,
    validate_optional_number,
    validate_optional_text,
    validate_stash_id,
    validate_text,
)
from stash_sense.errors import NotStored
from stash_sense.store.repositories.pictures import delete_unused_pictures, picture_id_of_image

_IMAGE = "id, stash_image_id, gallery_id, faces_detected, db_version, created_at, updated_at"
_IMAGE_FACE = (
    "id, stash_image_id, performer_id, confidence, distance, bbox_x, bbox_y, bbox_w, bbox_h, created_at"
)


def create_image_fingerprint(
    connection: sqlite3.Connection,
    stash_image_id: str,
    faces_detected: int = 0,
    gallery_id: str | None = None,
    db_version: str | None = None,
) -> int:
    """Insert or update an image's row; returns its id (> 0), which an image keeps.

    A null `gallery_id` never erases a known one. Raises BadInput.
    """
    gallery = None if gallery_id is None else validate_stash_id("gallery_id", gallery_id)
    values = {
        "image": validate_stash_id("stash_image_id", stash_image_id),
        "faces": validate_integer("faces_detected", faces_detected),
        "gallery": gallery,
        "version": validate_optional_text("db_version", db_version),
    }
    # Never INSERT OR REPLACE: it deletes the row first, and every face of the image with it.
    rows = connection.execute(
        """UPDATE image_fingerprints SET faces_detected = :faces, db_version = :version,
             gallery_id = coalesce(:gallery, gallery_id), updated_at = datetime('now')
           WHERE stash_image_id = :image RETURNING id""",
        values,
    ).fetchall()
    if not rows:
        rows = connection.execute(
            """INSERT INTO image_fingerprints
                 (stash_image_id, faces_detected, gallery_id, db_version, created_at, updated_at)
               VALUES (:image, :faces, :gallery, :version, datetime('now'), datetime('now'))
               RETURNING id""",
            values,
        ).fetchall()
    fingerprint_id = int(rows[0][0])
    if gallery is not None:
        add_galleries(connection, fingerprint_id, [gallery])
    return fingerprint_id


def get_image_fingerprint(connection: sqlite3.Connection, stash_image_id: str) -> dict[str, Any] | None:
    """The row of an image, or None."""
    rows = _dicts(
        connection.execute(
            f"SELECT {_IMAGE} FROM image_fingerprints WHERE stash_image_id = ?",  # noqa: S608  our columns
            (validate_stash_id("stash_image_id", stash_image_id),),
        )
    )
    return rows[0] if rows else None


def get_gallery_image_fingerprints(connection: sqlite3.Connection, gallery_id: str) -> list[dict[str, Any]]:
    """The rows of all images seen in a gallery, whichever gallery each was last seen in."""
    return _dicts(
        connection.execute(
            f"""SELECT {_IMAGE} FROM image_fingerprints WHERE id IN (
                  SELECT image_fingerprint_id FROM stash_sense_image_galleries WHERE gallery_id = ?1
                  UNION SELECT id FROM image_fingerprints WHERE gallery_id = ?1)
                ORDER BY id""",  # noqa: S608  our columns
            (validate_stash_id("gallery_id", gallery_id),),
        )
    )


def add_image_fingerprint_face(
    connection: sqlite3.Connection,
    stash_image_id: str,
    performer_id: str,
    confidence: float | None = None,
    distance: float | None = None,
    bbox_x: float | None = None,
    bbox_y: float | None = None,
    bbox_w: float | None = None,
    bbox_h: float | None = None,
) -> int:
    """Name a performer on an image; returns the row's id. Of two faces of one performer the better stays.

    Better is the smaller distance, or the greater confidence where one has no distance. The box is meant as
    fractions of the image; this is not enforced, because files in the wild hold pixels here.
    Raises NotStored where the image has no fingerprint.
    """
    image = validate_stash_id("stash_image_id", stash_image_id)
    performer = validate_text("performer_id", performer_id)
    new_confidence = validate_optional_number("confidence", confidence)
    new_distance = validate_optional_number("distance", distance)
    sides = {"bbox_x": bbox_x, "bbox_y": bbox_y, "bbox_w": bbox_w, "bbox_h": bbox_h}
    box = [validate_optional_number(name, value) for name, value in sides.items()]
    row = connection.execute(
        "SELECT id, confidence, distance FROM image_fingerprint_faces "
        "WHERE stash_image_id = ? AND performer_id = ?",
        (image, performer),
    ).fetchone()
    if row is not None:
        if not _is_better(row[1], row[2], new_confidence, new_distance):
            connection.execute(
                "UPDATE image_fingerprint_faces SET confidence = ?, distance = ?, bbox_x = ?, bbox_y = ?, "
                "bbox_w = ?, bbox_h = ? WHERE id = ?",
                (new_confidence, new_distance, *box, row[0]),
            )
        return int(row[0])
    if get_image_fingerprint(connection, image) is None:
        raise NotStored(f"Image {image} has no fingerprint yet; call create_image_fingerprint first.")
    cursor = connection.execute(
        "INSERT INTO image_fingerprint_faces (stash_image_id, performer_id, confidence, distance, "
        "bbox_x, bbox_y, bbox_w, bbox_h, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, datetime('now'))",
        (image, performer, new_confidence, new_distance, *box),
    )
    return int(cursor.lastrowid or 0)


def _is_better(
    confidence: object, distance: object, new_confidence: float | None, new_distance: float | None
) -> bool:
    """Whether the stored face is strictly better than the new one."""
    if isinstance(distance, int | float) and new_distance is not None:
        return distance < new_distance
    if isinstance(confidence, int | float) and new_confidence is not None:
        return confidence > new_confidence
    is_measured = distance is not None or confidence is not None
    return is_measured and new_distance is None and new_confidence is None


def get_image_fingerprint_faces(connection: sqlite3.Connection, stash_image_id: str) -> list[dict[str, Any]]:
    """The performers named on an image, one row each."""
    return _dicts(
        connection.execute(
            f"""SELECT {_IMAGE_FACE} FROM image_fingerprint_faces WHERE stash_image_id = ?
                ORDER BY id""",  # noqa: S608  our columns
            (validate_stash_id("stash_image_id", stash_image_id),),
        )
    )


def delete_image_fingerprint_faces(connection: sqlite3.Connection, stash_image_id: str) -> int:
    """Delete every face of an image, named or not; returns how many performers were named."""
    image = validate_stash_id("stash_image_id", stash_image_id)
    picture_id = picture_id_of_image(connection, image)
    for table in ("stash_sense_faces", "stash_sense_image_results"):
        connection.execute(
            f"DELETE FROM {table} WHERE image_fingerprint_id IN "  # noqa: S608  our names
            "(SELECT id FROM image_fingerprints WHERE stash_image_id = ?)",
            (image,),
        )
    if picture_id is not None:
        delete_unused_pictures(connection, [picture_id])
    return connection.execute(
        "DELETE FROM image_fingerprint_faces WHERE stash_image_id = ?", (image,)
    ).rowcount


def delete_image_fingerprint(connection: sqlite3.Connection, stash_image_id: str) -> bool:
    """Delete an image and its faces; the decisions on its picture stay. Whether there was one."""
    image = validate_stash_id("stash_image_id", stash_image_id)
    picture_id = picture_id_of_image(connection, image)
    # The cascade does this too, unless a file has kept its own declaration of the table.
    connection.execute("DELETE FROM image_fingerprint_faces WHERE stash_image_id = ?", (image,))
    deleted = connection.execute("DELETE FROM image_fingerprints WHERE stash_image_id = ?", (image,))
    if picture_id is not None:
        delete_unused_pictures(connection, [picture_id])
    return deleted.rowcount > 0


def add_galleries(connection: sqlite3.Connection, fingerprint_id: int, gallery_ids: Iterable[str]) -> None:
    """Record that an image was seen in galleries: there may be many, version 6 has room for one."""
    connection.executemany(
        "INSERT INTO stash_sense_image_galleries (image_fingerprint_id, gallery_id) VALUES (?, ?) "
        "ON CONFLICT DO NOTHING",
        [(fingerprint_id, gallery_id) for gallery_id in gallery_ids],
    )


def add_images_to_gallery(
    connection: sqlite3.Connection, gallery_id: str, stash_image_ids: Sequence[str]
) -> int:
    """Record that images are in a gallery; returns how many of them are stored."""
    gallery = validate_stash_id("gallery_id", gallery_id)
    images = json.dumps([validate_stash_id("stash_image_id", image) for image in stash_image_ids])
    stored = connection.execute(
        "UPDATE image_fingerprints SET gallery_id = ? "
        "WHERE stash_image_id IN (SELECT value FROM json_each(?))",
        (gallery, images),
    ).rowcount
    connection.execute(
        "INSERT INTO stash_sense_image_galleries (image_fingerprint_id, gallery_id) "
        "SELECT id, ?1 FROM image_fingerprints WHERE stash_image_id IN (SELECT value FROM json_each(?2)) "
        "ON CONFLICT DO NOTHING",
        (gallery, images),
    )
    return stored


def galleries_by_image(
    connection: sqlite3.Connection, fingerprint_ids: Sequence[int]
) -> dict[int, tuple[str, ...]]:
    """Fingerprint id -> ids of the galleries it was seen in, also those that older programs wrote."""
    by_image: dict[int, set[str]] = {}
    for fingerprint_id, gallery in connection.execute(
        "SELECT g.image_fingerprint_id, g.gallery_id FROM json_each(?1) wanted "
        "CROSS JOIN stash_sense_image_galleries g ON g.image_fingerprint_id = wanted.value "
        "UNION ALL SELECT i.id, i.gallery_id FROM json_each(?1) wanted "
        "CROSS JOIN image_fingerprints i ON i.id = wanted.value WHERE i.gallery_id IS NOT NULL",
        (json.dumps(list(fingerprint_ids)),),
    ):
        by_image.setdefault(fingerprint_id, set()).add(gallery)
    return {fingerprint_id: tuple(sorted(galleries)) for fingerprint_id, galleries in by_image.items()}


def _dicts(cursor: sqlite3.Cursor) -> list[dict[str, Any]]:
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
