"""Which frames of a scene are looked at, and what was seen on them.

Keyframes first: reaching one costs a seek and one decoded picture, whatever the length of the scene.
"""

import logging
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from stash_sense.domain.faces import EmbeddedFace
from stash_sense.errors import UnreadableVideo
from stash_sense.faces.engine import FaceEngine
from stash_sense.matching.scene_people import SceneEvidence
from stash_sense.media.video.frames import VideoFrame
from stash_sense.media.video.reader import VideoReader
from stash_sense.recognition.scene_analysis import Submit, analyze_frames
from stash_sense.recognition.scene_gaps import Gap, wanted_gaps

log = logging.getLogger(__name__)

SAMPLER = "keyframes-1"
"""The version of the choice of frames: after a change a scene is looked at again."""

SPREAD = 24
"""Keyframes looked at first, spread over the scene."""

ROUND = 16
"""Frames looked at between two judgements."""

DECODED_FRAMES = 2400
"""Frames that may be decoded to reach those between keyframes: 80 s of a usual video. A scene that is not
longer is read through where its keyframes are scarce."""

READ_STEP_S = 0.5
"""The least step of reading through."""

USUAL_RATE = 30.0
"""Frames a second of a video that does not say."""

EXACT_STEP_S = 4.0
"""How far from a face to look for it again where there are no keyframes: what lies farther costs more."""

MOST_FAILURES = 8
"""Places of a damaged video that are tried in vain before the rest is given up."""

_SAME_S = 1e-3
_LATER_S = 0.01
_FAR_S = 1e6


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """max_frames: the most frames looked at. min_face_confidence: calibrated, 0 to 1."""

    max_frames: int = 120
    min_face_confidence: float = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class SceneFrame:
    """The faces of one frame. time_s: from the scene's first frame. width, height: of the upright frame,
    pixels; boxes are in these. crops: a JPEG of each face, or none."""

    time_s: float
    width: int
    height: int
    faces: Sequence[EmbeddedFace]
    crops: Sequence[bytes] = ()


Stopped = Literal["settled", "all-frames", "scarce-keyframes", "max-frames", "unreadable"]
"""Why no more frames were looked at. settled: more would change no verdict and leave no wide gap. all-frames:
the scene was read through. scarce-keyframes: more could be reached only by decoding much of the scene.
max-frames: no more were allowed. unreadable: the rest of the file is damaged."""


@dataclass(frozen=True, slots=True, eq=False)
class SceneFrames:
    """The frames looked at, in the order of time, and why no more were.

    duration_s: as the file says, else the time of its last keyframe.
    """

    frames: tuple[SceneFrame, ...]
    stopped: Stopped
    duration_s: float


def sample_scene(
    video: VideoReader,
    engine: FaceEngine,
    sampling: SamplingOptions,
    *,
    known: Sequence[SceneFrame] = (),
    judge: Callable[[Sequence[SceneFrame], float], SceneEvidence],
    on_frames: Callable[[Sequence[SceneFrame]], None],
    submit: Submit,
) -> SceneFrames:
    """Look at frames of a scene until it is clear who is in it and when, or enough were looked at.

    known: frames of an interrupted run, which are not analysed again. judge: who is on these frames, in the
    order of time, of a scene so many seconds long. on_frames: called with each few new frames; what it raises
    ends the run. submit: where frames are analysed, a few at a time.

    Raises what `video` raises, UnreadableVideo only if no frame can be read.
    """
    run = _Sampling(video, engine, sampling, known, on_frames, submit)
    run.look(run.spread())
    if run.is_short and run.has_scarce_keyframes:
        run.look(run.read_through())
        return run.result("all-frames")
    while run.frames and not run.stopped:
        evidence = judge(run.frames, run.duration_s)
        gaps = [gap for gap in wanted_gaps(run.times, run.duration_s, evidence) if gap not in run.closed]
        if not gaps:
            return run.result("scarce-keyframes" if run.closed else "settled")
        run.look(run.between(gaps))
    return run.result(run.stopped or "unreadable")


