"""Recording a person's word on faces, and taking it back."""

import json
import sqlite3
from collections.abc import Iterable

from stash_sense.domain.boxes import Box
from stash_sense.domain.decisions import Decision, decisions_by_face, replaces, validate_decision
from stash_sense.domain.validation import validate_integer, validate_text
from stash_sense.errors import BadInput, Conflict, NotStored
from stash_sense.store.decisions import decisions_on, decisions_on_pictures, get_decision
from stash_sense.store.journal import OPEN, UNDONE, JournalEntry, get_entry
from stash_sense.store.people import remember_person
from stash_sense.store.pictures import forget_unused_pictures
from stash_sense.store.version6 import show_in_version_6


def decide(
    connection: sqlite3.Connection,
    face_id: int,
    word: str,
    performer_id: str | None,
    name: str | None = None,
    entry_id: int | None = None,
) -> Decision:
    """Record a person's word on one face. Raises as `decide_faces` does."""
    decisions, _ = decide_faces(connection, [face_id], word, performer_id, name, entry_id)
    return decisions[0]


def decide_faces(
    connection: sqlite3.Connection,
    face_ids: Iterable[int],
    word: str,
    performer_id: str | None,
    name: str | None = None,
    entry_id: int | None = None,
) -> tuple[list[Decision], list[int]]:
    """Record a person's word on faces; the same word again gives the same decision back.

    Confirming replaces an earlier confirmation, ignoring, or rejection of that person; several people
    may be rejected on one face; ignoring and `apart` replace each other. name: the performer's, to be
    remembered. entry_id: the journal's entry of the write that it came with, if any.

    Returns the decisions in the faces' order, each once (two images may show the same picture and face), and
    the ids under which no face is stored. Raises BadInput, NotStored where none of the faces is stored or
    there is no such entry, Refused where that write was undone or added nothing.
    """
    performer = validate_decision(word, performer_id)
    numbers = list(dict.fromkeys(validate_integer("face_id", face_id) for face_id in face_ids))
    if not numbers:
        raise BadInput("face_ids is empty; give the ids of the faces this is about.")
    images = _faces_by_image(connection, numbers)
    if not images:
        raise NotStored(_none_stored(numbers))
    if entry_id is not None:
        _sound(get_entry(connection, entry_id))
    if performer is not None and name is not None:
        remember_person(connection, performer, validate_text("name", name), None)
    decisions = _put_all(connection, images, set(numbers), word, performer, entry_id)
    by_id = {decisions[number].decision_id: decisions[number] for number in numbers if number in decisions}
    return list(by_id.values()), [number for number in numbers if number not in decisions]


def _none_stored(face_ids: list[int]) -> str:
    if len(face_ids) == 1:
        return f"There is no face {face_ids[0]}; identify the image again and use its new face ids."
    return f"None of these {len(face_ids)} faces is stored; identify the images again and use the new ids."


def _faces_by_image(
    connection: sqlite3.Connection, face_ids: list[int]
) -> dict[tuple[int, int], dict[int, Box]]:
    """The images that have one of the faces, as (picture, fingerprint): the boxes of all of an image's faces,
    by face id, since only all of them tell which face a decision is about."""
    images: dict[tuple[int, int], dict[int, Box]] = {}
    for picture, fingerprint, face_id, *box in connection.execute(
        """SELECT r.picture_id, r.image_fingerprint_id, f.id, f.x, f.y, f.w, f.h
           FROM stash_sense_image_results r JOIN stash_sense_faces f USING (image_fingerprint_id)
           WHERE r.image_fingerprint_id IN (
             SELECT own.image_fingerprint_id FROM json_each(?) wanted
             CROSS JOIN stash_sense_faces own ON own.id = wanted.value)
           ORDER BY r.image_fingerprint_id, f.position, f.id""",
        (json.dumps(face_ids),),
    ):
        images.setdefault((picture, fingerprint), {})[face_id] = Box(*box)
    return images


