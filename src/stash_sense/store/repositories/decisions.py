"""Decisions on faces: recorded, read and taken back.

A decision belongs to a picture and to a place in it, never to a run: it outlives re-runs and new databases.
After a change of decisions, refresh what images show of the changed pictures (`rematching`).
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from stash_sense.domain.decisions import CONFIRMED, Decision, decisions_by_face, replaces, validate_decision
from stash_sense.domain.faces import Box
from stash_sense.domain.identity import PictureIdentity, bare_ids, local_key, person_from_facts
from stash_sense.domain.validation import (
    parse_json_object,
    validate_integer,
    validate_stash_id,
    validate_text,
)
from stash_sense.errors import BadInput, Conflict, NotStored
from stash_sense.store.repositories.journal import OPEN, UNDONE, JournalEntry, get_entry
from stash_sense.store.repositories.people import current_key, insert_keys, upsert_people
from stash_sense.store.repositories.pictures import delete_unused_pictures, find_picture
from stash_sense.store.unreadable import UNREADABLE, log_unreadable

SELECT_DECISIONS = """SELECT d.id, d.x, d.y, d.w, d.h, d.word, d.performer_id, p.name, d.created_at,
    p.facts, d.picture_id
  FROM stash_sense_decisions d LEFT JOIN stash_sense_people p ON p.performer_id = d.performer_id"""

_Row = tuple[int, float, float, float, float, str, str | None, str | None, str, str | None, int]


@dataclass(frozen=True, slots=True)
class RecordedDecisions:
    """decisions: in the faces' order, each once. missing: ids of faces that are not stored.

    picture_ids: of the pictures whose decisions changed.
    """

    decisions: tuple[Decision, ...]
    missing: tuple[int, ...]
    picture_ids: frozenset[int]


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
    """The decisions on a picture, oldest first."""
    return decisions_on_pictures(connection, [picture_id]).get(picture_id, [])


def decisions_on_pictures(
    connection: sqlite3.Connection, picture_ids: Iterable[int]
) -> dict[int, list[Decision]]:
    """Picture id -> its decisions, oldest first; pictures without a decision are left out."""
    by_picture: dict[int, list[Decision]] = {}
    for row in connection.execute(
        f"{SELECT_DECISIONS} JOIN json_each(?) wanted ON wanted.value = d.picture_id ORDER BY d.id",
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


def decide_faces(
    connection: sqlite3.Connection,
    face_ids: Iterable[int],
    kind: str,
    performer_id: str | None,
    name: str | None = None,
    entry_id: int | None = None,
    local_id: str | None = None,
) -> RecordedDecisions:
    """Record a decision on faces; repeating one returns the decision that is stored.

    A confirmation replaces an earlier confirmation, ignoring, or rejection of that person; several people
    may be rejected on one face; ignoring and `apart` replace each other. performer_id: a former key stands
    for the current one. name: the performer's, to be stored. entry_id: of the journal entry of the write that
    the decision came with. local_id: the performer's in Stash, where the entry does not tell it.

    Raises BadInput; NotStored where none of the faces, or no such entry, is stored; Conflict where that write
    was undone or added nothing.
    """
    performer = validate_decision(kind, performer_id)
    ids = list(dict.fromkeys(validate_integer("face_id", face_id) for face_id in face_ids))
    if not ids:
        raise BadInput("face_ids is empty; give the ids of the faces this is about.")
    images = _boxes_of_images(connection, ids)
    if not images:
        raise NotStored(_not_stored(ids))
    local = None if local_id is None else validate_stash_id("local_id", local_id)
    if entry_id is not None:
        entry_local_id = _effective_entry(connection, entry_id).local_id
        local = entry_local_id if kind == CONFIRMED else local
    if performer is not None:
        performer, local = _upsert_performer(connection, performer, name, local)
    requested = set(ids)
    by_face: dict[int, Decision] = {}
    changed: set[int] = set()
    before = decisions_on_pictures(connection, {picture_id for picture_id, _ in images})
    for (picture_id, _), boxes in images.items():
        # An earlier image may show the same picture: what was just recorded there counts here.
        decisions = (
            decisions_on_picture(connection, picture_id)
            if picture_id in changed
            else before.get(picture_id, [])
        )
        for face_id, on_face in zip(boxes, decisions_by_face(list(boxes.values()), decisions), strict=True):
            if face_id not in requested:
                continue
            decision = _put(connection, picture_id, boxes[face_id], kind, performer, on_face, entry_id, local)
            by_face[face_id] = decision
            if decision not in on_face:
                changed.add(picture_id)
    unique = {by_face[face_id].decision_id: by_face[face_id] for face_id in ids if face_id in by_face}
    missing = tuple(face_id for face_id in ids if face_id not in by_face)
    return RecordedDecisions(tuple(unique.values()), missing, frozenset(changed))


def _boxes_of_images(
    connection: sqlite3.Connection, face_ids: list[int]
) -> dict[tuple[int, int], dict[int, Box]]:
    """(picture id, fingerprint id) of the images with one of these faces -> face id -> box, of all faces.

    Only the boxes of all of an image's faces tell which of them a decision is about.
    """
    images: dict[tuple[int, int], dict[int, Box]] = {}
    for picture_id, fingerprint_id, face_id, *box in connection.execute(
        """SELECT r.picture_id, r.image_fingerprint_id, f.id, f.x, f.y, f.w, f.h
           FROM stash_sense_image_results r JOIN stash_sense_faces f USING (image_fingerprint_id)
           WHERE r.image_fingerprint_id IN (
             SELECT own.image_fingerprint_id FROM json_each(?) wanted
             CROSS JOIN stash_sense_faces own ON own.id = wanted.value)
           ORDER BY r.image_fingerprint_id, f.position, f.id""",
        (json.dumps(face_ids),),
    ):
        images.setdefault((picture_id, fingerprint_id), {})[face_id] = Box(*box)
    return images


def _not_stored(face_ids: list[int]) -> str:
    if len(face_ids) == 1:
        return f"There is no face {face_ids[0]}; identify the image again and use its new face ids."
    return f"None of these {len(face_ids)} faces is stored; identify the images again and use the new ids."


def _upsert_performer(
    connection: sqlite3.Connection, performer: str, name: str | None, local_id: str | None
) -> tuple[str, str | None]:
    """The current key of the performer that a decision is about, and the id in Stash, as far as known."""
    key = current_key(connection, performer, local_id)
    new_name = None if name is None else validate_text("name", name)
    person_id = upsert_people(connection, [(key, new_name, None)])[key]
    own = [performer] if local_id is None else [performer, local_key(local_id)]
    insert_keys(connection, [(each, person_id) for each in own])
    if local_id is None:
        facts = connection.execute(
            "SELECT facts FROM stash_sense_people WHERE id = ?", (person_id,)
        ).fetchone()
        local_id = bare_ids(person_from_facts(performer, name, parse_json_object(facts[0])))[1]
    return key, local_id


def _effective_entry(connection: sqlite3.Connection, entry_id: int) -> JournalEntry:
    """The journal entry. Raises Conflict where its write was undone or added nothing."""
    entry = get_entry(connection, entry_id)
    if entry.status == UNDONE:
        raise Conflict(f"Journal entry {entry_id} has been undone, together with its decisions.")
    if entry.status != OPEN and not entry.added_ids:
        raise Conflict(f"Journal entry {entry_id} added nothing, so no decision can come with it.")
    return entry


def _put(
    connection: sqlite3.Connection,
    picture_id: int,
    box: Box,
    kind: str,
    performer: str | None,
    on_face: Iterable[Decision],
    entry_id: int | None,
    local_id: str | None,
) -> Decision:
    """Insert a decision and delete those on the face that it replaces, or return the equal one."""
    for earlier in on_face:
        if (earlier.kind, earlier.performer_id) == (kind, performer):
            # It belongs to the latest write that it came with; one that came without any belongs to none.
            connection.execute(
                "UPDATE stash_sense_decisions SET local_id = coalesce(?3, local_id), "
                "entry_id = CASE WHEN entry_id IS NOT NULL THEN coalesce(?1, entry_id) END WHERE id = ?2",
                (entry_id, earlier.decision_id, local_id),
            )
            return earlier
        if replaces(kind, performer, earlier):
            connection.execute("DELETE FROM stash_sense_decisions WHERE id = ?", (earlier.decision_id,))
    cursor = connection.execute(
        "INSERT INTO stash_sense_decisions (picture_id, x, y, w, h, word, performer_id, entry_id, "
        "local_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (picture_id, box.x, box.y, box.w, box.h, kind, performer, entry_id, local_id),
    )
    return get_decision(connection, int(cursor.lastrowid or 0))


def move_decision(connection: sqlite3.Connection, decision_id: int, box: Box) -> None:
    """Give a decision the box that a re-run found for its face."""
    connection.execute(
        "UPDATE stash_sense_decisions SET x = ?, y = ?, w = ?, h = ? WHERE id = ?",
        (box.x, box.y, box.w, box.h, decision_id),
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
    return Decision(row[0], box, row[5], row[6], row[7], row[8], parse_json_object(row[9]))
