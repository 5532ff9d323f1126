"""Pictures to embedded faces: decode, detect, embed and judge the quality."""

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np

from stash_sense.domain.faces import EmbeddedFace, Pixels, Vectors
from stash_sense.errors import StashSenseError
from stash_sense.faces.engine import FaceEngine
from stash_sense.machine import usable_cores
from stash_sense.media.formats import DEFAULT_LIMITS, MediaLimits
from stash_sense.media.photo import PhotoFile, PhotoSource, decoded_image, later_frames
from stash_sense.memory import NETWORK_BYTES
from stash_sense.recognition.large_pictures import decoded_to_search, finer_pixels

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

PHOTOS_PER_BATCH = 6
"""Photos analysed together: enough faces to fill an embedding batch, few enough to hold in memory."""

BATCHES_AHEAD = 2
"""Batches that each worker may be ahead of the caller."""


@dataclass(frozen=True, slots=True, eq=False)
class AnalyzedPicture:
    """The faces of a picture. width, height: of the upright picture, pixels; boxes are in these.

    crops: what was cut out for each face, where that was asked for, from the picture reduced by `scale`.
    """

    width: int
    height: int
    faces: Sequence[EmbeddedFace]
    crops: Sequence[bytes] = ()
    scale: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class AnalyzedPhoto:
    """The faces of a photo. width, height: of the upright photo, pixels; boxes are in these.

    error: why the photo could not be read, for a person; it then has no faces, and width and height are 0.
    """

    path: PhotoFile
    width: int
    height: int
    faces: Sequence[EmbeddedFace]
    error: str = ""


def analyze_photos(
    paths: Sequence[PhotoFile],
    engine: FaceEngine,
    *,
    min_confidence: float,
    reference: bool = False,
    workers: int = 0,
) -> Generator[AnalyzedPhoto]:
    """The faces of each photo, in the order of `paths`. A bad photo has an error.

    min_confidence: calibrated, 0 to 1. reference: embed for enrolment rather than as probes. workers: see
    `run_in_batches`, also on how to stop early.
    """
    analyze = partial(_analyze_batch, engine=engine, min_confidence=min_confidence, reference=reference)
    return run_in_batches(paths, analyze, workers)


