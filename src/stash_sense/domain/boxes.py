"""Face boxes, and when two boxes are the same face."""

from collections.abc import Sequence
from dataclasses import dataclass

from stash_sense.domain.validation import validate_number
from stash_sense.errors import BadInput

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
