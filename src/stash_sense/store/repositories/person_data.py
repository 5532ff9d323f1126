"""All that the state holds of a person, for an export before the person is deleted."""

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from stash_sense.domain.identity import LOCAL
from stash_sense.store.repositories.people import keys_of_people

_SUBJECTS = {
    "people": "SELECT performer_id, name, facts FROM stash_sense_people p",
    "decisions": """SELECT p.id, p.word AS kind, p.performer_id, p.created_at, p.x, p.y, p.w, p.h, p.time_s,
      (SELECT group_concat(i.stash_image_id) FROM stash_sense_image_results r
        JOIN image_fingerprints i ON i.id = r.image_fingerprint_id
        WHERE r.picture_id = p.picture_id) AS images,
      (SELECT group_concat(s.stash_scene_id) FROM stash_sense_scenes s
        WHERE s.picture_id = p.picture_id) AS scenes
      FROM stash_sense_decisions p""",
    "faces_in_images": """SELECT i.stash_image_id AS image_id, f.id AS face_id, f.x, f.y, f.w, f.h,
        f.verdict, f.reason, c.rank, c.distance
      FROM stash_sense_people p JOIN stash_sense_candidates c ON c.person_id = p.id
      JOIN stash_sense_faces f ON f.id = c.face_id
      JOIN image_fingerprints i ON i.id = f.image_fingerprint_id""",
    "tracks_in_scenes": """SELECT s.stash_scene_id AS scene_id, t.verdict, t.reason, c.rank, c.distance,
        (SELECT group_concat(r.time_s) FROM stash_sense_scene_faces f
          JOIN stash_sense_scene_frames r ON r.id = f.frame_id WHERE f.track_id = t.id) AS seconds
      FROM stash_sense_people p JOIN stash_sense_scene_candidates c ON c.person_id = p.id
      JOIN stash_sense_scene_tracks t ON t.id = c.track_id
      JOIN stash_sense_scenes s ON s.picture_id = t.picture_id""",
    "images": "SELECT * FROM image_fingerprint_faces p",
    "scenes": """SELECT s.stash_scene_id AS scene_id, p.* FROM scene_fingerprint_faces p
      LEFT JOIN scene_fingerprints s ON s.id = p.fingerprint_id""",
}
_FORMER_PICTURES = """SELECT f.* FROM stash_sense_former_pictures f
  JOIN stash_sense_journal j ON j.id = f.entry_id"""
_CROPS = """SELECT f.id, f.crop FROM stash_sense_people p
  JOIN stash_sense_scene_candidates c ON c.person_id = p.id AND c.rank = 0
  JOIN stash_sense_scene_faces f ON f.track_id = c.track_id AND f.crop IS NOT NULL"""


def person_data(connection: sqlite3.Connection, keys: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """What is stored under a person's keys, by subject; each row as column -> value."""
    requested = list(keys)
    known = (key for own in keys_of_people(connection, requested).values() for key in own)
    every = list(dict.fromkeys((*requested, *known)))
    data = {name: _rows(connection, query, "p.performer_id", every) for name, query in _SUBJECTS.items()}
    local_ids = [key.removeprefix(LOCAL) for key in every if key.startswith(LOCAL)]
    journal = _rows(connection, "SELECT * FROM stash_sense_journal", "local_id", local_ids)
    pictures = _rows(connection, _FORMER_PICTURES, "j.local_id", local_ids)
    return data | {"journal": journal, "former_pictures": pictures}


def people_called(connection: sqlite3.Connection, name: str) -> list[tuple[str, str]]:
    """Key and name of the people who are called exactly so."""
    return connection.execute(
        "SELECT performer_id, name FROM stash_sense_people WHERE name = ?", (name,)
    ).fetchall()


def person_crops(connection: sqlite3.Connection, keys: Iterable[str]) -> list[tuple[int, bytes]]:
    """Face id and JPEG of the stored faces of scenes that are taken for the person's."""
    rows = _rows(connection, _CROPS, "p.performer_id", list(keys))
    return [(row["id"], row["crop"]) for row in rows]


def _rows(connection: sqlite3.Connection, query: str, column: str, values: list[str]) -> list[dict[str, Any]]:
    cursor = connection.execute(
        f"{query} WHERE {column} IN (SELECT value FROM json_each(?))",  # noqa: S608  our text
        (json.dumps(values),),
    )
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
