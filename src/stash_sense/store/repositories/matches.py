"""What matching reads and writes for each face: its embeddings by model pack, and its matches.

Both embeddings of a face are one blob of little-endian float16, facenet first: 512 bytes for a 128+128 pack,
2,048 for 512+512. Rounding to float16 moves a cosine by less than 1e-3 (tests/store/test_embeddings.py).
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from stash_sense.domain.decisions import StoredMatch
from stash_sense.domain.validation import canonical_json, parse_json_object
from stash_sense.errors import BadInput, Conflict

Vector = npt.NDArray[np.float32]

_EMBEDDINGS = np.dtype("<f2")
_SMALLEST = 2.0**-10  # a vector whose largest value is smaller would lose digits in float16


def encode_embeddings(facenet: npt.ArrayLike, arcface: npt.ArrayLike) -> tuple[bytes, tuple[int, int]]:
    """Both vectors, shapes (d,), as one blob, and their sizes. Raises BadInput beyond float16's range."""
    first, second = _as_float16("facenet", facenet), _as_float16("arcface", arcface)
    return first.tobytes() + second.tobytes(), (len(first), len(second))


def _as_float16(slot: str, values: npt.ArrayLike) -> npt.NDArray[np.float16]:
    try:
        vector = np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise BadInput(f"The {slot} embedding is not a list of numbers ({error}).") from error
    if vector.ndim != 1 or not vector.size:
        raise BadInput(f"The {slot} embedding has shape {vector.shape}; give one vector, shape (d,).")
    largest = float(np.abs(vector).max())
    if not _SMALLEST <= largest <= float(np.finfo(_EMBEDDINGS).max):  # a NaN fails this too
        raise BadInput(
            f"The {slot} embedding's largest value is {largest:g}; give finite values, largest between "
            f"{_SMALLEST:g} and 65504. Scale it to unit length, or leave the face without embeddings."
        )
    return vector.astype(_EMBEDDINGS)


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
    connection: sqlite3.Connection, face_id: int, pack: str, facenet: Any, arcface: Any
) -> None:
    """Store a face's two embeddings of a model pack; those of other packs stay."""
    blob, sizes = encode_embeddings(facenet, arcface)
    stored = embedding_sizes(connection, pack)
    if stored is None:
        cursor = connection.execute(
            "INSERT INTO stash_sense_packs (name, facenet_size, arcface_size) VALUES (?, ?, ?)",
            (pack, *sizes),
        )
        stored = (int(cursor.lastrowid or 0), sizes)
    if stored[1] != sizes:
        raise Conflict(
            f"Pack {pack} has embeddings of {stored[1][0]} and {stored[1][1]} values; {sizes[0]} and "
            f"{sizes[1]} arrived. Another network is another pack: give it its own id."
        )
    connection.execute(
        "INSERT INTO stash_sense_embeddings (face_id, pack_id, vectors) VALUES (?, ?, ?) "
        "ON CONFLICT (face_id, pack_id) DO UPDATE SET vectors = excluded.vectors",
        (face_id, stored[0], blob),
    )


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


def upsert_person(
    connection: sqlite3.Connection, performer_id: str, name: str | None, facts: Mapping[str, Any] | None
) -> int:
    """Insert or update a person; returns the id. A null name or null facts never erase known ones."""
    facts_json = canonical_json(f"The facts of {performer_id}", facts)
    row = connection.execute(
        "SELECT id, name, facts FROM stash_sense_people WHERE performer_id = ?", (performer_id,)
    ).fetchone()
    if row is None:
        cursor = connection.execute(
            "INSERT INTO stash_sense_people (performer_id, name, facts) VALUES (?, ?, ?)",
            (performer_id, name or None, facts_json),
        )
        return int(cursor.lastrowid or 0)
    if (name and name != row[1]) or (facts_json is not None and facts_json != row[2]):
        connection.execute(
            "UPDATE stash_sense_people SET name = coalesce(?, name), facts = coalesce(?, facts) WHERE id = ?",
            (name or None, facts_json, row[0]),
        )
    return int(row[0])


def delete_matches(connection: sqlite3.Connection, face_id: int) -> None:
    """Delete the matches of a face."""
    connection.execute("DELETE FROM stash_sense_candidates WHERE face_id = ?", (face_id,))


def insert_matches(connection: sqlite3.Connection, face_id: int, matches: tuple[StoredMatch, ...]) -> None:
    """Insert the matches of a face that has none, best first."""
    connection.executemany(
        "INSERT INTO stash_sense_candidates (face_id, rank, person_id, distance, facenet_distance, "
        "arcface_distance, reference_id, support) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                face_id,
                rank,
                upsert_person(connection, match.performer_id, match.name, match.facts),
                match.distance,
                match.facenet_distance,
                match.arcface_distance,
                match.reference_id or None,
                match.support or None,
            )
            for rank, match in enumerate(matches)
        ],
    )


def matches_by_face(connection: sqlite3.Connection, face_ids: list[int]) -> dict[int, list[StoredMatch]]:
    """Face id -> its stored matches, best first."""
    by_face: dict[int, list[StoredMatch]] = {}
    for row in connection.execute(
        """SELECT c.face_id, p.performer_id, c.distance, c.facenet_distance, c.arcface_distance, p.name,
                  c.reference_id, c.support, p.facts
           FROM json_each(?) wanted
           JOIN stash_sense_candidates c ON c.face_id = wanted.value
           JOIN stash_sense_people p ON p.id = c.person_id
           ORDER BY c.face_id, c.rank""",
        (json.dumps(face_ids),),
    ):
        by_face.setdefault(row[0], []).append(StoredMatch(*(*row[1:8], parse_json_object(row[8]))))
    return by_face


def delete_unused_people(connection: sqlite3.Connection) -> int:
    """Delete the people who are no face's match and have no decision."""
    return connection.execute(
        """DELETE FROM stash_sense_people WHERE
             NOT EXISTS (SELECT 1 FROM stash_sense_candidates c WHERE c.person_id = stash_sense_people.id)
             AND NOT EXISTS (SELECT 1 FROM stash_sense_decisions d
                             WHERE d.performer_id = stash_sense_people.performer_id)"""
    ).rowcount
