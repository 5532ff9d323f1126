"""Decoded frames as plain pixels of the size asked for, in the decoding process."""

from typing import Any

import av
from av.video.reformatter import Colorspace, Interpolation

from stash_sense.media.video.decoder import Decoded, square_size

_UNSPECIFIED = 2
_LEAST_HD_HEIGHT = 720
_HDR_TRANSFERS = {16: "pq", 18: "hlg"}


class Pictures:
    """Reduces and converts frames. longest_side: at most so many pixels, counted as square ones."""

    def __init__(self, longest_side: int) -> None:
        self._longest_side = longest_side

    def of(self, decoded: Decoded) -> tuple[dict[str, Any], list[Any]]:
        """What describes a frame, and its rows as buffers: 8 bits a colour, or 16 where it is HDR."""
        frame = decoded.frame
        width, height = self._size(*square_size(frame, decoded.aspect))
        transfer = _HDR_TRANSFERS.get(frame.color_trc, "")
        picture = frame.reformat(
            width=width,
            height=height,
            format="bgr48le" if transfer else "bgr24",
            src_colorspace=_colorspace(frame),
            interpolation=Interpolation.AREA if width < frame.width else Interpolation.BILINEAR,
            threads=1,
        )
        plane = picture.planes[0]
        document = {
            "time_s": decoded.time_s,
            "keyframe": bool(frame.key_frame),
            "width": width,
            "height": height,
            "row_bytes": plane.line_size,
            "transfer": transfer,
            "rotation": frame.rotation,
        }
        return document, [plane]

    def _size(self, width: int, height: int) -> tuple[int, int]:
        factor = min(1.0, self._longest_side / max(width, height))
        return max(1, round(width * factor)), max(1, round(height * factor))


def _colorspace(frame: av.VideoFrame) -> Colorspace | None:
    if frame.colorspace != _UNSPECIFIED:
        return None
    return Colorspace.ITU709 if frame.height >= _LEAST_HD_HEIGHT else Colorspace.ITU601
