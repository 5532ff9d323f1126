"""The people seen in the library, how often and where: from what version 6 holds, decisions applied."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from stash_sense.domain.faces import FaceId, SceneFaceId
from stash_sense.domain.identity import Person
from stash_sense.domain.validation import read_cursor, write_cursor
from stash_sense.errors import BadInput, NotStored
from stash_sense.store.repositories.library_tags import GALLERY, IMAGE, SCENE
from stash_sense.store.repositories.people import keys_of_people
from stash_sense.store.repositories.person_places import (
    faces_in_galleries,
    faces_in_images,
    faces_in_scenes,
)
from stash_sense.store.repositories.suggestion_list import SeenFace, person_rows
from stash_sense.store.repositories.suggestions import SURE_ALONE

SORTS = ("count", "name", "last_seen")


@dataclass(frozen=True, slots=True)
class SeenPersonCounts:
    """A person, on how many images and scenes they are seen, their best face, and when last (UTC)."""

    person: Person
    keys: tuple[str, ...]
    images: int
    scenes: int
    cover: FaceId | None
    last_seen: str | None


@dataclass(frozen=True, slots=True)
class SeenPeoplePage:
    """total: people seen."""

    people: tuple[SeenPersonCounts, ...]
    total: int
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Appearance:
    """Where a person is seen. confidence: None where a decision alone says so. tagged: None if unknown."""

    target_type: str
    target_id: str
    title: str | None
    confidence: float | None
    faces: tuple[SeenFace, ...]
    tagged: bool | None


@dataclass(frozen=True, slots=True)
class AppearancesPage:
    """A person's appearances: scenes, then galleries, then images, newest in Stash first."""

    appearances: tuple[Appearance, ...]
    total: int
    next_cursor: str | None


# Ordered by number of places, by name, or by the last result that shows them.
_ORDERS = {"count": "-(images + scenes)", "name": "0.0", "last_seen": "-coalesce(seen, 0)"}
_COUNTED = """counted AS MATERIALIZED (
  SELECT p.id, p.name, sum(n.images) AS images, sum(n.scenes) AS scenes, max(n.seen) AS seen FROM (
    SELECT performer_id, count(*) AS images, 0 AS scenes,
        CAST(strftime('%s', max(created_at)) AS INTEGER) AS seen
      FROM image_fingerprint_faces GROUP BY performer_id
    UNION ALL SELECT performer_id, 0, count(*), CAST(strftime('%s', max(created_at)) AS INTEGER)
      FROM scene_fingerprint_faces GROUP BY performer_id) n
  JOIN stash_sense_people p ON p.performer_id = n.performer_id GROUP BY p.id)"""


def list_seen_people(
    connection: sqlite3.Connection, sort: str, cursor: str | None, limit: int
) -> SeenPeoplePage:
    """People by number of places, name, or time; equal ones by name. Raises BadInput."""
    if sort not in SORTS:
        raise BadInput(f"sort is {sort!r:.80}; give one of {', '.join(SORTS)}.")
    value, person_id = read_cursor(cursor) or (None, 0)
    order = f"{_ORDERS[sort]}, name IS NULL, coalesce(lower(name), ''), id"
    # Where the person of the cursor was merged or forgotten, all with the same value come again.
    rows = connection.execute(
        f"""WITH {_COUNTED}, place AS (
              SELECT name IS NULL, coalesce(lower(name), ''), id FROM stash_sense_people WHERE id = :person
              UNION ALL SELECT -1, '', 0 ORDER BY 1 DESC LIMIT 1)
            SELECT id, images, scenes, datetime(seen, 'unixepoch'), {_ORDERS[sort]},
              (SELECT count(*) FROM counted)
            FROM counted WHERE :value IS NULL OR ({order}) > (SELECT :value, * FROM place)
            ORDER BY {order} LIMIT :most""",  # noqa: S608  our text
        {"value": value, "person": person_id, "most": limit + 1},
    ).fetchall()
    page = rows[:limit]
    people = person_rows(connection, [row[0] for row in page])
    covers = _covers(connection, [row[0] for row in page])
    listed = [SeenPersonCounts(*people[row[0]], row[1], row[2], covers.get(row[0]), row[3]) for row in page]
    more = write_cursor(page[-1][4], page[-1][0]) if len(rows) > limit else None
    return SeenPeoplePage(tuple(listed), rows[0][5] if rows else 0, more)


def _covers(connection: sqlite3.Connection, person_ids: Sequence[int]) -> dict[int, FaceId]:
    """The best face of each person, from an image if they are on any."""
    ids = json.dumps(list(person_ids))
    best = connection.execute(
        """SELECT stash_image_id, id FROM (
             SELECT f.stash_image_id, p.id, row_number() OVER (
               PARTITION BY p.id ORDER BY coalesce(f.distance, 0), f.id) AS place
             FROM json_each(?) wanted CROSS JOIN stash_sense_people p ON p.id = wanted.value
             CROSS JOIN image_fingerprint_faces f ON f.performer_id = p.performer_id
             WHERE f.bbox_w IS NOT NULL) WHERE place = 1""",
        (ids,),
    ).fetchall()
    covers: dict[int, FaceId] = {person: face for _, person, face, _ in faces_in_images(connection, best)}
    others = [person_id for person_id in person_ids if person_id not in covers]
    in_scenes = connection.execute(
        """SELECT CAST(s.stash_scene_id AS TEXT), p.id FROM json_each(?) wanted
           CROSS JOIN stash_sense_people p ON p.id = wanted.value
           CROSS JOIN scene_fingerprint_faces f ON f.performer_id = p.performer_id
           JOIN scene_fingerprints s ON s.id = f.fingerprint_id GROUP BY p.id""",
        (json.dumps(others),),
    ).fetchall()
    for _, person, face, _ in faces_in_scenes(connection, in_scenes):
        covers.setdefault(person, SceneFaceId(face))
    return covers


