"""A gallery of Stash: who is in it, and on which of its images."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from stash_sense.domain.decisions import Decision
from stash_sense.errors import NoPicture, NotAPicture, StashSenseError
from stash_sense.jobs.run import JobProgress
from stash_sense.jobs.workers import Lane, task_group
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition.decided_people import decisions_in
from stash_sense.recognition.gallery_answer import GalleryAnswer, ImageFailure, LiveResult
from stash_sense.recognition.gallery_state import GalleryImage, GalleryState, GalleryStore
from stash_sense.recognition.image_batches import (
    FetchedImage,
    FetchPipeline,
    RecognizedImage,
    recognize_images,
    rematch_faces,
)
from stash_sense.recognition.parameters import ImageTask, RunParameters, Tools, image_task
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.recognition.stored_faces import own_faces, to_stored_matches
from stash_sense.stash.outage import DEFAULT_OUTAGE_LIMITS, OutageLimits, ResilientStash
from stash_sense.stash.types import Gallery, Source
from stash_sense.store.repositories.rematching import FaceMatches
from stash_sense.store.repositories.results import StoredResult

LOOKED_UP_TOGETHER = 512
"""Images looked up in the state at a time."""

REMATCHED_TOGETHER = 128
"""Faces matched again at a time: an interactive call may have to wait for them."""

WRITTEN_TOGETHER = 64
"""Images in one transaction: other writers wait for it."""


async def identify_gallery(
    gallery_id: str,
    recognizer: FaceRecognizer,
    options: MatchOptions,
    tools: Tools,
    progress: JobProgress,
    *,
    force: bool = False,
    source: Source = "original",
    outage_limits: OutageLimits = DEFAULT_OUTAGE_LIMITS,
) -> GalleryAnswer:
    """Who is in a gallery of Stash. Each image is stored as soon as it is done; stored results of the same
    pictures serve again.

    force: analyse all images again, except those that this very job had done before it was interrupted.
    Raises NotInStash for the gallery, StashKeyRefused, the StashError of an outage longer than
    `outage_limits`, and StateBusy if another process holds the state for longer.
    """
    parameters = RunParameters.of(recognizer, options, source, progress.job_id)
    stash = ResilientStash(tools.stash, outage_limits, progress.problem)
    gallery = await stash.query(lambda client: client.get_gallery_by_id(gallery_id))
    run = _GalleryRun(gallery, recognizer, parameters, tools, progress, outage_limits)
    try:
        left = await run.reuse_stored(run.image_tasks(gallery), force=force)
        await FetchPipeline(stash, source, tools.pool.workers, run.process, run.add_failure).run(left)
        return await run.end()
    except BaseException:
        run.stop_early()
        raise


class _GalleryRun:
    def __init__(
        self,
        gallery: Gallery,
        recognizer: FaceRecognizer,
        parameters: RunParameters,
        tools: Tools,
        progress: JobProgress,
        outage_limits: OutageLimits,
    ) -> None:
        self._recognizer = recognizer
        self._parameters = parameters
        self._tools = tools
        self._progress = progress
        self._state = GalleryState(gallery.id, len(gallery.images), parameters, recognizer)
        self._store = GalleryStore(
            gallery.id, parameters, recognizer.database, tools.state, progress, outage_limits.state_s
        )
        self._live = LiveResult(self._judge({})[0].as_json(), tools.pool)
        progress.set_live_result(self._live.read)
        progress.start("Identifying", len(gallery.images))

    def image_tasks(self, gallery: Gallery) -> list[ImageTask]:
        """The images that can be analysed; the others are reported as skipped or failed."""
        found = []
        for position, image in enumerate(gallery.images):
            try:
                found.append(image_task(image, position))
            except NotAPicture as error:
                self._state.skipped[position] = ImageFailure.of(image.id, error)
            except NoPicture as error:
                self._add_error(position, image.id, error)
        self._report_progress()
        return found

    async def reuse_stored(self, images: Sequence[ImageTask], *, force: bool) -> list[ImageTask]:
        """Use stored results, matched again if face database or options differ; returns the images left."""
        left = []
        for start in range(0, len(images), LOOKED_UP_TOGETHER):
            some = images[start : start + LOOKED_UP_TOGETHER]
            results, done = await self._store.read(partial(self._store.look_up, some, force=force))
            to_rematch = []
            for task in some:
                if task.image_id in done:
                    self._state.add(task.position, done[task.image_id])
                elif task.image_id in results:
                    to_rematch.append((task, results[task.image_id]))
                else:
                    left.append(task)
            async with task_group() as group:
                for batch in _by_faces(to_rematch):
                    group.create_task(self._rematch(batch))
            self._report_progress()
            if self._state.images:
                await self._live.refresh(self._partial_answer)
        return left

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
            self._state.add(task.position, image)

    def _matches(self, image: GalleryImage) -> list[FaceMatches]:
        database = self._recognizer.database
        return [
            to_stored_matches(face_id, face, database)
            for face_id, face in zip(image.face_ids, image.faces, strict=True)
        ]

    async def process(self, batch: Sequence[FetchedImage]) -> None:
        """Recognise a few images, and store them."""
        work = partial(recognize_images, batch, self._recognizer, self._parameters, self._tools.media)
        images = await self._tools.pool.run(work, Lane.BACKGROUND)
        recognized = [image for image in images if isinstance(image, RecognizedImage)]
        face_ids = await asyncio.to_thread(self._store.add, recognized)
        for fetched, image in zip(batch, images, strict=True):
            task = fetched.task
            if isinstance(image, StashSenseError):
                self.add_failure(task, image)
            else:
                ids = face_ids.get(task.image_id, ())
                self._state.add(task.position, GalleryImage.new(image, ids, self._parameters))
        self._report_progress()
        await self._live.refresh(self._partial_answer)

    def add_failure(self, task: ImageTask, error: StashSenseError) -> None:
        """An image could not be fetched or read."""
        if isinstance(error, NotAPicture):
            self._state.skipped[task.position] = ImageFailure.of(task.image_id, error)
        else:
            self._add_error(task.position, task.image_id, error)
        self._report_progress()

    def stop_early(self) -> None:
        """Failed or cancelled: the partial answer can still be read."""
        self._live.stop_early(self._partial_answer)

    async def end(self) -> GalleryAnswer:
        """Judge the whole gallery, and store what that changes."""
        # Read first: a decision made in between is then in the answer and makes it look older, not newer.
        revision = await self._store.read(self._decisions_revision)
        decisions = await self._store.read(self._decisions)
        answer, changes = await self._tools.pool.run(partial(self._judge, decisions), Lane.BACKGROUND)
        answer = replace(answer, decisions_revision=revision)
        for start in range(0, len(changes), WRITTEN_TOGETHER):
            await asyncio.to_thread(self._store.rematch, changes[start : start + WRITTEN_TOGETHER])
        self._live.end(answer.as_json())
        self._report_progress(len(answer.performers))
        return answer

    def _judge(
        self, decisions: Mapping[int, Sequence[Decision]]
    ) -> tuple[GalleryAnswer, list[tuple[GalleryImage, list[FaceMatches]]]]:
        images, evidence = self._state.find_people(decisions)
        return self._state.answer(images, evidence), list(self._state.changes(images, evidence))

    def _partial_answer(self) -> Mapping[str, Any]:
        images, evidence = self._state.find_people(self._decisions())
        return self._state.answer(images, evidence).as_json()

    def _decisions_revision(self) -> str:
        return self._tools.state.decisions_revision(self._state.gallery_id)

    def _decisions(self) -> dict[int, list[Decision]]:
        stored = [image.image_id for image in list(self._state.images.values()) if image.face_ids]
        decisions = self._tools.state.decisions_by_face_id(stored)
        return decisions_in(self._recognizer.database, decisions, self._tools.state)

    def _add_error(self, position: int, image_id: str, error: StashSenseError) -> None:
        failure = ImageFailure.of(image_id, error)
        self._state.errors[position] = failure
        self._progress.problem(str(failure))

    def _report_progress(self, people: int | None = None) -> None:
        state = self._state
        count = len(state.named) if people is None else people
        self._progress.update(state.done, faces=state.faces, people=count)


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
