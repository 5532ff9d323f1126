"""Which galleries an image was seen in: many to many, where version 6 has room for one."""

import json
import sqlite3
from collections.abc import Sequence

from stash_sense.domain.validation import validate_stash_id


def remember_gallery(connection: sqlite3.Connection, fingerprint: int, gallery_id: str) -> None:
    connection.execute(
        "INSERT INTO stash_sense_image_galleries (image_fingerprint_id, gallery_id) VALUES (?, ?) "
        "ON CONFLICT DO NOTHING",
        (fingerprint, gallery_id),
    )


def note_gallery(connection: sqlite3.Connection, gallery_id: str, stash_image_ids: Sequence[str]) -> int:
    """Note that images are in a gallery, nothing else of them changing; returns how many are known."""
    gallery = validate_stash_id("gallery_id", gallery_id)
    known = 0
    for image in stash_image_ids:
        found = connection.execute(
            "UPDATE image_fingerprints SET gallery_id = ? WHERE stash_image_id = ? RETURNING id",
            (gallery, validate_stash_id("stash_image_id", image)),
        ).fetchall()
        for (fingerprint,) in found:
            remember_gallery(connection, fingerprint, gallery)
        known += len(found)
    return known


def galleries_of(connection: sqlite3.Connection, fingerprint: int) -> tuple[str, ...]:
    """The galleries an image was seen in, by id; what older programs wrote counts too."""
    return galleries_of_many(connection, [fingerprint]).get(fingerprint, ())


def galleries_of_many(
    connection: sqlite3.Connection, fingerprints: Sequence[int]
) -> dict[int, tuple[str, ...]]:
    """The same for many images; those seen in none are left out."""
    found: dict[int, set[str]] = {}
    wanted = json.dumps(list(fingerprints))
    for fingerprint, gallery in connection.execute(
        "SELECT g.image_fingerprint_id, g.gallery_id FROM json_each(?1) wanted "
        "CROSS JOIN stash_sense_image_galleries g ON g.image_fingerprint_id = wanted.value "
        "UNION ALL SELECT i.id, i.gallery_id FROM json_each(?1) wanted "
        "CROSS JOIN image_fingerprints i ON i.id = wanted.value WHERE i.gallery_id IS NOT NULL",
        (wanted,),
    ):
        found.setdefault(fingerprint, set()).add(gallery)
    return {fingerprint: tuple(sorted(galleries)) for fingerprint, galleries in found.items()}
