"""A gallery of Stash: who is in it, and on which of its images."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from stash_sense.domain.decisions import Decision
from stash_sense.errors import NoPicture, NotAPicture, StashSenseError
from stash_sense.jobs.run import JobProgress
from stash_sense.jobs.workers import Lane
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition.decided_people import decisions_in
from stash_sense.recognition.gallery_answer import GalleryAnswer, ImageFailure, LiveResult
from stash_sense.recognition.gallery_state import GalleryImage, GalleryState, GalleryStore
from stash_sense.recognition.image_batches import FetchPipeline, OnFailure
from stash_sense.recognition.images_run import ImagesRun
from stash_sense.recognition.parameters import ImageTask, RunParameters, Tools, image_task
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.stash.outage import DEFAULT_OUTAGE_LIMITS, OutageLimits, ResilientStash
from stash_sense.stash.types import Gallery, Source
from stash_sense.store.repositories.rematching import FaceMatches

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
    on_failure: OnFailure = lambda _task, _error: None,
    live: bool = True,
) -> GalleryAnswer:
    """Who is in a gallery of Stash. Each image is stored as soon as it is done; stored results of the same
    pictures serve again.

    force: analyse all images again, except those that this very job had done before it was interrupted.
    on_failure: called for each image that could not be fetched or read. live: whether somebody may look at
    partial answers, which take a twentieth of the time.

    Raises NotInStash for the gallery, StashKeyRefused, the StashError of an outage longer than
    `outage_limits`, and StateBusy if another process holds the state for longer.
    """
    parameters = RunParameters.of(recognizer, options, source, progress.job_id)
    stash = ResilientStash(tools.stash, outage_limits, progress.problem)
    gallery = await stash.query(lambda client: client.get_gallery_by_id(gallery_id))
    run = _GalleryRun(gallery, recognizer, parameters, tools, progress, outage_limits, on_failure, live)
    try:
        left = await run.reuse_stored(run.image_tasks(gallery), force=force)
        await FetchPipeline(stash, source, tools.pool.workers, run.process, run.add_failure).run(left)
        return await run.end()
    except BaseException:
        run.stop_early()
        raise


class _GalleryRun(ImagesRun):
    def __init__(
        self,
        gallery: Gallery,
        recognizer: FaceRecognizer,
        parameters: RunParameters,
        tools: Tools,
        progress: JobProgress,
        outage_limits: OutageLimits,
        on_failure: OnFailure,
        live: bool,
    ) -> None:
        store = GalleryStore(
            gallery.id, parameters, recognizer.database, tools.state, progress, outage_limits.state_s
        )
        super().__init__(recognizer, parameters, tools, store)
        self._progress = progress
        self._on_failure = on_failure
        self._is_live = live
        self._state = GalleryState(gallery.id, len(gallery.images), parameters, recognizer)
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

    def add_image(self, task: ImageTask, image: GalleryImage) -> None:
        self._state.add(task.position, image)

    def add_failure(self, task: ImageTask, error: StashSenseError) -> None:
        if isinstance(error, NotAPicture):
            self._state.skipped[task.position] = ImageFailure.of(task.image_id, error)
        else:
            self._add_error(task.position, task.image_id, error)
        self._on_failure(task, error)
        self._report_progress()

    async def after_batch(self) -> None:
        self._report_progress()
        if self._is_live and self._state.images:
            await self._live.refresh(self._partial_answer)

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
