"""Moving what is stored under people's former keys to the keys they have in the face database."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from stash_sense.domain.identity import Person, local_key, person_facts, person_keys
from stash_sense.domain.validation import canonical_json
from stash_sense.store.repositories.matches import FACES, TRACKS
from stash_sense.store.repositories.people import insert_keys, key_rank

FindPeople = Callable[[Iterable[str]], Mapping[str, Person]]
"""Key -> the person enrolled under it, now or as an alias."""

_NAMED = (("image_fingerprint_faces", "stash_image_id"), ("scene_fingerprint_faces", "fingerprint_id"))
"""Tables of version 6 that name performers, and the column that says where."""


@dataclass(frozen=True, slots=True)
class _StoredPerson:
    """keys: all that the person ever had, in the order in which they count."""

    person_id: int
    performer_id: str
    name: str | None
    facts: str | None
    keys: tuple[str, ...]


def follow_people(connection: sqlite3.Connection, find: FindPeople) -> None:
    """Move all that is stored under former keys to the keys that its people have now.

    People who are not enrolled (any more) stay as they are.
    """
    stored = _stored_people(connection)
    decided = connection.execute(
        "SELECT DISTINCT performer_id, local_id FROM stash_sense_decisions WHERE performer_id IS NOT NULL"
    ).fetchall()
    named = {
        row[0]
        for table, _ in _NAMED
        for row in connection.execute(f"SELECT DISTINCT performer_id FROM {table}")  # noqa: S608  our names
        if isinstance(row[0], str)
    }
    keys = {key for row in stored for key in row.keys} | {key for key, _ in decided} | named
    people = find(keys | {local_key(local_id) for _, local_id in decided if local_id})
    enrolled: dict[str, Person] = {}
    by_person: dict[str, list[_StoredPerson]] = {}
    for row in stored:
        person = next((people[key] for key in row.keys if key in people), None)
        if person is not None:
            enrolled[row.performer_id] = person
            by_person.setdefault(person.key, []).append(row)
    _move_people(connection, stored, by_person, {person.key: person for person in enrolled.values()})
    # Older programs named people without storing them.
    now = {key: people[key].key for key in named if key in people}
    now |= {former: person.key for former, person in enrolled.items()}
    _move_decisions(connection, decided, now, people)
    moved = {former: key for former, key in now.items() if former != key and former in named}
    for table, place in _NAMED:
        _move_named(connection, table, place, moved)


def _stored_people(connection: sqlite3.Connection) -> list[_StoredPerson]:
    keys: dict[int, list[str]] = {}
    for key, person_id in connection.execute("SELECT key, person_id FROM stash_sense_person_keys"):
        keys.setdefault(person_id, []).append(key)
    people = []
    for person_id, performer_id, name, facts, local_id in connection.execute(
        """SELECT id, performer_id, name, facts,
                  CASE WHEN json_valid(facts) THEN json_extract(facts, '$.local_id') END
           FROM stash_sense_people"""
    ):
        latest = local_key(str(local_id)) if local_id else ""
        own = {performer_id, *keys.get(person_id, ())}
        ordered = sorted(own, key=lambda key: (key != latest, *key_rank(key, performer_id)))
        people.append(_StoredPerson(person_id, performer_id, name, facts, tuple(ordered)))
    return people


def _move_people(
    connection: sqlite3.Connection,
    stored: Sequence[_StoredPerson],
    by_person: Mapping[str, Sequence[_StoredPerson]],
    people: Mapping[str, Person],
) -> None:
    """Store one row for each person enrolled, under the current key and with the current facts."""
    merged, renamed, changed = [], [], []
    owners = {name: person.key for person in people.values() for name in person_keys(person)}
    keys: set[tuple[str, int]] = set()
    for key, rows in by_person.items():
        person = people[key]
        facts = canonical_json(f"The facts of {key}", person_facts(person))
        target = next((row for row in rows if row.performer_id == key), rows[-1])
        merged += [(target.person_id, row.person_id) for row in rows if row is not target]
        if target.performer_id != key:
            renamed.append(target.person_id)
        if (target.performer_id, target.name, target.facts) != (key, person.name, facts):
            changed.append((key, person.name, facts, target.person_id))
        own = (*person_keys(person), *(former for row in rows for former in row.keys))
        # A key that another person has now leads to that person alone.
        keys |= {(former, target.person_id) for former in own if owners.get(former, key) == key}
    for table in (FACES[0], TRACKS[0], "stash_sense_newly_named", "stash_sense_clusters"):
        connection.executemany(f"UPDATE {table} SET person_id = ? WHERE person_id = ?", merged)  # noqa: S608  our names
    connection.executemany(  # what was dismissed for both already goes with the one
        "UPDATE OR IGNORE stash_sense_dismissed_suggestions SET person_id = ? WHERE person_id = ?", merged
    )
    connection.executemany("DELETE FROM stash_sense_people WHERE id = ?", [(row[1],) for row in merged])
    connection.executemany(  # two people may have exchanged their keys, and no key may be taken twice
        "UPDATE stash_sense_people SET performer_id = char(1) || id WHERE id = ?", [(row,) for row in renamed]
    )
    connection.executemany(
        "UPDATE stash_sense_people SET performer_id = ?, name = ?, facts = ? WHERE id = ?", changed
    )
    before = {(key, row.person_id) for row in stored for key in row.keys}
    lost = [(key, row) for key, row in before if key in owners and (key, row) not in keys]
    connection.executemany("DELETE FROM stash_sense_person_keys WHERE key = ? AND person_id = ?", lost)
    insert_keys(connection, keys - before)


def _move_decisions(
    connection: sqlite3.Connection,
    decided: Sequence[tuple[str, str | None]],
    now: Mapping[str, str],
    people: Mapping[str, Person],
) -> None:
    """A decision follows the performer in Stash it was about, if known, even to another key's person."""
    moved = []
    for performer_id, local_id in decided:
        local = people.get(local_key(local_id)) if local_id else None
        key = local.key if local is not None else now.get(performer_id, performer_id)
        if key != performer_id:
            moved.append([performer_id, local_id, key])
    if moved:
        connection.execute(
            """WITH moved (former, local_id, key) AS (
                 SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]')
                 FROM json_each(?))
               UPDATE stash_sense_decisions AS d SET performer_id = moved.key FROM moved
               WHERE d.performer_id = moved.former AND d.local_id IS moved.local_id""",
            (json.dumps(moved),),
        )


def _move_named(connection: sqlite3.Connection, table: str, place: str, moved: Mapping[str, str]) -> None:
    """Rename people in a table of version 6; of two rows of one person at a place the first stays."""
    rows = connection.execute(
        f"""SELECT id, {place}, performer_id FROM {table} WHERE {place} IN (
              SELECT {place} FROM {table} JOIN json_each(?) former ON former.value = performer_id)
            ORDER BY id""",  # noqa: S608  our names
        (json.dumps(list(moved)),),
    ).fetchall()
    seen: set[tuple[object, str]] = set()
    lost, renamed = [], []
    for row_id, where, performer_id in rows:
        key = moved.get(performer_id, performer_id)
        if (where, key) in seen:
            lost.append((row_id,))
        elif key != performer_id:
            renamed.append((key, row_id))
        seen.add((where, key))
    connection.executemany(f"DELETE FROM {table} WHERE id = ?", lost)  # noqa: S608  our names
    rename = f"UPDATE {table} SET performer_id = ? WHERE id = ?"  # noqa: S608  our names
    # In two steps, so that two people may exchange their keys.
    connection.executemany(rename, [(f"\x01{row_id}", row_id) for _, row_id in renamed])
    connection.executemany(rename, renamed)
