"""What is known of a video, one frame of it, and the limits within which it is decoded."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stash_sense.machine import usable_memory

LONGEST_SIDE = 1280
"""Pixels of the longer side that frames are reduced to before they leave the decoding process."""

MOST_MEMORY_BYTES = 3_000_000_000


def _memory_bytes() -> int:
    return min(MOST_MEMORY_BYTES, (usable_memory() or 2 * MOST_MEMORY_BYTES) // 2)


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """Of one video and each request to it.

    seconds: processor time that a request may take; on the clock it may take four times as long.
    memory_bytes: address space of the decoding process, where the system can limit it: half of what this
    process may use, and at most 3 GB. pixels: of a frame as coded, found before memory is taken for it.
    """

    seconds: float = 30.0
    memory_bytes: int = field(default_factory=_memory_bytes)
    pixels: int = 40_000_000


DEFAULT_VIDEO_LIMITS = VideoLimits()


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video's header and index say.

    duration_s: None if neither says it. width, height: upright, in square pixels.
    codec, container: FFmpeg's names. frame_rate: frames a second on average; None if unknown.
    """

    duration_s: float | None
    width: int
    height: int
    codec: str
    container: str
    frame_rate: float | None


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One frame.

    time_s: from the video's first frame. pixels: (h, w, 3) uint8 BGR, upright, in square pixels, reduced to
    the longest side asked for. scale: (2,) float32, pixels of `VideoInfo` per pixel here, across and down.
    """

    time_s: float
    pixels: NDArray[np.uint8]
    scale: NDArray[np.float32]
    keyframe: bool
