"""Frames of a video to embedded faces, a few at a time on several workers."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Protocol, TypeVar

from stash_sense.faces.engine import FaceEngine
from stash_sense.media.video.frames import VideoFrame, VideoInfo
from stash_sense.recognition.analysis import AnalyzedPicture, scale_faces
from stash_sense.recognition.crops import face_crops

T = TypeVar("T")

FRAMES_PER_BATCH = 4
"""Frames analysed together: enough faces to fill an embedding batch, few enough to keep all workers busy."""

BATCHES_AHEAD = 6
"""Batches that wait or are being analysed while the next frames are read."""

AnalyzedFrames = list[tuple[float, AnalyzedPicture, tuple[bytes, ...]]]
"""The time of each frame in seconds, its faces in pixels of the upright video, and a JPEG of each."""


class Submit(Protocol):
    """Where work is done: a worker pool's or an executor's `submit`."""

    def __call__(self, work: Callable[[], T], /) -> Future[T]: ...


def analyze_frames(
    frames: Iterable[VideoFrame],
    info: VideoInfo,
    engine: FaceEngine,
    submit: Submit,
    *,
    min_confidence: float,
) -> Generator[AnalyzedFrames]:
    """The faces of frames, in batches and in the frames' order, while further frames are read.

    min_confidence: calibrated, 0 to 1. Close the generator to stop early: what has not begun is cancelled.
    """
    waiting: deque[Future[AnalyzedFrames]] = deque()
    try:
        for batch in _batches(frames):
            waiting.append(submit(partial(_analyze, batch, info, engine, min_confidence)))
            del batch
            if len(waiting) >= BATCHES_AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _batches(frames: Iterable[VideoFrame]) -> Iterator[list[VideoFrame]]:
    batch: list[VideoFrame] = []
    for frame in frames:
        batch.append(frame)
        if len(batch) == FRAMES_PER_BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _analyze(
    batch: Sequence[VideoFrame], info: VideoInfo, engine: FaceEngine, min_confidence: float
) -> AnalyzedFrames:
    found = engine.analyze([frame.pixels for frame in batch], min_confidence=min_confidence)
    width, height = info.width, info.height
    return [
        (
            frame.time_s,
            AnalyzedPicture(width, height, scale_faces(faces, frame.scale, width, height)),
            face_crops(frame.pixels, faces),
        )
        for frame, faces in zip(batch, found, strict=True)
    ]
