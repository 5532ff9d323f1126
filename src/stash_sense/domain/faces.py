"""The shapes of a face before anybody has been recognised: detected, then embedded."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""A picture, (height, width, 3) uint8, BGR, upright."""


Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """One found face, in pixels of the picture that was searched.

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
    """How much a face can be trusted, and why not more.

    score: 0 (useless) to 1. size: pixels between the box's sides, geometric mean, in the decoded picture.
    blur: 0 (sharp) to 1. yaw: 0 (frontal) to 1 (profile), from the landmarks.
    reason: why the score is low, for a person to read; empty where it is not.
    """

    score: float
    size: float
    blur: float
    yaw: float
    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A face with all that recognition needs of it.

    box, landmarks: as in Detection, in pixels of the picture given.
    confidence: calibrated per pack so that 0.5 is its stated operating point, 0 to 1.
    embeddings: slot name -> (d,) float32 unit vector.
    """

    box: Vectors
    confidence: float
    landmarks: Vectors
    quality: Quality
    embeddings: dict[str, Vectors] = field(repr=False)
