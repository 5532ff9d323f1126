from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import Photo
from stash_sense.facedb.spool import Looked, Spool
from stash_sense.recognition.recognizer import SLOTS


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A photo that was looked at: its stamp, why no face of it was taken (else empty), and the way to it."""

    stamp: str
    skipped: str
    load: Callable[[], Looked]


def known_photos(
    databases: Iterable[FaceDatabase],
    pack_fingerprint: str,
    wanted: Callable[[str], bool],
    enough: int | None = None,
) -> dict[str, Known]:
    """Path -> what the databases know of the wanted photos; the first that knows one is believed.

    Faces stay in the databases until they are loaded. enough: how many are wanted in all, if known.
    """
    known: dict[str, Known] = {}
    for database in databases:
        if len(known) == enough:
            break
        if database.manifest.pack_fingerprint != pack_fingerprint:
            continue
        rows = {database.reference(row).photo: row for row in range(database.manifest.faces)}
        for photo in database.photos():
            if photo.path not in known and wanted(photo.path):
                load = partial(_from_database, database, photo, rows.get(photo.path))
                known[photo.path] = Known(photo.stamp, photo.skipped, load)
    return known


def spooled_photos(spool: Spool) -> dict[str, Known]:
    """Path -> what a broken-off build had looked at; the last look counts."""
    return {
        photo.path: Known(photo.stamp, photo.skipped, partial(spool.at, start))
        for start, photo in spool.found()
    }


def _from_database(database: FaceDatabase, photo: Photo, row: int | None) -> Looked:
    if row is None:
        return Looked(photo)
    parts = database.vectors(range(row, row + 1))
    vector = np.concatenate([parts[slot][0] for slot in SLOTS])
    return Looked(photo, database.reference(row), vector, database.crop(row))