def _put_all(
    connection: sqlite3.Connection,
    images: dict[tuple[int, int], dict[int, Box]],
    wanted: set[int],
    word: str,
    performer: str | None,
    entry_id: int | None,
) -> dict[int, Decision]:
    """Write a word on the `wanted` faces of these images: the decision of each, by face id."""
    decisions: dict[int, Decision] = {}
    changed: set[int] = set()
    before = decisions_on_pictures(connection, {picture for picture, _ in images})
    for (picture, _), boxes in images.items():
        # An image before this one may have shown the same picture, and what was just said of it holds here.
        known = decisions_on(connection, picture) if picture in changed else before.get(picture, [])
        for face_id, there in zip(boxes, decisions_by_face(list(boxes.values()), known), strict=True):
            if face_id not in wanted:
                continue
            decision = put(connection, picture, boxes[face_id], word, performer, there, entry_id=entry_id)
            decisions[face_id] = decision
            if decision not in there:
                changed.add(picture)
    refresh_images_of(connection, changed)
    return decisions


def _sound(entry: JournalEntry) -> None:
    """Refused where nothing of that write is there."""
    number = entry.entry_id
    if entry.status == UNDONE:
        raise Conflict(f"Journal entry {number} was undone meanwhile, and with it what was said by it.")
    if entry.status != OPEN and not entry.added_ids:
        raise Conflict(f"Journal entry {number} added nothing, so nothing can be said by it.")


def put(
    connection: sqlite3.Connection,
    picture: int,
    box: Box,
    word: str,
    performer: str | None,
    there: Iterable[Decision],
    created_at: str | None = None,
    entry_id: int | None = None,
) -> Decision:
    """Write a decision over those already at its place; what images show is to be refreshed after it."""
    for other in there:
        if (other.kind, other.performer_id) == (word, performer):
            # It goes with the latest write that said so; what was said without any goes with none.
            connection.execute(
                "UPDATE stash_sense_decisions SET entry_id = ?1 "
                "WHERE id = ?2 AND entry_id IS NOT NULL AND ?1 IS NOT NULL",
                (entry_id, other.decision_id),
            )
            return other
        if replaces(word, performer, other):
            connection.execute("DELETE FROM stash_sense_decisions WHERE id = ?", (other.decision_id,))
    cursor = connection.execute(
        "INSERT INTO stash_sense_decisions "
        "(picture_id, x, y, w, h, word, performer_id, entry_id, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, coalesce(?, datetime('now')))",
        (picture, box.x, box.y, box.w, box.h, word, performer, entry_id, created_at),
    )
    return get_decision(connection, int(cursor.lastrowid or 0))


def undecide(connection: sqlite3.Connection, decision_id: int) -> Decision:
    """Take a word back; what matching said shows again. Raises NotStored."""
    decision = get_decision(connection, decision_id)
    undecide_all(connection, [decision_id])
    return decision


def undecide_all(connection: sqlite3.Connection, decision_ids: Iterable[int]) -> tuple[int, list[int]]:
    """Take words back: how many, and the ids under which no decision is stored. Raises BadInput."""
    numbers = list(
        dict.fromkeys(validate_integer("decision id", decision_id) for decision_id in decision_ids)
    )
    pictures = dict(
        connection.execute(
            "DELETE FROM stash_sense_decisions WHERE id IN (SELECT value FROM json_each(?)) "
            "RETURNING id, picture_id",
            (json.dumps(numbers),),
        ).fetchall()
    )
    refresh_images_of(connection, pictures.values())
    forget_unused_pictures(connection, pictures.values())
    return len(pictures), [number for number in numbers if number not in pictures]


def undecide_write(connection: sqlite3.Connection, entry_id: int) -> None:
    """Take back what was said by a write that was undone."""
    rows = connection.execute("SELECT id FROM stash_sense_decisions WHERE entry_id = ?", (entry_id,))
    undecide_all(connection, [row[0] for row in rows.fetchall()])


def refresh_images_of(connection: sqlite3.Connection, pictures: Iterable[int]) -> None:
    """Rewrite who is named on the images that show these pictures."""
    rows = connection.execute(
        "SELECT r.image_fingerprint_id FROM json_each(?) wanted "
        "CROSS JOIN stash_sense_image_results r ON r.picture_id = wanted.value",
        (json.dumps(sorted(set(pictures))),),
    )
    show_in_version_6(connection, [row[0] for row in rows.fetchall()])
