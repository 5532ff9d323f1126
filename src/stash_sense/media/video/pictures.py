"""Decoded frames as plain pixels of the size asked for, in the decoding process."""

from fractions import Fraction
from typing import Any

import av
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc, Interpolation

from stash_sense.media.video.decoder import Decoded, square_size

_UNSPECIFIED = 2
_LEAST_HD_HEIGHT = 720
_HDR_TRANSFERS = {ColorTrc.SMPTE2084.value: "pq", ColorTrc.ARIB_STD_B67.value: "hlg"}


class Pictures:
    """Reduces and converts frames. longest_side: at most so many pixels, counted as square ones."""

    def __init__(self, longest_side: int) -> None:
        self._longest_side = longest_side

    def convert(self, decoded: Decoded) -> tuple[dict[str, Any], av.video.plane.VideoPlane]:
        """What describes a frame, and its rows: 8-bit BGR, or 16-bit where it is HDR."""
        frame = decoded.frame
        width, height = self._size(*square_size(frame, decoded.aspect))
        transfer = _HDR_TRANSFERS.get(frame.color_trc, "")
        is_hdr = bool(transfer)
        usual = _usual_colorspace(frame, is_hdr=is_hdr)
        # Half of an interlaced frame's rows are of a later moment: a face that moves is combed.
        shown = _upper_field(frame) if frame.interlaced_frame else frame
        plane = _reformat(shown, width, height, usual, is_hdr=is_hdr).planes[0]
        document = {
            "time_s": decoded.time_s,
            "keyframe": bool(frame.key_frame),
            "width": width,
            "height": height,
            "row_bytes": plane.line_size,
            "transfer": transfer,
            "is_wide_gamut": is_hdr and frame.color_primaries != ColorPrimaries.BT709.value,
            "rotation": frame.rotation,
        }
        return document, plane

    def _size(self, width: int, height: int) -> tuple[int, int]:
        factor = min(1.0, self._longest_side / max(width, height))
        return max(1, round(width * factor)), max(1, round(height * factor))


def _upper_field(frame: av.VideoFrame) -> av.VideoFrame:
    """Every second row of a frame; the frame itself where its format cannot be parted."""
    graph = av.filter.Graph()
    graph.threads = 1
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1)
    )
    rows, sink = graph.add("field", "top"), graph.add("buffersink")
    source.link_to(rows)
    rows.link_to(sink)
    try:
        graph.configure()
        graph.push(frame)
        field = graph.pull()
    except (av.FFmpegError, ValueError):
        return frame
    return field if isinstance(field, av.VideoFrame) else frame


def _reformat(
    frame: av.VideoFrame, width: int, height: int, usual: Colorspace, *, is_hdr: bool
) -> av.VideoFrame:
    def reformat(colorspace: Colorspace | None) -> av.VideoFrame:
        return frame.reformat(
            width=width,
            height=height,
            format="bgr48le" if is_hdr else "bgr24",
            src_colorspace=colorspace,
            interpolation=Interpolation.AREA,
            threads=1,
        )

    if frame.colorspace == _UNSPECIFIED:
        return reformat(usual)
    try:
        return reformat(None)
    except (av.FFmpegError, ValueError):  # it states one that FFmpeg does not convert from
        return reformat(usual)


def _usual_colorspace(frame: av.VideoFrame, *, is_hdr: bool) -> Colorspace:
    if is_hdr:
        return Colorspace.BT2020
    return Colorspace.ITU709 if frame.height >= _LEAST_HD_HEIGHT else Colorspace.ITU601
