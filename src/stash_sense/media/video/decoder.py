"""Decoding with FFmpeg, in the decoding process: what is asked for as frames of PyAV.

Whatever a file says, FFmpeg opens nothing: it is given one object to read from, formats that refer to other
files are not accepted, and an attempt to open one fails here. Loads PyAV and the standard library only.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NoReturn, TypeAlias

import av
from av.stream import Discard, Disposition

FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpegtsraw,mpeg,mpegvideo,asf,flv,live_flv,ogg,gif,"
    "rm,mxf,dv,ivf,nut,h264,hevc,m4v,swf"
)

CODECS = (
    "h264,hevc,vvc,vp8,vp9,libdav1d,av1,libvpx-vp9,mpeg4,mpeg2video,mpeg1video,mpegvideo,msmpeg4v1,msmpeg4v2,"
    "msmpeg4,wmv1,wmv2,wmv3,vc1,h263,h263p,flv,vp6,vp6f,vp6a,rv10,rv20,rv30,rv40,theora,mjpeg,gif,svq1,svq3,"
    "cinepak,indeo3,indeo4,indeo5,prores,dnxhd,dvvideo,ffv1,huffyuv,ffvhuff,rawvideo,qtrle,rpza,msvideo1,"
    "utvideo,png,vp5,vp3"
)

_Packet: TypeAlias = "av.Packet[av.VideoStream]"

_BLOCK_BYTES = 65_536
_COVERS = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
_INDEXED = ("mov", "matroska", "avi")
_FIRST_STEP_BACK_S = 2.0
_SEEK_SLACK_S = 0.5
_MOST_ASPECT = 4
"""Of a pixel; what is stated above that is no picture of this world."""
_READ_ON_S = 10.0
"""Without an index: how far ahead reading on is preferred to seeking."""


class Refused(Exception):
    """The file is not read. code: of the error tree."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Decoded:
    """A frame, its time from the first one, and its pixels' width in heights."""

    frame: av.VideoFrame
    time_s: float
    aspect: Fraction


def _refuse(*_: object) -> NoReturn:
    raise PermissionError("a video may not refer to other files")


