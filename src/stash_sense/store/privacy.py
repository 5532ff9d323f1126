"""Deleting a person, an image or everything, so that no trace is left in the file or its log."""

import json
import re
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from stash_sense.domain.validation import validate_stash_id, validate_text
from stash_sense.errors import StateBusy, StateError
from stash_sense.store.deciding import refresh_images_of
from stash_sense.store.images import delete_image_fingerprint
from stash_sense.store.people import forget_unused_people
from stash_sense.store.pictures import forget_unused_pictures, picture_of_image
from stash_sense.store.sqltext import quoted

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_KEPT = ("schema_version", "stash_sense_migrations")


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a deletion removed. `mentions`: rows of the older programs' tables that still speak of the
    person, by table; `copies`: copies of the state file that still hold it. Both are the owner's to remove.
    """

    rows: int
    mentions: dict[str, int]
    copies: tuple[Path, ...] = ()

    def with_copies(self, copies: Iterable[Path]) -> "Deleted":
        return replace(self, copies=tuple(copies))


def delete_person(connection: sqlite3.Connection, performer_ids: Iterable[str]) -> Deleted:
    """Forget a person under all their keys: decisions, candidates, names, and every image and scene they
    were named on. Their faces stay as faces of nobody. Raises BadInput.
    """
    keys = json.dumps([validate_text("performer_id", key) for key in performer_ids])
    names = [
        row[0]
        for row in connection.execute(
            "SELECT name FROM stash_sense_people WHERE performer_id IN (SELECT value FROM json_each(?)) "
            "AND length(name) > 2",
            (keys,),
        )
    ]
    pictures = _pictures_about(connection, keys)
    rows = _forget_verdicts(connection, keys, names)
    for statement in (
        "DELETE FROM stash_sense_decisions WHERE performer_id IN (SELECT value FROM json_each(?))",
        "DELETE FROM image_fingerprint_faces WHERE performer_id IN (SELECT value FROM json_each(?))",
        "DELETE FROM scene_fingerprint_faces WHERE performer_id IN (SELECT value FROM json_each(?))",
        "DELETE FROM stash_sense_people WHERE performer_id IN (SELECT value FROM json_each(?))",
    ):
        rows += connection.execute(statement, (keys,)).rowcount
    refresh_images_of(connection, pictures)
    forget_unused_pictures(connection)
    needles = [*json.loads(keys), *names]
    needles += [uuid for key in json.loads(keys) for uuid in _UUID.findall(key)]
    return Deleted(rows, _mentions(connection, needles))


def _pictures_about(connection: sqlite3.Connection, keys: str) -> list[int]:
    return [
        row[0]
        for row in connection.execute(
            """SELECT picture_id FROM stash_sense_decisions
                 WHERE performer_id IN (SELECT value FROM json_each(?1))
               UNION SELECT r.picture_id FROM stash_sense_people p
                 JOIN stash_sense_candidates c ON c.person_id = p.id
                 JOIN stash_sense_faces f ON f.id = c.face_id
                 JOIN stash_sense_image_results r USING (image_fingerprint_id)
               WHERE p.performer_id IN (SELECT value FROM json_each(?1))""",
            (keys,),
        )
    ]


def _forget_verdicts(connection: sqlite3.Connection, keys: str, names: list[str]) -> int:
    """A verdict that rested on the person falls, and no line of a face names them any more."""
    connection.execute(
        """UPDATE stash_sense_faces SET verdict = 'unknown', reason = '' WHERE id IN (
             SELECT c.face_id FROM stash_sense_candidates c JOIN stash_sense_people p ON p.id = c.person_id
             WHERE p.performer_id IN (SELECT value FROM json_each(?)) AND (c.rank = 0 OR
               (SELECT verdict FROM stash_sense_faces f WHERE f.id = c.face_id) = 'ambiguous'))""",
        (keys,),
    )
    needles = (keys, json.dumps(names))
    connection.execute(
        """UPDATE stash_sense_faces AS f SET reason = '' WHERE reason <> '' AND EXISTS (
             SELECT 1 FROM (SELECT value FROM json_each(?) UNION SELECT value FROM json_each(?)) needle
             WHERE instr(f.reason, needle.value))""",
        needles,
    )
    connection.execute(
        """UPDATE stash_sense_faces AS f SET details = NULL WHERE details IS NOT NULL AND EXISTS (
             SELECT 1 FROM (SELECT value FROM json_each(?) UNION SELECT value FROM json_each(?)) needle
             WHERE instr(f.details, needle.value))""",
        needles,
    )
    return connection.execute(
        "DELETE FROM stash_sense_candidates WHERE person_id IN (SELECT id FROM stash_sense_people "
        "WHERE performer_id IN (SELECT value FROM json_each(?)))",
        (keys,),
    ).rowcount


def _mentions(connection: sqlite3.Connection, needles: list[str]) -> dict[str, int]:
    """Rows of tables that are not ours which speak of the person: kept untouched, but not kept quiet."""
    found = {}
    for (table,) in connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
        "AND name NOT LIKE 'stash_sense_%'"
    ).fetchall():
        columns = [
            quoted(row[0]) for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
        ]
        matched = " OR ".join(f"instr(CAST(t.{column} AS TEXT), needle.value)" for column in columns)
        count = connection.execute(
            f"SELECT count(*) FROM {quoted(table)} t WHERE EXISTS "  # noqa: S608  names only
            f"(SELECT 1 FROM json_each(?) needle WHERE {matched})",
            (json.dumps(needles),),
        ).fetchone()[0]
        if count:
            found[table] = int(count)
    return found


def delete_image(connection: sqlite3.Connection, stash_image_id: str) -> Deleted:
    """Forget an image: its faces, embeddings and names, the decisions on its picture unless another image
    shows it, and its place in the journal."""
    image = validate_stash_id("stash_image_id", stash_image_id)
    picture = picture_of_image(connection, image)
    rows = int(delete_image_fingerprint(connection, image))
    if picture is not None:
        rows += connection.execute(
            "DELETE FROM stash_sense_decisions WHERE picture_id = ?1 AND NOT EXISTS "
            "(SELECT 1 FROM stash_sense_image_results WHERE picture_id = ?1)",
            (picture,),
        ).rowcount
        forget_unused_pictures(connection, [picture])
    forget_unused_people(connection)
    return Deleted(rows + _leave_journal(connection, image), {})


def _leave_journal(connection: sqlite3.Connection, image: str) -> int:
    changed = 0
    for entry, targets, added in connection.execute(
        "SELECT id, target_ids, added_ids FROM stash_sense_journal WHERE target_type = 'image' "
        "AND EXISTS (SELECT 1 FROM json_each(target_ids) WHERE value = ?)",
        (image,),
    ).fetchall():
        left = [one for one in json.loads(targets) if one != image]
        if left:
            still = None if added is None else json.dumps([x for x in json.loads(added) if x != image])
            connection.execute(
                "UPDATE stash_sense_journal SET target_ids = ?, added_ids = ? WHERE id = ?",
                (json.dumps(left), still, entry),
            )
        else:
            connection.execute("DELETE FROM stash_sense_journal WHERE id = ?", (entry,))
        changed += 1
    return changed


def delete_everything(connection: sqlite3.Connection) -> Deleted:
    """Empty every table of the file, the older ones and unknown ones too; only the schema stays."""
    connection.execute("PRAGMA defer_foreign_keys = ON")
    tables = [
        row[0]
        for row in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        if row[0].lower() not in _KEPT
    ]
    rows = 0
    for _ in range(2):  # once more for what a trigger of the file wrote while others were emptied
        for table in tables:
            rows += connection.execute(f"DELETE FROM {quoted(table)}").rowcount  # noqa: S608  names only
    for table in tables:
        if connection.execute(f"SELECT 1 FROM {quoted(table)} LIMIT 1").fetchone():  # noqa: S608  names only
            raise StateError(
                f"Table {table} fills itself again by a trigger, so nothing was deleted. "
                "Stop Stash Sense and remove the state file instead."
            )
    return Deleted(rows, {})


def scrub(connection: sqlite3.Connection, path: Path) -> None:
    """Rewrite the file without what was deleted, and empty its log. Runs outside a transaction.

    VACUUM builds the file anew from what is left; truncating the log removes the old pages from there.
    Raises StateBusy while another connection still reads what was there before.
    """
    for table in ("sqlite_stat1", "sqlite_stat4"):  # samples of column values, where ANALYZE ever ran
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
            connection.execute(f"DELETE FROM {table}")  # noqa: S608  our names
    connection.execute("VACUUM")
    busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        raise StateBusy(
            f"{path}: deleted, but another process still reads the former contents, so traces are left in "
            "the file. Repeat the deletion when it has finished."
        )
