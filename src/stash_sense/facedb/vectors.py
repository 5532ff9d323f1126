"""The vectors of a version: single precision while they are few, ten bits a number once they are many."""

from collections.abc import Iterator, Sequence
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
FITTED_ROWS = 16_384
"""Rows that say how to pack: many times more than a slot has numbers."""
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
        self._lengths = np.full(faces, np.nan, np.float32)
        self._folder = folder
        self.scale = Scale(*np.fromfile(folder / layout.SCALE, "<f4").reshape(2, dimension))

    def packer(self, widths: Sequence[int]) -> Packer:
        """What packed these vectors, to pack others alike."""
        edges = np.cumsum([width * width for width in widths])
        parts = np.split(np.fromfile(self._folder / layout.CARRY, "<f4"), edges[:-1])
        return Packer(
            self.scale,
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
        return self.scale.unpack(packed)

    def search(self, starts: NDArray[np.int64], queries: Array, top_k: int) -> Neighbours:
        """See StoredVectors."""
        rows = PackedRows(
            self._upper, self._steps, self._lengths, self.scale.centre, self.scale.gain, self.load
        )
        return search_packed(rows, starts, queries, top_k)


def _selection(rows: range | NDArray[np.int64]) -> slice | NDArray[np.int64]:
    return slice(rows.start, rows.stop) if isinstance(rows, range) else rows


def _mapped(path: Path, kind: str, shape: tuple[int, ...]) -> NDArray[Any]:
    # What is empty cannot be mapped.
    # A plain array over the map is cut into parts ten times as fast as a memmap.
    return np.asarray(np.memmap(path, kind, mode="r", shape=shape)) if shape[0] else np.zeros(shape, kind)


class VectorWriter:
    """Writes the vectors of a version. They are packed once there are PACKED_FROM bytes of them.

    widths: of the slots, in the order of a row. like: those of the version before, to pack alike: rows that
    come from there then round to what they are, and do not lose a little more with each build.
    """

    def __init__(self, folder: Path, widths: Sequence[int], like: "PackedVectors | None" = None) -> None:
        self._folder = folder
        self._widths = tuple(widths)
        self._like = like
        self._files: dict[str, BinaryIO] = {layout.VECTORS: (folder / layout.VECTORS).open("wb")}
        self._bytes = 0
        self._packer: Packer | None = None
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
                self._begin_packing(self._like)
            return
        self._waiting.append(rows)
        if sum(map(len, self._waiting)) >= BLOCK_ROWS:
            self._pack_waiting()

    def copy(self, vectors: StoredVectors, rows: range) -> None:
        """Append rows of another version; those packed alike are taken as they are."""
        packed = vectors if isinstance(vectors, PackedVectors) else None
        if packed and self._packer is None:
            self._begin_packing(packed)
        alike = packed is not None and self._packer is not None and packed.scale.equals(self._packer.scale)
        for first in range(rows.start, rows.stop, BLOCK_ROWS):
            block = range(first, min(first + BLOCK_ROWS, rows.stop))
            if packed and alike:
                self._pack_waiting()
                self._write(packed.packed(block))
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

    def _begin_packing(self, like: PackedVectors | None) -> None:
        self._files.pop(layout.VECTORS).close()
        path = self._folder / layout.VECTORS
        if like:
            self._packer = like.packer(self._widths)
        else:
            every = max(1, self._bytes // (4 * sum(self._widths) * FITTED_ROWS))
            sample = np.concatenate([block[::every] for block in self._blocks(path)])
            self._packer = Packer.fitted(sample, self._widths)
        shared = self._packer.scale.centre, self._packer.scale.gain
        for name, arrays in ((layout.SCALE, shared), (layout.CARRY, self._packer.carry)):
            data = b"".join(array.astype("<f4").tobytes() for array in arrays)
            (self._folder / name).write_bytes(data)
        for name in (layout.UPPER, layout.LOWER, layout.STEPS):
            self._files[name] = (self._folder / name).open("wb")
        for block in self._blocks(path):
            self._write(self._packer.pack(block))
        path.unlink()

    def _blocks(self, path: Path) -> Iterator[Array]:
        """The rows written so far, a block at a time: together they are a quarter of a gigabyte."""
        width = sum(self._widths)
        for begin in range(0, self._bytes, 4 * width * BLOCK_ROWS):
            yield np.fromfile(path, "<f4", width * BLOCK_ROWS, offset=begin).reshape(-1, width)

    def _pack_waiting(self) -> None:
        if self._packer and self._waiting:
            self._write(self._packer.pack(np.concatenate(self._waiting)))
            self._waiting = []

    def _write(self, packed: Packed) -> None:
        self._files[layout.UPPER].write(packed.upper.tobytes())
        self._files[layout.LOWER].write(packed.lower.tobytes())
        self._files[layout.STEPS].write(packed.steps.astype("<f4").tobytes())
