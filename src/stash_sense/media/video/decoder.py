"""Frames of an opened video at asked times, as PyAV decodes them, in the decoding process.

Loads PyAV and the standard library only.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import av

from stash_sense.media.video.containers import Refused, choose_stream, decoding_options, open_container

_Packet: TypeAlias = "av.Packet[av.VideoStream]"

_INDEXED = ("mov", "matroska", "avi")
"""Formats that are sought in by an index: what is found is the nearest keyframe."""

_STEP_BACK_S, _FIRST_STEP_BACK_S = 0.5, 2.0
"""How far before the time to seek when a seek ended behind it, with an index and without one."""

_READ_ON_S = 10.0
"""Without an index: how far ahead reading on is preferred to seeking."""

_EXACT_S, _ROUGH_S = 1.0, 0.25
"""How long before the time asked for frames are decoded that no other refers to: for an exact frame, and
where a part is read through. These cost a quarter of it."""

_LATEST_START_S = 60.0
"""A first keyframe after that means that the stated start is another stream's."""

_MOST_FRAME_RATE = 1000
"""What is stated beyond that is a guess from the unit of time."""

_MOST_ASPECT = 4
"""Of a pixel; what is stated beyond that is no picture of this world."""

_DAMAGE = (av.InvalidDataError, av.EOFError, av.error.PatchWelcomeError)


class TooFar(Exception):
    """The request has used up its processor time."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A frame, its time from the first one, and its pixels' width in heights."""

    frame: av.VideoFrame
    time_s: float
    aspect: Fraction


