"""The files of a face database, with offset tables that make single lines and crops readable.

    CURRENT              the name of the version in use
    <version>/
        manifest.json    counts, pack, the size of every other file
        vectors.f32      format 1: (faces, dimensions) float32 little-endian, the faces of a person in a row,
                         each line the slots' unit vectors one after another
        vectors.*        format 2, for many faces: the same in ten bits a number (packing.py): upper.u8
                         (faces, dimensions), lower.u8 (faces, dimensions / 4), steps.f32 (faces,), and
                         for all scale.f32 (2, dimensions) and carry.f32 (dimensions, dimensions) a slot
        starts.i64       (people + 1,) int64: the row of each person's first face
        people.jsonl     a person a line
        references.jsonl a reference face a line
        photos.jsonl     every photo of the build, used or not, for the next build to compare with
        crops.bin        a small JPEG of each reference face
        parts.jsonl      for each person, what each source says of them; missing in older versions
        *.offsets.i64    (lines + 1,) int64: where each line of a .jsonl, or each crop, begins

Vectors and lines are mapped, not read: opening costs nothing per face, and processes share the pages.
"""

import json
import mmap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from stash_sense.facedb.packing import fine_width

OFFSETS = ".offsets.i64"

LINES = ".jsonl"

BLOBS = ".bin"


COPIED_AT_ONCE = 4096
"""Blobs or vectors copied from one file to another at a time."""


class BlobWriter:
    """Appends blobs to a file; `finish` writes the table of their offsets."""

    def __init__(self, folder: Path, name: str, ending: str = BLOBS) -> None:
        self._file: BinaryIO = (folder / (name + ending)).open("wb")
        self._table = folder / (name + OFFSETS)
        self._offsets = [0]

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._offsets[-1]

    def append(self, blob: bytes) -> None:
        """Append one blob, which may be empty."""
        self._file.write(blob)
        self._offsets.append(self._offsets[-1] + len(blob))

    def extend(self, blobs: "BlobReader", chosen: range) -> None:
        """Append a run of another file's blobs, in blocks."""
        for start in range(chosen.start, chosen.stop, COPIED_AT_ONCE):
            data, ends = blobs.run(range(start, min(start + COPIED_AT_ONCE, chosen.stop)))
            self._file.write(data)
            self._offsets += (ends + self._offsets[-1]).tolist()

    def finish(self) -> None:
        """Close the file and write the offsets."""
        self._file.close()
        write_int64(self._table, self._offsets)

    def close(self) -> None:
        """Close without finishing."""
        self._file.close()


class LineWriter(BlobWriter):
    """Appends lines of JSON."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(folder, name, LINES)

    def add(self, value: dict[str, Any]) -> None:
        """Append one line. Lone surrogates of undecodable file names are kept as escapes."""
        self.append(json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n")


def write_int64(path: Path, numbers: Sequence[int]) -> None:
    """Write integers as int64. Not with `tofile`, which loses a small array silently on a full disk."""
    path.write_bytes(np.asarray(numbers, "<i8").tobytes())


class BlobReader:
    """Reads single blobs of a memory-mapped file."""

    def __init__(self, folder: Path, name: str, ending: str = BLOBS) -> None:
        self._offsets = np.memmap(folder / (name + OFFSETS), "<i8", mode="r")
        with (folder / (name + ending)).open("rb") as file:
            empty = len(self._offsets) <= 1
            self._blobs = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if len(self._blobs) != self._offsets[-1]:
            raise ValueError(f"{name}{ending} does not end where {name}{OFFSETS} says")

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def blob(self, index: int) -> bytes:
        """The blob at `index`."""
        start, end = int(self._offsets[index]), int(self._offsets[index + 1])
        return self._blobs[start:end]

    def run(self, chosen: range) -> tuple[bytes, NDArray[np.int64]]:
        """A run of blobs one after another, and where each ends, counted from the first's begin."""
        edges = np.asarray(self._offsets[chosen.start : chosen.stop + 1])
        return self._blobs[int(edges[0]) : int(edges[-1])], edges[1:] - edges[0]

    def close(self) -> None:
        """Unmap the file."""
        if isinstance(self._blobs, mmap.mmap):
            self._blobs.close()


