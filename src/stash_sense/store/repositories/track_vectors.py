"""What stored tracks look like, packed to a byte a number, so that new ones can be compared with all of them.

A copy of what the embeddings say, a few hundred bytes a track, read in blocks: the exact numbers of a million
tracks would take seconds to read. It may be deleted at any time, and is filled again.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stash_sense.store.repositories.library_tracks import Vectors
from stash_sense.store.repositories.matches import Vector, decode_embeddings, embedding_sizes

TRACKS_PER_BLOCK = 4096
STEP_BYTES = 4
_HIGHEST = 127
_LEAST = np.float32(1e-9)


@dataclass(frozen=True, slots=True, eq=False)
class PackedTracks:
    """A block. track_ids (n,) int64. numbers (n, STEP_BYTES + d) int8: the bytes of the row's step, and how
    many steps each number is of the two embeddings, facenet's first, each of length 1."""

    track_ids: NDArray[np.int64]
    numbers: NDArray[np.int8]

    @property
    def steps(self) -> NDArray[np.float32]:
        """(n, 1)"""
        return np.ascontiguousarray(self.numbers[:, :STEP_BYTES]).view(np.float32)


def packed_blocks(connection: sqlite3.Connection, pack: str) -> Iterator[PackedTracks]:
    """The packed tracks of a model pack; some may be gone, or have changed since."""
    pack_id, sizes = embedding_sizes(connection, pack) or (0, (0, 0))
    for count, ids, blob in connection.execute(
        "SELECT track_count, track_ids, vectors FROM stash_sense_track_vectors WHERE pack_id = ? ORDER BY id",
        (pack_id,),
    ):
        numbers = np.frombuffer(blob, np.int8).reshape(count, STEP_BYTES + sum(sizes))
        yield PackedTracks(np.frombuffer(ids, np.int64), numbers)


def pack_tracks(connection: sqlite3.Connection, pack: str, vectors: Mapping[int, Vectors]) -> None:
    """Add tracks, by id, and note that they are packed."""
    stored = embedding_sizes(connection, pack)
    if stored is None or not vectors:
        return
    pack_id, _ = stored
    last = connection.execute(
        "SELECT id, track_count, track_ids, vectors FROM stash_sense_track_vectors WHERE pack_id = ? "
        "ORDER BY id DESC LIMIT 1",
        (pack_id,),
    ).fetchone()
    ids = np.fromiter(vectors, np.int64, len(vectors))
    numbers = _packed([np.stack(own) for own in zip(*vectors.values(), strict=True)])
    start = 0
    if last is not None and last[1] < TRACKS_PER_BLOCK:
        start = min(TRACKS_PER_BLOCK - last[1], len(ids))
        connection.execute(
            "UPDATE stash_sense_track_vectors SET track_count = ?, track_ids = ?, vectors = ? WHERE id = ?",
            (
                last[1] + start,
                last[2] + ids[:start].tobytes(),
                last[3] + numbers[:start].tobytes(),
                last[0],
            ),
        )
    for first in range(start, len(ids), TRACKS_PER_BLOCK):
        part = slice(first, first + TRACKS_PER_BLOCK)
        connection.execute(
            "INSERT INTO stash_sense_track_vectors (pack_id, track_count, track_ids, vectors) "
            "VALUES (?, ?, ?, ?)",
            (pack_id, len(ids[part]), ids[part].tobytes(), numbers[part].tobytes()),
        )
    _note_packed(connection, ids.tolist(), pack_id)


def _packed(embeddings: Sequence[Vector]) -> NDArray[np.int8]:
    """See `PackedTracks.numbers`."""
    rows = np.concatenate(
        [own / np.maximum(np.linalg.norm(own, axis=1, keepdims=True), _LEAST) for own in embeddings], axis=1
    )
    steps = np.abs(rows).max(axis=1, keepdims=True) / np.float32(_HIGHEST)
    steps[steps == 0] = 1
    steps = steps.astype(np.float32)
    return np.concatenate([steps.view(np.int8), np.rint(rows / steps).astype(np.int8)], axis=1)


def _note_packed(connection: sqlite3.Connection, track_ids: Sequence[int], pack_id: int) -> None:
    connection.execute(
        "UPDATE stash_sense_library_tracks SET packed = ? WHERE id IN (SELECT value FROM json_each(?))",
        (pack_id, json.dumps(list(track_ids))),
    )


def any_missing(connection: sqlite3.Connection) -> bool:
    """Whether some tracks were not looked at since what was packed was deleted."""
    row = connection.execute(
        "SELECT 1 FROM stash_sense_library_tracks WHERE packed IS NULL LIMIT 1"
    ).fetchone()
    return row is not None


def pack_missing(connection: sqlite3.Connection, pack: str, most: int) -> None:
    """Pack some tracks that have not been since the vectors were deleted."""
    ids = [
        row[0]
        for row in connection.execute(
            "SELECT id FROM stash_sense_library_tracks WHERE packed IS NULL ORDER BY id LIMIT ?", (most,)
        )
    ]
    vectors = vectors_of_tracks(connection, pack, ids)
    pack_tracks(connection, pack, vectors)
    _note_packed(connection, [track_id for track_id in ids if track_id not in vectors], 0)


def delete_packed(connection: sqlite3.Connection) -> None:
    """Delete what is packed of all tracks; it is made again from the embeddings that are left."""
    connection.execute("DELETE FROM stash_sense_track_vectors")
    connection.execute("UPDATE stash_sense_library_tracks SET packed = NULL WHERE packed > 0")


def vectors_of_tracks(
    connection: sqlite3.Connection, pack: str, track_ids: Sequence[int]
) -> dict[int, Vectors]:
    """Track id -> its exact embeddings of a model pack, for those that have some."""
    pack_id, sizes = embedding_sizes(connection, pack) or (0, (0, 0))
    blobs = dict(
        connection.execute(
            """SELECT t.id, e.vectors FROM json_each(?1) wanted
               CROSS JOIN stash_sense_library_tracks t ON t.id = wanted.value
               JOIN stash_sense_embeddings e ON e.face_id = t.face_id AND e.pack_id = ?2
               UNION ALL
               SELECT t.id, s.template FROM json_each(?1) wanted
               CROSS JOIN stash_sense_library_tracks t ON t.id = wanted.value
               JOIN stash_sense_scene_faces f ON f.id = t.scene_face_id
               JOIN stash_sense_scene_tracks s ON s.id = f.track_id
               JOIN stash_sense_videos v ON v.picture_id = s.picture_id AND v.pack = ?3""",
            (json.dumps(list(track_ids)), pack_id, pack),
        ).fetchall()
    )
    length = 2 * sum(sizes)
    sound = {track_id: blob for track_id, blob in blobs.items() if length and len(blob) == length}
    if not sound:
        return {}
    return dict(zip(sound, zip(*decode_embeddings([*sound.values()], sizes), strict=True), strict=True))