# In a gallery a person is seen as for suggestions: on two of its pictures, or surely on one. Scenes come
# first, then galleries, then images; of each the newest in Stash first.
_PLACES = f"""images AS (
  SELECT f.stash_image_id AS image_id, p.id AS person_id, f.confidence, coalesce(f.distance, 0.0) AS distance,
    i.id AS fingerprint_id, coalesce(r.picture_id, -i.id) AS picture_id
  FROM json_each(?1) k JOIN image_fingerprint_faces f ON f.performer_id = k.value
  JOIN stash_sense_people p ON p.performer_id = f.performer_id
  LEFT JOIN image_fingerprints i ON i.stash_image_id = f.stash_image_id
  LEFT JOIN stash_sense_image_results r ON r.image_fingerprint_id = i.id),
members AS (
  SELECT g.gallery_id, m.* FROM images m
    CROSS JOIN stash_sense_library_galleries g ON g.image_id = m.image_id
  UNION ALL SELECT g.gallery_id, m.* FROM images m
    CROSS JOIN stash_sense_image_galleries g ON g.image_fingerprint_id = m.fingerprint_id
    WHERE NOT EXISTS (SELECT 1 FROM stash_sense_library_tags t
      WHERE t.target_type = '{IMAGE}' AND t.target_id = m.image_id)),
seen AS (
  SELECT 2 AS place, '{SCENE}' AS target_type, CAST(s.stash_scene_id AS TEXT) AS target_id, p.id AS person_id,
      f.avg_confidence AS confidence
    FROM json_each(?1) k JOIN scene_fingerprint_faces f ON f.performer_id = k.value
    JOIN scene_fingerprints s ON s.id = f.fingerprint_id
    JOIN stash_sense_people p ON p.performer_id = f.performer_id
  UNION ALL SELECT 1, '{GALLERY}', gallery_id, person_id, max(confidence) FROM members
    GROUP BY gallery_id, person_id
    HAVING count(DISTINCT picture_id) > 1 OR min(distance) < {SURE_ALONE}
  UNION ALL SELECT 0, '{IMAGE}', image_id, person_id, confidence FROM images),
shown AS MATERIALIZED (
  SELECT s.*, t.title, t.target_id IS NOT NULL AS is_looked_at, CAST(s.target_id AS INTEGER) AS number
  FROM seen s LEFT JOIN stash_sense_library_tags t
    ON t.target_type = s.target_type AND t.target_id = s.target_id
  WHERE NOT coalesce(t.gone, 0))"""  # noqa: S608  our text


def list_appearances(
    connection: sqlite3.Connection, performer_id: str, cursor: str | None, limit: int
) -> AppearancesPage:
    """Where a person is seen. performer_id: any key that they have or had. Raises NotStored, BadInput."""
    keys = keys_of_people(connection, [performer_id]).get(performer_id)
    if keys is None:
        raise NotStored(f"Nobody with the key {performer_id!r:.200} was seen in the library yet.")
    place, number = read_cursor(cursor) or (None, 0)
    wanted = json.dumps(list(dict.fromkeys([performer_id, *keys])))
    rows = connection.execute(
        f"""WITH {_PLACES}
           SELECT s.target_type, s.target_id, s.person_id, s.confidence, s.title,
             CASE WHEN s.is_looked_at THEN EXISTS (
               SELECT 1 FROM stash_sense_library_performers l JOIN stash_sense_person_keys k
                 ON k.key = 'local:' || l.local_id AND k.person_id = s.person_id
               WHERE l.target_type = s.target_type AND l.target_id = s.target_id) END,
             s.place, s.number, (SELECT count(*) FROM shown)
           FROM shown s WHERE ?2 IS NULL OR (s.place, s.number) < (?2, ?3)
           ORDER BY s.place DESC, s.number DESC LIMIT ?4""",  # noqa: S608  our text
        (wanted, place, number, limit + 1),
    ).fetchall()
    page = rows[:limit]
    faces: dict[tuple[str, str], list[SeenFace]] = {}
    for kind, read in ((IMAGE, faces_in_images), (GALLERY, faces_in_galleries), (SCENE, faces_in_scenes)):
        places = [(row[1], row[2]) for row in page if row[0] == kind]
        for target_id, _, number, time_s in read(connection, places):
            face_id = number if time_s is None else SceneFaceId(number)
            faces.setdefault((kind, target_id), []).append(SeenFace(face_id, time_s))
    listed = [
        Appearance(
            row[0],
            row[1],
            row[4],
            row[3],
            tuple(faces.get((row[0], row[1]), ())),
            None if row[5] is None else bool(row[5]),
        )
        for row in page
    ]
    more = write_cursor(*page[-1][6:8]) if len(rows) > limit else None
    return AppearancesPage(tuple(listed), rows[0][8] if rows else 0, more)
