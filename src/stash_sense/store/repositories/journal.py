"""The journal of tags: an entry before each write to Stash, completed after it, undone at most once."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from stash_sense.domain.validation import (
    parse_json_texts,
    validate_integer,
    validate_optional_text,
    validate_stash_id,
)
from stash_sense.errors import BadInput, Conflict, NotStored
from stash_sense.store.unreadable import UNREADABLE, log_unreadable

MARKER, PICTURE = "marker", "picture"
TARGET_TYPES = ("image", "gallery", "scene", MARKER, PICTURE)
OPEN, DONE, FAILED, UNDONE = "open", "done", "failed", "undone"
ADD, REMOVE = "add", "remove"

_SELECT = """SELECT id, target_type, target_ids, local_id, status, added_ids, created_at, completed_at,
  undone_at, batch_id, action FROM stash_sense_journal"""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One tag: the performer `local_id` (Stash's id) added to targets, or removed. Times are UTC.

    status: `open` while the outcome is unknown, then `done` or `failed` as reported, or `undone`. added_ids:
    the targets that really gained the performer, or lost them where the action is `remove`; an undo does the
    opposite to exactly these. batch_id: shared by entries that belong together, as those of one Accept All.
    For the type `marker` the targets are scenes, and
    added_ids the markers made there for the performer. For `picture` the target is the performer.
    """

    entry_id: int
    target_type: str
    target_ids: tuple[str, ...]
    local_id: str
    status: str
    added_ids: tuple[str, ...]
    created_at: str
    completed_at: str | None
    undone_at: str | None
    batch_id: str | None = None
    action: str = ADD


def begin_entry(
    connection: sqlite3.Connection,
    target_type: str,
    target_ids: Sequence[str],
    local_id: str,
    batch_id: str | None = None,
    action: str = ADD,
) -> JournalEntry:
    """Record that a performer is about to be added to the targets, or removed. Raises BadInput."""
    if target_type not in TARGET_TYPES:
        raise BadInput(f"target_type is {target_type!r}; give one of {', '.join(TARGET_TYPES)}.")
    if action not in (ADD, REMOVE) or (action, target_type) == (REMOVE, MARKER):
        raise BadInput(f"action is {action!r:.80}; give add, or remove for performers of a target.")
    targets = _ids("target_ids", target_ids)
    if not targets:
        raise BadInput("target_ids is empty; give the ids of what is to be tagged.")
    cursor = connection.execute(
        "INSERT INTO stash_sense_journal (target_type, target_ids, local_id, batch_id, action) "
        "VALUES (?, ?, ?, ?, ?)",
        (
            *(target_type, json.dumps(targets), validate_stash_id("local_id", local_id)),
            validate_optional_text("batch_id", batch_id),
            action,
        ),
    )
    return get_entry(connection, int(cursor.lastrowid or 0))


def complete_entry(
    connection: sqlite3.Connection, entry_id: int, status: str, added_ids: Sequence[str] = ()
) -> JournalEntry:
    """Record how the write ended; repeating the same report changes nothing.

    Raises BadInput, NotStored, and Conflict for a report that contradicts an earlier one.
    """
    entry = get_entry(connection, entry_id)
    if status not in (DONE, FAILED):
        raise BadInput(f"status is {status!r}; give done or failed.")
    added = _ids("added_ids", added_ids)
    unknown = sorted(set(added) - set(entry.target_ids))
    if unknown and entry.target_type != MARKER:
        raise BadInput(
            f"added_ids has {', '.join(unknown[:5])}, which is not a target of journal entry {entry_id}; "
            "give some of its target_ids."
        )
    if (entry.status, entry.added_ids) == (status, tuple(added)):
        return entry
    if entry.status != OPEN:
        raise Conflict(f"Journal entry {entry_id} is already {entry.status}; its report cannot be changed.")
    connection.execute(
        "UPDATE stash_sense_journal SET status = ?, added_ids = ?, completed_at = datetime('now') "
        "WHERE id = ?",
        (status, json.dumps(added), entry_id),
    )
    return get_entry(connection, entry_id)


def mark_undone(connection: sqlite3.Connection, entry_id: int) -> JournalEntry:
    """Record that exactly `added_ids` were undone. Raises NotStored, and Conflict if nothing is to undo."""
    entry = get_entry(connection, entry_id)
    if entry.status == OPEN:
        raise Conflict(f"Journal entry {entry_id} is open: report what was added first, then undo it.")
    if entry.status == UNDONE:
        raise Conflict(
            f"Journal entry {entry_id} was undone on {entry.undone_at} UTC; nothing is left to undo."
        )
    if not entry.added_ids:
        raise Conflict(f"Journal entry {entry_id} added nothing, so there is nothing to undo.")
    connection.execute(
        "UPDATE stash_sense_journal SET status = 'undone', undone_at = datetime('now') WHERE id = ?",
        (entry_id,),
    )
    return get_entry(connection, entry_id)


def get_entry(connection: sqlite3.Connection, entry_id: int) -> JournalEntry:
    """One entry. Raises NotStored."""
    row = connection.execute(
        f"{_SELECT} WHERE id = ?", (validate_integer("journal entry", entry_id),)
    ).fetchone()
    if row is None:
        raise NotStored(f"There is no journal entry {entry_id}.")
    return _entry(row)


def list_entries(
    connection: sqlite3.Connection,
    status: str | None = None,
    before: int | None = None,
    limit: int = 100,
    local_ids: Sequence[str] | None = None,
) -> list[JournalEntry]:
    """At most `limit` entries, the latest first. before: an entry id. A crash or closed tab leaves `open`.

    local_ids: the performers whose entries are asked for; None: all.
    """
    if status not in (None, OPEN, DONE, FAILED, UNDONE):
        raise BadInput(f"status is {status!r}; give open, done, failed or undone.")
    rows = connection.execute(
        f"""{_SELECT} WHERE (?1 IS NULL OR status = ?1) AND (?2 IS NULL OR id < ?2)
            AND (?4 IS NULL OR local_id IN (SELECT value FROM json_each(?4)))
            ORDER BY id DESC LIMIT ?3""",  # noqa: S608  our columns
        (
            status,
            None if before is None else validate_integer("before", before),
            validate_integer("limit", limit, 1),
            None if local_ids is None else json.dumps(list(local_ids)),
        ),
    )
    entries = []
    for row in rows:
        try:
            entries.append(_entry(row))
        except UNREADABLE as error:
            log_unreadable("journal entry", row[0], error)
    return entries


def _ids(what: str, values: Sequence[str]) -> list[str]:
    if isinstance(values, str):
        raise BadInput(f"{what} is the text {values!r:.80}; give a list of ids.")
    return list(dict.fromkeys(validate_stash_id(what, value) for value in values))


def _entry(
    row: tuple[int, str, str, str, str, str | None, str, str | None, str | None, str | None, str],
) -> JournalEntry:
    return JournalEntry(
        row[0], row[1], parse_json_texts(row[2]), row[3], row[4], parse_json_texts(row[5] or None), *row[6:]
    )
