"""Decisions on faces of scenes: each is at a moment, and holds for the whole track of the face.

A later run may look at other moments. So a decision keeps what its track looked like, and moves to a face
that looks so; until one is found, it waits.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from stash_sense.domain.decisions import Decision
from stash_sense.domain.faces import Box, same_face_index
from stash_sense.errors import NotStored
from stash_sense.store.repositories.decisions import SELECT_DECISIONS, decision_from_row
from stash_sense.store.repositories.matches import Vector, decode_embeddings, embedding_sizes
from stash_sense.store.unreadable import UNREADABLE, log_unreadable

SAME_MOMENT_S = 0.05
"""Frames that are no farther apart show the same: times of a file and of its stream may differ a little."""


@dataclass(frozen=True, slots=True)
class FacePlace:
    """Where a face of a scene is. track_id: of its track in the latest answer."""

    face_id: int
    time_s: float
    box: Box
    track_id: int | None


@dataclass(frozen=True, slots=True, eq=False)
class SceneDecision:
    """A decision on a scene. face_id: the face it is at; None if no frame of this moment is stored.

    template: slot -> (d,) of its track when it was made; None if that was of another model pack.
    """

    decision: Decision
    face_id: int | None
    template: dict[str, Vector] | None


@dataclass(frozen=True, slots=True)
class DecisionPlace:
    """What a decision is to be on: a track of a video, or a face alone.

    face_ids: those of the requested faces that are of it; time_s, box: of the first. decisions: already on
    it. template: pack and vectors that show what it looks like, as stored.
    """

    picture_id: int
    face_ids: tuple[int, ...]
    time_s: float
    box: Box
    track_id: int | None
    decisions: tuple[Decision, ...]
    template: tuple[str, bytes] = field(repr=False)


def face_places(connection: sqlite3.Connection, picture_id: int) -> list[FacePlace]:
    """Where each face of a video is, those of former runs too, in the order of time."""
    places = []
    for face_id, time_s, track_id, *box in connection.execute(
        """SELECT f.id, s.time_s, f.track_id, f.x, f.y, f.w, f.h FROM stash_sense_scene_frames s
           JOIN stash_sense_scene_faces f ON f.frame_id = s.id
           WHERE s.picture_id = ? ORDER BY s.former, s.time_s, f.position, f.id""",
        (picture_id,),
    ):
        try:
            places.append(FacePlace(face_id, time_s, Box(*box), track_id))
        except UNREADABLE as error:
            log_unreadable("face of a scene", face_id, error)
    return places


def decisions_on_video(connection: sqlite3.Connection, picture_id: int) -> list[Decision]:
    """The decisions on the faces of a video, oldest first."""
    rows = connection.execute(
        f"{SELECT_DECISIONS} WHERE d.picture_id = ? AND d.time_s IS NOT NULL ORDER BY d.id", (picture_id,)
    )
    return [decision for row in rows.fetchall() if (decision := decision_from_row(row)) is not None]


def decided_places(decisions: Iterable[Decision], places: Sequence[FacePlace]) -> dict[int, FacePlace]:
    """Decision id -> the face it is at, for those whose moment is stored."""
    found = {}
    for decision in decisions:
        if decision.time_s is None:
            continue
        near = [place for place in places if abs(place.time_s - decision.time_s) <= SAME_MOMENT_S]
        index = same_face_index(decision.box, [place.box for place in near])
        if index is not None:
            found[decision.decision_id] = near[index]
    return found


def scene_decisions(connection: sqlite3.Connection, picture_id: int, pack: str) -> list[SceneDecision]:
    """The decisions on a video, oldest first, with what their tracks look like to this model pack."""
    decisions = decisions_on_video(connection, picture_id)
    if not decisions:
        return []
    at = decided_places(decisions, face_places(connection, picture_id))
    sizes = (embedding_sizes(connection, pack) or (0, (0, 0)))[1]
    templates = {}
    for decision_id, vectors in connection.execute(
        "SELECT t.decision_id, t.vectors FROM json_each(?) wanted "
        "JOIN stash_sense_decision_templates t ON t.decision_id = wanted.value WHERE t.pack = ?",
        (json.dumps([decision.decision_id for decision in decisions]), pack),
    ):
        try:
            facenet, arcface = decode_embeddings([vectors], sizes)
        except ValueError as error:
            log_unreadable("the template of decision", decision_id, error)
            continue
        templates[decision_id] = {"facenet": facenet[0], "arcface": arcface[0]}
    return [
        SceneDecision(
            decision,
            at[decision.decision_id].face_id if decision.decision_id in at else None,
            templates.get(decision.decision_id),
        )
        for decision in decisions
    ]


def scene_places(
    connection: sqlite3.Connection, face_ids: Sequence[int], *, alone: bool
) -> list[DecisionPlace]:
    """The tracks of those of the faces that are stored, each once; alone: the faces themselves."""
    by_picture: dict[int, list[int]] = {}
    for face_id, picture_id in connection.execute(
        """SELECT f.id, s.picture_id FROM json_each(?) wanted
           JOIN stash_sense_scene_faces f ON f.id = wanted.value
           JOIN stash_sense_scene_frames s ON s.id = f.frame_id ORDER BY wanted.id""",
        (json.dumps(list(face_ids)),),
    ):
        by_picture.setdefault(picture_id, []).append(face_id)
    return [
        place
        for picture_id, own in by_picture.items()
        for place in _places_in_video(connection, picture_id, own, alone=alone)
    ]


def decisions_on_track(connection: sqlite3.Connection, face_id: int) -> tuple[Decision, ...]:
    """The decisions that hold for a face of a scene, oldest first. Raises NotStored."""
    on = {
        decision.decision_id: decision
        for alone in (False, True)
        for place in scene_places(connection, [face_id], alone=alone)
        for decision in place.decisions
    }
    if not on and not scene_places(connection, [face_id], alone=True):
        raise NotStored(f"There is no face s{face_id}; identify the scene again and use its new face ids.")
    return tuple(on[decision_id] for decision_id in sorted(on))


def _places_in_video(
    connection: sqlite3.Connection, picture_id: int, face_ids: Sequence[int], *, alone: bool
) -> list[DecisionPlace]:
    faces = face_places(connection, picture_id)
    places = {place.face_id: place for place in faces}
    decisions = decisions_on_video(connection, picture_id)
    at = decided_places(decisions, faces)
    groups: dict[tuple[bool, int], list[FacePlace]] = {}
    for face_id in face_ids:
        if face_id in places:
            groups.setdefault(_key(places[face_id], alone=alone), []).append(places[face_id])
    return [
        DecisionPlace(
            picture_id,
            tuple(place.face_id for place in own),
            own[0].time_s,
            own[0].box,
            own[0].track_id,
            tuple(
                decision
                for decision in decisions
                if decision.decision_id in at and _key(at[decision.decision_id], alone=alone) == key
            ),
            _template(connection, picture_id, own[0], alone=alone),
        )
        for key, own in groups.items()
    ]


def _key(place: FacePlace, *, alone: bool) -> tuple[bool, int]:
    """The same for faces that one decision holds for: those of one track."""
    is_face = alone or place.track_id is None
    return is_face, place.face_id if is_face else place.track_id or 0


def _template(
    connection: sqlite3.Connection, picture_id: int, place: FacePlace, *, alone: bool
) -> tuple[str, bytes]:
    (pack,) = connection.execute(
        "SELECT pack FROM stash_sense_videos WHERE picture_id = ?", (picture_id,)
    ).fetchone()
    if alone or place.track_id is None:
        select, number = "SELECT vectors FROM stash_sense_scene_faces WHERE id = ?", place.face_id
    else:
        select, number = "SELECT template FROM stash_sense_scene_tracks WHERE id = ?", place.track_id
    (vectors,) = connection.execute(select, (number,)).fetchone()
    return str(pack), bytes(vectors)


def store_template(connection: sqlite3.Connection, decision_id: int, place: DecisionPlace) -> None:
    """Keep what the track of a decision looks like."""
    connection.execute(
        "INSERT INTO stash_sense_decision_templates (decision_id, pack, vectors) VALUES (?, ?, ?) "
        "ON CONFLICT (decision_id) DO UPDATE SET pack = excluded.pack, vectors = excluded.vectors",
        (decision_id, *place.template),
    )


def leave_track(connection: sqlite3.Connection, place: DecisionPlace) -> None:
    """Take a face out of its track; the track's own decisions that are at this face move to another one."""
    (face_id, *_) = place.face_ids
    other = connection.execute(
        "SELECT id FROM stash_sense_scene_faces WHERE track_id = ? AND id <> ? "
        "ORDER BY quality DESC, id LIMIT 1",
        (place.track_id, face_id),
    ).fetchone()
    if other is not None:
        move_to_faces(connection, {decision.decision_id: other[0] for decision in place.decisions})
    connection.execute("UPDATE stash_sense_scene_faces SET track_id = NULL WHERE id = ?", (face_id,))


def move_to_faces(connection: sqlite3.Connection, moved: dict[int, int]) -> None:
    """Move decisions to faces. moved: decision id -> face id."""
    connection.executemany(
        """UPDATE stash_sense_decisions SET (x, y, w, h, time_s) = (
             SELECT f.x, f.y, f.w, f.h, s.time_s FROM stash_sense_scene_faces f
             JOIN stash_sense_scene_frames s ON s.id = f.frame_id WHERE f.id = ?)
           WHERE id = ? AND EXISTS (SELECT 1 FROM stash_sense_scene_faces WHERE id = ?)""",
        [(face_id, decision_id, face_id) for decision_id, face_id in moved.items()],
    )
