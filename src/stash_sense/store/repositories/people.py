"""People whom stored faces and decisions are about, each under every key they ever had.

A performer's key changes when the performer is linked to a stash-box, when an id there is replaced, and when
another stash-box comes first. What is stored then moves to the new key, and the former keys still lead to it.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from stash_sense.domain.identity import LOCAL, local_key, person_from_facts, person_keys
from stash_sense.domain.validation import canonical_json

PersonRow = tuple[str, str | None, Mapping[str, Any] | None]
"""A key, and the name and facts known of the person, if any."""


def upsert_people(connection: sqlite3.Connection, people: Iterable[PersonRow]) -> dict[str, int]:
    """Insert or update people; returns key -> id. A null name or null facts never erase known ones.

    A former key leads to its person, whose name and facts are newer, and stay.
    """
    latest = {key: (name, facts) for key, name, facts in people}
    known: dict[str, tuple[int, str, str | None, str | None]] = {
        row[0]: row[1:]
        for row in connection.execute(
            """SELECT wanted.value, p.id, p.performer_id, p.name, p.facts FROM json_each(?) wanted
               JOIN stash_sense_people p ON p.id = coalesce(
                 (SELECT id FROM stash_sense_people WHERE performer_id = wanted.value),
                 (SELECT max(person_id) FROM stash_sense_person_keys WHERE key = wanted.value))""",
            (json.dumps(list(latest)),),
        )
    }
    ids = {key: row[0] for key, row in known.items()}
    new, news, new_keys = {}, [], []
    for key, (name, facts) in latest.items():
        facts_json = canonical_json(f"The facts of {key}", facts)
        if key not in known:
            new[key] = (key, name or None, facts_json)
            continue
        person_id, current, former_name, former_facts = known[key]
        has_news = (name and name != former_name) or (facts_json is not None and facts_json != former_facts)
        if key == current and has_news:
            news.append((name or None, facts_json, person_id))
            new_keys += [(own, person_id) for own in person_keys(person_from_facts(key, name, facts))]
    connection.executemany(
        "UPDATE stash_sense_people SET name = coalesce(?, name), facts = coalesce(?, facts) WHERE id = ?",
        news,
    )
    if new:
        connection.executemany(
            "INSERT INTO stash_sense_people (performer_id, name, facts) VALUES (?, ?, ?)", new.values()
        )
        ids |= connection.execute(
            """SELECT p.performer_id, p.id FROM json_each(?) wanted
               JOIN stash_sense_people p ON p.performer_id = wanted.value""",
            (json.dumps(list(new)),),
        ).fetchall()
        new_keys += [
            (own, ids[key]) for key in new for own in person_keys(person_from_facts(key, *latest[key]))
        ]
    insert_keys(connection, new_keys)
    return ids


def insert_keys(connection: sqlite3.Connection, keys: Iterable[tuple[str, int]]) -> None:
    """Insert keys with the ids of their people."""
    connection.executemany(
        "INSERT INTO stash_sense_person_keys (key, person_id) VALUES (?, ?) ON CONFLICT DO NOTHING", keys
    )


def current_key(connection: sqlite3.Connection, key: str, local_id: str | None = None) -> str:
    """The key under which a person is stored: `key` itself unless it is a former key or an alias.

    local_id: the performer's in Stash, where known.
    """
    keys = [key] if local_id is None else [key, local_key(local_id)]
    for each in keys:
        row = connection.execute(
            """SELECT performer_id FROM stash_sense_people WHERE id = coalesce(
                 (SELECT id FROM stash_sense_people WHERE performer_id = ?1),
                 (SELECT max(person_id) FROM stash_sense_person_keys WHERE key = ?1))""",
            (each,),
        ).fetchone()
        if row is not None:
            return str(row[0])
    return key


def keys_of_people(connection: sqlite3.Connection, keys: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Key -> every key that its person ever had: in Stash first, then the current one, then the others.

    Unknown keys are left out.
    """
    by_key: dict[str, list[tuple[str, str]]] = {}
    for key, current, other in connection.execute(
        """SELECT wanted.value, p.performer_id, k.key FROM json_each(?) wanted
           LEFT JOIN stash_sense_people own ON own.performer_id = wanted.value
           JOIN stash_sense_people p ON p.id = own.id OR own.id IS NULL AND p.id IN (
             SELECT person_id FROM stash_sense_person_keys WHERE key = wanted.value)
           JOIN stash_sense_person_keys k ON k.person_id = p.id""",
        (json.dumps(list(keys)),),
    ):
        by_key.setdefault(key, []).append((current, other))
    return {
        key: tuple(
            dict.fromkeys(other for _, other in sorted(pairs, key=lambda pair: key_rank(pair[1], pair[0])))
        )
        for key, pairs in by_key.items()
    }


def key_rank(key: str, current: str) -> tuple[bool, bool, str]:
    """Sorts a person's keys: local ones first, since Stash never gives a performer's id to another, while an
    id of a stash-box may move to one; then the current key."""
    return not key.startswith(LOCAL), key != current, key


def local_ids_of(connection: sqlite3.Connection, key: str) -> list[str]:
    """The ids in Stash that the person with this key has or had."""
    keys = keys_of_people(connection, [key]).get(key, (key,))
    return [each.removeprefix(LOCAL) for each in keys if each.startswith(LOCAL)]


def delete_unused_people(connection: sqlite3.Connection) -> int:
    """Delete the people who are no match of a face or track, have no decision, and are in no suggestion."""
    return connection.execute(
        """DELETE FROM stash_sense_people WHERE
             NOT EXISTS (SELECT 1 FROM stash_sense_candidates c WHERE c.person_id = stash_sense_people.id)
             AND NOT EXISTS (SELECT 1 FROM stash_sense_scene_candidates c
                             WHERE c.person_id = stash_sense_people.id)
             AND NOT EXISTS (SELECT 1 FROM stash_sense_decisions d
                             WHERE d.performer_id = stash_sense_people.performer_id)
             AND NOT EXISTS (SELECT 1 FROM stash_sense_suggestions s
                             WHERE s.person_id = stash_sense_people.id)
             AND NOT EXISTS (SELECT 1 FROM stash_sense_dismissed_suggestions s
                             WHERE s.person_id = stash_sense_people.id)"""
    ).rowcount
