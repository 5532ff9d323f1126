"""Embeddings as compact bytes: both vectors of a face behind one another, as little-endian float16.

512 bytes a face for a 128+128 pack, 2,048 for 512+512. Rounding to float16 moves a cosine by less
than 1e-3 (tests/store/test_embeddings.py measures it); values are stored as they come, unscaled.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from stash_sense.errors import BadInput, Conflict

Vector = npt.NDArray[np.float32]

_STORED = np.dtype("<f2")
_SMALLEST = 2.0**-10  # a vector whose largest value is below this would lose digits to float16


def encode(facenet: npt.ArrayLike, arcface: npt.ArrayLike) -> tuple[bytes, tuple[int, int]]:
    """Both vectors, shapes (d,), as bytes, and their sizes. Raises BadInput for what float16 cannot hold."""
    first, second = _checked("facenet", facenet), _checked("arcface", arcface)
    return first.tobytes() + second.tobytes(), (len(first), len(second))


def _checked(slot: str, vector: npt.ArrayLike) -> npt.NDArray[np.float16]:
    try:
        given = np.asarray(vector, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise BadInput(f"The {slot} embedding is no list of numbers ({error}).") from error
    if given.ndim != 1 or not given.size:
        raise BadInput(f"The {slot} embedding has shape {given.shape}; give one vector, shape (d,).")
    largest = float(np.abs(given).max())
    if not _SMALLEST <= largest <= float(np.finfo(_STORED).max):  # a NaN fails this too
        raise BadInput(
            f"The {slot} embedding's largest value is {largest:g}; give finite values, largest between "
            f"{_SMALLEST:g} and 65504. Scale it to unit length, or leave the face without embeddings."
        )
    return given.astype(_STORED)


def decode(rows: Sequence[bytes], sizes: tuple[int, int]) -> tuple[Vector, Vector]:
    """Stored rows as two float32 arrays, shapes (n, facenet size) and (n, arcface size)."""
    both = np.frombuffer(b"".join(rows), dtype=_STORED).reshape(len(rows), sum(sizes))
    return both[:, : sizes[0]].astype(np.float32), both[:, sizes[0] :].astype(np.float32)


def pack_sizes(connection: sqlite3.Connection, name: str) -> tuple[int, tuple[int, int]] | None:
    """A model pack's number and the sizes of its two embeddings; None while nothing of it is stored."""
    found = connection.execute(
        "SELECT id, facenet_size, arcface_size FROM stash_sense_packs WHERE name = ?", (name,)
    ).fetchone()
    return (found[0], (found[1], found[2])) if found else None


def remember_embeddings(
    connection: sqlite3.Connection, face_id: int, name: str, facenet: Any, arcface: Any
) -> None:
    """Store a face's two embeddings under a model pack; those of other packs stay."""
    blob, sizes = encode(facenet, arcface)
    known = pack_sizes(connection, name)
    if known is None:
        cursor = connection.execute(
            "INSERT INTO stash_sense_packs (name, facenet_size, arcface_size) VALUES (?, ?, ?)",
            (name, *sizes),
        )
        known = (int(cursor.lastrowid or 0), sizes)
    if known[1] != sizes:
        raise Conflict(
            f"Pack {name} has embeddings of {known[1][0]} and {known[1][1]} values; {sizes[0]} and "
            f"{sizes[1]} arrived. Another network is another pack: give it its own id."
        )
    connection.execute(
        "INSERT INTO stash_sense_embeddings (face_id, pack_id, vectors) VALUES (?, ?, ?) "
        "ON CONFLICT (face_id, pack_id) DO UPDATE SET vectors = excluded.vectors",
        (face_id, known[0], blob),
    )
