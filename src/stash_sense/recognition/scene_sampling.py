"""Which frames of a scene are looked at, and what was seen on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from stash_sense.domain.faces import EmbeddedFace

SAMPLER = "keyframes-1"
"""The version of the choice of frames: after a change a scene is looked at again."""


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """max_frames: the most frames looked at. min_face_confidence: calibrated, 0 to 1."""

    max_frames: int = 120
    min_face_confidence: float = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class SceneFrame:
    """The faces of one frame. time_s: from the scene's first frame. width, height: of the upright frame,
    pixels; boxes are in these."""

    time_s: float
    width: int
    height: int
    faces: Sequence[EmbeddedFace]


Stopped = Literal["settled", "all-frames", "max-frames"]
"""Why no more frames were looked at. settled: more would change no verdict and leave no gap. all-frames:
there are no others. max-frames: no more were allowed."""


@dataclass(frozen=True, slots=True, eq=False)
class SceneFrames:
    """The frames looked at, in the order of time, and why no more were."""

    frames: tuple[SceneFrame, ...]
    stopped: Stopped
