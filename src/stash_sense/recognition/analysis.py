import logging
import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from stash_sense.domain.faces import Face, Pixels, Vectors
from stash_sense.errors import StashSenseError
from stash_sense.faces.engine import FaceEngine
from stash_sense.media.limits import DEFAULT_LIMITS, MediaLimits
from stash_sense.media.photo import load_image

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")


PHOTOS_A_STEP = 6
"""Photos analysed together: enough faces to fill an embedding batch, few enough to hold in memory."""


STEPS_AHEAD = 2
"""Steps a worker may be ahead of whoever takes the results."""


@dataclass(frozen=True, slots=True, eq=False)
class PhotoFaces:
    """What was seen in one photo. width, height: of the upright picture, pixels; boxes are in these.

    error: why the photo could not be read, for a person; then there are no faces and no sizes.
    """

    path: Path
    width: int
    height: int
    faces: Sequence[Face]
    error: str = ""


def workers() -> int:
    """How many one-thread workers this machine feeds: the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_faces(
    paths: Sequence[Path], engine: FaceEngine, *, min_confidence: float, reference: bool = False
) -> Generator[PhotoFaces]:
    """The faces of each photo, in the order of `paths`. A bad photo is an entry with an error.

    Close it early as `run_in_steps` says.
    """
    read = partial(_read_step, engine=engine, min_confidence=min_confidence, reference=reference)
    return run_in_steps(paths, read)


def run_in_steps(photos: Sequence[T], analyze: Callable[[Sequence[T]], Sequence[R]]) -> Generator[R]:
    """Call `analyze` with a few photos at a time, on all cores; yield its results in the photos' order.

    Closing the generator early stops after the steps in hand. Use `contextlib.closing`: an exception in
    flight keeps the generator of a plain loop, and its threads, alive.
    """
    pool = ThreadPoolExecutor(workers(), thread_name_prefix="faces")
    waiting: deque[Future[Sequence[R]]] = deque()
    try:
        for step in _steps(photos):
            waiting.append(pool.submit(analyze, step))
            if len(waiting) > STEPS_AHEAD * workers():
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _steps(photos: Sequence[T]) -> Iterator[Sequence[T]]:
    """Runs of PHOTOS_A_STEP photos, shorter towards the end, so that no core waits long for the last one."""
    first = 0
    while first < len(photos):
        size = min(PHOTOS_A_STEP, -(-(len(photos) - first) // (2 * workers())))
        yield photos[first : first + size]
        first += size


def _read_step(
    paths: Sequence[Path], engine: FaceEngine, min_confidence: float, reference: bool
) -> list[PhotoFaces]:
    seen = faces_in(paths, engine, min_confidence=min_confidence, reference=reference)
    return [
        PhotoFaces(path, 0, 0, (), str(one))
        if isinstance(one, StashSenseError)
        else PhotoFaces(path, one.width, one.height, one.faces)
        for path, one in zip(paths, seen, strict=True)
    ]


@dataclass(frozen=True, slots=True, eq=False)
class SeenPicture:
    """What was seen in a picture. width, height: upright, pixels; boxes are in these."""

    width: int
    height: int
    faces: Sequence[Face]


def faces_in(
    sources: Sequence[Path | bytes],
    engine: FaceEngine,
    *,
    min_confidence: float,
    reference: bool = False,
    limits: MediaLimits = DEFAULT_LIMITS,
    names: Sequence[str] = (),
) -> list[SeenPicture | StashSenseError]:
    """The faces of each picture, or why it could not be read; all are embedded together.

    names: what stands for bytes in messages, one a source.
    """
    opened: list[SeenPicture | StashSenseError] = []
    scales = []

    def pictures() -> Iterator[Pixels]:
        # One after another: a picture is looked at while it is still in the core's cache.
        for position, source in enumerate(sources):
            try:
                name = names[position] if names else "picture"
                image = load_image(source, limits=limits, name=name)
            except StashSenseError as error:
                opened.append(error)
                continue
            opened.append(SeenPicture(image.width, image.height, ()))
            scales.append(np.array(image.scale, np.float32))
            yield image.pixels

    faces = engine.analyze(pictures(), min_confidence=min_confidence, reference=reference)
    found = iter(zip(faces, scales, strict=True))
    return [one if isinstance(one, StashSenseError) else _with_faces(one, *next(found)) for one in opened]


def _with_faces(seen: SeenPicture, faces: Sequence[Face], scale: Vectors) -> SeenPicture:
    return replace(seen, faces=in_full(faces, scale, seen.width, seen.height))


def in_full(faces: Sequence[Face], scale: Vectors, width: int, height: int) -> list[Face]:
    """Faces found in reduced pixels, with their places in the full picture of width x height pixels.

    scale: (2,) float32, full pixels a reduced pixel, x and y.
    """
    if (scale == 1).all():
        return list(faces)
    # Clamped once more: the product may end a rounding error outside.
    corner = np.array([width, height] * 2, np.float32)
    return [
        replace(
            face,
            box=np.clip(face.box * np.tile(scale, 2), 0, corner),
            landmarks=face.landmarks * scale,
        )
        for face in faces
    ]
