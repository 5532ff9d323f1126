"""Deleting a person, an image or everything, so that no trace is left in the file or its log."""

import json
import re
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from stash_sense.domain.identity import LOCAL
from stash_sense.domain.validation import validate_stash_id, validate_text
from stash_sense.errors import StateBusy, StateError
from stash_sense.store.connection import writing
from stash_sense.store.repositories.fingerprints import delete_image_fingerprint
from stash_sense.store.repositories.matches import FACES, TRACKS
from stash_sense.store.repositories.people import delete_unused_people, keys_of_people
from stash_sense.store.repositories.pictures import delete_unused_pictures, picture_id_of_image
from stash_sense.store.repositories.rematching import refresh_pictures
from stash_sense.store.repositories.scene_tracks import refresh_scenes
from stash_sense.store.table_rebuild import quote_name

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_KEPT = ("schema_version", "stash_sense_migrations")


@dataclass(frozen=True, slots=True)
class Deletion:
    """What a deletion removed, and what is left for the owner to remove.

    rows: deleted or changed. mentions: table of an older program -> rows that still mention the person.
    backups: copies of the state file that still contain what was deleted.
    """

    rows: int
    mentions: dict[str, int]
    backups: tuple[Path, ...] = ()


def delete_person(connection: sqlite3.Connection, performer_ids: Iterable[str]) -> Deletion:
    """Delete a person under all their keys: decisions, matches, names, and rows of images and scenes.

    Their faces stay, without a name. Raises BadInput.
    """
    requested = [validate_text("performer_id", key) for key in performer_ids]
    every = (key for own in keys_of_people(connection, requested).values() for key in own)
    keys = json.dumps(list(dict.fromkeys((*requested, *every))))
    names = [
        row[0]
        for row in connection.execute(
            "SELECT name FROM stash_sense_people WHERE performer_id IN (SELECT value FROM json_each(?)) "
            "AND length(name) > 2",
            (keys,),
        )
    ]
    pictures = _pictures_of_person(connection, keys)
    rows = _delete_verdicts(connection, keys, names)
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
    needles = [*json.loads(keys), *names]
    needles += [uuid for key in json.loads(keys) for uuid in _UUID.findall(key)]
    return Deletion(rows, _mentions(connection, needles))


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


def _mentions(connection: sqlite3.Connection, needles: list[str]) -> dict[str, int]:
    """Table -> rows that mention the person, of the tables that are not ours: they stay untouched."""
    mentions = {}
    for (table,) in connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
        "AND name NOT LIKE 'stash_sense_%'"
    ).fetchall():
        columns = [
            quote_name(row[0])
            for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
        ]
        matched = " OR ".join(f"instr(CAST(t.{column} AS TEXT), needle.value)" for column in columns)
        count = connection.execute(
            f"SELECT count(*) FROM {quote_name(table)} t WHERE EXISTS "  # noqa: S608  names only
            f"(SELECT 1 FROM json_each(?) needle WHERE {matched})",
            (json.dumps(needles),),
        ).fetchone()[0]
        if count:
            mentions[table] = int(count)
    return mentions


def delete_image(connection: sqlite3.Connection, stash_image_id: str) -> Deletion:
    """Delete an image with its faces, the decisions on its picture unless another image shows it, and its
    place in the journal."""
    image = validate_stash_id("stash_image_id", stash_image_id)
    picture_id = picture_id_of_image(connection, image)
    rows = int(delete_image_fingerprint(connection, image))
    if picture_id is not None:
        rows += connection.execute(
            "DELETE FROM stash_sense_decisions WHERE picture_id = ?1 AND NOT EXISTS "
            "(SELECT 1 FROM stash_sense_image_results WHERE picture_id = ?1)",
            (picture_id,),
        ).rowcount
        delete_unused_pictures(connection, [picture_id])
    delete_unused_people(connection)
    return Deletion(rows + _delete_from_journal(connection, image), {})


def _delete_from_journal(connection: sqlite3.Connection, image: str) -> int:
    changed = 0
    for entry_id, targets, added in connection.execute(
        "SELECT id, target_ids, added_ids FROM stash_sense_journal WHERE target_type = 'image' "
        "AND EXISTS (SELECT 1 FROM json_each(target_ids) WHERE value = ?)",
        (image,),
    ).fetchall():
        left = [target for target in json.loads(targets) if target != image]
        if left:
            added_ids = [target for target in json.loads(added or "[]") if target != image]
            connection.execute(
                "UPDATE stash_sense_journal SET target_ids = ?, added_ids = ? WHERE id = ?",
                (json.dumps(left), None if added is None else json.dumps(added_ids), entry_id),
            )
        else:
            connection.execute("DELETE FROM stash_sense_journal WHERE id = ?", (entry_id,))
        changed += 1
    return changed


def delete_everything(connection: sqlite3.Connection) -> Deletion:
    """Empty every table of the file, also those of other programs; only the schema stays."""
    connection.execute("PRAGMA defer_foreign_keys = ON")
    tables = [
        row[0]
        for row in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        if row[0].lower() not in _KEPT
    ]
    rows = 0
    for _ in range(2):  # again for what a trigger wrote while other tables were emptied
        for table in tables:
            rows += connection.execute(f"DELETE FROM {quote_name(table)}").rowcount  # noqa: S608  names only
    for table in tables:
        if connection.execute(f"SELECT 1 FROM {quote_name(table)} LIMIT 1").fetchone():  # noqa: S608  names only
            raise StateError(
                f"A trigger fills table {table} again, so nothing was deleted. "
                "Stop Stash Sense and remove the state file instead."
            )
    return Deletion(rows, {})


def erase(
    connection: sqlite3.Connection, path: Path, delete: Callable[[sqlite3.Connection], Deletion]
) -> Deletion:
    """Run a deletion, then rewrite the file without what was deleted, and empty its log.

    VACUUM rebuilds the file from what is left; truncating the log removes the old pages from there.
    Raises StateBusy while another process still reads the former contents.
    """
    # Overwrites what is deleted at once: a kill before the rewrite leaves little behind.
    connection.execute("PRAGMA secure_delete = ON")
    try:
        with writing(connection, durable=True):
            deletion = delete(connection)
        for table in ("sqlite_stat1", "sqlite_stat4"):  # samples of column values, if ANALYZE ever ran
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
                connection.execute(f"DELETE FROM {table}")  # noqa: S608  our names
        connection.execute("VACUUM")
        is_busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    finally:
        connection.execute("PRAGMA secure_delete = OFF")
    if is_busy:
        raise StateBusy(
            f"{path}: deleted, but another process still reads the former contents, so traces are left in "
            "the file. Repeat the deletion when that process has finished."
        )
    return deletion
