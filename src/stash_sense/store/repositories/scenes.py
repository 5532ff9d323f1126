"""Scenes: which video each shows, and the frames of a video that were looked at, with every face.

A result belongs to the video, whichever scenes show it. Frames are stored as they are done, so that a run
that was interrupted goes on; `stopped` says that it has ended.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from stash_sense.domain.faces import Box
from stash_sense.domain.identity import PictureIdentity
from stash_sense.domain.validation import (
    canonical_json,
    parse_json_object,
    validate_integer,
    validate_number,
    validate_text,
)
from stash_sense.errors import NotStored
from stash_sense.store.repositories import pictures
from stash_sense.store.repositories.faces import LANDMARKS
from stash_sense.store.repositories.matches import (
    Vector,
    decode_embeddings,
    embedding_sizes,
    embeddings_bytes,
)
from stash_sense.store.repositories.scene_videos import forget_unreadable_video, scene_number, show_video
from stash_sense.store.unreadable import UNREADABLE, log_unreadable

SPRITE_SOURCE = "sprite"
"""The source of a result that rests on Stash's own small pictures, not on the video."""


@dataclass(frozen=True, slots=True)
class SceneRun:
    """What a run looks at a scene with. Raises BadInput.

    sampler: the version of the choice of frames. source: `file`, `stream` or `sprite`. width, height: of the
    upright video, pixels. duration_s: None where the file does not say. settings: of the run.
    """

    stash_scene_id: str
    picture: PictureIdentity
    pack: str
    sampler: str
    source: str
    width: int
    height: int
    duration_s: float | None = None
    settings: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        scene_number(self.stash_scene_id)
        for name in ("pack", "sampler", "source"):
            validate_text(name, getattr(self, name))
        for name in ("width", "height"):
            validate_integer(name, getattr(self, name), 1)
        if self.duration_s is not None:
            validate_number("duration_s", self.duration_s, 0)


@dataclass(frozen=True, slots=True, eq=False)
class StoredSceneFace:
    """A face of a frame; see DetectedFace. track_id: of its track in the latest answer, if it is in one."""

    face_id: int
    box: Box
    detection_confidence: float
    quality: float | None
    landmarks: npt.NDArray[np.float32] | None
    details: Mapping[str, Any] | None
    track_id: int | None
    has_crop: bool
    facenet: Vector = field(repr=False)
    arcface: Vector = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class StoredSceneFrame:
    """A frame that was looked at. time_s: from the first frame. width, height: pixels, upright."""

    time_s: float
    width: int
    height: int
    faces: tuple[StoredSceneFace, ...]


@dataclass(frozen=True, slots=True, eq=False)
class StoredScene:
    """What is stored of a video; see SceneRun. frames: of the run that stored it, in the order of time.

    stopped: why the run looked at no more frames; None if it was interrupted. db_version: of the face
    database that the tracks were matched with; None before that.
    """

    picture_id: int
    pack: str
    sampler: str
    db_version: str | None
    source: str
    width: int
    height: int
    duration_s: float | None
    settings: Mapping[str, Any] | None
    stopped: str | None
    frames: tuple[StoredSceneFrame, ...]


def begin_scene(connection: sqlite3.Connection, run: SceneRun, *, restart: bool = False) -> int:
    """Prepare for a run's frames; returns the id of the video's picture.

    restart: look at all frames again; those stored before count no more, and keep the ids of their faces for
    frames of the same moments. So do those of another pack or sampler.
    """
    picture_id = show_video(connection, run.stash_scene_id, run.picture)
    former = connection.execute(
        "SELECT pack, sampler FROM stash_sense_videos WHERE picture_id = ?", (picture_id,)
    ).fetchone()
    if former is not None and (restart or former != (run.pack, run.sampler)):
        connection.execute(
            "UPDATE stash_sense_scene_frames SET former = 1 WHERE picture_id = ?", (picture_id,)
        )
    if former is not None and former[0] != run.pack:  # their templates are of other networks
        connection.execute("DELETE FROM stash_sense_scene_tracks WHERE picture_id = ?", (picture_id,))
    connection.execute(
        """INSERT INTO stash_sense_videos
             (picture_id, pack, sampler, source, width, height, duration_s, settings)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (picture_id) DO UPDATE SET pack = excluded.pack, sampler = excluded.sampler,
             source = excluded.source, width = excluded.width, height = excluded.height,
             duration_s = excluded.duration_s, settings = excluded.settings, stopped = NULL""",
        (
            picture_id,
            *(run.pack, run.sampler, run.source, run.width, run.height, run.duration_s),
            canonical_json("settings", run.settings),
        ),
    )
    return picture_id


