"""Reads the vectors of a public face database out of the index files of two libraries, without the libraries.

Voyager (`.voy`, version 1) and USearch (`.usearch`, version 2) keep each vector, as it was added, next to a
graph for their own search. Only the vectors and their keys are read, from where the headers say they lie, and
every number of a header is checked against the size of the file first. The libraries read the graph too, into
as much memory as the file has bytes, and trust what they read: a damaged file ends the process
(docs/decisions).
"""

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stash_sense.errors import BadInput
from stash_sense.private_files import open_regular

Array = NDArray[np.float32]

SCANNED_AT_ONCE = 16_384
"""Rows whose keys are read before the pages are given back: mapped pages count as memory in use."""

_VOYAGER_HEAD = struct.Struct("<4siiBBf?6QiI3QdQ")
_VOYAGER_MAGIC = b"VOYA"
_INNER_PRODUCT, _COSINE = 1, 2
_DELETED = 0x010000  # in the count of a row's neighbours

_USEARCH_SIZE = struct.Struct("<II")
_USEARCH_HEAD = struct.Struct("<7s3H4B3QB22x")
_USEARCH_GRAPH = struct.Struct("<5Q")
_USEARCH_MAGIC = b"usearch"
_USEARCH_METRICS = {ord("c"), ord("i")}
_USEARCH_U64, _USEARCH_U32 = 14, 15

_MOST_DIMENSIONS = 8192


def _byte_floats() -> Array:
    """What Voyager's E4M3 bytes mean: from the lowest bit, a sign, four of exponent, three of mantissa."""
    byte = np.arange(256)
    sign, exponent, mantissa = byte & 1, byte >> 1 & 15, byte >> 5
    size = np.where(exponent == 0, mantissa / 8 * 2.0**-7, (1 + mantissa / 8) * 2.0 ** (exponent - 7.0))
    return np.where(sign == 1, -size, size).astype(np.float32)


_E4M3 = _byte_floats()
_VOYAGER_KINDS = {0x10: ("i1", None), 0x20: ("<f4", None), 0x30: ("u1", _E4M3)}
_USEARCH_KINDS = {11: ("<f4", None), 12: ("<f2", None), 4: ("<u2", None), 23: ("i1", None)}
_BFLOAT16 = 4


@dataclass(frozen=True, slots=True, eq=False)
class PublicIndex:
    """Vectors by their place in the file. keys (n,) int64, -1 where one was removed. dimension: of each."""

    keys: NDArray[np.int64]
    dimension: int
    _mapped: mmap.mmap
    _rows: NDArray[Any]
    _table: Array | None
    _is_bfloat16: bool = False

    def read(self, places: NDArray[np.int64]) -> Array:
        """(n, d) float32: the vectors at these places, of any length."""
        rows = self._rows[places]
        if self._table is not None:
            return np.take(self._table, rows)
        if self._is_bfloat16:
            return (rows.astype(np.uint32) << 16).view(np.float32)
        return rows.astype(np.float32)

    def give_back(self) -> None:
        """Let the system have the pages that were read."""
        _give_back(self._mapped)


@contextmanager
def open_index(path: Path) -> Iterator[PublicIndex]:
    """The vectors of an index file, of the kind that its name ends in. Raises BadInput, OSError."""
    with open_regular(path) as file:
        if not path.stat().st_size:
            raise BadInput(f"{path.name}: empty. Download the release again.")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        yield (_usearch if path.suffix == ".usearch" else _voyager)(path.name, mapped)
    finally:
        with suppress(BufferError):  # its arrays hold it open; it goes with the last of them
            mapped.close()


