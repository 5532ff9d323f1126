"""Recording a decision on faces, of images and of scenes."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stash_sense.domain.decisions import (
    APART,
    CONFIRMED,
    Decision,
    decisions_by_face,
    replaces,
    validate_decision,
)
from stash_sense.domain.faces import Box, FaceId, SceneFaceId
from stash_sense.domain.identity import bare_ids, local_key, person_from_facts
from stash_sense.domain.validation import (
    parse_json_object,
    validate_integer,
    validate_stash_id,
    validate_text,
)
from stash_sense.errors import BadInput, Conflict, NotStored
from stash_sense.store.repositories.decisions import (
    decisions_on_picture,
    decisions_on_pictures,
    get_decision,
)
from stash_sense.store.repositories.journal import OPEN, UNDONE, JournalEntry, get_entry
from stash_sense.store.repositories.people import current_key, insert_keys, upsert_people
from stash_sense.store.repositories.scene_decisions import (
    DecisionPlace,
    leave_track,
    scene_places,
    store_template,
)


@dataclass(frozen=True, slots=True)
class RecordedDecisions:
    """decisions: in the faces' order, each once. missing: ids of faces that are not stored.

    picture_ids: of the pictures whose decisions changed.
    """

    decisions: tuple[Decision, ...]
    missing: tuple[FaceId, ...]
    picture_ids: frozenset[int]


def decide_faces(
    connection: sqlite3.Connection,
    face_ids: Iterable[FaceId],
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

    A decision on a scene's face holds for the face's track; `apart` is on the face alone, and takes it out of
    the track.

    Raises BadInput; NotStored where none of the faces, or no such entry, is stored; Conflict where that write
    was undone or added nothing.
    """
    performer = validate_decision(kind, performer_id)
    ids = list(dict.fromkeys(_validated(face_id) for face_id in face_ids))
    if not ids:
        raise BadInput("face_ids is empty; give the ids of the faces this is about.")
    of_images = [face_id for face_id in ids if not isinstance(face_id, SceneFaceId)]
    images = _boxes_of_images(connection, of_images)
    of_scenes = [face_id.number for face_id in ids if isinstance(face_id, SceneFaceId)]
    places = scene_places(connection, of_scenes, alone=kind == APART)
    if not images and not places:
        raise NotStored(_not_stored(ids))
    local = None if local_id is None else validate_stash_id("local_id", local_id)
    if entry_id is not None:
        entry_local_id = _effective_entry(connection, entry_id).local_id
        local = entry_local_id if kind == CONFIRMED else local
    if performer is not None:
        performer, local = _upsert_performer(connection, performer, name, local)
    new = _NewDecision(kind, performer, entry_id, local)
    by_face: dict[FaceId, Decision] = {}
    changed = _decide_in_images(connection, images, set(of_images), new, by_face)
    changed |= _decide_in_scenes(connection, places, new, by_face)
    unique = {by_face[face_id].decision_id: by_face[face_id] for face_id in ids if face_id in by_face}
    missing = tuple(face_id for face_id in ids if face_id not in by_face)
    return RecordedDecisions(tuple(unique.values()), missing, frozenset(changed))


def _validated(face_id: FaceId) -> FaceId:
    if isinstance(face_id, SceneFaceId):
        return SceneFaceId(validate_integer("face_id", face_id.number))
    return validate_integer("face_id", face_id)


@dataclass(frozen=True, slots=True)
class _NewDecision:
    kind: str
    performer: str | None
    entry_id: int | None
    local_id: str | None


def _decide_in_images(
    connection: sqlite3.Connection,
    images: Mapping[tuple[int, int], Mapping[int, Box]],
    face_ids: set[int],
    new: _NewDecision,
    by_face: dict[FaceId, Decision],
) -> set[int]:
    """Fill in the decision of each face; returns the pictures whose decisions changed."""
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
            if face_id not in face_ids:
                continue
            by_face[face_id] = _put(connection, picture_id, boxes[face_id], None, new, on_face)
            if by_face[face_id] not in on_face:
                changed.add(picture_id)
    return changed


def _decide_in_scenes(
    connection: sqlite3.Connection,
    places: Iterable[DecisionPlace],
    new: _NewDecision,
    by_face: dict[FaceId, Decision],
) -> set[int]:
    """Fill in the decision of each face; returns the pictures whose decisions changed."""
    changed: set[int] = set()
    for place in places:
        if new.kind == APART:
            leave_track(connection, place)
        decision = _put(connection, place.picture_id, place.box, place.time_s, new, place.decisions)
        by_face.update(dict.fromkeys(map(SceneFaceId, place.face_ids), decision))
        if decision not in place.decisions:
            store_template(connection, decision.decision_id, place)
            changed.add(place.picture_id)
    return changed


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


def _not_stored(face_ids: list[FaceId]) -> str:
    if len(face_ids) == 1:
        what = "scene" if isinstance(face_ids[0], SceneFaceId) else "image"
        return f"There is no face {face_ids[0]}; identify the {what} again and use its new face ids."
    return f"None of these {len(face_ids)} faces is stored; identify the images or scenes again."


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
    time_s: float | None,
    new: _NewDecision,
    on_face: Iterable[Decision],
) -> Decision:
    """Insert a decision and delete those on the face that it replaces, or return the equal one."""
    for earlier in on_face:
        if (earlier.kind, earlier.performer_id) == (new.kind, new.performer):
            # It belongs to the latest write that it came with; one that came without any belongs to none.
            connection.execute(
                "UPDATE stash_sense_decisions SET local_id = coalesce(?3, local_id), "
                "entry_id = CASE WHEN entry_id IS NOT NULL THEN coalesce(?1, entry_id) END WHERE id = ?2",
                (new.entry_id, earlier.decision_id, new.local_id),
            )
            return earlier
        if replaces(new.kind, new.performer, earlier):
            connection.execute("DELETE FROM stash_sense_decisions WHERE id = ?", (earlier.decision_id,))
    cursor = connection.execute(
        "INSERT INTO stash_sense_decisions (picture_id, x, y, w, h, word, performer_id, entry_id, "
        "local_id, time_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(picture_id, box.x, box.y, box.w, box.h, new.kind, new.performer, new.entry_id, new.local_id),
            time_s,
        ),
    )
    return get_decision(connection, int(cursor.lastrowid or 0))