class Decoder:
    """One opened video. file: has `read`, `seek` and `tell`. seconds: processor time for each request.
    most_scanned: bytes of a file that may be read for a duration that it does not state.

    Raises Refused, TooFar, and what PyAV raises.
    """

    def __init__(self, file: Any, *, pixels: int, seconds: float, most_scanned: int) -> None:
        self._file = file
        self._most_scanned = most_scanned
        self._pixels = pixels
        self._seconds = seconds
        self._start_clock()
        self._open()
        start = self._stream.start_time
        self._start = start if start is not None else next(map(_pts, self._packets()), 0)

    def _open(self) -> None:
        self._file.seek(0, 0)
        self._container = open_container(self._file, self._pixels)
        self._stream = choose_stream(self._container, self._pixels)
        self._context = self._stream.codec_context
        self._context.thread_count = 1
        self._context.options = decoding_options(self._pixels)
        self._time_base = self._stream.time_base or Fraction(1, 1000)
        self._is_indexed = any(name in self._container.format.name for name in _INDEXED)
        aspect = self._stream.sample_aspect_ratio
        self._aspect = aspect if aspect and 1 / _MOST_ASPECT <= aspect <= _MOST_ASPECT else Fraction(1)
        self._frames: Iterator[Decoded] = iter(())
        self._needed_from = 0
        self._shown: Decoded | None = None
        self._ahead: Decoded | None = None

    def info(self) -> dict[str, Any]:
        """The fields of `VideoInfo`. Where nothing states a duration, the file is read for its last frame."""
        first = self.keyframe_at(0.0)
        if first is None:
            raise Refused("unreadable-video", "has no frame that can be decoded")
        if first.time_s > _LATEST_START_S:
            self._start = self._to_pts(first.time_s)
        width, height = square_size(first.frame, first.aspect)
        if first.frame.rotation % 180:
            width, height = height, width
        rate = self._stream.average_rate or self._stream.guessed_rate or 0
        return {
            "duration_s": self._duration(),
            "width": width,
            "height": height,
            "codec": self._context.codec.canonical_name,
            "container": self._container.format.name,
            "frame_rate": float(rate) if 0 < rate <= _MOST_FRAME_RATE else None,
        }

    def _duration(self) -> float | None:
        if self._stream.duration and self._stream.duration > 0:
            return float(self._stream.duration * self._time_base)
        if self._container.duration and self._container.duration > 0:
            return self._container.duration / av.time_base
        if self._container.size > self._most_scanned:
            return None
        self._seek(self._start)
        last = max((_pts(packet) + (packet.duration or 0) for packet in self._packets()), default=self._start)
        return self._to_s(last) if last > self._start else None

    def keyframe_at(self, time_s: float) -> Decoded | None:
        """The nearest keyframe at or before that time; the first one if there is none before."""
        self._start_clock()
        self._forget()
        packet = self._keyframe_packet(self._to_pts(time_s), nearest=True)
        if packet is None:
            return None
        decoded = [*self._decode(packet), *self._decode(None)]
        self._context.flush_buffers()
        return decoded[0] if decoded else self.frame_at(time_s)

    def frame_at(self, time_s: float) -> Decoded | None:
        """The frame that is shown at that time: all from the keyframe before it on are decoded."""
        self._start_clock()
        self._seek_exactly(time_s)
        return self._read_to(time_s, _EXACT_S)

    def next_frame(self, time_s: float) -> Decoded | None:
        """As `frame_at`, reading on from the frame before where no keyframe lies between."""
        self._start_clock()
        if self._shown is None or not self._reads_on(self._shown.time_s, time_s):
            self._seek_exactly(time_s)
        return self._read_to(time_s, _ROUGH_S)

    def _reads_on(self, from_s: float, to_s: float) -> bool:
        if to_s < from_s:
            return False
        entries = self._stream.index_entries
        if self._is_indexed and len(entries) > 1:
            keyframe = entries.search_timestamp(self._to_pts(to_s))
            return keyframe < 0 or self._to_s(entries[keyframe].timestamp) <= from_s + _STEP_BACK_S
        return to_s - from_s <= _READ_ON_S

    def _seek_exactly(self, time_s: float) -> None:
        self._forget()
        packet = self._keyframe_packet(self._to_pts(time_s), nearest=False)
        if packet is not None:
            self._frames = self._decode_from(packet)

    def _forget(self) -> None:
        self._frames, self._shown, self._ahead = iter(()), None, None

    def _read_to(self, time_s: float, margin_s: float) -> Decoded | None:
        self._needed_from = self._to_pts(time_s - margin_s)
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
                return self._nearest(packet, target) if nearest and not self._is_indexed else packet
            # Packets are stored in the order of decoding: the first keyframe's may lie before the start.
            if lowest <= self._start - self._step_back():
                return packet
            step = max(2 * step, self._step_back())

    def _nearest(self, packet: _Packet, target: int) -> _Packet:
        for later in self._packets():
            if _pts(later) > target:
                break
            packet = later if later.is_keyframe else packet
        return packet

    def _step_back(self) -> int:
        seconds = _STEP_BACK_S if self._is_indexed else _FIRST_STEP_BACK_S
        return max(1, int(seconds / self._time_base))

    def _seek(self, target: int) -> None:
        self._context.flush_buffers()
        try:
            self._container.seek(target, stream=self._stream)
        except av.FFmpegError:  # such as before the first entry of an index
            self._open()

    def _packets(self) -> Iterator[_Packet]:
        try:
            for packet in self._container.demux(self._stream):
                self._check_clock()
                if packet.size:
                    yield packet
        except _DAMAGE:  # where the file is cut off or damaged, it ends
            return

    def _decode_from(self, packet: _Packet) -> Iterator[Decoded]:
        yield from self._decode(packet)
        for later in self._packets():
            self._context.skip_frame = "NONREF" if _pts(later) < self._needed_from else "DEFAULT"
            yield from self._decode(later)
        yield from self._decode(None)

    def _decode(self, packet: "_Packet | None") -> list[Decoded]:
        try:
            frames = self._context.decode(packet)
        except _DAMAGE:  # of this packet; the next ones may do
            return []
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
            raise TooFar


def square_size(frame: av.VideoFrame, aspect: Fraction) -> tuple[int, int]:
    """Width and height of a frame in square pixels; as browsers do, no side becomes shorter."""
    if aspect > 1:
        return max(1, round(frame.width * aspect)), int(frame.height)
    return int(frame.width), max(1, round(frame.height / aspect))


def _pts(packet: _Packet) -> int:
    """When a packet is shown; 0, which is before everything that is looked for, if nothing says it."""
    pts = packet.pts if packet.pts is not None else packet.dts
    return pts if pts is not None else 0
