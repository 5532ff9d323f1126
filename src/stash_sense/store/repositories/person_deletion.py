"""Deleting a person for good: names, decisions, matches, and what their faces look like."""

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence

from stash_sense.domain.identity import LOCAL
from stash_sense.domain.validation import validate_text
from stash_sense.store.repositories.deletion import Deletion
from stash_sense.store.repositories.matches import FACES, TRACKS
from stash_sense.store.repositories.people import keys_of_people
from stash_sense.store.repositories.pictures import delete_unused_pictures
from stash_sense.store.repositories.rematching import refresh_pictures
from stash_sense.store.repositories.scene_tracks import refresh_scenes
from stash_sense.store.repositories.track_vectors import delete_packed
from stash_sense.store.table_rebuild import quote_name

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_LEAST_NAME = 3
"""Characters from which a name is looked for in texts: a shorter one is a part of too many words."""


def delete_person(
    connection: sqlite3.Connection, performer_ids: Iterable[str], names: Iterable[str] = ()
) -> Deletion:
    """Delete a person under all their keys: decisions, matches, names, and rows of images and scenes.

    Faces that were theirs lose their embeddings, and scenes with them all that was found there, so that
    these are looked at again when next asked for; boxes stay, of nobody. Their tags leave the journal, and
    rows of older programs' tables that mention them go. names: further ones. Raises BadInput.
    """
    requested = [validate_text("performer_id", key) for key in performer_ids]
    every = (key for own in keys_of_people(connection, requested).values() for key in own)
    keys = json.dumps(list(dict.fromkeys((*requested, *every))))
    stored_names = [
        row[0]
        for row in connection.execute(
            "SELECT name FROM stash_sense_people WHERE performer_id IN (SELECT value FROM json_each(?)) "
            "AND length(name) >= ?",
            (keys, _LEAST_NAME),
        )
    ]
    names = list(dict.fromkeys((*stored_names, *(name for name in names if len(name) >= _LEAST_NAME))))
    pictures = _pictures_of_person(connection, keys)
    rows = _delete_likeness(connection, keys)
    delete_packed(connection)
    rows += _delete_verdicts(connection, keys, names)
    for statement in (
        "DELETE FROM stash_sense_decisions WHERE performer_id IN (SELECT value FROM json_each(?))",
        "DELETE FROM image_fingerprint_faces WHERE performer_id IN (SELECT value FROM json_each(?))",
        "DELETE FROM scene_fingerprint_faces WHERE performer_id IN (SELECT value FROM json_each(?))",
        "DELETE FROM stash_sense_people WHERE performer_id IN (SELECT value FROM json_each(?))",
        "DELETE FROM stash_sense_person_keys WHERE key IN (SELECT value FROM json_each(?))",
    ):
        rows += connection.execute(statement, (keys,)).rowcount
    connection.execute(  # the next answer stores its tracks again
        "UPDATE stash_sense_videos SET db_version = NULL "
        "WHERE picture_id IN (SELECT value FROM json_each(?))",
        (json.dumps(pictures),),
    )
    refresh_pictures(connection, pictures)
    refresh_scenes(connection, pictures)
    delete_unused_pictures(connection)
    rows += _delete_by_local_id(connection, json.loads(keys))
    mentions = mention_test(json.loads(keys), names)
    rows += _delete_titles(connection, mentions)
    return Deletion(rows, _delete_mentions(connection, mentions))


def mention_test(keys: Iterable[str], names: Iterable[str]) -> Callable[[object], bool]:
    """A function that tells whether a text mentions a person by key, id at a stash-box, or name as a word."""
    words = {text for text in (*keys, *names) if len(text) >= _LEAST_NAME}
    uuids = {uuid for key in words for uuid in UUID.findall(key)}
    words |= {spelling for uuid in uuids for spelling in (uuid.lower(), uuid.upper())}
    # In JSON, quotes, backslashes and perhaps all that is not ASCII are escaped.
    words |= {json.dumps(word, ensure_ascii=escaped)[1:-1] for word in words for escaped in (False, True)}
    if not words:
        return lambda _: False
    mention = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(words)))})(?!\w)")

    def mentions(value: object) -> bool:
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        return isinstance(text, str) and mention.search(text) is not None

    return mentions


def _delete_likeness(connection: sqlite3.Connection, keys: str) -> int:
    """Delete what the faces look like that are taken for the person's, or were confirmed as theirs."""
    of_pictures = """SELECT picture_id FROM stash_sense_decisions
                     WHERE word = 'confirmed' AND performer_id IN (SELECT value FROM json_each(?1))"""
    faces = connection.execute(
        f"""DELETE FROM stash_sense_embeddings WHERE face_id IN (
             SELECT c.face_id FROM stash_sense_candidates c JOIN stash_sense_people p ON p.id = c.person_id
               WHERE c.rank = 0 AND p.performer_id IN (SELECT value FROM json_each(?1))
             UNION SELECT f.id FROM stash_sense_faces f
               JOIN stash_sense_image_results r USING (image_fingerprint_id)
               WHERE r.picture_id IN ({of_pictures}))""",  # noqa: S608  our text
        (keys,),
    ).rowcount
    videos = connection.execute(
        f"""DELETE FROM stash_sense_videos WHERE picture_id IN (
             SELECT t.picture_id FROM stash_sense_people p
               JOIN stash_sense_scene_candidates c ON c.person_id = p.id AND c.rank = 0
               JOIN stash_sense_scene_tracks t ON t.id = c.track_id
               WHERE p.performer_id IN (SELECT value FROM json_each(?1))
             UNION {of_pictures})""",  # noqa: S608  our text
        (keys,),
    ).rowcount
    return faces + videos


