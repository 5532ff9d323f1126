"""A video as frames at asked times, decoded in a process of its own."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from stash_sense.errors import (
    Cancelled,
    NotAnImage,
    NotAVideo,
    StashSenseError,
    UnreadableVideo,
    VideoTooLarge,
)
from stash_sense.media.formats import PREFIX_BYTES, detect_format
from stash_sense.media.video.answers import BadAnswer, parse_frame, parse_info
from stash_sense.media.video.frames import (
    DEFAULT_VIDEO_LIMITS,
    LONGEST_SIDE,
    VideoFrame,
    VideoInfo,
    VideoLimits,
)
from stash_sense.media.video.messages import FAILED, FRAME, INFO, NO_FRAME, Document
from stash_sense.media.video.process import Answer, DecoderGone, DecoderProcess
from stash_sense.media.video.source import LocalVideo, VideoSource, begins_as_video

log = logging.getLogger(__name__)

ACCEPTED_VIDEOS = "MP4, MOV, MKV, WebM, AVI, MPEG, WMV, FLV, Ogg, RealMedia and GIF videos are accepted"

_LATEST_S = 1e8
"""What FFmpeg can seek to in any unit of time."""

_ADVICE: dict[type[StashSenseError], str] = {
    NotAVideo: f"{ACCEPTED_VIDEOS}.",
    UnreadableVideo: "It is damaged or incomplete; try another copy of the file.",
    VideoTooLarge: "Use a smaller version of it.",
}
_REFUSALS = {error.code: error for error in _ADVICE}


class VideoReader:
    """A video that is open, as a context manager. For one thread, but for `close`.

    Raises NotAVideo, UnreadableVideo, VideoTooLarge, when it is made and at every request, and whatever a
    range source raises. A decoding process that hangs, crashes or exceeds its limits is replaced once for a
    request. limits: of each request. longest_side: in pixels, to which frames are reduced.
    """

    def __init__(
        self,
        source: VideoSource,
        *,
        limits: VideoLimits = DEFAULT_VIDEO_LIMITS,
        longest_side: int = LONGEST_SIDE,
    ) -> None:
        self._source = LocalVideo(source) if isinstance(source, Path) else source
        self.name = self._source.name
        self._limits = limits
        self._longest_side = longest_side
        self._process: DecoderProcess | None = None
        self._call = threading.Lock()
        self._is_closed = False
        try:
            self._check_kind()
            self.info: VideoInfo = self._info()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process and close the file. A call in another thread ends with Cancelled."""
        self._is_closed = True
        if process := self._process:
            process.kill()
        if self._call.acquire(blocking=False):
            try:
                self._end()
            finally:
                self._call.release()

    def keyframe_at(self, time_s: float) -> VideoFrame | None:
        """The keyframe at or before that time, or the first one; None if none can be decoded there."""
        return self._frame("keyframe_at", time_s)

    def frame_at(self, time_s: float) -> VideoFrame | None:
        """The frame shown at that time; None if none can be decoded, or it is too far from a keyframe."""
        return self._frame("frame_at", time_s)

    def frames(self, from_s: float, to_s: float, step_s: float) -> Iterator[VideoFrame]:
        """Read through, and yield the frame shown at each step; one that stands still only once."""
        last = None
        for step in range(int((to_s - from_s) / step_s + 1e-6) + 1):
            frame = self._frame("next_frame", from_s + step * step_s)
            if frame is not None and frame.time_s != last:
                last = frame.time_s
                yield frame

    def _check_kind(self) -> None:
        if not self._source.size:
            raise NotAVideo(f"{self.name}: is empty (0 bytes); {ACCEPTED_VIDEOS}.")
        prefix = self._source.read_at(0, PREFIX_BYTES)
        self._begins_as_video = begins_as_video(prefix)
        try:
            kind = detect_format(self.name, prefix)
        except NotAnImage:
            return
        if kind != "GIF":
            raise NotAVideo(f"{self.name}: is a {kind} picture; {ACCEPTED_VIDEOS}.")

    def _info(self) -> VideoInfo:
        kind, document, _ = self._answered(None)
        try:
            if kind == INFO:
                return parse_info(document)
        except BadAnswer as error:
            raise self._unreadable(str(error)) from error
        raise self._unreadable("its decoder answered something else")

    def _frame(self, what: str, time_s: float) -> VideoFrame | None:
        kind, document, rows = self._answered(
            {"what": what, "time_s": min(max(float(time_s), 0.0), _LATEST_S)}
        )
        if kind == NO_FRAME:
            return None
        try:
            if kind == FRAME and rows is not None:
                return parse_frame(document, rows, self.info)
        except BadAnswer as error:
            raise self._unreadable(str(error)) from error
        raise self._unreadable("its decoder answered something else")

    def _answered(self, request: Document | None) -> Answer:
        """The answer to a request; None opens the video."""
        with self._call:
            try:
                return self._ask_twice(request)
            finally:
                if self._is_closed:
                    self._end()

    def _ask_twice(self, request: Document | None) -> Answer:
        try:
            return self._ask(request)
        except DecoderGone as error:
            log.info("%s: decoding it is started again: %s", self.name, error)
        try:
            return self._ask(request)
        except DecoderGone as error:
            raise self._unreadable(f"decoding it failed twice: {error}") from error

    def _ask(self, request: Document | None) -> Answer:
        try:
            self._check_open()
            if self._process is None:
                self._process = DecoderProcess(self._source, self._limits, self._longest_side)
                answer = self._accepted(self._process.open())
            self._check_open()
            if request is not None:
                answer = self._accepted(self._process.ask(request))
        except BaseException as error:
            self._end_process()
            if isinstance(error, DecoderGone):
                self._check_open()
            raise
        return answer

    def _check_open(self) -> None:
        if self._is_closed:
            raise Cancelled(f"{self.name} is not read any further.")

    def _accepted(self, answer: Answer) -> Answer:
        kind, document, _ = answer
        if kind == FAILED:
            refusal, why = _REFUSALS.get(str(document.get("code")), UnreadableVideo), document.get("why")
            if refusal is UnreadableVideo and not self._begins_as_video:
                refusal, why = NotAVideo, "is in no format that is read"
            raise refusal(f"{self.name}: {why}. {_ADVICE[refusal]}")
        return answer

    def _unreadable(self, why: str) -> UnreadableVideo:
        return UnreadableVideo(f"{self.name}: {why}. {_ADVICE[UnreadableVideo]}")

    def _end(self) -> None:
        self._end_process()
        if isinstance(self._source, LocalVideo):
            self._source.close()

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.close()
            self._process = None
