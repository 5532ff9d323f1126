"""What all stored faces look like: those of images, and the tracks of scenes, a block at a time."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stash_sense.domain.faces import FaceId, SceneFaceId
from stash_sense.errors import NotStored
from stash_sense.store.repositories.matches import (
    Vector,
    decode_embeddings,
    embedding_sizes,
    embeddings_bytes,
)


@dataclass(frozen=True, slots=True, eq=False)
class FaceBlock:
    """ids (n,) of faces of images, or of tracks of scenes; facenet (n, d1), arcface (n, d2).

    last: pass it as `after` for the next block.
    """

    ids: npt.NDArray[np.int64]
    facenet: Vector
    arcface: Vector
    last: int


@dataclass(frozen=True, slots=True)
class FacePlaceInLibrary:
    """Where a face is. picture_id: of copies of one picture the same. time_s: of a scene's."""

    face_id: FaceId
    picture_id: int
    target_type: str
    target_id: str
    time_s: float | None


_IMAGES = """SELECT e.id, e.face_id, e.vectors FROM stash_sense_embeddings e
  WHERE e.pack_id = ? AND e.id > ? ORDER BY e.id LIMIT ?"""
_TRACKS = """SELECT t.id, t.id, t.template FROM stash_sense_scene_tracks t
  JOIN stash_sense_videos v ON v.picture_id = t.picture_id
  WHERE v.pack = (SELECT name FROM stash_sense_packs WHERE id = ?) AND t.id > ? ORDER BY t.id LIMIT ?"""


def read_face_block(
    connection: sqlite3.Connection, pack: str, after: int, most: int, *, of_scenes: bool
) -> FaceBlock | None:
    """The next block of at most `most` faces of images, or tracks of scenes; None at the end."""
    stored = embedding_sizes(connection, pack)
    if stored is None:
        return None
    pack_id, sizes = stored
    rows = connection.execute(_TRACKS if of_scenes else _IMAGES, (pack_id, after, most)).fetchall()
    if not rows:
        return None
    sound = [row for row in rows if isinstance(row[2], bytes) and len(row[2]) == embeddings_bytes(sizes)]
    facenet, arcface = decode_embeddings([row[2] for row in sound], sizes)
    return FaceBlock(np.array([row[1] for row in sound], dtype=np.int64), facenet, arcface, rows[-1][0])


def face_vectors(connection: sqlite3.Connection, face_id: FaceId, pack: str) -> tuple[Vector, Vector]:
    """What a stored face looks like to a pack: (1, d1) and (1, d2). Raises NotStored."""
    _, sizes = embedding_sizes(connection, pack) or (0, (0, 0))
    if isinstance(face_id, SceneFaceId):
        row = connection.execute(
            """SELECT f.vectors FROM stash_sense_scene_faces f
               JOIN stash_sense_scene_frames r ON r.id = f.frame_id
               JOIN stash_sense_videos v ON v.picture_id = r.picture_id
               WHERE f.id = ? AND v.pack = ?""",
            (face_id.number, pack),
        ).fetchone()
    else:
        row = connection.execute(
            """SELECT e.vectors FROM stash_sense_embeddings e JOIN stash_sense_packs p ON p.id = e.pack_id
               WHERE e.face_id = ? AND p.name = ?""",
            (face_id, pack),
        ).fetchone()
    if row is None or len(row[0]) != embeddings_bytes(sizes):
        raise NotStored(
            f"Of face {face_id} nothing is stored that it could be compared by. Identify the image or scene "
            "again."
        )
    return decode_embeddings([row[0]], sizes)


def places_of_faces(
    connection: sqlite3.Connection, face_ids: Iterable[FaceId]
) -> dict[FaceId, FacePlaceInLibrary]:
    """Where faces of images and of scenes are."""
    wanted = list(face_ids)
    images = json.dumps([each for each in wanted if not isinstance(each, SceneFaceId)])
    scenes = json.dumps([each.number for each in wanted if isinstance(each, SceneFaceId)])
    places: dict[FaceId, FacePlaceInLibrary] = {}
    for face_id, picture_id, image in connection.execute(
        """SELECT f.id, r.picture_id, i.stash_image_id FROM json_each(?) wanted
           CROSS JOIN stash_sense_faces f ON f.id = wanted.value
           JOIN image_fingerprints i ON i.id = f.image_fingerprint_id
           JOIN stash_sense_image_results r ON r.image_fingerprint_id = i.id
           WHERE NOT EXISTS (SELECT 1 FROM stash_sense_library_tags t
             WHERE t.target_type = 'image' AND t.target_id = i.stash_image_id AND t.gone)""",
        (images,),
    ):
        places[face_id] = FacePlaceInLibrary(face_id, picture_id, "image", image, None)
    for number, picture_id, scene, time_s in connection.execute(
        """SELECT f.id, r.picture_id, min(s.stash_scene_id), r.time_s FROM json_each(?) wanted
           CROSS JOIN stash_sense_scene_faces f ON f.id = wanted.value
           JOIN stash_sense_scene_frames r ON r.id = f.frame_id
           JOIN stash_sense_scenes s ON s.picture_id = r.picture_id
           WHERE NOT EXISTS (SELECT 1 FROM stash_sense_library_tags t
             WHERE t.target_type = 'scene' AND t.target_id = CAST(s.stash_scene_id AS TEXT) AND t.gone)
           GROUP BY f.id""",
        (scenes,),
    ):
        face_id = SceneFaceId(number)
        places[face_id] = FacePlaceInLibrary(face_id, picture_id, "scene", str(scene), time_s)
    return places


def best_faces_of_tracks(connection: sqlite3.Connection, track_ids: Iterable[int]) -> dict[int, SceneFaceId]:
    """The face of each track to show: one whose picture was kept, else the best."""
    return {
        track: SceneFaceId(face)
        for track, face in connection.execute(
            """SELECT track_id, id FROM (SELECT f.track_id, f.id, row_number() OVER (
                 PARTITION BY f.track_id ORDER BY f.crop IS NULL, f.quality DESC, f.id) AS place
               FROM json_each(?) wanted JOIN stash_sense_scene_faces f ON f.track_id = wanted.value)
               WHERE place = 1""",
            (json.dumps(sorted(track_ids)),),
        )
    }
