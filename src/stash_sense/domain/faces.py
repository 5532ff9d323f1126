"""The shapes of a face, from a detection to a recognised face, and where it lies in its picture."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.identity import Person, bare_ids
from stash_sense.domain.reasons import Reason, ReasonPerson
from stash_sense.domain.validation import validate_number
from stash_sense.errors import BadInput


@dataclass(frozen=True, slots=True)
class SceneFaceId:
    """The state's id of a face of a scene; as text `s12`. That of a face of an image is a number."""

    number: int

    def __str__(self) -> str:
        return f"s{self.number}"


FaceId = int | SceneFaceId

SAME_FACE_OVERLAP = 0.5
"""Two boxes that overlap by at least this much are the same face."""


@dataclass(frozen=True, slots=True)
class Box:
    """Left, top, width and height as fractions of the upright image, 0 to 1. Raises BadInput."""

    x: float
    y: float
    w: float
    h: float

    def __post_init__(self) -> None:
        for name in ("x", "y", "w", "h"):
            side = validate_number(f"The face box's {name}", getattr(self, name), 0, 1)
            object.__setattr__(self, name, side)
        if self.w <= 0 or self.h <= 0 or self.x + self.w > 1 + 1e-6 or self.y + self.h > 1 + 1e-6:
            raise BadInput(
                f"The face box x={self.x:g} y={self.y:g} w={self.w:g} h={self.h:g} is empty or outside "
                "the image; give fractions of the image's width and height."
            )

    def overlap(self, other: "Box") -> float:
        """Intersection over union, 0 to 1.

        The detector computes the same ratio for all its boxes at once, as NumPy arrays in pixels
        (`faces.detect.iou`); for the few boxes of one image plain floats are several times faster.
        """
        width = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        height = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        if width <= 0 or height <= 0:
            return 0.0
        shared = width * height
        return shared / (self.w * self.h + other.w * other.h - shared)


def pair_boxes(new: Sequence[Box], old: Sequence[Box]) -> dict[int, int]:
    """Index in `new` -> index in `old` of the same face: largest overlap first, each box used once."""
    overlaps = sorted((-a.overlap(b), i, j) for i, a in enumerate(new) for j, b in enumerate(old))
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for negative, i, j in overlaps:
        if -negative < SAME_FACE_OVERLAP:
            break
        if i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
    return pairs


def same_face_index(box: Box, boxes: Sequence[Box]) -> int | None:
    """The index of the box that is the same face as `box`, or None."""
    best = max(range(len(boxes)), key=lambda index: box.overlap(boxes[index]), default=None)
    return best if best is not None and box.overlap(boxes[best]) >= SAME_FACE_OVERLAP else None


Pixels = NDArray[np.uint8]
"""A picture, (height, width, 3) uint8, BGR, upright."""

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """A face as the detector finds it, in pixels of the picture that was searched.

    box: (4,) float32, x1, y1, x2, y2.
    score: the detector's own score, 0 to 1, not calibrated.
    landmarks: (5, 2) float32: right eye, left eye, nose tip, right and left mouth corner
        (the subject's right, which lies on the left of the picture).
    """

    box: Vectors
    score: float
    landmarks: Vectors

    @property
    def size(self) -> float:
        """Geometric mean of the box's sides, pixels."""
        x1, y1, x2, y2 = self.box.tolist()
        return math.sqrt(max(x2 - x1, 0.0) * max(y2 - y1, 0.0))


@dataclass(frozen=True, slots=True)
class Quality:
    """How far a face can be trusted, and what limits it.

    score: 0 (useless) to 1. size: pixels, geometric mean of the box's sides in the decoded picture.
    blur: 0 (sharp) to 1. yaw: 0 (frontal) to 1 (profile), from the landmarks.
    reason: why the score is low, for a person to read; empty if it is not.
    """

    score: float
    size: float
    blur: float
    yaw: float
    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedFace:
    """A face with everything that matching needs.

    box: (4,) float32, x1, y1, x2, y2, clamped to the picture; landmarks: (5, 2) float32; both in pixels of
        the upright picture.
    confidence: the detector's, calibrated per pack so that 0.5 is its stated operating point, 0 to 1.
    embeddings: slot name -> (d,) unit vector.
    frame: of an animation, from 0; the box is a place in this one.
    """

    box: Vectors
    confidence: float
    landmarks: Vectors
    quality: Quality
    embeddings: Mapping[str, Vectors] = field(repr=False)
    frame: int = field(default=0, kw_only=True)


def confidence_at(distance: float) -> float:
    """1 - distance, 0 to 1."""
    return min(1.0, max(0.0, 1.0 - distance))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person considered for a face.

    person: index in the face database. combined, facenet, arcface: calibrated distances, 0 to 2.
    reference: row of the nearest reference face. support: "gallery" if only the rest of the gallery makes
    this candidate count, else empty. cosines: raw, for diagnostics only.
    """

    person: int
    combined: float
    facenet: float
    arcface: float
    reference: int
    support: str = ""
    cosines: dict[str, float] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Match:
    """A candidate with the person's own data. combined_score and the slots' distances: 0 to 2, lower is
    better."""

    performer_id: str
    name: str
    combined_score: float
    facenet_distance: float
    arcface_distance: float
    stashdb_id: str | None = None
    stash_ids: tuple[tuple[str, str], ...] = ()
    local_id: str | None = None
    country: str | None = None
    image_url: str | None = None
    reference_id: int = -1
    support: str = ""
    aliases: tuple[str, ...] = ()
    disambiguation: str = ""
    diagnostics: Mapping[str, float] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, candidate: Candidate, person: Person) -> Self:
        """The match of a candidate; person: whom `candidate.person` stands for."""
        stashdb_id, local_id = bare_ids(person)
        return cls(
            performer_id=person.key,
            name=person.name,
            combined_score=candidate.combined,
            facenet_distance=candidate.facenet,
            arcface_distance=candidate.arcface,
            stashdb_id=stashdb_id,
            stash_ids=person.stash_ids,
            local_id=local_id,
            country=person.country,
            image_url=person.image_url,
            reference_id=candidate.reference,
            support=candidate.support,
            aliases=person.aliases,
            disambiguation=person.disambiguation,
            diagnostics=candidate.cosines,
        )

    @property
    def person(self) -> Person:
        """Whom this is a match with."""
        return Person(
            self.performer_id,
            self.name,
            self.aliases,
            self.country,
            self.image_url,
            self.stash_ids,
            self.local_id,
            self.disambiguation,
        )

    @property
    def confidence(self) -> float:
        """Of the combined score, 0 to 1."""
        return confidence_at(self.combined_score)

    @property
    def in_reason(self) -> ReasonPerson:
        """The person as a reason names them."""
        return reason_person(self.performer_id, self.person.full_name, self.combined_score)


def reason_person(performer_id: str, name: str, distance: float) -> ReasonPerson:
    """A person at a distance, 0 to 2, as a reason names them; confidence as in the answers."""
    return ReasonPerson(performer_id, name, round(confidence_at(distance), 4))


VerdictStatus = Literal["match", "ambiguous", "unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What matching says of a face, and why."""

    status: VerdictStatus
    reason: Reason


@dataclass(frozen=True, slots=True, eq=False)
class RecognizedFace(EmbeddedFace):
    """An embedded face with the people it may be.

    matches: at or below the distance asked for, best first. verdict: see Verdict; named: the match that a
    verdict of `match` means. nearest: the closest people however far away, at least two if that many are
    enrolled.
    """

    matches: tuple[Match, ...]
    verdict: Verdict
    nearest: tuple[Candidate, ...]
    named: Match | None = None
