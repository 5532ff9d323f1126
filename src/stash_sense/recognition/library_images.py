"""Images that are in no gallery, or whose galleries are not wanted: in batches, each by itself."""

import asyncio
from collections.abc import Sequence
from functools import partial

from stash_sense.errors import JobCrashed, StashSenseError
from stash_sense.recognition.gallery_state import GalleryImage, GalleryStore
from stash_sense.recognition.image_batches import FetchedImage, FetchPipeline
from stash_sense.recognition.images_run import ImagesRun
from stash_sense.recognition.library_lookup import is_permanent
from stash_sense.recognition.library_report import PartProgress
from stash_sense.recognition.parameters import ImageTask, RunParameters, Tools
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.stash.outage import ResilientStash
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.library_work import FailedPicture

MOST_ENDS = 3
"""A target at which the program ended so often in a row is left out."""


def ended_too_often(name: str) -> JobCrashed:
    """The error of a target that is left out."""
    return JobCrashed(
        f"{name}: Stash Sense was killed or crashed {MOST_ENDS} times while at it, so it is left out. "
        "Identify it by itself to try again."
    )


class LooseImages(ImagesRun):
    """Some hundred images."""

    def __init__(
        self,
        recognizer: FaceRecognizer,
        parameters: RunParameters,
        tools: Tools,
        progress: PartProgress,
        busy_s: float,
    ) -> None:
        store = GalleryStore("", parameters, recognizer.database, tools.state, progress, busy_s)
        super().__init__(recognizer, parameters, tools, store)
        self._progress = progress
        self._failures = LibraryFailures(progress)
        self._done = 0

    async def identify(self, images: Sequence[ImageTask], stash: ResilientStash) -> None:
        """Identify all of them. Raises the StashError that concerns all, StateError and StateBusy."""
        try:
            left = await self.reuse_stored(images, force=False)
            source, workers = self._parameters.source, self._tools.pool.workers
            await FetchPipeline(stash, source, workers, self.process, self.add_failure).run(left)
        finally:
            await asyncio.to_thread(self._failures.store, self._tools.state)

    async def process(self, batch: Sequence[FetchedImage]) -> None:
        """See ImagesRun. What the program ends at is known after the next start."""
        state, ids = self._tools.state, [fetched.task.image_id for fetched in batch]
        ends = await asyncio.to_thread(self._store.write, partial(state.begin_work, "image", ids))
        if (ends or 0) >= MOST_ENDS:
            for fetched in batch:
                self.add_failure(fetched.task, ended_too_often(f"Image {fetched.task.image_id}"))
            await self.after_batch()
            return
        try:
            await super().process(batch)
        finally:
            end = partial(state.end_work, "image", ids)
            await asyncio.shield(asyncio.to_thread(self._store.write, end))

    def add_image(self, task: ImageTask, image: GalleryImage) -> None:  # noqa: ARG002 - counted alone
        self._done += 1
        report = self._progress.report
        report.count("images")
        report.count("faces", len(image.faces))
        report.people(face.named.performer_id for face in image.faces if face.named)

    def add_failure(self, task: ImageTask, error: StashSenseError) -> None:
        self._done += 1
        self._failures.add(task, error)

    async def after_batch(self) -> None:
        self._progress.update(self._done)


class LibraryFailures:
    """Images of a part that failed: reported, and those remembered whose pictures cannot be read."""

    def __init__(self, progress: PartProgress) -> None:
        self._progress = progress
        self._unreadable: list[FailedPicture] = []

    def add(self, task: ImageTask, error: StashSenseError) -> None:
        """An image could not be fetched or read."""
        self._progress.report.failed(f"image:{task.image_id}", error)
        if is_permanent(error):
            self._unreadable.append(FailedPicture(task.image_id, task.picture, error.code, str(error)))

    def store(self, state: RecommendationsDB) -> None:
        """Remember what cannot be read. Blocks. What cannot be written is tried again by the next run."""
        if self._unreadable:
            try:
                state.record_unreadable_images(self._unreadable)
            except StashSenseError as error:
                self._progress.not_stored(error)
