"""Recording a person's word on a face, and taking it back."""

import sqlite3
from collections.abc import Iterable

from stash_sense.errors import BadInput
from stash_sense.store.decisions import by_face, decisions_on, get_decision
from stash_sense.store.errors import NotStored, Refused
from stash_sense.store.honour import CONFIRMED, IGNORED, REJECTED, WORDS, Decision
from stash_sense.store.journal import OPEN, UNDONE, JournalEntry, get_entry
from stash_sense.store.people import remember_person
from stash_sense.store.pictures import forget_unused_pictures
from stash_sense.store.places import Box
from stash_sense.store.values import optional_text, text, whole
from stash_sense.store.version6 import show_in_version_6


def decide(
    connection: sqlite3.Connection,
    face_id: int,
    word: str,
    performer_id: str | None,
    name: str | None = None,
    entry_id: int | None = None,
) -> Decision:
    """Record a person's word on a face; the same word again gives the same decision back.

    Confirming replaces an earlier confirmation, ignoring, or rejection of that person; several people
    may be rejected on one face. entry_id: the journal's entry of the write that it came with, if any.
    Raises BadInput, NotStored where there is no such face or entry, Refused where that write was undone or
    added nothing.
    """
    if word not in WORDS:
        raise BadInput(f"word is {word!r}; give one of {', '.join(WORDS)}.")
    performer = None if word == IGNORED else text("performer_id", performer_id)
    face_id = whole("face_id", face_id)
    faces = connection.execute(
        """SELECT g.id, g.x, g.y, g.w, g.h, r.picture_id FROM stash_sense_faces f
           JOIN stash_sense_image_results r USING (image_fingerprint_id)
           JOIN stash_sense_faces g USING (image_fingerprint_id) WHERE f.id = ? ORDER BY g.id""",
        (face_id,),
    ).fetchall()
    if not faces:
        raise NotStored(f"There is no face {face_id}; identify the image again and use its new face ids.")
    if entry_id is not None:
        _sound(get_entry(connection, entry_id))
    if performer is not None and name is not None:
        remember_person(connection, performer, optional_text("name", name), None)
    picture, boxes = int(faces[0][5]), [Box(*face[1:5]) for face in faces]
    index = [face[0] for face in faces].index(face_id)
    there = by_face(boxes, decisions_on(connection, picture))[index]
    return put(connection, picture, boxes[index], word, performer, there, entry_id=entry_id)


def _sound(entry: JournalEntry) -> None:
    """Refused where nothing of that write is there."""
    number = entry.entry_id
    if entry.status == UNDONE:
        raise Refused(f"Journal entry {number} was undone meanwhile, and with it what was said by it.")
    if entry.status != OPEN and not entry.added_ids:
        raise Refused(f"Journal entry {number} added nothing, so nothing can be said by it.")


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
    """Write a decision over those already at its place."""
    for other in there:
        if (other.word, other.performer_id) == (word, performer):
            # It goes with the latest write that said so; what was said without any goes with none.
            connection.execute(
                "UPDATE stash_sense_decisions SET entry_id = ?1 "
                "WHERE id = ?2 AND entry_id IS NOT NULL AND ?1 IS NOT NULL",
                (entry_id, other.decision_id),
            )
            return other
        if contradicts(word, performer, other):
            connection.execute("DELETE FROM stash_sense_decisions WHERE id = ?", (other.decision_id,))
    cursor = connection.execute(
        "INSERT INTO stash_sense_decisions "
        "(picture_id, x, y, w, h, word, performer_id, entry_id, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, coalesce(?, datetime('now')))",
        (picture, box.x, box.y, box.w, box.h, word, performer, entry_id, created_at),
    )
    refresh_images_of(connection, picture)
    return get_decision(connection, int(cursor.lastrowid or 0))


def contradicts(word: str, performer: str | None, other: Decision) -> bool:
    """Whether a new word makes an earlier one on the same face void."""
    if word == REJECTED:
        return other.word == CONFIRMED and other.performer_id == performer
    if word == CONFIRMED:
        return other.word != REJECTED or other.performer_id == performer
    return other.word == CONFIRMED


def undecide(connection: sqlite3.Connection, decision_id: int) -> Decision:
    """Take a word back; what matching said shows again. Raises NotStored."""
    decision = get_decision(connection, decision_id)
    picture = connection.execute(
        "DELETE FROM stash_sense_decisions WHERE id = ? RETURNING picture_id", (decision_id,)
    ).fetchall()[0][0]
    refresh_images_of(connection, picture)
    forget_unused_pictures(connection, picture)
    return decision


def undecide_write(connection: sqlite3.Connection, entry_id: int) -> None:
    """Take back what was said by a write that was undone."""
    for (decision_id,) in connection.execute(
        "SELECT id FROM stash_sense_decisions WHERE entry_id = ?", (entry_id,)
    ).fetchall():
        undecide(connection, decision_id)


def refresh_images_of(connection: sqlite3.Connection, picture: int) -> None:
    for (fingerprint,) in connection.execute(
        "SELECT image_fingerprint_id FROM stash_sense_image_results WHERE picture_id = ?", (picture,)
    ).fetchall():
        show_in_version_6(connection, fingerprint)
