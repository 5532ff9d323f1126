"""Images of Stash in batches: fetched ahead in bounded memory, then recognised together."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from stash_sense.errors import MediaError, NotAnalysed, NotInStash, StashSenseError, StashTooSlow
from stash_sense.jobs.workers import task_group
from stash_sense.matching.gallery_people import PictureFaces
from stash_sense.media.formats import MediaLimits
from stash_sense.recognition.analysis import PHOTOS_PER_BATCH, AnalyzedPicture, analyze_pictures, scale_faces
from stash_sense.recognition.parameters import ImageTask, RunParameters
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.recognition.stored_faces import STORED_NEAREST, to_stored
from stash_sense.stash.outage import OUTAGE_ERRORS, ResilientStash
from stash_sense.stash.types import Source
from stash_sense.store.repositories.results import ImageResult

log = logging.getLogger(__name__)

FETCHERS = 6
"""Pictures fetched at a time."""

BATCHES_PER_WORKER = 2
"""Batches submitted at a time for each worker: one in progress and one ready."""

BYTES_IN_FLIGHT = 96_000_000
"""Of fetched pictures that are not yet decoded. A larger one still passes, alone."""

_UNKNOWN_BYTES = 5_000_000
_THUMBNAIL_BYTES = 200_000


@dataclass(frozen=True, slots=True, eq=False)
class FetchedImage:
    """An image's bytes."""

    task: ImageTask
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class RecognizedImage:
    """An image's faces, and its result as it is to be stored."""

    task: ImageTask
    faces: PictureFaces
    result: ImageResult


def recognize_images(
    batch: Sequence[FetchedImage],
    recognizer: FaceRecognizer,
    parameters: RunParameters,
    media: MediaLimits,
) -> list[RecognizedImage | StashSenseError]:
    """Decode a few images and recognise their faces, or say why an image could not be read."""
    try:
        pictures = _analyze(batch, recognizer, parameters, media)
    except Exception:  # logged below, and an error of that image: a bug must not cost the gallery
        if len(batch) > 1:  # one of them is at fault; the others are not to share its fate
            return [
                image
                for fetched in batch
                for image in recognize_images([fetched], recognizer, parameters, media)
            ]
        image_id = batch[0].task.image_id
        log.exception("image %s could not be analysed", image_id)
        return [NotAnalysed(f"Image {image_id}: Stash Sense failed at it; the log says how.")]
    faces = [face for picture in pictures if isinstance(picture, AnalyzedPicture) for face in picture.faces]
    options = parameters.options
    recognized = iter(recognizer.recognize(faces, options.top_k, options.max_distance))
    images: list[RecognizedImage | StashSenseError] = []
    for fetched, picture in zip(batch, pictures, strict=True):
        if isinstance(picture, StashSenseError):
            images.append(picture)
            continue
        own = tuple(next(recognized) for _ in picture.faces)
        result = ImageResult(
            fetched.task.image_id,
            fetched.task.picture,
            parameters.pack,
            parameters.db_version,
            [to_stored(face, picture.width, picture.height, recognizer.database) for face in own],
            source=parameters.source,
            width=picture.width,
            height=picture.height,
            settings=parameters.settings(),
        )
        images.append(RecognizedImage(fetched.task, _without_diagnostics(own), result))
    return images


def rematch_faces(
    pictures: Sequence[PictureFaces], recognizer: FaceRecognizer, parameters: RunParameters
) -> list[PictureFaces]:
    """Stored faces of several pictures, matched again with the database and options of this run."""
    faces = [face for own in pictures for face in own]
    options = parameters.options
    recognized = iter(recognizer.recognize(faces, options.top_k, options.max_distance))
    return [_without_diagnostics(tuple(next(recognized) for _ in own)) for own in pictures]


def _without_diagnostics(faces: PictureFaces) -> PictureFaces:
    """The faces without what only a single image's answer shows: a gallery holds thousands to its end."""
    return tuple(
        replace(
            face,
            nearest=tuple(replace(candidate, cosines={}) for candidate in face.nearest[:STORED_NEAREST]),
            matches=(matches := tuple(replace(match, diagnostics={}) for match in face.matches)),
            named=matches[0] if face.named else None,
        )
        for face in faces
    )


def _analyze(
    batch: Sequence[FetchedImage], recognizer: FaceRecognizer, parameters: RunParameters, media: MediaLimits
) -> list[AnalyzedPicture | StashSenseError]:
    pictures = analyze_pictures(
        [fetched.data for fetched in batch],
        recognizer.pack.engine,
        min_confidence=parameters.floor,
        limits=media,
        names=[f"Image {fetched.task.image_id}" for fetched in batch],
    )
    return [
        _as_stored(picture, fetched.task, parameters) if isinstance(picture, AnalyzedPicture) else picture
        for fetched, picture in zip(batch, pictures, strict=True)
    ]


