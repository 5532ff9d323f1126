"""Where a face is in its picture, and when two places are the same face."""

from collections.abc import Sequence
from dataclasses import dataclass

from stash_sense.errors import BadInput
from stash_sense.store.values import within

SAME_FACE = 0.5  # overlap (intersection over union) from which on a face is the one seen before


@dataclass(frozen=True, slots=True)
class Box:
    """Left, top, width and height as fractions of the upright image; raises BadInput outside 0..1."""

    x: float
    y: float
    w: float
    h: float

    def __post_init__(self) -> None:
        for name in ("x", "y", "w", "h"):
            object.__setattr__(self, name, within(f"The face box's {name}", getattr(self, name), 0, 1))
        if self.w <= 0 or self.h <= 0 or self.x + self.w > 1 + 1e-6 or self.y + self.h > 1 + 1e-6:
            raise BadInput(
                f"The face box x={self.x:g} y={self.y:g} w={self.w:g} h={self.h:g} is empty or leaves "
                "the image; give fractions of the image's width and height."
            )

    def overlap(self, other: "Box") -> float:
        """Intersection over union, 0 to 1."""
        width = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        height = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        if width <= 0 or height <= 0:
            return 0.0
        shared = width * height
        return shared / (self.w * self.h + other.w * other.h - shared)


def pair_up(new: Sequence[Box], old: Sequence[Box]) -> dict[int, int]:
    """Which of `new` is which of `old`, by index: the largest overlaps first, each face once."""
    overlaps = sorted(
        ((-a.overlap(b), i, j) for i, a in enumerate(new) for j, b in enumerate(old)),
    )
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for negative, i, j in overlaps:
        if -negative < SAME_FACE:
            break
        if i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
    return pairs


def nearest(place: Box, boxes: Sequence[Box]) -> int | None:
    """The index of the box that `place` is, or None."""
    best = max(range(len(boxes)), key=lambda index: place.overlap(boxes[index]), default=None)
    return best if best is not None and place.overlap(boxes[best]) >= SAME_FACE else None
