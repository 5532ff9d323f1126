"""Decisions as a list, the latest first, each with the face that it is on."""

import json
import sqlite3
from dataclasses import dataclass

from stash_sense.domain.decisions import DECISION_KINDS, Decision
from stash_sense.domain.faces import Box, FaceId, SceneFaceId, same_face_index
from stash_sense.domain.validation import validate_integer, validate_stash_id, validate_text
from stash_sense.errors import BadInput
from stash_sense.store.repositories.decisions import SELECT_DECISIONS, decision_from_row
from stash_sense.store.repositories.faces import get_face
from stash_sense.store.repositories.people import current_key
from stash_sense.store.repositories.scene_decisions import (
    decided_places,
    decisions_on_track,
    face_places,
)
from stash_sense.store.repositories.scene_videos import scene_number, scenes_by_picture
from stash_sense.store.unreadable import UNREADABLE, log_unreadable


@dataclass(frozen=True, slots=True)
class ListedDecision:
    """face_id, stash_image_id or stash_scene_id: where the decided face is shown; None while nowhere."""

    decision: Decision
    face_id: FaceId | None
    stash_image_id: str | None
    stash_scene_id: str | None = None


def list_decisions(
    connection: sqlite3.Connection,
    performer_id: str | None = None,
    face_id: FaceId | None = None,
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
    if isinstance(face_id, SceneFaceId):
        on_face = json.dumps([each.decision_id for each in decisions_on_track(connection, face_id.number)])
    elif face_id is not None:
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
    decisions = [(row[-1], decision) for row in rows if (decision := decision_from_row(row)) is not None]
    faces = _faces_of_pictures(connection, {each for each, decision in decisions if decision.time_s is None})
    scenes = _scenes_of_videos(connection, [pair for pair in decisions if pair[1].time_s is not None])
    return [
        ListedDecision(decision, *_where(decision.box, faces.get(picture_id, [])))
        if decision.time_s is None
        else ListedDecision(decision, *scenes[decision.decision_id])
        for picture_id, decision in decisions
    ]


def _scenes_of_videos(
    connection: sqlite3.Connection, decisions: list[tuple[int, Decision]]
) -> dict[int, tuple[SceneFaceId | None, None, str | None]]:
    """Decision id -> the face it is at, no image, and a scene that shows the video."""
    by_picture: dict[int, list[Decision]] = {}
    for picture_id, decision in decisions:
        by_picture.setdefault(picture_id, []).append(decision)
    scenes = scenes_by_picture(connection, list(by_picture))
    where: dict[int, tuple[SceneFaceId | None, None, str | None]] = {}
    for picture_id, own in by_picture.items():
        at = decided_places(own, face_places(connection, picture_id))
        scene = str(scenes[picture_id][0]) if picture_id in scenes else None
        for decision in own:
            place = at.get(decision.decision_id)
            where[decision.decision_id] = (SceneFaceId(place.face_id) if place else None, None, scene)
    return where


def decisions_revision(connection: sqlite3.Connection, gallery_id: str) -> str:
    """A text that is another one once a decision on a picture of the gallery was made or taken back.

    Ids of decisions are never given out twice: their number and the latest tell one set from every later one.
    """
    return _revision(
        connection,
        """SELECT count(*), coalesce(max(id), 0) FROM stash_sense_decisions WHERE picture_id IN (
             SELECT r.picture_id FROM stash_sense_image_galleries g
             JOIN stash_sense_image_results r USING (image_fingerprint_id) WHERE g.gallery_id = ?)""",
        validate_stash_id("gallery_id", gallery_id),
    )


def scene_decisions_revision(connection: sqlite3.Connection, scene_id: str) -> str:
    """As `decisions_revision`, for decisions on the video that a scene shows."""
    return _revision(
        connection,
        """SELECT count(*), coalesce(max(id), 0) FROM stash_sense_decisions
           WHERE time_s IS NOT NULL AND picture_id IN (
             SELECT picture_id FROM stash_sense_scenes WHERE stash_scene_id = ?)""",
        scene_number(scene_id),
    )


def _revision(connection: sqlite3.Connection, select: str, of: str | int) -> str:
    count, latest = connection.execute(select, (of,)).fetchone()
    return f"{count}.{latest}"


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
