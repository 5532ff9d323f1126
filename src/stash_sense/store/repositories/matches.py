"""What matching reads and writes for each face: its embeddings by model pack, and its matches.

Both embeddings of a face are one blob of little-endian float16, facenet first: 512 bytes for a 128+128 pack,
2,048 for 512+512. Rounding to float16 moves a cosine by less than 1e-3 (tests/store/test_embeddings.py).
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from stash_sense.domain.decisions import StoredMatch
from stash_sense.domain.validation import parse_json_object
from stash_sense.errors import BadInput, Conflict
from stash_sense.store.repositories.people import upsert_people
from stash_sense.store.unreadable import UNREADABLE, log_unreadable

Vector = npt.NDArray[np.float32]

_EMBEDDINGS = np.dtype("<f2")
_SMALLEST = 2.0**-10  # a vector whose largest value is smaller would lose digits in float16


def encode_embeddings(facenet: npt.ArrayLike, arcface: npt.ArrayLike) -> tuple[bytes, tuple[int, int]]:
    """Both vectors, shapes (d,), as one blob, and their sizes. Raises BadInput beyond float16's range.

    The first has no numbers where the pack has no such network.
    """
    first, second = _as_float16("facenet", facenet), _as_float16("arcface", arcface)
    return first.tobytes() + second.tobytes(), (len(first), len(second))


def _as_float16(slot: str, values: npt.ArrayLike) -> npt.NDArray[np.float16]:
    try:
        vector = np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise BadInput(f"The {slot} embedding is not a list of numbers ({error}).") from error
    if slot == "facenet" and vector.shape == (0,):
        return vector.astype(_EMBEDDINGS)
    if vector.ndim != 1 or not vector.size:
        raise BadInput(f"The {slot} embedding has shape {vector.shape}; give one vector, shape (d,).")
    largest = float(np.abs(vector).max())
    if not _SMALLEST <= largest <= float(np.finfo(_EMBEDDINGS).max):  # a NaN fails this too
        raise BadInput(
            f"The {slot} embedding's largest value is {largest:g}; give finite values, largest between "
            f"{_SMALLEST:g} and 65504. Scale it to unit length, or leave the face without embeddings."
        )
    return vector.astype(_EMBEDDINGS)


def embeddings_bytes(sizes: tuple[int, int]) -> int:
    """The length of the blob of two embeddings of these sizes."""
    return sum(sizes) * _EMBEDDINGS.itemsize


def decode_embeddings(blobs: Sequence[bytes], sizes: tuple[int, int]) -> tuple[Vector, Vector]:
    """Blobs of one pack as float32 arrays, shapes (n, facenet size) and (n, arcface size)."""
    both = np.frombuffer(b"".join(blobs), dtype=_EMBEDDINGS).reshape(len(blobs), sum(sizes))
    return both[:, : sizes[0]].astype(np.float32), both[:, sizes[0] :].astype(np.float32)


def embedding_sizes(connection: sqlite3.Connection, pack: str) -> tuple[int, tuple[int, int]] | None:
    """A model pack's row id and the sizes of its two embeddings; None while none is stored."""
    row = connection.execute(
        "SELECT id, facenet_size, arcface_size FROM stash_sense_packs WHERE name = ?", (pack,)
    ).fetchone()
    return (row[0], (row[1], row[2])) if row else None


def upsert_embeddings(
    connection: sqlite3.Connection, pack: str, embeddings: Mapping[int, tuple[Any, Any]]
) -> None:
    """Store faces' two embeddings of a model pack, by face id; those of other packs stay."""
    encoded = {face_id: encode_embeddings(*both) for face_id, both in embeddings.items()}
    pack_ids = {
        sizes: upsert_pack(connection, pack, sizes)
        for sizes in dict.fromkeys(sizes for _, sizes in encoded.values())
    }
    connection.executemany(
        "INSERT INTO stash_sense_embeddings (face_id, pack_id, vectors) VALUES (?, ?, ?) "
        "ON CONFLICT (face_id, pack_id) DO UPDATE SET vectors = excluded.vectors",
        [(face_id, pack_ids[sizes], blob) for face_id, (blob, sizes) in encoded.items()],
    )


