"""A gallery of a Stash: who is in it, and on which of its images."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from stash_sense.domain.decisions import Decision
from stash_sense.errors import NoPicture, NotAPicture, StashSenseError
from stash_sense.jobs.run import JobProgress
from stash_sense.jobs.workers import Lane, task_group
from stash_sense.recognition.analysis_units import Fetched, Looked, look, name_anew
from stash_sense.recognition.answers import GalleryAnswer, SkippedImage, as_json
from stash_sense.recognition.evidence import MatchOptions
from stash_sense.recognition.fetching import Pipeline
from stash_sense.recognition.gallery_state import GalleryState, RecognizedImage, faces_of
from stash_sense.recognition.gallery_store import GalleryStore, Rematched
from stash_sense.recognition.image_tasks import ImageTask, image_task
from stash_sense.recognition.live_result import LiveResult
from stash_sense.recognition.parameters import RunParameters, Tools
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.recognition.stored_faces import matched
from stash_sense.stash.outage import DEFAULT_OUTAGE_LIMITS, OutageLimits, ResilientStash
from stash_sense.stash.types import Gallery, Source
from stash_sense.store.rematch import FaceMatches
from stash_sense.store.results import StoredResult

LOOKED_UP = 512
"""Images looked up in the state at a time."""


NAMED_AT_A_TIME = 128
"""Faces matched anew at a time: a unit of work, for which a person may have to wait."""


WRITTEN_AT_A_TIME = 64
"""Images in one transaction: others who write wait for it."""


async def identify_gallery(
    gallery_id: str,
    recognizer: FaceRecognizer,
    knobs: MatchOptions,
    tools: Tools,
    progress: JobProgress,
    *,
    force: bool = False,
    source: Source = "original",
    outage_limits: OutageLimits = DEFAULT_OUTAGE_LIMITS,
) -> GalleryAnswer:
    """Who is in a gallery. Each image is stored as it is done; what is stored of the same picture serves.

    force: look at all images again, but for those that this very job had done before it was cut short.
    Raises NotInStash for the gallery, the StashError of an outage that outlasts `outage_limits`, KeyRefused,
    StateBusy where another process holds the state for longer.
    """
    terms = RunParameters.of(recognizer, knobs, source, progress.job_id)
    stash = ResilientStash(tools.stash, outage_limits, progress.problem)
    gallery = await stash.query(lambda client: client.get_gallery_by_id(gallery_id))
    run = _Run(gallery, recognizer, terms, tools, progress, outage_limits)
    try:
        missing = await run.take_known(run.wanted_of(gallery), force=force)
        pipeline = Pipeline(stash, source, tools.pool.workers, run.do_unit, run.failed)
        await pipeline.run(missing)
        return await run.end()
    except BaseException:
        run.cut_short()
        raise


class _Run:
    def __init__(
        self,
        gallery: Gallery,
        recognizer: FaceRecognizer,
        terms: RunParameters,
        tools: Tools,
        progress: JobProgress,
        outage_limits: OutageLimits,
    ) -> None:
        self._gallery_id = gallery.id
        self._recognizer = recognizer
        self._terms = terms
        self._tools = tools
        self._progress = progress
        self._roll = GalleryState(gallery.id, len(gallery.images), terms, recognizer)
        self._store = GalleryStore(gallery.id, terms, tools.state, progress, outage_limits.state_s)
        self._so_far = LiveResult(as_json(self._weighed({})[0]), tools.pool)
        progress.set_live_result(self._so_far.make)
        progress.start("Identifying", len(gallery.images))

    def wanted_of(self, gallery: Gallery) -> list[ImageTask]:
        """The images that can be looked at; the others are told."""
        found = []
        for position, image in enumerate(gallery.images):
            try:
                found.append(image_task(image, position))
            except NotAPicture as error:
                self._roll.skipped[position] = SkippedImage(image.id, _about(image.id, error))
            except NoPicture as error:
                self._error(position, image.id, error)
        self._tell()
        return found

    async def take_known(self, asked: Sequence[ImageTask], *, force: bool) -> list[ImageTask]:
        """Uses what is stored, matched anew where the face database or the knobs are others; the rest."""
        missing = []
        for start in range(0, len(asked), LOOKED_UP):
            some = asked[start : start + LOOKED_UP]
            known, entries = await self._store.read(partial(self._store.look_up, some, force=force))
            anew = []
            for one in some:
                if one.image_id in entries:
                    self._roll.add(one.position, entries[one.image_id])
                elif one.image_id in known:
                    anew.append((one, known[one.image_id]))
                else:
                    missing.append(one)
            async with task_group() as group:
                for unit in _by_faces(anew):
                    group.create_task(self._match_anew(unit))
            self._tell()
            if self._roll.entries:
                await self._so_far.refresh(self._standing)
        return missing

    async def _match_anew(self, unit: Sequence[tuple[ImageTask, StoredResult]]) -> None:
        pictures = [faces_of(stored) for _, stored in unit]
        work = partial(name_anew, pictures, self._recognizer, self._terms)
        named = await self._tools.pool.run(work, Lane.BACKGROUND)
        entries = [
            RecognizedImage.stored(stored, self._terms, own)
            for (_, stored), own in zip(unit, named, strict=True)
        ]
        await asyncio.to_thread(self._store.rematch, [(entry, self._matches(entry)) for entry in entries])
        for (one, _), entry in zip(unit, entries, strict=True):
            self._roll.add(one.position, entry)

    def _matches(self, entry: RecognizedImage) -> list[FaceMatches]:
        database = self._recognizer.database
        return [
            matched(face_id, face, database)
            for face_id, face in zip(entry.face_ids, entry.faces, strict=True)
        ]

    async def do_unit(self, unit: Sequence[Fetched]) -> None:
        """Looks at a few pictures, and stores them."""
        galleries = [self._gallery_id]
        work = partial(look, unit, self._recognizer, self._terms, self._tools.media, galleries)
        looked = await self._tools.pool.run(work, Lane.BACKGROUND)
        good = [one for one in looked if isinstance(one, Looked)]
        face_ids = await asyncio.to_thread(self._store.add, good)
        for fetched, one in zip(unit, looked, strict=True):
            if isinstance(one, StashSenseError):
                self.failed(fetched.wanted, one)
            else:
                ids = face_ids.get(one.wanted.image_id, ())
                self._roll.add(one.wanted.position, RecognizedImage.fresh(one, ids, self._terms))
        self._tell()
        await self._so_far.refresh(self._standing)

    def failed(self, asked: ImageTask, error: StashSenseError) -> None:
        """An image cannot be had, or not be read."""
        if isinstance(error, NotAPicture):
            self._roll.skipped[asked.position] = SkippedImage(asked.image_id, str(error))
        else:
            self._error(asked.position, asked.image_id, error)
        self._tell()

    def cut_short(self) -> None:
        """Failed or cancelled: what was done can still be looked at."""
        self._so_far.cut_short(self._standing)

    async def end(self) -> GalleryAnswer:
        """The evidence of the whole gallery, stored with its faces."""
        decided = await self._store.read(self._decided)
        answer, changes = await self._tools.pool.run(partial(self._weighed, decided), Lane.BACKGROUND)
        for start in range(0, len(changes), WRITTEN_AT_A_TIME):
            await asyncio.to_thread(self._store.rematch, changes[start : start + WRITTEN_AT_A_TIME])
        self._so_far.end(as_json(answer))
        self._tell(len(answer.performers))
        return answer

    def _weighed(self, decided: Mapping[int, Sequence[Decision]]) -> tuple[GalleryAnswer, list[Rematched]]:
        order, weighed = self._roll.weigh(decided)
        return self._roll.answer(order, weighed), list(self._roll.changed(order, weighed))

    def _standing(self) -> Mapping[str, Any]:
        order, weighed = self._roll.weigh(self._decided())
        return as_json(self._roll.answer(order, weighed))

    def _decided(self) -> dict[int, tuple[Decision, ...]]:
        stored = [entry.image_id for entry in list(self._roll.entries.values()) if entry.face_ids]
        return self._tools.state.decided_faces(stored)

    def _error(self, position: int, image_id: str, error: StashSenseError) -> None:
        said = _about(image_id, error)
        self._roll.errors[position] = said
        self._progress.problem(said)

    def _tell(self, people: int | None = None) -> None:
        roll = self._roll
        count = len(roll.named) if people is None else people
        self._progress.update(roll.done, faces=roll.faces, people=count)


def _about(image_id: str, error: StashSenseError) -> str:
    name = f"Image {image_id}: "
    return name + str(error).removeprefix(name)


def _by_faces(
    images: Sequence[tuple[ImageTask, StoredResult]],
) -> Iterable[list[tuple[ImageTask, StoredResult]]]:
    unit: list[tuple[ImageTask, StoredResult]] = []
    faces = 0
    for one in images:
        unit.append(one)
        faces += len(one[1].faces)
        if faces >= NAMED_AT_A_TIME:
            yield unit
            unit, faces = [], 0
    if unit:
        yield unit
