"""The frames of a run over a scene, written in a few statements however many faces they have."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from stash_sense.domain.faces import Box, pair_boxes
from stash_sense.domain.validation import validate_number
from stash_sense.errors import BadInput
from stash_sense.store.repositories.faces import DetectedFace, face_columns
from stash_sense.store.repositories.matches import encode_embeddings, upsert_pack


@dataclass(frozen=True, slots=True, eq=False)
class NewSceneFrame:
    """A frame that was looked at, to be stored. time_s: from the first frame. crops: a JPEG of each face, or
    none."""

    time_s: float
    width: int
    height: int
    faces: Sequence[DetectedFace]
    crops: Sequence[bytes] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        validate_number("time_s", self.time_s, 0)
        if self.crops and len(self.crops) != len(self.faces):
            raise BadInput(f"{len(self.crops)} crops for {len(self.faces)} faces; give one each, or none.")


def add_scene_frames(
    connection: sqlite3.Connection, picture_id: int, pack: str, frames: Sequence[NewSceneFrame]
) -> list[tuple[int, ...]]:
    """Store frames of the run that has begun, each of another moment; returns the ids of each one's faces.

    A face that is found again at its place in a frame of the same moment keeps its id. Raises BadInput, and
    Conflict where `pack` has embeddings of other sizes.
    """
    if len({frame.time_s for frame in frames}) < len(frames):
        raise BadInput("Two of the frames are of one moment; give each moment once.")
    frame_ids = _upsert_frames(connection, picture_id, frames)
    former: dict[int, list[tuple[int, Box]]] = {}
    for frame_id, face_id, *box in connection.execute(
        "SELECT frame_id, id, x, y, w, h FROM stash_sense_scene_faces "
        "WHERE frame_id IN (SELECT value FROM json_each(?))",
        (json.dumps(frame_ids),),
    ):
        former.setdefault(frame_id, []).append((face_id, Box(*box)))
    rows = []
    for frame_id, frame in zip(frame_ids, frames, strict=True):
        own = former.get(frame_id, [])
        pairs = pair_boxes([face.box for face in frame.faces], [box for _, box in own])
        kept = {new: own[old][0] for new, old in pairs.items()}
        crops: Sequence[bytes | None] = frame.crops or [None] * len(frame.faces)
        rows += [
            (kept.get(position), frame_id, position, face, crop)
            for position, (face, crop) in enumerate(zip(frame.faces, crops, strict=True))
        ]
    _write_faces(connection, pack, rows, gone={face_id for own in former.values() for face_id, _ in own})
    at: dict[int, list[int]] = {frame_id: [] for frame_id in frame_ids}
    for frame_id, face_id in connection.execute(
        "SELECT frame_id, id FROM stash_sense_scene_faces "
        "WHERE frame_id IN (SELECT value FROM json_each(?)) ORDER BY frame_id, position",
        (json.dumps(frame_ids),),
    ):
        at[frame_id].append(face_id)
    return [tuple(at[frame_id]) for frame_id in frame_ids]


def _upsert_frames(
    connection: sqlite3.Connection, picture_id: int, frames: Sequence[NewSceneFrame]
) -> list[int]:
    """The ids of the frames, in order."""
    connection.executemany(
        """INSERT INTO stash_sense_scene_frames (picture_id, time_s, width, height) VALUES (?, ?, ?, ?)
           ON CONFLICT (picture_id, time_s) DO UPDATE SET width = excluded.width, height = excluded.height,
             former = 0""",
        [(picture_id, frame.time_s, frame.width, frame.height) for frame in frames],
    )
    ids = dict(
        connection.execute(
            "SELECT time_s, id FROM stash_sense_scene_frames WHERE picture_id = ?", (picture_id,)
        ).fetchall()
    )
    return [ids[frame.time_s] for frame in frames]


def _write_faces(
    connection: sqlite3.Connection,
    pack: str,
    rows: Sequence[tuple[int | None, int, int, DetectedFace, bytes | None]],
    gone: set[int],
) -> None:
    """rows: face id or None, frame, position, face and crop. gone: faces that go unless one of the rows."""
    gone = gone - {row[0] for row in rows if row[0] is not None}
    connection.execute(
        "DELETE FROM stash_sense_scene_faces WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted(gone)),),
    )
    encoded = [encode_embeddings(face.facenet, face.arcface) for _, _, _, face, _ in rows]
    for sizes in dict.fromkeys(sizes for _, sizes in encoded):
        upsert_pack(connection, pack, sizes)
    values = []
    for (face_id, frame_id, position, face, crop), (vectors, _) in zip(rows, encoded, strict=True):
        *numbers, landmarks, _, _, details = face_columns(face)
        values.append((face_id, frame_id, position, *numbers, landmarks, details, vectors, crop))
    connection.executemany(
        """INSERT INTO stash_sense_scene_faces (id, frame_id, position, x, y, w, h, detection_confidence,
             quality, landmarks, details, vectors, crop) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (id) DO UPDATE SET position = excluded.position, x = excluded.x, y = excluded.y,
             w = excluded.w, h = excluded.h, detection_confidence = excluded.detection_confidence,
             quality = excluded.quality, landmarks = excluded.landmarks, details = excluded.details,
             vectors = excluded.vectors, crop = excluded.crop""",
        values,
    )
