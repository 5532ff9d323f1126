"""The vectors of a version: single precision while they are few, ten bits a number once they are many."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from stash_sense.facedb import layout
from stash_sense.facedb.layout import Manifest
from stash_sense.facedb.packed_search import PackedRows, search_packed
from stash_sense.facedb.packing import Packed, Packer, Scale, fine_width
from stash_sense.facedb.search import Neighbours, search_people

Array = NDArray[np.float32]

PACKED_FROM = 256 * 2**20
"""Bytes of single precision from which vectors are packed: 65,536 faces of 1,024 numbers."""
BLOCK_ROWS = 4096
"""Rows packed at a time: 16 MB of 1,024 numbers, and as much a few times more while they are rounded."""


class StoredVectors(Protocol):
    """The vectors of all faces."""

    def load(self, rows: range | NDArray[np.int64]) -> Array:
        """The rows, (n, d) float32; not a copy where none is needed."""
        ...

    def search(self, starts: NDArray[np.int64], queries: Array, top_k: int) -> Neighbours:
        """See `search_people`."""
        ...


def open_vectors(folder: Path, manifest: Manifest) -> StoredVectors:
    """The vectors of the version in `folder`. Raises OSError, ValueError."""
    if manifest.format == layout.FORMAT:
        return FloatVectors(folder, manifest.faces, manifest.dimension)
    return PackedVectors(folder, manifest.faces, manifest.dimension)


class FloatVectors:
    """Vectors in single precision, mapped."""

    def __init__(self, folder: Path, faces: int, dimension: int) -> None:
        self._rows = _mapped(folder / layout.VECTORS, "<f4", (faces, dimension))

    def load(self, rows: range | NDArray[np.int64]) -> Array:
        """See StoredVectors."""
        return np.asarray(self._rows[_selection(rows)])

    def search(self, starts: NDArray[np.int64], queries: Array, top_k: int) -> Neighbours:
        """See StoredVectors."""
        return search_people(self._rows, starts, queries, top_k)


class PackedVectors:
    """Vectors of ten bits a number, mapped."""

    def __init__(self, folder: Path, faces: int, dimension: int) -> None:
        self._upper = _mapped(folder / layout.UPPER, "u1", (faces, dimension))
        self._lower = _mapped(folder / layout.LOWER, "u1", (faces, fine_width(dimension)))
        self._steps = _mapped(folder / layout.STEPS, "<f4", (faces,))
        self._folder = folder
        self._scale = Scale(*np.fromfile(folder / layout.SCALE, "<f4").reshape(2, dimension))

    def packer(self, widths: Sequence[int]) -> Packer:
        """What packed these vectors, to pack others alike."""
        edges = np.cumsum([width * width for width in widths])
        parts = np.split(np.fromfile(self._folder / layout.CARRY, "<f4"), edges[:-1])
        return Packer(
            self._scale,
            [part.reshape(width, width) for part, width in zip(parts, widths, strict=True)],
        )

    def packed(self, rows: range) -> Packed:
        """The rows as they are stored."""
        part = slice(rows.start, rows.stop)
        return Packed(self._upper[part], self._lower[part], self._steps[part])

    def load(self, rows: range | NDArray[np.int64]) -> Array:
        """See StoredVectors."""
        chosen = _selection(rows)
        packed = Packed(self._upper[chosen], self._lower[chosen], np.asarray(self._steps[chosen]))
        return self._scale.unpack(packed)

    def search(self, starts: NDArray[np.int64], queries: Array, top_k: int) -> Neighbours:
        """See StoredVectors."""
        rows = PackedRows(self._upper, self._steps, self._scale.centre, self._scale.gain, self.load)
        return search_packed(rows, starts, queries, top_k)


def _selection(rows: range | NDArray[np.int64]) -> slice | NDArray[np.int64]:
    return slice(rows.start, rows.stop) if isinstance(rows, range) else rows


def _mapped(path: Path, kind: str, shape: tuple[int, ...]) -> NDArray[Any]:
    # What is empty cannot be mapped.
    return np.memmap(path, kind, mode="r", shape=shape) if shape[0] else np.zeros(shape, kind)


class VectorWriter:
    """Writes the vectors of a version. They are packed once there are PACKED_FROM bytes of them.

    widths: of the slots, in the order of a row.
    """

    def __init__(self, folder: Path, widths: Sequence[int]) -> None:
        self._folder = folder
        self._widths = tuple(widths)
        self._files: dict[str, BinaryIO] = {layout.VECTORS: (folder / layout.VECTORS).open("wb")}
        self._bytes = 0
        self._packer: Packer | None = None
        self._packed_like: PackedVectors | None = None
        self._waiting: list[Array] = []

    @property
    def format(self) -> int:
        """Of the manifest."""
        return layout.FORMAT if self._packer is None else layout.PACKED_FORMAT

    def append(self, rows: Array) -> None:
        """Append rows (n, d) float32."""
        rows = np.ascontiguousarray(rows, "<f4")
        if self._packer is None:
            self._files[layout.VECTORS].write(rows.tobytes())
            self._bytes += rows.nbytes
            if self._bytes >= PACKED_FROM:
                self._begin_packing()
            return
        self._waiting.append(rows)
        if sum(map(len, self._waiting)) >= BLOCK_ROWS:
            self._pack_waiting()

    def copy(self, vectors: StoredVectors, rows: range) -> None:
        """Append rows of another version. Those packed alike are taken as they are: roundings add up."""
        if self._packer is None and isinstance(vectors, PackedVectors):
            self._begin_packing(vectors)
        for first in range(rows.start, rows.stop, BLOCK_ROWS):
            block = range(first, min(first + BLOCK_ROWS, rows.stop))
            if self._packed_like and vectors is self._packed_like:
                self._pack_waiting()
                self._write(self._packed_like.packed(block))
            else:
                self.append(vectors.load(block))

    def finish(self) -> list[str]:
        """Close the files and return their names."""
        self._pack_waiting()
        self.close()
        return [*self._files, *([] if self._packer is None else [layout.SCALE, layout.CARRY])]

    def close(self) -> None:
        """Close without finishing."""
        for file in self._files.values():
            file.close()

    def _begin_packing(self, like: PackedVectors | None = None) -> None:
        self._files.pop(layout.VECTORS).close()
        path = self._folder / layout.VECTORS
        rows = np.fromfile(path, "<f4").reshape(-1, sum(self._widths))
        path.unlink()
        self._packed_like = like
        self._packer = like.packer(self._widths) if like else Packer.fitted(rows, self._widths)
        shared = self._packer.scale.centre, self._packer.scale.gain
        for name, arrays in ((layout.SCALE, shared), (layout.CARRY, self._packer.carry)):
            data = b"".join(array.astype("<f4").tobytes() for array in arrays)
            (self._folder / name).write_bytes(data)
        for name in (layout.UPPER, layout.LOWER, layout.STEPS):
            self._files[name] = (self._folder / name).open("wb")
        for first in range(0, len(rows), BLOCK_ROWS):
            self._write(self._packer.pack(rows[first : first + BLOCK_ROWS]))

    def _pack_waiting(self) -> None:
        if self._packer and self._waiting:
            self._write(self._packer.pack(np.concatenate(self._waiting)))
            self._waiting = []

    def _write(self, packed: Packed) -> None:
        self._files[layout.UPPER].write(packed.upper.tobytes())
        self._files[layout.LOWER].write(packed.lower.tobytes())
        self._files[layout.STEPS].write(packed.steps.astype("<f4").tobytes())
