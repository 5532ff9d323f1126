"""What the decoding process answers, checked: it read bytes from anywhere, so nothing it says is believed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stash_sense.media.video.colours import to_upright_bgr
from stash_sense.media.video.frames import VideoFrame, VideoInfo
from stash_sense.media.video.messages import Document

_MOST_SIDE = 1 << 18
_MOST_SECONDS = 1e9
_MOST_TEXT = 100
_TRANSFERS = ("", "pq", "hlg")


class BadAnswer(ValueError):
    """An answer that makes no sense."""


@dataclass(frozen=True, slots=True)
class FrameShape:
    """How a frame's bytes are laid out: rows, and bytes of each, some of which may be padding."""

    height: int
    row_bytes: int


def parse_info(document: Document) -> VideoInfo:
    """Return what is known of the video. Raises BadAnswer."""
    return VideoInfo(
        duration_s=_optional_number(document, "duration_s"),
        width=_integer(document, "width", _MOST_SIDE),
        height=_integer(document, "height", _MOST_SIDE),
        codec=_text(document, "codec"),
        container=_text(document, "container"),
        frame_rate=_optional_number(document, "frame_rate"),
    )


def parse_shape(document: Document, longest_side: int) -> FrameShape:
    """Return the layout of the bytes that follow a frame's message. Raises BadAnswer."""
    height = _integer(document, "height", longest_side)
    return FrameShape(height, _integer(document, "row_bytes", 6 * longest_side + 4096))


def parse_frame(document: Document, rows: NDArray[np.uint8], info: VideoInfo) -> VideoFrame:
    """Return a frame. rows: (height, row bytes) uint8. Raises BadAnswer."""
    transfer = document.get("transfer")
    sample_bytes = 6 if transfer else 3
    width = _integer(document, "width", rows.shape[1] // sample_bytes)
    rotation = document.get("rotation")
    time_s = _optional_number(document, "time_s")
    if transfer not in _TRANSFERS or time_s is None:
        raise BadAnswer("a frame without time or colours")
    if type(rotation) is not int or not -360 <= rotation <= 360:
        raise BadAnswer(f"rotation is {rotation!r}")
    pixels = to_upright_bgr(
        rows, width, transfer, is_wide_gamut=bool(document.get("is_wide_gamut")), rotation=rotation
    )
    height, width = pixels.shape[:2]
    scale = np.array([info.width / width, info.height / height], np.float32)
    return VideoFrame(time_s, pixels, scale, bool(document.get("keyframe")))


def _integer(document: Document, name: str, most: int) -> int:
    value = document.get(name)
    if type(value) is not int or not 0 < value <= most:
        raise BadAnswer(f"{name} is {value!r}")
    return value


def _optional_number(document: Document, name: str) -> float | None:
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float) or not 0 <= value <= _MOST_SECONDS:  # NaN is not, either
        raise BadAnswer(f"{name} is {value!r}")
    return float(value)


def _text(document: Document, name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or len(value) > _MOST_TEXT:
        raise BadAnswer(f"{name} is no short text")
    return value