class Decoder:
    """One opened video. file: has `read` and `seek`. seconds: processor time for each request."""

    def __init__(self, file: Any, *, pixels: int, seconds: float) -> None:
        self._file = file
        self._pixels = pixels
        self._seconds = seconds
        self._open()

    def _open(self) -> None:
        self._start_clock()
        self._file.seek(0, 0)
        self._container = av.open(
            self._file,
            "r",
            options={"max_pixels": str(self._pixels), "threads": "1"},
            container_options={
                "format_whitelist": FORMATS,
                "codec_whitelist": CODECS,
                "protocol_whitelist": "none",
            },
            metadata_errors="replace",
            buffer_size=_BLOCK_BYTES,
            io_open=_refuse,
        )
        self._stream = self._choose()
        for stream in self._container.streams:
            if stream.index != self._stream.index:
                stream.discard = Discard.all
        self._context = self._stream.codec_context
        self._context.thread_count = 1
        self._context.options = {"max_pixels": str(self._pixels)}
        self._time_base = self._stream.time_base or Fraction(1, 1000)
        self._start = self._stream.start_time or 0
        aspect = self._stream.sample_aspect_ratio
        self._aspect = aspect if aspect and 1 / _MOST_ASPECT <= aspect <= _MOST_ASPECT else Fraction(1)
        self._frames: Iterator[Decoded] = iter(())
        self._shown: Decoded | None = None
        self._ahead: Decoded | None = None

    def _choose(self) -> av.VideoStream:
        videos = [each for each in self._container.streams.video if not each.disposition & _COVERS]
        videos = [each for each in videos if each.codec_context is not None]
        if not videos:
            raise Refused("not-a-video", "has no video in it, only sound or pictures")
        best: av.VideoStream = max(
            videos, key=lambda each: (bool(each.disposition & Disposition.default), _pixels_of(each))
        )
        if _pixels_of(best) > self._pixels:
            raise Refused(
                "video-too-large",
                f"has frames of {best.width} x {best.height} pixels; at most {self._pixels:,} are decoded",
            )
        return best

    def info(self) -> dict[str, Any]:
        """The fields of `VideoInfo`."""
        stream = self._stream
        duration = None
        if stream.duration and stream.duration > 0:
            duration = float(stream.duration * self._time_base)
        elif self._container.duration and self._container.duration > 0:
            duration = self._container.duration / av.time_base
        rate = stream.average_rate or stream.guessed_rate
        first = self.keyframe_at(0.0)
        if first is None:
            raise Refused("unreadable-video", "has no frame that can be decoded")
        width, height = square_size(first.frame, first.aspect)
        if first.frame.rotation % 180:
            width, height = height, width
        return {
            "duration_s": duration,
            "width": width,
            "height": height,
            "codec": self._context.codec.canonical_name,
            "container": self._container.format.name,
            "frame_rate": float(rate) if rate else None,
        }

    def keyframe_at(self, time_s: float) -> Decoded | None:
        """The nearest keyframe at or before that time; the first one if there is none before."""
        self._start_clock()
        self._shown = self._ahead = None
        self._frames = iter(())
        packet = self._keyframe_packet(self._to_pts(time_s), nearest=True)
        if packet is None:
            return None
        decoded = self._decoded([*self._decode(packet), *self._decode(None)])
        self._context.flush_buffers()
        return decoded[0] if decoded else self.frame_at(time_s)

    def frame_at(self, time_s: float) -> Decoded | None:
        """The frame that is shown at that time: exact, so all from the keyframe before it are decoded."""
        self._start_clock()
        self._seek_exactly(time_s)
        return self._read_to(time_s)

    def next_frame(self, time_s: float) -> Decoded | None:
        """As `frame_at`, reading on from the frame before where no keyframe lies between."""
        self._start_clock()
        if self._shown is None or not self._read_on(self._shown.time_s, time_s):
            self._seek_exactly(time_s)
        return self._read_to(time_s)

    def _read_on(self, from_s: float, to_s: float) -> bool:
        if to_s < from_s:
            return False
        entries = self._stream.index_entries
        if self._is_indexed() and len(entries) > 1:
            keyframe = entries.search_timestamp(self._to_pts(to_s))
            return keyframe < 0 or self._to_s(entries[keyframe].timestamp) <= from_s + _SEEK_SLACK_S
        return to_s - from_s <= _READ_ON_S

    def _is_indexed(self) -> bool:
        return any(name in self._container.format.name for name in _INDEXED)

    def _seek_exactly(self, time_s: float) -> None:
        packet = self._keyframe_packet(self._to_pts(time_s), nearest=False)
        self._shown = self._ahead = None
        self._frames = self._decode_from(packet) if packet is not None else iter(())

    def _read_to(self, time_s: float) -> Decoded | None:
        while self._ahead is None or self._ahead.time_s <= time_s:
            self._shown = self._ahead or self._shown
            self._ahead = next(self._frames, None)
            if self._ahead is None:
                return self._shown
        return self._shown or self._ahead

    def _keyframe_packet(self, target: int, *, nearest: bool) -> "_Packet | None":
        """A keyframe's packet at or before the target, the first one if there is none before.

        nearest: where there is no index, read on for the last one; else what follows the packet is read next.
        """
        step = 0
        while True:
            lowest = target - step
            self._seek(lowest)
            packet = next((each for each in self._packets() if each.is_keyframe), None)
            if packet is not None and _pts(packet) <= target:
                return self._nearest(packet, target) if nearest and not self._is_indexed() else packet
            if lowest <= self._start:
                return packet
            step = max(2 * step, self._step_back())

    def _nearest(self, packet: _Packet, target: int) -> _Packet:
        for later in self._packets():
            if _pts(later) > target:
                break
            packet = later if later.is_keyframe else packet
        return packet

    def _step_back(self) -> int:
        seconds = _SEEK_SLACK_S if self._is_indexed() else _FIRST_STEP_BACK_S
        return max(1, int(seconds / self._time_base))

    def _seek(self, target: int) -> None:
        self._context.flush_buffers()
        try:
            self._container.seek(max(target, self._start), stream=self._stream)
        except av.FFmpegError:
            self._open()

    def _packets(self) -> Iterator[_Packet]:
        for packet in self._container.demux(self._stream):
            self._check_clock()
            if packet.size:
                yield packet

    def _decode_from(self, packet: _Packet) -> Iterator[Decoded]:
        yield from self._decoded(self._decode(packet))
        for later in self._packets():
            yield from self._decoded(self._decode(later))
        yield from self._decoded(self._decode(None))

    def _decode(self, packet: "_Packet | None") -> list[av.VideoFrame]:
        try:
            return self._context.decode(packet)
        except (av.InvalidDataError, av.EOFError):  # a damaged packet: the next ones may do
            return []

    def _decoded(self, frames: list[av.VideoFrame]) -> list[Decoded]:
        return [Decoded(frame, self._time(frame), self._aspect) for frame in frames]

    def _time(self, frame: av.VideoFrame) -> float:
        pts = frame.pts if frame.pts is not None else frame.dts
        return max(0.0, self._to_s(pts)) if pts is not None else 0.0

    def _to_s(self, pts: int) -> float:
        return float((pts - self._start) * self._time_base)

    def _to_pts(self, time_s: float) -> int:
        return self._start + int(time_s / self._time_base)

    def _start_clock(self) -> None:
        self._deadline = time.process_time() + self._seconds

    def _check_clock(self) -> None:
        if time.process_time() > self._deadline:
            raise Refused("too-far", "")


def square_size(frame: av.VideoFrame, aspect: Fraction) -> tuple[int, int]:
    """Width and height of a frame in square pixels; as browsers do, no side becomes shorter."""
    if aspect > 1:
        return max(1, round(frame.width * aspect)), int(frame.height)
    return int(frame.width), max(1, round(frame.height / aspect))


def _pixels_of(stream: av.VideoStream) -> int:
    return int(stream.width) * int(stream.height)


def _pts(packet: _Packet) -> int:
    """When a packet is shown; 0, which is before everything that is looked for, if nothing says it."""
    pts = packet.pts if packet.pts is not None else packet.dts
    return pts if pts is not None else 0
