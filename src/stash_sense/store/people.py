"""The people that matching named: one row a performer key, however many faces point to it."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from stash_sense.domain.matches import StoredMatch
from stash_sense.domain.validation import canonical_json, parse_json_object


def remember_person(
    connection: sqlite3.Connection, performer_id: str, name: str | None, facts: Mapping[str, Any] | None
) -> int:
    """The person's number; a null name or null facts never erase known ones."""
    wanted = canonical_json(f"What is known of {performer_id}", facts)
    found = connection.execute(
        "SELECT id, name, facts FROM stash_sense_people WHERE performer_id = ?", (performer_id,)
    ).fetchone()
    if found is None:
        cursor = connection.execute(
            "INSERT INTO stash_sense_people (performer_id, name, facts) VALUES (?, ?, ?)",
            (performer_id, name or None, wanted),
        )
        return int(cursor.lastrowid or 0)
    if (name and name != found[1]) or (wanted is not None and wanted != found[2]):
        connection.execute(
            "UPDATE stash_sense_people SET name = coalesce(?, name), facts = coalesce(?, facts) WHERE id = ?",
            (name or None, wanted, found[0]),
        )
    return int(found[0])


def forget_candidates(connection: sqlite3.Connection, face_id: int) -> None:
    connection.execute("DELETE FROM stash_sense_candidates WHERE face_id = ?", (face_id,))


def add_candidates(connection: sqlite3.Connection, face_id: int, candidates: tuple[StoredMatch, ...]) -> None:
    """Write a new or emptied face's candidates, best first."""
    if not candidates:
        return
    connection.executemany(
        "INSERT INTO stash_sense_candidates (face_id, rank, person_id, distance, facenet_distance, "
        "arcface_distance, reference_id, support) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                face_id,
                rank,
                remember_person(connection, one.performer_id, one.name, one.facts),
                one.distance,
                one.facenet_distance,
                one.arcface_distance,
                one.reference_id or None,
                one.support or None,
            )
            for rank, one in enumerate(candidates)
        ],
    )


def candidates_by_face(connection: sqlite3.Connection, face_ids: list[int]) -> dict[int, list[StoredMatch]]:
    """The stored candidates of faces, best first."""
    found: dict[int, list[StoredMatch]] = {}
    for row in connection.execute(
        """SELECT c.face_id, p.performer_id, c.distance, c.facenet_distance, c.arcface_distance, p.name,
                  c.reference_id, c.support, p.facts
           FROM json_each(?) wanted
           JOIN stash_sense_candidates c ON c.face_id = wanted.value
           JOIN stash_sense_people p ON p.id = c.person_id
           ORDER BY c.face_id, c.rank""",
        (json.dumps(face_ids),),
    ):
        found.setdefault(row[0], []).append(StoredMatch(*(*row[1:8], parse_json_object(row[8]))))
    return found


def name_of(connection: sqlite3.Connection, performer_id: str) -> str | None:
    found = connection.execute(
        "SELECT name FROM stash_sense_people WHERE performer_id = ?", (performer_id,)
    ).fetchone()
    return found[0] if found else None


def forget_unused_people(connection: sqlite3.Connection) -> int:
    """Remove the names of people no face has for a candidate and no decision speaks of."""
    return connection.execute(
        """DELETE FROM stash_sense_people WHERE
             NOT EXISTS (SELECT 1 FROM stash_sense_candidates c WHERE c.person_id = stash_sense_people.id)
             AND NOT EXISTS (SELECT 1 FROM stash_sense_decisions d
                             WHERE d.performer_id = stash_sense_people.performer_id)"""
    ).rowcount