def _as_stored(picture: AnalyzedPicture, task: ImageTask, parameters: RunParameters) -> AnalyzedPicture:
    """The faces in pixels of the full picture, with embeddings as exact as the state keeps them.

    A result is then the same whether it was just made or is read back.
    """
    file = task.image.primary_file
    width, height = picture.width, picture.height
    faces = picture.faces
    if parameters.source == "thumbnail" and file is not None and file.width > 0 and file.height > 0:
        scale = np.array([file.width / width, file.height / height], np.float32)
        width, height = file.width, file.height
        faces = scale_faces(faces, scale, width, height)
    faces = [
        replace(
            face, embeddings={slot: vector.astype(np.float16) for slot, vector in face.embeddings.items()}
        )
        for face in faces
        if face.box[2] > face.box[0] and face.box[3] > face.box[1]
    ]
    return AnalyzedPicture(width, height, faces)


ProcessBatch = Callable[[Sequence[FetchedImage]], Awaitable[None]]

OnFailure = Callable[[ImageTask, StashSenseError], None]


class FetchPipeline:
    """Images to batches of fetched pictures, as fast as the workers take them and no faster.

    process: recognises a batch and stores it. on_failure: called for each image that cannot be fetched.
    """

    def __init__(
        self,
        stash: ResilientStash,
        source: Source,
        workers: int,
        process: ProcessBatch,
        on_failure: OnFailure,
    ) -> None:
        self._stash = stash
        self._source = source
        self._workers = workers
        self._process = process
        self._on_failure = on_failure
        self._changed = asyncio.Condition()
        self._to_fetch: deque[tuple[ImageTask, bool]] = deque()
        self._fetching = 0
        self._ready: list[FetchedImage] = []
        self._batches = 0
        self._bytes = self._pictures = 0

    async def run(self, images: Sequence[ImageTask]) -> None:
        """Process every image. Raises the StashError that concerns all of them."""
        self._to_fetch.extend((task, False) for task in images)
        async with task_group() as group:
            for _ in range(min(FETCHERS, len(images))):
                group.create_task(self._fetch_all())
            await self._make_batches(group)

    async def _fetch_all(self) -> None:
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: bool(self._to_fetch) or not self._fetching)
                if not self._to_fetch:
                    return
                task, is_retry = self._to_fetch.popleft()
                self._fetching += 1
                cost = self._cost(task)
                while not self._has_room(cost):
                    await self._changed.wait()
                self._bytes += cost
                self._pictures += 1
            fetched = await self._fetch(task, is_retry=is_retry)
            async with self._changed:
                self._fetching -= 1
                if fetched is None:
                    self._release(task)
                else:
                    self._ready.append(fetched)
                self._changed.notify_all()

    async def _fetch(self, task: ImageTask, *, is_retry: bool) -> FetchedImage | None:
        """None if it failed: reported, or queued behind all the others for a second try."""
        try:
            media = await self._stash.fetch(task.image, self._source, retry=not is_retry)
        except OUTAGE_ERRORS as error:
            if is_retry or isinstance(error, StashTooSlow):
                self._on_failure(task, error)
            else:
                self._to_fetch.append((task, True))
        except (MediaError, NotInStash) as error:
            self._on_failure(task, error)
        else:
            return FetchedImage(task, media.data)
        return None

    async def _make_batches(self, group: asyncio.TaskGroup) -> None:
        """A batch as soon as it is full, or a worker would have nothing to do."""
        while True:
            async with self._changed:
                await self._changed.wait_for(self._is_batch_due)
                if not self._left:
                    return
                size = self._batch_size
                batch, self._ready = self._ready[:size], self._ready[size:]
                self._batches += 1
            group.create_task(self._process_batch(batch))

    async def _process_batch(self, batch: Sequence[FetchedImage]) -> None:
        try:
            await self._process(batch)
        finally:
            async with self._changed:
                self._batches -= 1
                for fetched in batch:
                    self._release(fetched.task)
                self._changed.notify_all()

    def _is_batch_due(self) -> bool:
        if not self._ready:
            return not self._left
        if self._batches < self._workers:
            return True
        return self._batches < BATCHES_PER_WORKER * self._workers and len(self._ready) >= self._batch_size

    @property
    def _left(self) -> int:
        """Images that are not yet in a batch."""
        return len(self._to_fetch) + self._fetching + len(self._ready)

    @property
    def _batch_size(self) -> int:
        """Smaller towards the end, so that no worker waits long for the last one."""
        return max(1, min(PHOTOS_PER_BATCH, -(-self._left // (2 * self._workers))))

    def _cost(self, task: ImageTask) -> int:
        file = task.image.primary_file
        if self._source == "thumbnail" or file is None:
            return _THUMBNAIL_BYTES
        return file.size or _UNKNOWN_BYTES

    def _has_room(self, cost: int) -> bool:
        most = PHOTOS_PER_BATCH * BATCHES_PER_WORKER * self._workers + FETCHERS
        return self._pictures < most and (not self._bytes or self._bytes + cost <= BYTES_IN_FLIGHT)

    def _release(self, task: ImageTask) -> None:
        self._bytes -= self._cost(task)
        self._pictures -= 1
