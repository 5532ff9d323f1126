"""Images of a gallery or of none, to stored results: what is stored serves, the rest is fetched."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import partial

from stash_sense.errors import StashSenseError
from stash_sense.jobs.workers import Lane, task_group
from stash_sense.recognition.gallery_state import GalleryImage, GalleryStore
from stash_sense.recognition.image_batches import (
    FetchedImage,
    RecognizedImage,
    recognize_images,
    rematch_faces,
)
from stash_sense.recognition.parameters import ImageTask, RunParameters, Tools
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.recognition.stored_faces import own_faces, to_stored_matches
from stash_sense.store.repositories.rematching import FaceMatches
from stash_sense.store.repositories.results import StoredResult

LOOKED_UP_TOGETHER = 512
"""Images looked up in the state at a time."""

REMATCHED_TOGETHER = 128
"""Faces matched again at a time: an interactive call may have to wait for them."""


class ImagesRun(ABC):
    """A run over images. A subclass takes what becomes of each."""

    def __init__(
        self, recognizer: FaceRecognizer, parameters: RunParameters, tools: Tools, store: GalleryStore
    ) -> None:
        self._recognizer = recognizer
        self._parameters = parameters
        self._tools = tools
        self._store = store

    @abstractmethod
    def add_image(self, task: ImageTask, image: GalleryImage) -> None:
        """An image is done."""

    @abstractmethod
    def add_failure(self, task: ImageTask, error: StashSenseError) -> None:
        """An image could not be fetched or read."""

    @abstractmethod
    async def after_batch(self) -> None:
        """Some images are done."""

    async def reuse_stored(self, images: Sequence[ImageTask], *, force: bool) -> list[ImageTask]:
        """Use stored results, matched again if face database or options differ; returns the images left."""
        left = []
        for start in range(0, len(images), LOOKED_UP_TOGETHER):
            some = images[start : start + LOOKED_UP_TOGETHER]
            results, done = await self._store.read(partial(self._store.look_up, some, force=force))
            to_rematch = []
            for task in some:
                if task.image_id in done:
                    self.add_image(task, done[task.image_id])
                elif task.image_id in results:
                    to_rematch.append((task, results[task.image_id]))
                else:
                    left.append(task)
            async with task_group() as group:
                for batch in _by_faces(to_rematch):
                    group.create_task(self._rematch(batch))
            await self.after_batch()
        return left

    async def process(self, batch: Sequence[FetchedImage]) -> None:
        """Recognise a few images, and store them."""
        work = partial(recognize_images, batch, self._recognizer, self._parameters, self._tools.media)
        images = await self._tools.pool.run(work, Lane.BACKGROUND)
        recognized = [image for image in images if isinstance(image, RecognizedImage)]
        face_ids = await asyncio.to_thread(self._store.add, recognized)
        for fetched, image in zip(batch, images, strict=True):
            if isinstance(image, StashSenseError):
                self.add_failure(fetched.task, image)
            else:
                ids = face_ids.get(fetched.task.image_id, ())
                self.add_image(fetched.task, GalleryImage.new(image, ids, self._parameters))
        await self.after_batch()

    async def _rematch(self, batch: Sequence[tuple[ImageTask, StoredResult]]) -> None:
        pictures = [own_faces(stored) for _, stored in batch]
        work = partial(rematch_faces, pictures, self._recognizer, self._parameters)
        rematched = await self._tools.pool.run(work, Lane.BACKGROUND)
        images = [
            GalleryImage.stored(stored, self._parameters, faces)
            for (_, stored), faces in zip(batch, rematched, strict=True)
        ]
        await asyncio.to_thread(self._store.rematch, [(image, self._matches(image)) for image in images])
        for (task, _), image in zip(batch, images, strict=True):
            self.add_image(task, image)

    def _matches(self, image: GalleryImage) -> list[FaceMatches]:
        database = self._recognizer.database
        return [
            to_stored_matches(face_id, face, database)
            for face_id, face in zip(image.face_ids, image.faces, strict=True)
        ]


def _by_faces(
    images: Sequence[tuple[ImageTask, StoredResult]],
) -> Iterable[list[tuple[ImageTask, StoredResult]]]:
    """Batches of about REMATCHED_TOGETHER faces."""
    batch: list[tuple[ImageTask, StoredResult]] = []
    faces = 0
    for task, stored in images:
        batch.append((task, stored))
        faces += len(stored.faces)
        if faces >= REMATCHED_TOGETHER:
            yield batch
            batch, faces = [], 0
    if batch:
        yield batch
