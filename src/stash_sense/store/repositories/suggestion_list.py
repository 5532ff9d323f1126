"""A page of suggestions: by person, best first, with the faces that each rests on."""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stash_sense.domain.faces import FaceId, SceneFaceId
from stash_sense.domain.identity import Person, person_from_facts
from stash_sense.domain.validation import parse_json_object, read_cursor, write_cursor
from stash_sense.store.repositories.library_tags import GALLERY, IMAGE, SCENE
from stash_sense.store.repositories.person_places import (
    faces_in_galleries,
    faces_in_images,
    faces_in_scenes,
)
from stash_sense.store.repositories.suggestions import TAGGED


@dataclass(frozen=True, slots=True)
class SuggestionQuery:
    """Which suggestions. performer_id: of this person alone, under any key that they have or had.

    inherit: leave out what a gallery and its images say of each other. limit: groups, or with `performer_id`
    suggestions. shown: suggestions of each group; the best.
    """

    kind: str
    max_distance: float
    performer_id: str | None = None
    target_type: str | None = None
    inherit: bool = False
    cursor: str | None = None
    limit: int = 50
    shown: int = 8


@dataclass(frozen=True, slots=True)
class SeenFace:
    """A face that a suggestion rests on, and of a scene when it is seen."""

    face_id: FaceId
    time_s: float | None = None


