"""The faces of one run on one image, written in a few statements however many they are."""

import json
import sqlite3
from collections.abc import Sequence

from stash_sense.store.repositories.faces import DetectedFace, face_columns
from stash_sense.store.repositories.matches import delete_matches, insert_matches, upsert_embeddings


def upsert_faces(
    connection: sqlite3.Connection,
    fingerprint_id: int,
    pack: str,
    faces: Sequence[DetectedFace],
    former_ids: Sequence[int | None],
) -> tuple[int, ...]:
    """Insert the faces of an image, or update those that have a former id; returns their ids, in order.

    Raises BadInput, and Conflict where `pack` has embeddings of other sizes.
    """
    rows = [(position, *face_columns(face)) for position, face in enumerate(faces)]
    connection.executemany(
        "UPDATE stash_sense_faces SET position = ?, x = ?, y = ?, w = ?, h = ?, "
        "detection_confidence = ?, quality = ?, landmarks = ?, verdict = ?, reason = ?, "
        "details = ? WHERE id = ?",
        [(*row, face_id) for row, face_id in zip(rows, former_ids, strict=True) if face_id is not None],
    )
    connection.executemany(
        "INSERT INTO stash_sense_faces (image_fingerprint_id, position, x, y, w, h, "
        "detection_confidence, quality, landmarks, verdict, reason, details) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(fingerprint_id, *row) for row, face_id in zip(rows, former_ids, strict=True) if face_id is None],
    )
    # In the order of ids: the newest of a position is the one that was just inserted.
    at_position = dict(
        connection.execute(
            "SELECT position, id FROM stash_sense_faces WHERE image_fingerprint_id = ? ORDER BY id",
            (fingerprint_id,),
        ).fetchall()
    )
    face_ids = tuple(
        at_position[position] if face_id is None else face_id for position, face_id in enumerate(former_ids)
    )
    written = dict(zip(face_ids, faces, strict=True))
    delete_matches(connection, [face_id for face_id in former_ids if face_id is not None])
    insert_matches(connection, {face_id: face.candidates for face_id, face in written.items()})
    # Embeddings of an earlier run are not of what this run saw.
    _delete_embeddings(connection, pack, [i for i, face in written.items() if face.facenet is None])
    upsert_embeddings(
        connection,
        pack,
        {i: (face.facenet, face.arcface) for i, face in written.items() if face.facenet is not None},
    )
    return face_ids


def _delete_embeddings(connection: sqlite3.Connection, pack: str, face_ids: Sequence[int]) -> None:
    connection.execute(
        "DELETE FROM stash_sense_embeddings WHERE face_id IN (SELECT value FROM json_each(?)) "
        "AND pack_id = (SELECT id FROM stash_sense_packs WHERE name = ?)",
        (json.dumps(face_ids), pack),
    )