def upsert_pack(connection: sqlite3.Connection, pack: str, sizes: tuple[int, int]) -> int:
    """The row id of a model pack with embeddings of these sizes. Raises Conflict where it has others."""
    stored = embedding_sizes(connection, pack)
    if stored is None:
        cursor = connection.execute(
            "INSERT INTO stash_sense_packs (name, facenet_size, arcface_size) VALUES (?, ?, ?)",
            (pack, *sizes),
        )
        return int(cursor.lastrowid or 0)
    if stored[1] != sizes:
        raise Conflict(
            f"Pack {pack} has embeddings of {stored[1][0]} and {stored[1][1]} values; {sizes[0]} and "
            f"{sizes[1]} arrived. Another network is another pack: give it its own id."
        )
    return stored[0]


def embeddings_by_face(
    connection: sqlite3.Connection, fingerprint_ids: Sequence[int]
) -> dict[int, tuple[Vector, Vector]]:
    """Face id -> its two embeddings of the pack of the last run, for all faces of these images."""
    by_sizes: dict[tuple[int, int], dict[int, bytes]] = {}
    for face_id, blob, *sizes in connection.execute(
        """SELECT f.id, e.vectors, p.facenet_size, p.arcface_size FROM json_each(?) wanted
           CROSS JOIN stash_sense_faces f ON f.image_fingerprint_id = wanted.value
           JOIN stash_sense_image_results r USING (image_fingerprint_id)
           JOIN stash_sense_packs p ON p.name = r.pack
           JOIN stash_sense_embeddings e ON e.face_id = f.id AND e.pack_id = p.id""",
        (json.dumps(list(fingerprint_ids)),),
    ):
        by_sizes.setdefault((sizes[0], sizes[1]), {})[face_id] = blob
    by_face: dict[int, tuple[Vector, Vector]] = {}
    for pair, blobs in by_sizes.items():
        by_face.update(zip(blobs, zip(*decode_embeddings([*blobs.values()], pair), strict=True), strict=True))
    return by_face


def delete_matches(connection: sqlite3.Connection, face_ids: Iterable[int]) -> None:
    """Delete the matches of faces."""
    connection.execute(
        "DELETE FROM stash_sense_candidates WHERE face_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(face_ids)),),
    )


FACES, TRACKS = ("stash_sense_candidates", "face_id"), ("stash_sense_scene_candidates", "track_id")
"""Of what matches are stored: the table, and the column that says of which one."""


def insert_matches(
    connection: sqlite3.Connection,
    matches_by_id: Mapping[int, Sequence[StoredMatch]],
    of: tuple[str, str] = FACES,
) -> None:
    """Insert the matches of faces, or tracks, that have none, best first. matches_by_id: by face or track."""
    table, owner = of
    people = upsert_people(
        connection,
        ((each.performer_id, each.name, each.facts) for own in matches_by_id.values() for each in own),
    )
    connection.executemany(
        f"INSERT INTO {table} ({owner}, rank, person_id, distance, facenet_distance, "  # noqa: S608  our names
        "arcface_distance, reference_id, support) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                owner_id,
                rank,
                people[match.performer_id],
                match.distance,
                match.facenet_distance,
                match.arcface_distance,
                match.reference_id or None,
                match.support or None,
            )
            for owner_id, matches in matches_by_id.items()
            for rank, match in enumerate(matches)
        ],
    )


def matches_by_face(
    connection: sqlite3.Connection, ids: list[int], of: tuple[str, str] = FACES
) -> dict[int, list[StoredMatch]]:
    """Face id, or track id, -> its stored matches, best first, each person once."""
    table, owner = of
    by_id: dict[int, dict[str, StoredMatch]] = {}
    for row in connection.execute(
        f"""SELECT c.{owner}, p.performer_id, c.distance, c.facenet_distance, c.arcface_distance, p.name,
                  c.reference_id, c.support, p.facts
           FROM json_each(?) wanted
           JOIN {table} c ON c.{owner} = wanted.value
           JOIN stash_sense_people p ON p.id = c.person_id
           ORDER BY c.{owner}, c.rank""",  # noqa: S608  our names
        (json.dumps(ids),),
    ):
        try:
            match = StoredMatch(*(*row[1:8], parse_json_object(row[8])))
        except UNREADABLE as error:
            log_unreadable("a match of face", row[0], error)
            continue
        # Two people may have become one since: the better match stands for both.
        by_id.setdefault(row[0], {}).setdefault(match.performer_id, match)
    return {owner_id: list(own.values()) for owner_id, own in by_id.items()}
