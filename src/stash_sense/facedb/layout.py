"""What lies where in a face database's folder.

    CURRENT              the name of the version in use
    <version>/
        manifest.json    counts, pack, the size of every other file
        vectors.f32      (faces, dimensions) float32 little-endian, a person's faces side by side,
                         each row the slots' unit vectors one after another
        starts.i64       (people + 1,) int64: the row of each person's first face
        people.jsonl     a person a line
        references.jsonl a reference face a line
        photos.jsonl     every photo that was looked at, for the next build to compare with
        crops.bin        a small JPEG of each reference face; only where its photo lies in Stash
        *.offsets.i64    (lines + 1,) int64: where each line of a .jsonl, or each crop, begins

Vectors and lines are mapped, not read: opening costs nothing per face, and processes share the pages.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stash_sense.facedb.lines import LINES, OFFSETS, PIECES

FORMAT = 1
CURRENT = "CURRENT"
MANIFEST = "manifest.json"
VECTORS = "vectors.f32"
STARTS = "starts.i64"
PEOPLE = "people"
REFERENCES = "references"
PHOTOS = "photos"
CROPS = "crops"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody enrolled. key: the performer key; aliases: further names or keys of the same person.

    stash_ids: (stash-box endpoint, id there) of each stash-box that knows the person; local_id: in Stash.
    """

    key: str
    name: str
    aliases: tuple[str, ...] = ()
    country: str | None = None
    image_url: str | None = None
    stash_ids: tuple[tuple[str, str], ...] = ()
    local_id: str | None = None


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo that a build looked at.

    stamp: what tells whether it is still the same (size and modification time, or a fingerprint).
    owner: key of the person it was given for. skipped: why no face of it was taken, else empty.
    """

    path: str
    stamp: str
    owner: str
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference face: the photo it comes from, its box (x1, y1, x2, y2) in pixels, its quality."""

    photo: str
    box: tuple[float, float, float, float]
    quality: float
    details: Mapping[str, Any] = field(default_factory=dict)


class Slot(BaseModel):
    """One embedding of each row: its slot name and how many numbers it has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    dimension: int


class Manifest(BaseModel):
    """A version's own description."""

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
        fixed = {VECTORS: 4 * self.faces * self.dimension, STARTS: 8 * (self.people + 1)}
        fixed |= {name + OFFSETS: 8 * (count + 1) for name, count in lines.items()}
        if CROPS + OFFSETS in self.sizes:
            fixed[CROPS + OFFSETS] = 8 * (self.faces + 1)
        wrong = [file for file, size in fixed.items() if self.sizes.get(file) != size]
        wrong += [name + LINES for name in lines if name + LINES not in self.sizes]
        wrong += [CROPS + PIECES] if (CROPS + PIECES in self.sizes) != (CROPS + OFFSETS in self.sizes) else []
        if wrong:
            raise ValueError(f"the sizes of {', '.join(wrong)} contradict the counts")
        return self

    @property
    def dimension(self) -> int:
        """Numbers a row."""
        return sum(slot.dimension for slot in self.slots)
