"""A person's decisions as stored: tied to the picture and the face's place, never to a run."""

import json
import sqlite3
from collections.abc import Iterable

from stash_sense.domain.boxes import Box
from stash_sense.domain.decisions import Decision
from stash_sense.domain.images import PictureIdentity
from stash_sense.domain.validation import validate_integer
from stash_sense.errors import NotStored
from stash_sense.store.pictures import find_picture

_READ = """SELECT d.id, d.x, d.y, d.w, d.h, d.word, d.performer_id, p.name, d.created_at, d.picture_id
  FROM stash_sense_decisions d LEFT JOIN stash_sense_people p ON p.performer_id = d.performer_id"""


def get_decision(connection: sqlite3.Connection, decision_id: int) -> Decision:
    found = connection.execute(
        f"{_READ} WHERE d.id = ?", (validate_integer("decision id", decision_id),)
    ).fetchone()
    if found is None:
        raise NotStored(f"There is no decision {decision_id}; it may have been taken back already.")
    return _decision(found[:-1])


def decisions_on(connection: sqlite3.Connection, picture: int) -> list[Decision]:
    """The decisions on a picture, oldest first."""
    return decisions_on_pictures(connection, [picture]).get(picture, [])


def decisions_on_pictures(
    connection: sqlite3.Connection, pictures: Iterable[int]
) -> dict[int, list[Decision]]:
    """The same for several pictures; those without a decision are left out."""
    found: dict[int, list[Decision]] = {}
    for row in connection.execute(
        f"{_READ} JOIN json_each(?) wanted ON wanted.value = d.picture_id ORDER BY d.id",
        (json.dumps(sorted(set(pictures))),),
    ):
        found.setdefault(row[-1], []).append(_decision(row[:-1]))
    return found


def decisions_for(connection: sqlite3.Connection, picture: PictureIdentity) -> list[Decision]:
    """The same for a picture as Stash describes it, stored or not yet."""
    number = find_picture(connection, picture)
    return [] if number is None else decisions_on(connection, number)


def move(connection: sqlite3.Connection, decision_id: int, box: Box) -> None:
    """Follow a face whose box a re-run drew a little differently, so that small steps never add up."""
    connection.execute(
        "UPDATE stash_sense_decisions SET x = ?, y = ?, w = ?, h = ? WHERE id = ?",
        (box.x, box.y, box.w, box.h, decision_id),
    )


def _decision(row: tuple[int, float, float, float, float, str, str | None, str | None, str]) -> Decision:
    return Decision(row[0], Box(*row[1:5]), row[5], row[6], row[7], row[8])
