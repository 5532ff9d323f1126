"""Which galleries an image was seen in: many to many, where version 6 has room for one."""

import sqlite3
from collections.abc import Sequence

from stash_sense.store.values import stash_id


def remember_gallery(connection: sqlite3.Connection, fingerprint: int, gallery_id: str) -> None:
    connection.execute(
        "INSERT INTO stash_sense_image_galleries (image_fingerprint_id, gallery_id) VALUES (?, ?) "
        "ON CONFLICT DO NOTHING",
        (fingerprint, gallery_id),
    )


def note_gallery(connection: sqlite3.Connection, gallery_id: str, stash_image_ids: Sequence[str]) -> int:
    """Note that images are in a gallery, nothing else of them changing; returns how many are known."""
    gallery = stash_id("gallery_id", gallery_id)
    known = 0
    for image in stash_image_ids:
        found = connection.execute(
            "UPDATE image_fingerprints SET gallery_id = ? WHERE stash_image_id = ? RETURNING id",
            (gallery, stash_id("stash_image_id", image)),
        ).fetchall()
        for (fingerprint,) in found:
            remember_gallery(connection, fingerprint, gallery)
        known += len(found)
    return known


def galleries_of(connection: sqlite3.Connection, fingerprint: int) -> tuple[str, ...]:
    """The galleries an image was seen in, by id; what older programs wrote counts too."""
    rows = connection.execute(
        "SELECT gallery_id FROM stash_sense_image_galleries WHERE image_fingerprint_id = ?1 "
        "UNION SELECT gallery_id FROM image_fingerprints WHERE id = ?1 AND gallery_id IS NOT NULL",
        (fingerprint,),
    )
    return tuple(sorted(row[0] for row in rows))
