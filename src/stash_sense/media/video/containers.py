"""Opening a video with FFmpeg, in the decoding process, so that nothing but its own bytes is read.

What a file refers to is never opened: formats that consist of references, such as playlists, are not on the
list, no protocol is allowed, and an attempt to open anything fails in our own code. Loads PyAV and the
standard library only.
"""

from typing import Any, NoReturn

import av
from av.stream import Discard, Disposition

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,asf,flv,ogg,gif,rm"

CODECS = (
    "h264,hevc,vvc,av1,libdav1d,vp9,vp8,vp7,vp6,vp6a,vp6f,vp5,vp3,theora,mpeg4,mpeg2video,mpeg1video,mpegvideo,"
    "msmpeg4v1,msmpeg4v2,msmpeg4,wmv1,wmv2,wmv3,wmv3image,vc1,h263,h263i,h263p,flv,flashsv,flashsv2,svq1,svq3,"
    "rv10,rv20,rv30,rv40,rv60,mjpeg,mjpegb,gif,png,prores,dnxhd,dvvideo,cfhd,ffv1,huffyuv,ffvhuff,utvideo,"
    "magicyuv,lagarith,rawvideo,qtrle,rpza,smc,cinepak,indeo2,indeo3,indeo4,indeo5,msvideo1,msrle,cscd,tscc,"
    "tscc2,zmbv,fraps,8bps,mszh,zlib"
)

_BLOCK_BYTES = 65_536
_BLOCK_PIXELS = 100_000
_PROBED_BYTES = "2000000"
_PROBED_MICROSECONDS = "2000000"
_MOST_STREAMS = "200"
_COVERS = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image


class Refused(Exception):
    """The file is not read. code: of the error tree."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


def _refuse(*_: object) -> NoReturn:
    raise PermissionError("a video may not refer to other files")


def decoding_options(pixels: int) -> dict[str, str]:
    """FFmpeg's options for every decoder: its limit holds for pixels as coded, in whole blocks."""
    return {"max_pixels": str(pixels * 5 // 4 + _BLOCK_PIXELS), "threads": "1"}


def open_container(file: Any, pixels: int) -> av.container.InputContainer:
    """Open a file object, which has `read`, `seek` and `tell`. pixels: of a frame, at most.

    Raises Refused, and what PyAV raises.
    """
    decoding = decoding_options(pixels)
    try:
        container: av.container.InputContainer = av.open(
            file,
            "r",
            options=decoding,
            container_options={
                "format_whitelist": FORMATS,
                "codec_whitelist": CODECS,
                "protocol_whitelist": "none",
                "probesize": _PROBED_BYTES,
                "analyzeduration": _PROBED_MICROSECONDS,
                "max_streams": _MOST_STREAMS,
                **decoding,
            },
            metadata_errors="replace",
            buffer_size=_BLOCK_BYTES,
            io_open=_refuse,
        )
    except av.ArgumentError as error:
        raise Refused("not-a-video", "is in no format that is read") from error
    return container


def choose_stream(container: av.container.InputContainer, pixels: int) -> av.VideoStream:
    """Return the stream to look at: the default one, or the largest. Nothing else is read from then on.

    Raises Refused.
    """
    videos = [
        each for each in container.streams.video if _has_decoder(each) and not each.disposition & _COVERS
    ]
    if not videos:
        raise Refused("not-a-video", "has no video in it, only sound or pictures")
    best: av.VideoStream = max(videos, key=_rank)
    if best.width * best.height > pixels:
        raise Refused(
            "video-too-large",
            f"has frames of {best.width} x {best.height} pixels; at most {pixels:,} are read",
        )
    for stream in container.streams:
        if stream.index != best.index:
            stream.discard = Discard.all
    return best


def _has_decoder(stream: av.VideoStream) -> bool:
    context: object = stream.codec_context
    return context is not None


def _rank(stream: av.VideoStream) -> tuple[bool, int]:
    return bool(stream.disposition & Disposition.default), stream.width * stream.height
