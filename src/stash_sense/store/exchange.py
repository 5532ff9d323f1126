"""A person's decisions as JSON: to keep, to move to another machine, to read."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stash_sense.errors import BadInput, StashSenseError
from stash_sense.store.deciding import checked_performer, contradicts, put, refresh_images_of
from stash_sense.store.decisions import decisions_on
from stash_sense.store.honour import Decision
from stash_sense.store.people import name_of, remember_person
from stash_sense.store.pictures import Picture, picture_by_number, remember_picture
from stash_sense.store.places import SAME_FACE, Box
from stash_sense.store.values import optional_text, text

FORMAT = "stash-sense-decisions/1"


@dataclass(frozen=True, slots=True)
class Imported:
    """How many decisions were added, known already, or older than what this file says of the face."""

    added: int
    known: int
    older: int


def export_decisions(connection: sqlite3.Connection) -> dict[str, Any]:
    """All decisions, oldest first, as plain data for a JSON file. No path of a picture is in it."""
    pictures: dict[int, dict[str, Any]] = {}
    found = []
    for number, decision_id in connection.execute(
        "SELECT picture_id, id FROM stash_sense_decisions ORDER BY id"
    ).fetchall():
        if number not in pictures:
            picture = picture_by_number(connection, number)
            pictures[number] = {"fingerprints": dict(picture.fingerprints), "place": picture.place}
        decision = next(one for one in decisions_on(connection, number) if one.decision_id == decision_id)
        found.append(
            {
                "picture": pictures[number],
                "box": {name: getattr(decision.box, name) for name in ("x", "y", "w", "h")},
                "word": decision.word,
                "performer_id": decision.performer_id,
                "name": decision.name,
                "created_at": decision.created_at,
            }
        )
    return {"format": FORMAT, "decisions": found}


def import_decisions(connection: sqlite3.Connection, data: object) -> Imported:
    """Add what `export_decisions` gave, all or nothing; on one face the later word wins. Raises BadInput."""
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        raise BadInput(f"This is no export of decisions: `format` must be {FORMAT!r}.")
    entries = data.get("decisions")
    if not isinstance(entries, list):
        raise BadInput("This export has no list `decisions`.")
    counts = {"added": 0, "known": 0, "older": 0}
    for index, entry in enumerate(entries):
        try:
            counts[_import(connection, entry)] += 1
        except StashSenseError as error:
            raise BadInput(f"Decision {index} of the export: {error} Nothing was imported.") from error
    return Imported(**counts)


def _import(connection: sqlite3.Connection, entry: object) -> str:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("box"), Mapping):
        raise BadInput("it is no object with a `box`.")
    word = text("word", entry.get("word"))
    performer = checked_performer(word, entry.get("performer_id"))
    box = Box(*(entry["box"].get(name) for name in ("x", "y", "w", "h")))
    created_at = _moment(entry.get("created_at"))
    name = optional_text("name", entry.get("name"))
    picture = remember_picture(connection, _picture(entry.get("picture")))
    there = [one for one in decisions_on(connection, picture) if one.box.overlap(box) >= SAME_FACE]
    if any((one.word, one.performer_id) == (word, performer) for one in there):
        return "known"
    if any(_stands(one, word, performer, created_at) for one in there):
        return "older"
    if performer is not None and name is not None and name_of(connection, performer) is None:
        remember_person(connection, performer, name, None)
    put(connection, picture, box, word, performer, there, created_at)
    refresh_images_of(connection, [picture])
    return "added"


def _stands(known: Decision, word: str, performer: str | None, created_at: str) -> bool:
    """Whether a contradicting word of this file is later than the imported one."""
    return known.created_at > created_at and (
        contradicts(word, performer, known)
        or contradicts(known.word, known.performer_id, _as(word, performer, known))
    )


def _as(word: str, performer: str | None, like: Decision) -> Decision:
    return Decision(0, like.box, word, performer, None, like.created_at)


def _picture(value: object) -> Picture:
    if not isinstance(value, Mapping):
        raise BadInput("its `picture` is no object.")
    prints = value.get("fingerprints") or {}
    if not isinstance(prints, Mapping):
        raise BadInput("its picture's `fingerprints` are no object of type and value.")
    pairs = sorted((text("A fingerprint's type", k), text("A fingerprint", v)) for k, v in prints.items())
    picture = Picture(tuple(pairs), optional_text("place", value.get("place")))
    if picture.place is None and not picture.contents:
        raise BadInput("nothing in it tells which picture it is about.")
    return picture


def _moment(value: object) -> str:
    try:
        return datetime.fromisoformat(text("created_at", value)).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError as error:
        raise BadInput(
            f"created_at is {value!r:.80}; give a time such as 2026-01-31 12:00:00 (UTC)."
        ) from error