class LineReader(BlobReader):
    """Reads single lines of JSON."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(folder, name, LINES)

    def __getitem__(self, index: int) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.blob(index))
        return value

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[index] for index in range(len(self)))

    def beginning(self, field: str, starts: Sequence[str]) -> NDArray[np.bool_]:
        """(lines,): which lines' first field, a text, begins with one of `starts`. Parses no line."""
        heads = tuple(f'{{"{field}":{json.dumps(start)[:-1]}'.encode("ascii") for start in starts)
        longest = max(map(len, heads), default=0)
        begins = self._offsets[:-1].tolist()
        found = (self._blobs[begin : begin + longest].startswith(heads) for begin in begins)
        return np.fromiter(found, np.bool_, len(self)) if heads else np.zeros(len(self), np.bool_)


FORMAT = 1

PACKED_FORMAT = 2

FORMATS = (FORMAT, PACKED_FORMAT)

CURRENT = "CURRENT"

MANIFEST = "manifest.json"

VECTORS = "vectors.f32"

UPPER = "vectors.upper.u8"

LOWER = "vectors.lower.u8"

STEPS = "vectors.steps.f32"

SCALE = "vectors.scale.f32"

CARRY = "vectors.carry.f32"

STARTS = "starts.i64"

PEOPLE = "people"

REFERENCES = "references"

PHOTOS = "photos"

CROPS = "crops"

PARTS = "parts"


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo of a build.

    stamp: tells whether it is still the same: size and modification time, or a digest, which may follow the
    time of its owner's last edit and a bar. owner: key of the person it is of.
    skipped: why no reference was taken from it, else empty.
    """

    path: str
    stamp: str
    owner: str
    skipped: str = ""

    @property
    def content_stamp(self) -> str:
        """The stamp without the time of the owner's last edit."""
        return self.stamp.rpartition("|")[2]


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference face: the photo it comes from, its box (x1, y1, x2, y2) in pixels, its quality."""

    photo: str
    box: tuple[float, float, float, float]
    quality: float
    details: Mapping[str, Any] = field(default_factory=dict)


class Slot(BaseModel):
    """One of the embeddings in each row of the vectors. dimension: how many numbers it has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    dimension: int


class Manifest(BaseModel):
    """The description of a version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int
    version: str
    pack: str
    pack_fingerprint: str
    slots: tuple[Slot, ...]
    people: int = Field(ge=0)
    faces: int = Field(ge=0)
    photos: int = Field(ge=0)
    skipped: int
    built_at: str
    sources: tuple[str, ...]
    sizes: dict[str, int]

    @model_validator(mode="after")
    def _sizes_fit_the_counts(self) -> Self:
        lines = {PEOPLE: self.people, REFERENCES: self.faces, PHOTOS: self.photos}
        fixed = {STARTS: 8 * (self.people + 1), **self._vector_sizes()}
        fixed |= {name + OFFSETS: 8 * (count + 1) for name, count in lines.items()}
        if CROPS + OFFSETS in self.sizes:
            fixed[CROPS + OFFSETS] = 8 * (self.faces + 1)
        if PARTS + OFFSETS in self.sizes:
            fixed[PARTS + OFFSETS] = 8 * (self.people + 1)
        wrong = [file for file, size in fixed.items() if self.sizes.get(file) != size]
        wrong += [name + LINES for name in lines if name + LINES not in self.sizes]
        pairs = ((CROPS + BLOBS, CROPS + OFFSETS), (PARTS + LINES, PARTS + OFFSETS))
        wrong += [file for file, table in pairs if (file in self.sizes) != (table in self.sizes)]
        if wrong:
            raise ValueError(f"the sizes of {', '.join(wrong)} contradict the counts")
        return self

    def _vector_sizes(self) -> dict[str, int]:
        if self.format == FORMAT:
            return {VECTORS: 4 * self.faces * self.dimension}
        return {
            UPPER: self.faces * self.dimension,
            LOWER: self.faces * fine_width(self.dimension),
            STEPS: 4 * self.faces,
            SCALE: 8 * self.dimension,
            CARRY: sum(4 * slot.dimension**2 for slot in self.slots),
        }

    @property
    def dimension(self) -> int:
        """Numbers per row of the vectors."""
        return sum(slot.dimension for slot in self.slots)