def run_in_batches(
    photos: Sequence[T], analyze: Callable[[Sequence[T]], Sequence[R]], workers: int = 0
) -> Generator[R]:
    """Call `analyze` with a few photos at a time; yield its results in the photos' order.

    workers: threads; 0: one for each core this process may use.

    Close the generator with `contextlib.closing`, then stopping early leaves the rest unread: an exception in
    flight would keep the generator of a plain loop, and its threads, alive.
    """
    workers = workers or usable_cores()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="faces")
    waiting: deque[Future[Sequence[R]]] = deque()
    try:
        for batch in _batches(photos, workers):
            waiting.append(pool.submit(analyze, batch))
            if len(waiting) > BATCHES_AHEAD * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _batches(photos: Sequence[T], workers: int) -> Iterator[Sequence[T]]:
    """Batches of PHOTOS_PER_BATCH, smaller towards the end, so that no core waits long for the last one."""
    first = 0
    while first < len(photos):
        size = min(PHOTOS_PER_BATCH, -(-(len(photos) - first) // (2 * workers)))
        yield photos[first : first + size]
        first += size


def _analyze_batch(
    paths: Sequence[PhotoFile], engine: FaceEngine, min_confidence: float, reference: bool
) -> list[AnalyzedPhoto]:
    pictures = analyze_pictures(paths, engine, min_confidence=min_confidence, reference=reference)
    return [
        AnalyzedPhoto(path, 0, 0, (), str(picture))
        if isinstance(picture, StashSenseError)
        else AnalyzedPhoto(path, picture.width, picture.height, picture.faces)
        for path, picture in zip(paths, pictures, strict=True)
    ]


def analyze_pictures(
    sources: Sequence[PhotoSource],
    engine: FaceEngine,
    *,
    min_confidence: float,
    reference: bool = False,
    limits: MediaLimits = DEFAULT_LIMITS,
    names: Sequence[str] = (),
    cut: Callable[[Pixels, Vectors], bytes] | None = None,
) -> list[AnalyzedPicture | StashSenseError]:
    """The faces of each picture, or why it could not be read. All faces are embedded together.

    An animation whose first frame shows no face is looked at further on, and its faces are those of the first
    frame that shows any; but not as a reference, whose face a person must find where the picture is shown.
    names: what messages call each source that is bytes. cut: makes a face's crop from the pixels that it was
    found in and its box there, (4,); faces of later frames have none.
    """
    pictures: list[AnalyzedPicture | StashSenseError] = []
    scales: list[Vectors] = []
    animations: set[int] = set()
    crops = _Crops(cut) if cut else None

    finer: Callable[[], Pixels | None] | None = None

    def decoded() -> Generator[Pixels]:
        nonlocal finer
        # One after another: a picture is searched while it is still in the core's cache.
        for position, source in enumerate(sources):
            decode = partial(
                decoded_image,
                source,
                limits=limits,
                name=names[position] if names else "picture",
                working_bytes=NETWORK_BYTES,
            )
            try:
                with ExitStack() as memory:
                    image = memory.enter_context(decoded_to_search(decode))
                    pictures.append(AnalyzedPicture(image.width, image.height, ()))
                    scales.append(np.array(image.scale, np.float32))
                    if image.animated and not reference:
                        animations.add(position)
                    finer = finer_pixels(image, decode, memory)
                    yield image.pixels
                    del image
                    finer = None
            except StashSenseError as error:
                pictures.append(error)

    with closing(decoded()) as images:  # also where the engine fails: its memory must not stay reserved
        faces = engine.analyze(
            images,
            min_confidence=min_confidence,
            reference=reference,
            finer=lambda: finer,
            seen=crops,
        )
    readable = iter(zip(faces, scales, strict=True))
    for position, picture in enumerate(pictures):
        if isinstance(picture, AnalyzedPicture):
            own = _with_faces(picture, *next(readable))
            own = crops.added_to(own) if crops else own
            if position in animations and not own.faces:
                find = partial(engine.analyze, min_confidence=min_confidence)
                own = _analyze_later_frames(sources[position], find, limits) or own
            pictures[position] = own
    return pictures


class _Crops:
    """Cuts the faces of each picture out while its pixels are there."""

    def __init__(self, cut: Callable[[Pixels, Vectors], bytes]) -> None:
        self._cut = cut
        self._made: deque[tuple[list[bytes], int]] = deque()

    def __call__(self, pixels: Pixels, boxes: Vectors) -> None:
        self._made.append(([self._cut(pixels, box) for box in boxes], pixels.shape[1]))

    def added_to(self, picture: AnalyzedPicture) -> AnalyzedPicture:
        """The next picture with its crops."""
        crops, across = self._made.popleft()
        return replace(picture, crops=crops, scale=picture.width / across)


def _analyze_later_frames(
    source: PhotoSource, find: Callable[[Sequence[Pixels]], list[list[EmbeddedFace]]], limits: MediaLimits
) -> AnalyzedPicture | None:
    """The first frame that shows a face; None if none does."""
    try:
        with closing(later_frames(source, limits=limits, working_bytes=NETWORK_BYTES)) as images:
            for image in images:
                (faces,) = find([image.pixels])
                if faces:
                    of_frame = [replace(face, frame=image.frame) for face in faces]
                    picture = AnalyzedPicture(image.width, image.height, ())
                    return _with_faces(picture, of_frame, np.array(image.scale, np.float32))
    except StashSenseError as error:  # the first frame was read, and may be all that is whole
        log.info("The rest of an animation cannot be read: %s", error)
    return None


def _with_faces(picture: AnalyzedPicture, faces: Sequence[EmbeddedFace], scale: Vectors) -> AnalyzedPicture:
    return replace(picture, faces=scale_faces(faces, scale, picture.width, picture.height))


def scale_faces(faces: Sequence[EmbeddedFace], scale: Vectors, width: int, height: int) -> list[EmbeddedFace]:
    """Faces found in a reduced picture, in pixels of the full picture of width x height.

    scale: (2,) float32, full pixels per reduced pixel, x and y.
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
