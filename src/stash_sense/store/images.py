"""Image fingerprints: the two tables of version 6, which older programs read too."""

import sqlite3
from typing import Any

from stash_sense.domain.validation import (
    validate_integer,
    validate_optional_number,
    validate_optional_text,
    validate_stash_id,
    validate_text,
)
from stash_sense.errors import NotStored
from stash_sense.store.galleries import remember_gallery
from stash_sense.store.pictures import forget_unused_pictures, picture_of_image

_IMAGE = "id, stash_image_id, gallery_id, faces_detected, db_version, created_at, updated_at"
_FACE = "id, stash_image_id, performer_id, confidence, distance, bbox_x, bbox_y, bbox_w, bbox_h, created_at"


def as_dicts(cursor: sqlite3.Cursor) -> list[dict[str, Any]]:
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def create_image_fingerprint(
    connection: sqlite3.Connection,
    stash_image_id: str,
    faces_detected: int = 0,
    gallery_id: str | None = None,
    db_version: str | None = None,
) -> int:
    """Remember an image, or update what is remembered; the same image keeps its id (> 0).

    A null `gallery_id` never erases a known one. Raises BadInput for an empty id or a negative count.
    """
    image = validate_stash_id("stash_image_id", stash_image_id)
    gallery = None if gallery_id is None else validate_stash_id("gallery_id", gallery_id)
    values = {
        "image": image,
        "faces": validate_integer("faces_detected", faces_detected),
        "gallery": gallery,
        "version": validate_optional_text("db_version", db_version),
    }
    # Never INSERT OR REPLACE: it deletes the row first, and every face of the image with it.
    found = connection.execute(
        """UPDATE image_fingerprints SET faces_detected = :faces, db_version = :version,
             gallery_id = coalesce(:gallery, gallery_id), updated_at = datetime('now')
           WHERE stash_image_id = :image RETURNING id""",
        values,
    ).fetchall()
    if not found:
        found = connection.execute(
            """INSERT INTO image_fingerprints
                 (stash_image_id, faces_detected, gallery_id, db_version, created_at, updated_at)
               VALUES (:image, :faces, :gallery, :version, datetime('now'), datetime('now'))
               RETURNING id""",
            values,
        ).fetchall()
    fingerprint = int(found[0][0])
    if gallery is not None:
        remember_gallery(connection, fingerprint, gallery)
    return fingerprint


def get_image_fingerprint(connection: sqlite3.Connection, stash_image_id: str) -> dict[str, Any] | None:
    """The row of an image as a dict, or None."""
    found = as_dicts(
        connection.execute(
            f"SELECT {_IMAGE} FROM image_fingerprints WHERE stash_image_id = ?",  # noqa: S608  our columns
            (validate_stash_id("stash_image_id", stash_image_id),),
        )
    )
    return found[0] if found else None


def get_gallery_image_fingerprints(connection: sqlite3.Connection, gallery_id: str) -> list[dict[str, Any]]:
    """The images seen in a gallery, whichever gallery each was last seen in."""
    return as_dicts(
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
    """Name a performer on an image; of two faces of one performer the better stays. Returns its id.

    Better is the smaller distance, or where one has none the greater confidence. The box is meant as
    fractions of the image; it is not enforced, since files in the wild hold pixels here.
    Raises NotStored where the image has no fingerprint.
    """
    image = validate_stash_id("stash_image_id", stash_image_id)
    performer = validate_text("performer_id", performer_id)
    numbers = [
        validate_optional_number("confidence", confidence),
        validate_optional_number("distance", distance),
        *(
            validate_optional_number(name, value)
            for name, value in (
                ("bbox_x", bbox_x),
                ("bbox_y", bbox_y),
                ("bbox_w", bbox_w),
                ("bbox_h", bbox_h),
            )
        ),
    ]
    known = connection.execute(
        "SELECT id, confidence, distance FROM image_fingerprint_faces "
        "WHERE stash_image_id = ? AND performer_id = ?",
        (image, performer),
    ).fetchone()
    if known is not None:
        if not _is_better(known[1], known[2], numbers[0], numbers[1]):
            connection.execute(
                "UPDATE image_fingerprint_faces SET confidence = ?, distance = ?, bbox_x = ?, bbox_y = ?, "
                "bbox_w = ?, bbox_h = ? WHERE id = ?",
                (*numbers, known[0]),
            )
        return int(known[0])
    if get_image_fingerprint(connection, image) is None:
        raise NotStored(f"Image {image} has no fingerprint yet; call create_image_fingerprint first.")
    cursor = connection.execute(
        "INSERT INTO image_fingerprint_faces (stash_image_id, performer_id, confidence, distance, "
        "bbox_x, bbox_y, bbox_w, bbox_h, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, datetime('now'))",
        (image, performer, *numbers),
    )
    return int(cursor.lastrowid or 0)


def _is_better(
    confidence: object, distance: object, new_confidence: float | None, new_distance: float | None
) -> bool:
    """Whether the face known so far is strictly better than the new one."""
    if isinstance(distance, int | float) and new_distance is not None:
        return distance < new_distance
    if isinstance(confidence, int | float) and new_confidence is not None:
        return confidence > new_confidence
    return (
        (distance is not None or confidence is not None) and new_distance is None and new_confidence is None
    )


def get_image_fingerprint_faces(connection: sqlite3.Connection, stash_image_id: str) -> list[dict[str, Any]]:
    """The performers named on an image, one row each."""
    return as_dicts(
        connection.execute(
            f"SELECT {_FACE} FROM image_fingerprint_faces WHERE stash_image_id = ? ORDER BY id",  # noqa: S608
            (validate_stash_id("stash_image_id", stash_image_id),),
        )
    )


def delete_image_fingerprint_faces(connection: sqlite3.Connection, stash_image_id: str) -> int:
    """Forget who and what was seen on an image, every detected face included; returns how many were named."""
    image = validate_stash_id("stash_image_id", stash_image_id)
    picture = picture_of_image(connection, image)
    for table in ("stash_sense_faces", "stash_sense_image_results"):
        connection.execute(
            f"DELETE FROM {table} WHERE image_fingerprint_id IN "  # noqa: S608  our names
            "(SELECT id FROM image_fingerprints WHERE stash_image_id = ?)",
            (image,),
        )
    if picture is not None:
        forget_unused_pictures(connection, [picture])
    return connection.execute(
        "DELETE FROM image_fingerprint_faces WHERE stash_image_id = ?", (image,)
    ).rowcount


def delete_image_fingerprint(connection: sqlite3.Connection, stash_image_id: str) -> bool:
    """Forget an image that Stash no longer has, with its faces; a person's decisions stay."""
    image = validate_stash_id("stash_image_id", stash_image_id)
    picture = picture_of_image(connection, image)
    # The cascade does this too, except where a file could not keep our declaration of the table.
    connection.execute("DELETE FROM image_fingerprint_faces WHERE stash_image_id = ?", (image,))
    deleted = connection.execute("DELETE FROM image_fingerprints WHERE stash_image_id = ?", (image,))
    if picture is not None:
        forget_unused_pictures(connection, [picture])
    return deleted.rowcount > 0