@dataclass(frozen=True, slots=True)
class SeenPerson:
    """A person who is seen on a target without being tagged, and their faces."""

    person: Person
    faces: tuple[SeenFace, ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A tag that may be missing or wrong. faces: best first. seen: in place of a person who is tagged."""

    suggestion_id: int
    target_type: str
    target_id: str
    distance: float
    title: str | None
    faces: tuple[SeenFace, ...] = ()
    seen: tuple[SeenPerson, ...] = ()


@dataclass(frozen=True, slots=True)
class SuggestionGroup:
    """A person's suggestions: `count` of all, and the best. keys: all of the person, those in Stash first."""

    person: Person
    keys: tuple[str, ...]
    count: int
    suggestions: tuple[Suggestion, ...]


@dataclass(frozen=True, slots=True)
class SuggestionPage:
    """total: suggestions of the query. pending: targets whose suggestions are still to be derived."""

    groups: tuple[SuggestionGroup, ...]
    total: int
    next_cursor: str | None
    pending: int = 0


@dataclass(frozen=True, slots=True)
class _Row:
    suggestion_id: int
    person_id: int
    target_type: str
    target_id: str
    distance: float
    title: str | None


_FILTER = """s.kind = :kind AND s.distance <= :max_distance
  AND (:target_type IS NULL OR s.target_type = :target_type) AND (NOT :inherit OR NOT s.inherited)
  AND (:people IS NULL OR s.person_id IN (SELECT value FROM json_each(:people)))"""


def list_suggestions(
    connection: sqlite3.Connection,
    query: SuggestionQuery,
    is_known: Callable[[Sequence[str]], bool] = lambda _: True,
) -> SuggestionPage:
    """A page of suggestions. is_known: whether people with these keys are listed. Raises BadInput."""
    people = None
    if query.performer_id is not None:
        people = json.dumps(_person_ids(connection, query.performer_id))
    values: dict[str, Any] = {
        "kind": query.kind,
        "max_distance": query.max_distance,
        "target_type": query.target_type,
        "inherit": query.inherit,
        "people": people,
    }
    groups = connection.execute(
        f"""SELECT s.person_id, count(*), min(s.distance) FROM stash_sense_suggestions s WHERE {_FILTER}
            GROUP BY s.person_id ORDER BY 3, 1""",  # noqa: S608  our text
        values,
    ).fetchall()
    if query.kind == TAGGED:  # few; of those people alone who would be recognised
        keys = _keys(connection, [row[0] for row in groups])
        groups = [row for row in groups if is_known(keys[row[0]])]
    counts = {row[0]: row[1] for row in groups}
    after = read_cursor(query.cursor)
    if query.performer_id is None:
        left = [row for row in groups if after is None or (row[2], row[0]) > after]
        page = left[: query.limit]
        rows = [row for person_id, *_ in page for row in _rows(connection, values, person_id, query.shown)]
        cursor = write_cursor(page[-1][2], page[-1][0]) if len(left) > len(page) else None
    else:
        page = groups
        most = query.limit + 1
        rows = [row for person_id in counts for row in _rows(connection, values, person_id, most, after)]
        rows.sort(key=lambda row: (row.distance, row.suggestion_id))
        more, rows = len(rows) > query.limit, rows[: query.limit]
        cursor = write_cursor(rows[-1].distance, rows[-1].suggestion_id) if more else None
    return SuggestionPage(
        _groups(connection, query.kind, [row[0] for row in page], counts, rows), sum(counts.values()), cursor
    )


def person_rows(
    connection: sqlite3.Connection, person_ids: Sequence[int]
) -> dict[int, tuple[Person, tuple[str, ...]]]:
    """Row id -> the person, and all of their keys, those in Stash first."""
    keys = _keys(connection, person_ids)
    return {
        person_id: (person_from_facts(key, name, parse_json_object(facts)), keys[person_id])
        for person_id, key, name, facts in connection.execute(
            """SELECT p.id, p.performer_id, p.name, p.facts FROM json_each(?) wanted
               CROSS JOIN stash_sense_people p ON p.id = wanted.value""",
            (json.dumps(list(person_ids)),),
        )
    }


def _person_ids(connection: sqlite3.Connection, key: str) -> list[int]:
    rows = connection.execute(
        """SELECT id FROM stash_sense_people WHERE performer_id = ?1
           UNION SELECT person_id FROM stash_sense_person_keys WHERE key = ?1""",
        (key,),
    )
    return [row[0] for row in rows]


def _keys(connection: sqlite3.Connection, person_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    keys: dict[int, list[str]] = {person_id: [] for person_id in person_ids}
    for person_id, key in connection.execute(
        """SELECT k.person_id, k.key FROM json_each(?) wanted
           CROSS JOIN stash_sense_person_keys k ON k.person_id = wanted.value
           ORDER BY k.key NOT LIKE 'local:%', k.key""",
        (json.dumps(list(person_ids)),),
    ):
        keys[person_id].append(key)
    return {person_id: tuple(own) for person_id, own in keys.items()}


def _rows(
    connection: sqlite3.Connection,
    values: Mapping[str, Any],
    person_id: int,
    limit: int,
    after: tuple[float, int] | None = None,
) -> list[_Row]:
    """A person's best suggestions. What is still to be derived again is not shown."""
    return [
        _Row(*row)
        for row in connection.execute(
            f"""SELECT s.id, s.person_id, s.target_type, s.target_id, s.distance, t.title
                FROM stash_sense_suggestions s
                LEFT JOIN stash_sense_library_tags t
                  ON t.target_type = s.target_type AND t.target_id = s.target_id
                WHERE s.person_id = :person AND {_FILTER} AND NOT EXISTS (
                    SELECT 1 FROM stash_sense_stale_targets o
                    WHERE o.target_type = s.target_type AND o.target_id = s.target_id)
                  AND (:distance IS NULL OR (s.distance, s.id) > (:distance, :after))
                ORDER BY s.distance, s.id LIMIT :limit""",  # noqa: S608  our text
            {
                **values,
                "person": person_id,
                "limit": limit,
                "distance": after and after[0],
                "after": after and after[1],
            },
        )
    ]


@dataclass(slots=True)
class _Faces:
    """The faces of each (target, person) of a page."""

    of: dict[tuple[str, str, int], list[SeenFace]] = field(default_factory=dict)

    def get(self, row: _Row, person_id: int) -> tuple[SeenFace, ...]:
        return tuple(self.of.get((row.target_type, row.target_id, person_id), ()))


def _groups(
    connection: sqlite3.Connection,
    kind: str,
    person_ids: Sequence[int],
    counts: Mapping[int, int],
    rows: Sequence[_Row],
) -> tuple[SuggestionGroup, ...]:
    instead = _seen_instead(connection, rows) if kind == TAGGED else {}
    places = [(row, person) for row in rows for person in instead.get(row.suggestion_id, [row.person_id])]
    faces = _faces(connection, [(row.target_type, row.target_id, person) for row, person in places])
    people = person_rows(connection, list({*person_ids, *(person for _, person in places)}))
    by_person: dict[int, list[Suggestion]] = {person_id: [] for person_id in person_ids}
    for row in rows:
        others = instead.get(row.suggestion_id, [])
        seen = tuple(SeenPerson(people[other][0], faces.get(row, other)) for other in others)
        own = tuple(face for each in seen for face in each.faces) if others else faces.get(row, row.person_id)
        place = (row.suggestion_id, row.target_type, row.target_id, row.distance, row.title)
        by_person[row.person_id].append(Suggestion(*place, own, seen))
    return tuple(
        SuggestionGroup(*people[person_id], counts[person_id], tuple(own))
        for person_id, own in by_person.items()
        if own
    )


def _faces(connection: sqlite3.Connection, places: Sequence[tuple[str, str, int]]) -> _Faces:
    found = _Faces()
    for kind, read in ((IMAGE, faces_in_images), (GALLERY, faces_in_galleries), (SCENE, faces_in_scenes)):
        wanted = [(target_id, person) for target_type, target_id, person in places if target_type == kind]
        if not wanted:
            continue
        for target_id, person, number, time_s in read(connection, wanted):
            face_id = number if time_s is None else SceneFaceId(number)
            found.of.setdefault((kind, target_id, person), []).append(SeenFace(face_id, time_s))
    return found


def _seen_instead(connection: sqlite3.Connection, rows: Sequence[_Row]) -> dict[int, list[int]]:
    """Suggestion -> the people who are seen on its target and not tagged there."""
    wanted = json.dumps([(row.suggestion_id, row.target_type, row.target_id) for row in rows])
    seen: dict[int, list[int]] = {}
    for number, person_id in connection.execute(
        """WITH wanted (id, target_type, target_id) AS (SELECT json_extract(value, '$[0]'),
             json_extract(value, '$[1]'), json_extract(value, '$[2]') FROM json_each(?))
           SELECT DISTINCT w.id, p.id FROM (
             SELECT w.id, w.target_type, w.target_id, f.performer_id FROM wanted w
             JOIN image_fingerprint_faces f ON f.stash_image_id = w.target_id WHERE w.target_type = 'image'
             UNION ALL SELECT w.id, w.target_type, w.target_id, f.performer_id FROM wanted w
             JOIN scene_fingerprints s ON s.stash_scene_id = CAST(w.target_id AS INTEGER)
             JOIN scene_fingerprint_faces f ON f.fingerprint_id = s.id WHERE w.target_type = 'scene') w
           JOIN stash_sense_people p ON p.performer_id = w.performer_id
           WHERE NOT EXISTS (SELECT 1 FROM stash_sense_library_performers l
             JOIN stash_sense_person_keys k ON k.key = 'local:' || l.local_id AND k.person_id = p.id
             WHERE l.target_type = w.target_type AND l.target_id = w.target_id)""",
        (wanted,),
    ):
        seen.setdefault(number, []).append(person_id)
    return seen
