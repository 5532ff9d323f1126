"""Deleting an image or everything, and rewriting the file so that no trace is left in it or its log."""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stash_sense.domain.validation import validate_stash_id
from stash_sense.errors import StateBusy, StateError
from stash_sense.store.connection import writing
from stash_sense.store.repositories.fingerprints import delete_image_fingerprint
from stash_sense.store.repositories.library_tags import IMAGE, delete_tags
from stash_sense.store.repositories.library_work import delete_work
from stash_sense.store.repositories.people import delete_unused_people
from stash_sense.store.repositories.pictures import delete_unused_pictures, picture_id_of_image
from stash_sense.store.repositories.track_vectors import delete_packed
from stash_sense.store.table_rebuild import quote_name

_KEPT = ("schema_version", "stash_sense_migrations")


@dataclass(frozen=True, slots=True)
class Deletion:
    """What a deletion removed, and what is left for the owner to remove.

    rows: deleted or changed. mentions: table of an older program -> rows deleted because they mention the
    person. backups: copies of the state file that still contain what was deleted.
    """

    rows: int
    mentions: dict[str, int]
    backups: tuple[Path, ...] = ()


def delete_image(connection: sqlite3.Connection, stash_image_id: str) -> Deletion:
    """Delete an image with its faces, the decisions on its picture unless another image shows it, and its
    place in the journal."""
    image = validate_stash_id("stash_image_id", stash_image_id)
    picture_id = picture_id_of_image(connection, image)
    rows = int(delete_image_fingerprint(connection, image))
    delete_tags(connection, IMAGE, image)
    delete_work(connection, IMAGE, image)
    delete_packed(connection)
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
