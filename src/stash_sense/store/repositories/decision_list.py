"""Decisions as a list, the latest first, each with the face that it is on."""

import json
import sqlite3
from dataclasses import dataclass

from stash_sense.domain.decisions import DECISION_KINDS, Decision
from stash_sense.domain.faces import Box, same_face_index
from stash_sense.domain.validation import validate_integer, validate_text
from stash_sense.errors import BadInput
from stash_sense.store.repositories.decisions import SELECT_DECISIONS, decision_from_row
from stash_sense.store.repositories.faces import get_face
from stash_sense.store.repositories.people import current_key
from stash_sense.store.unreadable import UNREADABLE, log_unreadable


@dataclass(frozen=True, slots=True)
class ListedDecision:
    """face_id, stash_image_id: where the decided face is shown; None while no stored image shows it."""

    decision: Decision
    face_id: int | None
    stash_image_id: str | None


def list_decisions(
    connection: sqlite3.Connection,
    performer_id: str | None = None,
    face_id: int | None = None,
    kind: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[ListedDecision]:
    """At most `limit` decisions, the latest first.

    performer_id: a former key serves too. before: a decision id. Raises BadInput, and NotStored for a face
    that is not stored.
    """
    if kind not in (None, *DECISION_KINDS):
        raise BadInput(f"word is {kind!r:.80}; give one of {', '.join(DECISION_KINDS)}.")
    key = (
        None if performer_id is None else current_key(connection, validate_text("performer_id", performer_id))
    )
    on_face = None
    if face_id is not None:
        on_face = json.dumps([each.decision_id for each in get_face(connection, face_id).decisions])
    rows = connection.execute(
        f"""{SELECT_DECISIONS} WHERE (?1 IS NULL OR d.performer_id = ?1) AND (?2 IS NULL OR d.word = ?2)
            AND (?3 IS NULL OR d.id < ?3) AND (?4 IS NULL OR d.id IN (SELECT value FROM json_each(?4)))
            ORDER BY d.id DESC LIMIT ?5""",  # noqa: S608  our columns
        (
            key,
            kind,
            None if before is None else validate_integer("before", before),
            on_face,
            validate_integer("limit", limit, 1),
        ),
    ).fetchall()
    faces = _faces_of_pictures(connection, {row[-1] for row in rows})
    listed = []
    for row in rows:
        decision = decision_from_row(row)
        if decision is not None:
            listed.append(ListedDecision(decision, *_where(decision.box, faces.get(row[-1], []))))
    return listed


def _faces_of_pictures(
    connection: sqlite3.Connection, picture_ids: set[int]
) -> dict[int, list[tuple[str, list[tuple[int, Box]]]]]:
    """Picture id -> of each image that shows it, the id in Stash and its faces."""
    images: dict[int, dict[str, list[tuple[int, Box]]]] = {}
    for picture_id, image, face_id, *box in connection.execute(
        """SELECT r.picture_id, i.stash_image_id, f.id, f.x, f.y, f.w, f.h FROM json_each(?) wanted
           CROSS JOIN stash_sense_image_results r ON r.picture_id = wanted.value
           JOIN image_fingerprints i ON i.id = r.image_fingerprint_id
           JOIN stash_sense_faces f ON f.image_fingerprint_id = i.id
           ORDER BY r.stored_at DESC, i.id, f.position, f.id""",
        (json.dumps(sorted(picture_ids)),),
    ):
        try:
            images.setdefault(picture_id, {}).setdefault(image, []).append((face_id, Box(*box)))
        except UNREADABLE as error:
            log_unreadable("face", face_id, error)
    return {picture_id: list(own.items()) for picture_id, own in images.items()}


def _where(box: Box, images: list[tuple[str, list[tuple[int, Box]]]]) -> tuple[int | None, str | None]:
    for image, faces in images:
        index = same_face_index(box, [face_box for _, face_box in faces])
        if index is not None:
            return faces[index][0], image
    return None, None