def _delete_by_local_id(connection: sqlite3.Connection, keys: Sequence[str]) -> int:
    """Delete what is stored of the performers in Stash that the person was: tags, and what is older."""
    local_ids = json.dumps([key.removeprefix(LOCAL) for key in keys if key.startswith(LOCAL)])
    return sum(
        connection.execute(
            f"DELETE FROM {table} WHERE {place} IN (SELECT value FROM json_each(?))",  # noqa: S608  our text
            (local_ids,),
        ).rowcount
        for table, place in (
            ("stash_sense_journal", "local_id"),
            ("stash_sense_library_performers", "local_id"),
            ("recommendations", "target_type = 'performer' AND target_id"),
            ("dismissed_targets", "target_type = 'performer' AND target_id"),
            ("upstream_snapshots", "entity_type = 'performer' AND local_entity_id"),
        )
    )


def _delete_titles(connection: sqlite3.Connection, mentions: Callable[[object], bool]) -> int:
    """Delete the titles in Stash that mention the person."""
    connection.create_function("mentions_person", 1, mentions)
    return connection.execute(
        "UPDATE stash_sense_library_tags SET title = NULL WHERE title IS NOT NULL AND mentions_person(title)"
    ).rowcount


def _pictures_of_person(connection: sqlite3.Connection, keys: str) -> list[int]:
    return [
        row[0]
        for row in connection.execute(
            """SELECT picture_id FROM stash_sense_decisions
                 WHERE performer_id IN (SELECT value FROM json_each(?1))
               UNION SELECT r.picture_id FROM stash_sense_people p
                 JOIN stash_sense_candidates c ON c.person_id = p.id
                 JOIN stash_sense_faces f ON f.id = c.face_id
                 JOIN stash_sense_image_results r USING (image_fingerprint_id)
               WHERE p.performer_id IN (SELECT value FROM json_each(?1))
               UNION SELECT t.picture_id FROM stash_sense_people p
                 JOIN stash_sense_scene_candidates c ON c.person_id = p.id
                 JOIN stash_sense_scene_tracks t ON t.id = c.track_id
               WHERE p.performer_id IN (SELECT value FROM json_each(?1))""",
            (keys,),
        )
    ]


def _delete_verdicts(connection: sqlite3.Connection, keys: str, names: list[str]) -> int:
    """Delete verdicts that rest on the person, and every reason or detail that names them."""
    connection.execute(
        """UPDATE stash_sense_faces SET verdict = 'unknown', reason = '' WHERE id IN (
             SELECT c.face_id FROM stash_sense_candidates c JOIN stash_sense_people p ON p.id = c.person_id
             WHERE p.performer_id IN (SELECT value FROM json_each(?)) AND (c.rank = 0 OR
               (SELECT verdict FROM stash_sense_faces f WHERE f.id = c.face_id) = 'ambiguous'))""",
        (keys,),
    )
    connection.execute(
        """UPDATE stash_sense_scene_tracks SET verdict = 'unknown', reason = '' WHERE id IN (
             SELECT c.track_id FROM stash_sense_scene_candidates c
             JOIN stash_sense_people p ON p.id = c.person_id
             WHERE p.performer_id IN (SELECT value FROM json_each(?)))""",
        (keys,),
    )
    needles = (keys, json.dumps(names))
    # In details, which are JSON, quotes and backslashes of a name are escaped.
    escaped = tuple(json.dumps([_in_json(text) for text in texts]) for texts in (json.loads(keys), names))
    for table in ("stash_sense_faces", "stash_sense_scene_tracks"):
        connection.execute(
            f"""UPDATE {table} AS f SET reason = '' WHERE reason <> '' AND EXISTS (
                 SELECT 1 FROM (SELECT value FROM json_each(?) UNION SELECT value FROM json_each(?)) needle
                 WHERE instr(f.reason, needle.value))""",  # noqa: S608  our names
            needles,
        )
    connection.execute(
        """UPDATE stash_sense_faces AS f SET details = NULL WHERE details IS NOT NULL AND EXISTS (
             SELECT 1 FROM (SELECT value FROM json_each(?) UNION SELECT value FROM json_each(?)) needle
             WHERE instr(f.details, needle.value))""",
        escaped,
    )
    return sum(
        connection.execute(
            f"DELETE FROM {table} WHERE person_id IN (SELECT id FROM stash_sense_people "  # noqa: S608  our names
            "WHERE performer_id IN (SELECT value FROM json_each(?)))",
            (keys,),
        ).rowcount
        for table, _ in (FACES, TRACKS)
    )


def _in_json(text: str) -> str:
    """The text as it stands in JSON; a local key as a whole, for `local:1` begins `local:12` too."""
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted if text.startswith(LOCAL) else quoted[1:-1]


def _delete_mentions(connection: sqlite3.Connection, mentions: Callable[[object], bool]) -> dict[str, int]:
    """Delete the rows that mention the person from the tables that are not ours: table -> how many."""
    connection.create_function("mentions_person", 1, mentions)
    deleted = {}
    for (table,) in connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
        "AND name NOT LIKE 'stash_sense_%' AND name <> 'schema_version'"
    ).fetchall():
        columns = [
            quote_name(row[0])
            for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
        ]
        matched = " OR ".join(f"mentions_person({column})" for column in columns)
        count = connection.execute(
            f"DELETE FROM {quote_name(table)} WHERE {matched}"  # noqa: S608  names only
        ).rowcount
        if count:
            deleted[table] = count
    return deleted
