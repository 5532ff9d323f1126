"""What is stored of images and scenes and was matched with another version of the face database."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stash_sense.domain.validation import parse_json_object
from stash_sense.store.repositories.rematching import FaceMatches, update_matches
from stash_sense.store.repositories.results import RUN_COLUMNS, StoredResult, read_results

_IN_A_GALLERY = """(i.gallery_id IS NOT NULL OR EXISTS (
  SELECT 1 FROM stash_sense_image_galleries g WHERE g.image_fingerprint_id = i.id))"""


@dataclass(frozen=True, slots=True)
class StaleScene:
    """A scene whose frames are all stored. settings: of the run that looked at them."""

    picture_id: int
    stash_scene_id: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class StaleImages:
    """Stored results with embeddings, without decisions applied. last: pass it as `after` for the next."""

    results: dict[str, StoredResult]
    last: int


def stale_images(
    connection: sqlite3.Connection, pack: str, db_version: str, after: int, faces: int
) -> StaleImages | None:
    """The next images that are in no gallery, about `faces` faces; None at the end."""
    cursor = connection.execute(
        f"""SELECT {RUN_COLUMNS}, r.face_count FROM stash_sense_image_results r
           CROSS JOIN image_fingerprints i ON i.id = r.image_fingerprint_id
           WHERE r.image_fingerprint_id > ? AND r.pack = ? AND r.db_version IS NOT ?
             AND NOT {_IN_A_GALLERY}
           ORDER BY r.image_fingerprint_id""",  # noqa: S608  our columns
        (after, pack, db_version),
    )
    rows: list[tuple[Any, ...]] = []
    total = 0
    for row in cursor:
        rows.append(row[:-1])
        total += max(row[-1], 1)
        if total >= faces:
            break
    if not rows:
        return None
    return StaleImages(read_results(connection, rows, embeddings=True, decided=False), rows[-1][1])


def stale_galleries(connection: sqlite3.Connection, pack: str, db_version: str) -> list[str]:
    """Ids of galleries that at least one such image was seen in."""
    return [
        row[0]
        for row in connection.execute(
            """SELECT g.gallery_id FROM stash_sense_image_results r
               CROSS JOIN stash_sense_image_galleries g ON g.image_fingerprint_id = r.image_fingerprint_id
               WHERE r.pack = ?1 AND r.db_version IS NOT ?2
               UNION SELECT i.gallery_id FROM stash_sense_image_results r
               CROSS JOIN image_fingerprints i ON i.id = r.image_fingerprint_id
               WHERE r.pack = ?1 AND r.db_version IS NOT ?2 AND i.gallery_id IS NOT NULL""",
            (pack, db_version),
        )
    ]


def results_of_gallery(connection: sqlite3.Connection, gallery_id: str, pack: str) -> dict[str, StoredResult]:
    """All results of a gallery's images, in the order in which they were first stored; see StaleImages."""
    rows = connection.execute(
        f"""SELECT {RUN_COLUMNS} FROM image_fingerprints i
           JOIN stash_sense_image_results r ON r.image_fingerprint_id = i.id
           WHERE r.pack = ?1 AND i.id IN (
             SELECT image_fingerprint_id FROM stash_sense_image_galleries WHERE gallery_id = ?2
             UNION SELECT id FROM image_fingerprints WHERE gallery_id = ?2)
           ORDER BY i.id""",  # noqa: S608  our columns
        (pack, gallery_id),
    ).fetchall()
    return read_results(connection, rows, embeddings=True, decided=False)


def stale_scenes(connection: sqlite3.Connection, pack: str, db_version: str) -> list[StaleScene]:
    """Scenes that were looked at to the end; of those that show one video the first."""
    return [
        StaleScene(row[0], str(row[1]), parse_json_object(row[2]) or {})
        for row in connection.execute(
            """SELECT v.picture_id, min(s.stash_scene_id), v.settings FROM stash_sense_videos v
               JOIN stash_sense_scenes s ON s.picture_id = v.picture_id
               WHERE v.pack = ? AND v.db_version IS NOT ? AND v.stopped IS NOT NULL GROUP BY v.picture_id""",
            (pack, db_version),
        )
    ]


def write_stale(
    connection: sqlite3.Connection,
    pack: str,
    db_version: str,
    matches_by_image: Mapping[str, Sequence[FaceMatches]],
    settings: Mapping[str, Any],
) -> tuple[str, ...]:
    """Write new matches of images of no gallery. Ids of those that were not matched meanwhile."""
    stale = [
        row[0]
        for row in connection.execute(
            f"""SELECT i.stash_image_id FROM json_each(?) wanted
               CROSS JOIN image_fingerprints i ON i.stash_image_id = wanted.value
               JOIN stash_sense_image_results r ON r.image_fingerprint_id = i.id
               WHERE r.db_version IS NOT ? AND NOT {_IN_A_GALLERY}""",  # noqa: S608  our columns
            (json.dumps(list(matches_by_image)), db_version),
        )
    ]
    matches = [match for image in stale for match in matches_by_image[image]]
    return update_matches(connection, pack, db_version, stale, matches, settings).updated
