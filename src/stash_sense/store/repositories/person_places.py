"""Where people are seen: on which faces of images, galleries and scenes, best first."""

import json
import sqlite3
from collections.abc import Sequence

from stash_sense.store.repositories.suggestions import MEMBERS

Place = tuple[str, int, int, float | None]
"""Target, person, face, and of a scene's face when it is seen."""

_WANTED = """wanted (target_id, person_id) AS (
  SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?1))"""
# The row of version 6 has the box of the person's best face on the image.
_FACE = """JOIN image_fingerprints i ON i.stash_image_id = v.stash_image_id
  JOIN stash_sense_faces f ON f.image_fingerprint_id = i.id
    AND (f.x, f.y, f.w, f.h) = (v.bbox_x, v.bbox_y, v.bbox_w, v.bbox_h)"""


def faces_in_images(connection: sqlite3.Connection, wanted: Sequence[tuple[str, int]]) -> list[Place]:
    """The best face of each (image, person)."""
    return connection.execute(
        f"""WITH {_WANTED} SELECT w.target_id, w.person_id, f.id, NULL FROM wanted w
            CROSS JOIN stash_sense_people p ON p.id = w.person_id
            CROSS JOIN image_fingerprint_faces v
              ON v.stash_image_id = w.target_id AND v.performer_id = p.performer_id {_FACE}""",  # noqa: S608
        (json.dumps(list(wanted)),),
    ).fetchall()


def faces_in_galleries(connection: sqlite3.Connection, wanted: Sequence[tuple[str, int]]) -> list[Place]:
    """The best face of each (gallery, person) on each of its images."""
    galleries = json.dumps(sorted({gallery for gallery, _ in wanted}))
    # Joined in this order: SQLite would begin with all images of the person.
    return connection.execute(
        f"""WITH wanted_people (gallery_id, person_id) AS (
              SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?2)),
            members AS ({MEMBERS})
            SELECT w.gallery_id, w.person_id, f.id, NULL FROM wanted_people w
            CROSS JOIN stash_sense_people p ON p.id = w.person_id
            CROSS JOIN members m ON m.gallery_id = w.gallery_id
            CROSS JOIN image_fingerprint_faces v
              ON v.stash_image_id = m.image_id AND v.performer_id = p.performer_id {_FACE}
            ORDER BY coalesce(v.distance, 0), f.id""",  # noqa: S608  our text
        (galleries, json.dumps(list(wanted))),
    ).fetchall()


def faces_in_scenes(connection: sqlite3.Connection, wanted: Sequence[tuple[str, int]]) -> list[Place]:
    """The best face of each track of each (scene, person), and each confirmed face, with its time."""
    return connection.execute(
        f"""WITH {_WANTED}, found AS (
              SELECT w.target_id, w.person_id, f.id, r.time_s, row_number() OVER (
                PARTITION BY w.target_id, w.person_id, t.id ORDER BY f.crop IS NULL, f.quality DESC, f.id
              ) AS place FROM wanted w
              CROSS JOIN stash_sense_scenes s ON s.stash_scene_id = CAST(w.target_id AS INTEGER)
              JOIN stash_sense_scene_tracks t ON t.picture_id = s.picture_id AND t.verdict = 'match'
              JOIN stash_sense_scene_candidates c
                ON c.track_id = t.id AND c.rank = 0 AND c.person_id = w.person_id
              JOIN stash_sense_scene_faces f ON f.track_id = t.id
              JOIN stash_sense_scene_frames r ON r.id = f.frame_id)
            SELECT target_id, person_id, id, time_s FROM found WHERE place = 1
            UNION SELECT w.target_id, w.person_id, f.id, r.time_s FROM wanted w
              CROSS JOIN stash_sense_people p ON p.id = w.person_id
              JOIN stash_sense_scenes s ON s.stash_scene_id = CAST(w.target_id AS INTEGER)
              JOIN stash_sense_decisions d ON d.picture_id = s.picture_id AND d.word = 'confirmed'
                AND d.performer_id = p.performer_id AND d.time_s IS NOT NULL
              JOIN stash_sense_scene_frames r ON r.picture_id = s.picture_id AND r.time_s = d.time_s
              JOIN stash_sense_scene_faces f ON f.frame_id = r.id AND (f.x, f.y) = (d.x, d.y)
            ORDER BY 4, 3""",  # noqa: S608  our text
        (json.dumps(list(wanted)),),
    ).fetchall()