class _Sampling:
    """One run: the frames so far, and where there are no others."""

    def __init__(
        self,
        video: VideoReader,
        engine: FaceEngine,
        sampling: SamplingOptions,
        known: Sequence[SceneFrame],
        on_frames: Callable[[Sequence[SceneFrame]], None],
        submit: Submit,
    ) -> None:
        self._video = video
        self._engine = engine
        self._sampling = sampling
        self._on_frames = on_frames
        self._submit = submit
        self.frames = sorted(known, key=lambda frame: frame.time_s)
        self.times = [frame.time_s for frame in self.frames]
        self._keyframes = [0.0]
        self._rate = video.info.frame_rate or USUAL_RATE
        self._budget = float(DECODED_FRAMES)
        self._failures = 0
        self._error: UnreadableVideo | None = None
        self.stopped: Stopped | None = None
        self.closed: set[Gap] = set()
        self._without_keyframe: set[tuple[float, float]] = set()
        self.duration_s = video.info.duration_s or self._last_keyframe_s()

    @property
    def is_short(self) -> bool:
        """Whether the scene may be read through."""
        return self.duration_s * self._rate <= self._budget

    @property
    def has_scarce_keyframes(self) -> bool:
        """Whether the spread left gaps that are much wider than asked for."""
        gaps = pairwise([0.0, *self.times, self.duration_s])
        widest = max(after - before for before, after in gaps)
        return widest > max(READ_STEP_S, 2 * self.duration_s / SPREAD) + _SAME_S

    def look(self, frames: Iterator[VideoFrame]) -> None:
        """Analyse frames as they are read, and report them."""
        analyzed = analyze_frames(
            frames,
            self._video.info,
            self._engine,
            self._submit,
            min_confidence=self._sampling.min_face_confidence,
        )
        with closing(analyzed):
            for batch in analyzed:
                new = [
                    SceneFrame(time_s, each.width, each.height, each.faces, crops)
                    for time_s, each, crops in batch
                ]
                for frame in new:
                    at = bisect_left([other.time_s for other in self.frames], frame.time_s)
                    self.frames.insert(at, frame)
                self._on_frames(new)

    def spread(self) -> Iterator[VideoFrame]:
        """Keyframes all over the scene, but where frames are known already."""
        step = self.duration_s / SPREAD
        for at in range(SPREAD):
            if not self._has_frame(at * step - step, at * step):
                frame = self._read(self._video.keyframe_at, at * step)
                if frame is not None and self._is_new(frame):
                    yield frame

    def read_through(self) -> Iterator[VideoFrame]:
        """A frame at each step of a short scene."""
        most = self._sampling.max_frames
        # Keyframes of the spread count too. The step is the same when an interrupted run goes on.
        step = max(READ_STEP_S, self.duration_s / (most - SPREAD if most > SPREAD else most))
        try:
            for frame in self._video.frames(0.0, self.duration_s, step):
                if self._is_new(frame):
                    yield frame
        except UnreadableVideo as error:
            self._failed(error)

    def between(self, gaps: Sequence[Gap]) -> Iterator[VideoFrame]:
        """A frame in each of the first of these gaps. Those without one are closed."""
        looked = 0
        for gap in gaps:
            if looked == ROUND or self.stopped:
                return
            frame = self._in_gap(gap)
            if frame is None:
                self.closed.add(gap)
            elif self._is_new(frame):
                looked += 1
                yield frame

    def result(self, stopped: Stopped) -> SceneFrames:
        """What was looked at. Raises UnreadableVideo if that is nothing."""
        if not self.frames:
            raise self._error or UnreadableVideo(
                f"{self._video.name}: none of its frames can be decoded. Try another copy of the file."
            )
        return SceneFrames(tuple(self.frames), self.stopped or stopped, self.duration_s)

    def _in_gap(self, gap: Gap) -> VideoFrame | None:
        """A frame inside a gap; None if there is none, or none that is worth its cost."""
        if (gap.from_s, gap.to_s) not in self._without_keyframe:
            for time_s in (gap.middle_s, gap.to_s - _LATER_S):
                frame = self._inside(gap, self._read(self._video.keyframe_at, time_s))
                if frame is not None:
                    return frame
            self._without_keyframe.add((gap.from_s, gap.to_s))
        time_s = min(gap.middle_s, gap.from_s + EXACT_STEP_S)
        before = self._keyframes[bisect_right(self._keyframes, time_s) - 1]
        cost = (time_s - before) * self._rate
        if not gap.begins_open or cost > self._budget:
            return None
        self._budget -= cost
        return self._inside(gap, self._read(self._video.frame_at, time_s))

    def _inside(self, gap: Gap, frame: VideoFrame | None) -> VideoFrame | None:
        is_inside = frame is not None and gap.from_s + _SAME_S < frame.time_s < gap.to_s - _SAME_S
        return frame if is_inside else None

    def _read(self, ask: Callable[[float], VideoFrame | None], time_s: float) -> VideoFrame | None:
        if self.stopped:
            return None
        try:
            return ask(time_s)
        except UnreadableVideo as error:
            self._failed(error)
            return None

    def _failed(self, error: UnreadableVideo) -> None:
        log.info("Part of a video cannot be read: %s", error)
        self._error = error
        self._failures += 1
        if self._failures >= MOST_FAILURES:
            self.stopped = "unreadable"

    def _is_new(self, frame: VideoFrame) -> bool:
        """Whether a frame was not looked at yet; it then counts as looked at."""
        if frame.keyframe:
            at = bisect_left(self._keyframes, frame.time_s - _SAME_S)
            if at == len(self._keyframes) or self._keyframes[at] > frame.time_s + _SAME_S:
                self._keyframes.insert(at, frame.time_s)
        if self._has_frame(frame.time_s - _SAME_S, frame.time_s + _SAME_S):
            return False
        if len(self.times) >= self._sampling.max_frames:
            self.stopped = self.stopped or "max-frames"
            return False
        self.times.insert(bisect_left(self.times, frame.time_s), frame.time_s)
        return True

    def _has_frame(self, from_s: float, to_s: float) -> bool:
        """Whether a frame later than `from_s`, at most at `to_s`, was looked at."""
        return bisect_right(self.times, to_s) > bisect_right(self.times, from_s)

    def _last_keyframe_s(self) -> float:
        frame = self._read(self._video.keyframe_at, _FAR_S)
        return 0.0 if frame is None else frame.time_s
