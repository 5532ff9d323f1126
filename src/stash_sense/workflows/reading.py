"""Files to faces: decode, detect and embed many photos on all cores, in order, in bounded memory."""

import logging
import os
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stash_sense.errors import StashSenseError
from stash_sense.faces.engine import FaceEngine
from stash_sense.faces.types import Face, Pixels, Vectors
from stash_sense.media import load_image

log = logging.getLogger(__name__)

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

    Closing the generator early stops after the steps in hand; use `contextlib.closing`, since an exception
    in flight keeps a mere loop's generator, and its threads, alive.
    """
    pool = ThreadPoolExecutor(workers(), thread_name_prefix="faces")
    waiting: deque[Future[list[PhotoFaces]]] = deque()
    try:
        for step in _steps(paths):
            waiting.append(pool.submit(_read_step, step, engine, min_confidence, reference))
            if len(waiting) > STEPS_AHEAD * workers():
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _steps(paths: Sequence[Path]) -> Iterator[Sequence[Path]]:
    """Runs of PHOTOS_A_STEP photos, shorter towards the end, so that no core waits long for the last one."""
    first = 0
    while first < len(paths):
        size = min(PHOTOS_A_STEP, -(-(len(paths) - first) // (2 * workers())))
        yield paths[first : first + size]
        first += size


def _read_step(
    paths: Sequence[Path], engine: FaceEngine, min_confidence: float, reference: bool
) -> list[PhotoFaces]:
    photos: list[PhotoFaces] = []
    scales = []

    def pictures() -> Iterator[Pixels]:
        # One after another: a picture is looked at while it is still in the core's cache.
        for path in paths:
            try:
                image = load_image(path)
            except StashSenseError as error:
                photos.append(PhotoFaces(path, 0, 0, (), str(error)))
                continue
            photos.append(PhotoFaces(path, image.width, image.height, ()))
            scales.append(np.array(image.scale, np.float32))
            yield image.pixels

    faces = engine.analyze(pictures(), min_confidence=min_confidence, reference=reference)
    found = iter(zip(faces, scales, strict=True))
    return [photo if photo.error else _with_faces(photo, *next(found)) for photo in photos]


def _with_faces(photo: PhotoFaces, faces: Sequence[Face], scale: Vectors) -> PhotoFaces:
    return replace(photo, faces=in_full(faces, scale, photo.width, photo.height))


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
