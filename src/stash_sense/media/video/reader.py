"""A video as frames at asked times, decoded in a process of its own."""

import logging
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from stash_sense.errors import NotAVideo, StashSenseError, UnreadableVideo, VideoTooLarge
from stash_sense.media.video.colours import to_upright_bgr
from stash_sense.media.video.frames import (
    DEFAULT_VIDEO_LIMITS,
    LONGEST_SIDE,
    VideoFrame,
    VideoInfo,
    VideoLimits,
)
from stash_sense.media.video.messages import FAILED, FRAME, NO_FRAME, Document
from stash_sense.media.video.process import Answer, DecoderGone, DecoderProcess
from stash_sense.media.video.source import LocalVideo, VideoSource

log = logging.getLogger(__name__)

ACCEPTED_VIDEOS = "MP4, MOV, MKV, WebM, AVI, MPEG, WMV, FLV, Ogg and GIF videos are accepted"

_REFUSALS: dict[str, type[StashSenseError]] = {
    error.code: error for error in (NotAVideo, UnreadableVideo, VideoTooLarge)
}


class VideoReader:
    """A video that is open. Use it as a context manager; not from two threads at once.

    Raises NotAVideo, UnreadableVideo, VideoTooLarge, here and at every request, and what a range source
    raises. A decoding process that hangs, crashes or exceeds its limits is replaced once for a request.
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
        try:
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
        """End the process and close the file."""
        self._end_process()
        if isinstance(self._source, LocalVideo):
            self._source.close()

    def keyframe_at(self, time_s: float) -> VideoFrame | None:
        """The keyframe at or before that time, or the first one; None if none can be decoded there."""
        return self._frame("keyframe_at", time_s)

    def frame_at(self, time_s: float) -> VideoFrame | None:
        """The frame shown at that time; None if none can be decoded, or it is too far from a keyframe."""
        return self._frame("frame_at", time_s)

    def frames(self, from_s: float, to_s: float, step_s: float) -> Iterator[VideoFrame]:
        """Read through, and yield the frame shown at each step; one that stands still only once."""
        last = None
        steps = int((to_s - from_s) / step_s + 1e-6) + 1
        for step in range(steps):
            frame = self._frame("next_frame", from_s + step * step_s)
            if frame is not None and frame.time_s != last:
                last = frame.time_s
                yield frame

    def _frame(self, what: str, time_s: float) -> VideoFrame | None:
        kind, document, rows = self._answered({"what": what, "time_s": max(float(time_s), 0.0)})
        if kind == NO_FRAME:
            return None
        if kind != FRAME or rows is None:
            raise self._unreadable("its decoder answered something else")
        pixels = to_upright_bgr(rows, document["width"], document["transfer"], document["rotation"])
        height, width = pixels.shape[:2]
        scale = np.array([self.info.width / width, self.info.height / height], np.float32)
        return VideoFrame(document["time_s"], pixels, scale, document["keyframe"])

    def _answered(self, request: Document | None) -> Answer:
        try:
            return self._ask(request)
        except DecoderGone as error:
            log.info("%s: the decoding process is started again: %s", self.name, error)
        try:
            return self._ask(request)
        except DecoderGone as error:
            raise self._unreadable(f"decoding it failed twice: {error}") from error

    def _ask(self, request: Document | None) -> Answer:
        """request: None to open the video only."""
        try:
            if self._process is None:
                self._process = DecoderProcess(self._source, self._limits, self._longest_side)
                answer = self._refused(self._process.open())
            if request is not None:
                answer = self._refused(self._process.ask(request))
        except BaseException:
            self._end_process()
            raise
        return answer

    def _refused(self, answer: Answer) -> Answer:
        kind, document, _ = answer
        if kind == FAILED:
            raise _REFUSALS.get(str(document.get("code")), UnreadableVideo)(
                f"{self.name}: {document.get('why')}."
            )
        return answer

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.close()
            self._process = None

    def _unreadable(self, why: str) -> UnreadableVideo:
        return UnreadableVideo(f"{self.name}: {why}. Try another copy of the file.")

    def _info(self) -> VideoInfo:
        if not self._source.size:
            raise NotAVideo(f"{self.name}: is empty (0 bytes); {ACCEPTED_VIDEOS}.")
        return VideoInfo(**self._answered(None)[1])
