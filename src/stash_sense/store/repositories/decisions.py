"""Decisions on faces: read, moved and taken back.

A decision belongs to a picture and to a place in it, never to a run: it outlives re-runs and new databases.
After a change of decisions, refresh what images show of the changed pictures (`rematching`).
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stash_sense.domain.decisions import Decision, validate_decision
from stash_sense.domain.faces import Box
from stash_sense.domain.identity import PictureIdentity
from stash_sense.domain.validation import (
    parse_json_object,
    validate_integer,
)
from stash_sense.errors import NotStored
from stash_sense.store.repositories.pictures import delete_unused_pictures, find_picture
from stash_sense.store.unreadable import UNREADABLE, log_unreadable

SELECT_DECISIONS = """SELECT d.id, d.x, d.y, d.w, d.h, d.word, d.performer_id, p.name, d.created_at,
    p.facts, d.time_s, d.picture_id
  FROM stash_sense_decisions d LEFT JOIN stash_sense_people p ON p.performer_id = d.performer_id"""

_Row = tuple[int, float, float, float, float, str, str | None, str | None, str, str | None, float | None, int]


@dataclass(frozen=True, slots=True)
class DeletedDecisions:
    """count: how many were deleted. missing: ids of decisions that are not stored.

    picture_ids: of the pictures whose decisions changed.
    """

    count: int
    missing: tuple[int, ...]
    picture_ids: frozenset[int]


def get_decision(connection: sqlite3.Connection, decision_id: int) -> Decision:
    """One decision. Raises NotStored."""
    row = connection.execute(
        f"{SELECT_DECISIONS} WHERE d.id = ?", (validate_integer("decision id", decision_id),)
    ).fetchone()
    decision = None if row is None else decision_from_row(row)
    if decision is None:
        raise NotStored(f"There is no decision {decision_id}; it may have been taken back already.")
    return decision


def decisions_on_picture(connection: sqlite3.Connection, picture_id: int) -> list[Decision]:
    """The decisions on the faces of a still picture, oldest first."""
    return decisions_on_pictures(connection, [picture_id]).get(picture_id, [])


def decisions_on_pictures(
    connection: sqlite3.Connection, picture_ids: Iterable[int]
) -> dict[int, list[Decision]]:
    """Picture id -> its decisions, oldest first; pictures without a decision are left out."""
    by_picture: dict[int, list[Decision]] = {}
    for row in connection.execute(
        f"{SELECT_DECISIONS} JOIN json_each(?) wanted ON wanted.value = d.picture_id "
        "WHERE d.time_s IS NULL ORDER BY d.id",
        (json.dumps(sorted(set(picture_ids))),),
    ):
        decision = decision_from_row(row)
        if decision is not None:
            by_picture.setdefault(row[-1], []).append(decision)
    return by_picture


def decisions_for(connection: sqlite3.Connection, identity: PictureIdentity) -> list[Decision]:
    """The decisions on the picture with this identity, oldest first, whether or not it has a result."""
    picture_id = find_picture(connection, identity)
    return [] if picture_id is None else decisions_on_picture(connection, picture_id)


def move_decisions(connection: sqlite3.Connection, boxes: Mapping[int, Box]) -> None:
    """Give decisions, by their ids, the boxes that a re-run found for their faces."""
    connection.executemany(
        "UPDATE stash_sense_decisions SET x = ?, y = ?, w = ?, h = ? WHERE id = ?",
        [(box.x, box.y, box.w, box.h, decision_id) for decision_id, box in boxes.items()],
    )


def delete_decisions(connection: sqlite3.Connection, decision_ids: Iterable[int]) -> DeletedDecisions:
    """Take decisions back. Raises BadInput."""
    ids = list(dict.fromkeys(validate_integer("decision id", decision_id) for decision_id in decision_ids))
    pictures = dict(
        connection.execute(
            "DELETE FROM stash_sense_decisions WHERE id IN (SELECT value FROM json_each(?)) "
            "RETURNING id, picture_id",
            (json.dumps(ids),),
        ).fetchall()
    )
    delete_unused_pictures(connection, pictures.values())
    missing = tuple(decision_id for decision_id in ids if decision_id not in pictures)
    return DeletedDecisions(len(pictures), missing, frozenset(pictures.values()))


def decision_ids_of_entry(connection: sqlite3.Connection, entry_id: int) -> list[int]:
    """The ids of the decisions that came with a write of the journal."""
    rows = connection.execute("SELECT id FROM stash_sense_decisions WHERE entry_id = ?", (entry_id,))
    return [row[0] for row in rows.fetchall()]


def decision_from_row(row: _Row) -> Decision | None:
    """A row of SELECT_DECISIONS; None for one that makes no sense."""
    try:
        box = Box(*row[1:5])
        validate_decision(row[5], row[6])
    except UNREADABLE as error:
        log_unreadable("decision", row[0], error)
        return None
    return Decision(row[0], box, row[5], row[6], row[7], row[8], parse_json_object(row[9]), row[10])