def _voyager(name: str, mapped: mmap.mmap) -> PublicIndex:
    if len(mapped) < _VOYAGER_HEAD.size or mapped[:4] != _VOYAGER_MAGIC:
        raise _damaged(name, "not an index of Voyager, or one of a version before 1")
    fields = _VOYAGER_HEAD.unpack_from(mapped)
    _, version, dimension, space, kind, _, transformed, *graph = fields
    begin, most, count, size, key_at, vector_at, _, _, _, links, *_ = graph
    if version != 1 or kind not in _VOYAGER_KINDS:
        raise _damaged(name, f"Voyager's version {version}, numbers of kind {kind:#x}; version 1 is read")
    if space not in (_INNER_PRODUCT, _COSINE) or transformed:
        raise _damaged(name, "not compared by cosine")
    number, table = _VOYAGER_KINDS[kind]
    row = [
        vector_at == 4 + 4 * links,
        key_at == vector_at + dimension * np.dtype(number).itemsize,
        size == key_at + 8,
        begin == 0,
        0 < dimension <= _MOST_DIMENSIONS,
        count <= most,
    ]
    if not all(row) or _VOYAGER_HEAD.size + count * size > len(mapped):
        raise _damaged(name, "shorter than its header says, or the header is damaged")
    kinds = {
        "names": ["links", "vector", "key"],
        "formats": ["<u4", (number, (dimension,)), "<u8"],
        "offsets": [0, vector_at, key_at],
        "itemsize": size,
    }
    record: Any = np.dtype(kinds)  # type: ignore[call-overload]
    rows: NDArray[Any] = np.frombuffer(mapped, record, count, _VOYAGER_HEAD.size)
    keys = np.empty(count, np.int64)
    for first in range(0, count, SCANNED_AT_ONCE):
        part = rows[first : first + SCANNED_AT_ONCE]
        deleted = part["links"] & _DELETED != 0
        keys[first : first + len(part)] = np.where(deleted, np.int64(-1), part["key"].astype(np.int64))
        _give_back(mapped)
    return PublicIndex(keys, dimension, mapped, rows["vector"], table)


def _usearch(name: str, mapped: mmap.mmap) -> PublicIndex:
    if len(mapped) < _USEARCH_SIZE.size:
        raise _damaged(name, "too short for an index of USearch")
    count, width = _USEARCH_SIZE.unpack_from(mapped)
    head_at = _USEARCH_SIZE.size + count * width
    graph_at = head_at + _USEARCH_HEAD.size
    if graph_at + _USEARCH_GRAPH.size > len(mapped):
        raise _damaged(name, "shorter than its header says, or not an index of USearch")
    magic, major, _, _, metric, kind, key_kind, slot_kind, *counts = _USEARCH_HEAD.unpack_from(
        mapped, head_at
    )
    present, removed, dimension, _ = counts
    if magic != _USEARCH_MAGIC or major != 2:
        raise _damaged(name, "not an index of USearch's version 2 with its vectors")
    if metric not in _USEARCH_METRICS:
        raise _damaged(name, "not compared by cosine")
    if kind not in _USEARCH_KINDS or (key_kind, slot_kind) != (_USEARCH_U64, _USEARCH_U32):
        raise _damaged(name, f"numbers of kind {kind}, keys of kind {key_kind}: not read by this version")
    number, table = _USEARCH_KINDS[kind]
    whole = 0 < dimension <= _MOST_DIMENSIONS and width == dimension * np.dtype(number).itemsize
    nodes, links, base_links, _, _ = _USEARCH_GRAPH.unpack_from(mapped, graph_at)
    if not whole or not nodes == count == present + removed or max(links, base_links) > 2**20:
        raise _damaged(name, "its header contradicts itself")
    levels_at = graph_at + _USEARCH_GRAPH.size
    nodes_at = levels_at + 2 * count
    if nodes_at > len(mapped):
        raise _damaged(name, "shorter than its header says")
    levels = np.frombuffer(mapped, "<i2", count, levels_at).astype(np.int64)
    ends = nodes_at + np.cumsum(8 + 2 + 4 + 4 * base_links + levels * (4 + 4 * links))
    if count and ((levels < 0).any() or ends[-1] > len(mapped)):
        raise _damaged(name, "shorter than its header says")
    starts = np.concatenate([[nodes_at], ends[:-1]]) if count else np.empty(0, np.int64)
    bytes_ = np.frombuffer(mapped, np.uint8)
    keys = np.empty(count, np.int64)
    for first in range(0, count, SCANNED_AT_ONCE):
        part = starts[first : first + SCANNED_AT_ONCE]
        raw = np.ascontiguousarray(bytes_[part[:, None] + np.arange(8)]).view("<u8")[:, 0]
        keys[first : first + len(part)] = raw.astype(np.int64)  # a free row's key becomes -1
        _give_back(mapped)
    rows = np.frombuffer(mapped, number, count * dimension, _USEARCH_SIZE.size).reshape(count, dimension)
    return PublicIndex(keys, dimension, mapped, rows, table, kind == _BFLOAT16)


def _give_back(mapped: mmap.mmap) -> None:
    if hasattr(mapped, "madvise"):
        with suppress(OSError, ValueError):
            mapped.madvise(mmap.MADV_DONTNEED)


def _damaged(name: str, problem: str) -> BadInput:
    return BadInput(f"{name}: {problem}. Download the release again, or update Stash Sense.")