def end_scene(connection: sqlite3.Connection, picture_id: int, stopped: str) -> None:
    """A run has looked at all that it wanted to: frames of former runs go. Raises NotStored."""
    ended = connection.execute(
        "UPDATE stash_sense_videos SET stopped = ?, stored_at = datetime('now') WHERE picture_id = ? "
        "RETURNING source",
        (validate_text("stopped", stopped), picture_id),
    ).fetchall()
    if not ended:
        raise NotStored("What was stored of the scene has been deleted meanwhile. Identify it again.")
    connection.execute("DELETE FROM stash_sense_scene_frames WHERE picture_id = ? AND former", (picture_id,))
    if ended[0][0] != SPRITE_SOURCE:  # the video has been read after all
        forget_unreadable_video(connection, picture_id)


def get_scene(connection: sqlite3.Connection, picture: PictureIdentity) -> StoredScene | None:
    """What is stored of a video, with embeddings."""
    picture_id = pictures.find_picture(connection, picture)
    row = connection.execute(
        """SELECT pack, sampler, db_version, source, width, height, duration_s, settings, stopped
           FROM stash_sense_videos WHERE picture_id = ?""",
        (picture_id,),
    ).fetchone()
    if picture_id is None or row is None:
        return None
    frames = _frames(connection, picture_id, row[0])
    return StoredScene(*(picture_id, *row[:7], parse_json_object(row[7]), row[8], frames))


def _frames(connection: sqlite3.Connection, picture_id: int, pack: str) -> tuple[StoredSceneFrame, ...]:
    _, sizes = embedding_sizes(connection, pack) or (0, (0, 0))
    faces: dict[int, list[StoredSceneFace]] = {}
    rows = connection.execute(
        """SELECT f.frame_id, f.id, f.x, f.y, f.w, f.h, f.detection_confidence, f.quality, f.landmarks,
                  f.details, f.track_id, f.crop IS NOT NULL, f.vectors
           FROM stash_sense_scene_frames s JOIN stash_sense_scene_faces f ON f.frame_id = s.id
           WHERE s.picture_id = ? AND NOT s.former ORDER BY f.frame_id, f.position, f.id""",
        (picture_id,),
    ).fetchall()
    for row, vectors in zip(rows, _embeddings([row[12] for row in rows], sizes), strict=True):
        try:
            if vectors is None:
                raise ValueError(f"{len(row[12])} bytes of embeddings, not those of {sizes} values")
            landmarks = None if row[8] is None else np.frombuffer(row[8], dtype=LANDMARKS).reshape(5, 2)
            details = parse_json_object(row[9])
            face = StoredSceneFace(
                *(row[1], Box(*row[2:6]), row[6], row[7], landmarks, details, row[10], bool(row[11])),
                *vectors,
            )
        except UNREADABLE as error:
            log_unreadable("face of a scene", row[1], error)
            continue
        faces.setdefault(row[0], []).append(face)
    return tuple(
        StoredSceneFrame(time_s, width, height, tuple(faces.get(frame_id, ())))
        for frame_id, time_s, width, height in connection.execute(
            """SELECT id, time_s, width, height FROM stash_sense_scene_frames
               WHERE picture_id = ? AND NOT former ORDER BY time_s""",
            (picture_id,),
        )
    )


def _embeddings(blobs: Sequence[Any], sizes: tuple[int, int]) -> list[tuple[Vector, Vector] | None]:
    """Of each blob its two embeddings, decoded all at once; None for a blob of another size."""
    sound = [isinstance(blob, bytes) and len(blob) == embeddings_bytes(sizes) for blob in blobs]
    decoded = decode_embeddings(
        [blob for blob, is_sound in zip(blobs, sound, strict=True) if is_sound], sizes
    )
    pairs = zip(*decoded, strict=True)
    return [next(pairs) if is_sound else None for is_sound in sound]


def get_scene_crop(connection: sqlite3.Connection, face_id: int) -> bytes | None:
    """The JPEG of a scene's face; None where it was not kept. Raises NotStored."""
    row = connection.execute(
        "SELECT crop FROM stash_sense_scene_faces WHERE id = ?", (validate_integer("face_id", face_id),)
    ).fetchone()
    if row is None:
        raise NotStored(f"There is no face s{face_id}; identify the scene again and use its new face ids.")
    return None if row[0] is None else bytes(row[0])
