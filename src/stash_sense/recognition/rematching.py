"""What is stored of the library, matched again with a newer face database in the background, without images.

The same functions judge as where a person asks: images of a gallery by the evidence of all that is stored of
the gallery, other images each for itself, and a scene as its stored answer. Interrupted, it goes on with what
is left: what was matched is stored with the version of the database.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeVar

from stash_sense.domain.identity import Person, person_from_facts, visible_name
from stash_sense.domain.progress import NoProgress
from stash_sense.errors import MediaError, NotInStash, StashError, StashSenseError
from stash_sense.jobs.workers import Lane, WorkPool, task_group
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition.decided_people import results_in
from stash_sense.recognition.gallery_state import GalleryImage, GalleryState
from stash_sense.recognition.image_batches import rematch_faces
from stash_sense.recognition.parameters import RunParameters, Tools
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.recognition.rematched_images import (
    RematchedImages,
    by_faces,
    group_by_settings,
    has_embeddings,
    judge_gallery,
    options_of,
    rematch_images,
)
from stash_sense.recognition.scene import MOST_FRAMES, stored_scene_answer
from stash_sense.recognition.stored_faces import own_faces
from stash_sense.stash.client import StashClient
from stash_sense.stash.scenes import TaggedPerformer
from stash_sense.stash.types import PerformerName
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.newly_named import NamedPlace, NewlyNamed, NewlyNamedPage, NewName
from stash_sense.store.repositories.results import StoredResult
from stash_sense.store.repositories.stale_results import StaleImages, StaleScene

log = logging.getLogger(__name__)

T = TypeVar("T")

FACES_TOGETHER = 512
"""Faces of a unit of work: an interactive call may have to wait for one."""

UNITS_AT_ONCE = 2
"""Units in hand: one is read or written while the other is matched."""

WRITTEN_TOGETHER = 64
"""Images of a gallery in one transaction: other writers wait for it."""


class RunInState(Protocol):
    """Calls a function with the state in a thread, and returns what it returns."""

    def __call__(self, work: Callable[[RecommendationsDB], T]) -> Awaitable[T]: ...


class _NoJob(NoProgress):
    """Nobody watches, and there is no job."""

    job_id = ""

    def not_stored(self, error: StashSenseError) -> None:
        """See JobProgress."""

    def set_live_result(self, make: Callable[[], Mapping[str, Any]]) -> None:
        """See JobProgress."""


async def rematch_stored(
    recognizer: FaceRecognizer,
    tools: Tools,
    in_state: RunInState,
    is_current: Callable[[], bool],
) -> bool:
    """Match all that is stored with this recognizer's database, where that has not been done.

    is_current: asked between units; once it is false, this ends and returns False. Stash is asked for
    scenes alone: who is tagged counts. Raises StateErrors, and StashErrors of a Stash that is away.
    """
    run = _Rematch(recognizer, tools, in_state)
    after: int | None = 0
    places = asyncio.Semaphore(UNITS_AT_ONCE)
    async with task_group() as group:
        while after is not None:
            await places.acquire()
            if not is_current():
                return False
            stale = await run.stale_images(after)
            after = stale.last if stale else None
            if stale:
                group.create_task(run.images(stale)).add_done_callback(lambda _: places.release())
    for gallery_id in await run.galleries():
        if not is_current():
            return False
        await run.gallery(gallery_id)
    for scene in await run.scenes():
        if not is_current():
            return False
        await run.scene(scene)
    return True


class _Rematch:
    def __init__(self, recognizer: FaceRecognizer, tools: Tools, in_state: RunInState) -> None:
        self._recognizer = recognizer
        self._tools = tools
        self._pool: WorkPool = tools.pool
        self._in_state = in_state
        self._parameters = RunParameters.of(recognizer, MatchOptions(), "original")

    @property
    def _pack(self) -> str:
        return self._parameters.pack

    @property
    def _version(self) -> str:
        return self._parameters.db_version

    async def stale_images(self, after: int) -> StaleImages | None:
        """The next images of no gallery; None at the end."""
        return await self._in_state(
            lambda state: state.stale_images(self._pack, self._version, after, FACES_TOGETHER)
        )

    async def images(self, stale: StaleImages) -> None:
        """Match images of no gallery."""
        results = await self._in_state(partial(self._current_people, stale.results))
        work = partial(rematch_images, results, self._recognizer, self._parameters)
        for images in await self._pool.run(work, Lane.BACKGROUND):
            await self._in_state(partial(self._write, images))

    async def galleries(self) -> list[str]:
        """Ids of the galleries with images that are to be matched."""
        return await self._in_state(lambda state: state.stale_galleries(self._pack, self._version))

    async def gallery(self, gallery_id: str) -> None:
        """Judge a gallery by all that is stored of it."""
        stored = await self._in_state(lambda state: state.results_of_gallery(gallery_id, self._pack))
        current = await self._in_state(partial(self._current_people, stored))
        results = [result for result in current.values() if has_embeddings(result)]
        if not results:
            return
        options = options_of(results[0], self._parameters.options)
        parameters = replace(self._parameters, options=options)
        gallery = GalleryState(gallery_id, len(results), parameters, self._recognizer)
        for batch in by_faces(results, FACES_TOGETHER):
            work = partial(rematch_faces, [own_faces(each) for each in batch], self._recognizer, parameters)
            for result, faces in zip(batch, await self._pool.run(work, Lane.BACKGROUND), strict=True):
                gallery.add(len(gallery.images), GalleryImage.stored(result, parameters, faces))
        decisions = {
            face.face_id: face.decisions for each in results for face in each.faces if face.decisions
        }
        judged = await self._pool.run(partial(judge_gallery, gallery, decisions), Lane.BACKGROUND)
        for start in range(0, len(results), WRITTEN_TOGETHER):
            some = results[start : start + WRITTEN_TOGETHER]
            for images in group_by_settings(some, judged, parameters, options):
                await self._in_state(partial(self._write, images, of_gallery=True))

    async def scenes(self) -> list[StaleScene]:
        """The scenes that are to be matched."""
        return await self._in_state(lambda state: state.stale_scenes(self._pack, self._version))

    async def scene(self, scene: StaleScene) -> None:
        """Answer for a scene from its stored frames, which stores its tracks."""
        before = await self._in_state(lambda state: state.scene_names(scene.picture_id))
        most = scene.settings.get("max_frames")
        try:
            answer = await stored_scene_answer(
                scene.stash_scene_id,
                self._recognizer,
                MatchOptions(),
                self._tools,
                _NoJob(),  # type: ignore[arg-type]  # a run asks no more of its job
                max_frames=most if isinstance(most, int) else MOST_FRAMES,
                lane=Lane.BACKGROUND,
            )
        except (NotInStash, MediaError) as error:
            log.info("scene %s is not matched again: %s", scene.stash_scene_id, error)
            return
        if answer is not None:
            await self._in_state(lambda state: self._list_scene(state, scene, before))

    def _write(self, images: RematchedImages, state: RecommendationsDB, *, of_gallery: bool = False) -> None:
        state.write_rematched(
            self._pack, self._version, images.matches, images.settings, images.names, of_gallery=of_gallery
        )

    def _list_scene(
        self, state: RecommendationsDB, scene: StaleScene, before: Mapping[int, tuple[int, str]]
    ) -> None:
        after = state.scene_names(scene.picture_id)
        had = {
            (track, key) for face, (track, _) in after.items() if face in before for key in [before[face][1]]
        }
        # The first face of each track is its best one.
        first = {track: (face, key) for face, (track, key) in reversed(after.items())}
        names = [NewName(face, key, True) for track, (face, key) in first.items() if (track, key) not in had]
        if names:
            state.add_new_names(names, self._version)

    def _current_people(
        self, results: Mapping[str, StoredResult], state: RecommendationsDB
    ) -> dict[str, StoredResult]:
        return results_in(self._recognizer.database, results, state)


ASKED_TOGETHER = 8
"""Images and scenes that Stash is asked for at a time."""


def person_of(place: NamedPlace) -> Person:
    """The person that a face was named."""
    match = place.match
    return person_from_facts(match.performer_id, match.name, match.facts)


async def newly_named(
    in_state: RunInState, stash: StashClient | None, before: int | None, limit: int
) -> NewlyNamedPage:
    """A page of at most `limit`, newest first. What is tagged by now, or gone from Stash, leaves the list.

    Where Stash cannot be asked, the list is as it is stored. Raises StateErrors.
    """
    items: list[NewlyNamed] = []
    while True:
        page = await in_state(
            partial(RecommendationsDB.list_newly_named, before=before, limit=limit - len(items))
        )
        settled = await _settled(page.items, stash) if stash else set()
        if settled:
            await in_state(partial(RecommendationsDB.dismiss_newly_named, ids=settled))
        items += [item for item in page.items if item.id not in settled]
        before = page.next_before
        if before is None or len(items) >= limit:
            return NewlyNamedPage(tuple(items), before)


async def _settled(items: Sequence[NewlyNamed], stash: StashClient) -> set[int]:
    """Ids of those that nothing is left to do about."""
    places = asyncio.Semaphore(ASKED_TOGETHER)

    async def is_settled(item: NewlyNamed) -> bool:
        async with places:
            try:
                return await _is_settled(item.place, stash)
            except StashError:
                return False

    done = await asyncio.gather(*map(is_settled, items))
    return {item.id for item, is_done in zip(items, done, strict=True) if is_done}


async def _is_settled(place: NamedPlace, stash: StashClient) -> bool:
    tagged: Sequence[PerformerName | TaggedPerformer]
    try:
        if place.image_id is not None:
            tagged = (await stash.get_image_by_id(place.image_id)).performers
        elif place.scene_ids:
            tagged = (await stash.get_scene(place.scene_ids[0])).performers
        else:
            return True
    except NotInStash:
        return True
    except MediaError:
        return False
    person = person_of(place)
    return any(_is_same(person, performer) for performer in tagged)


def _is_same(person: Person, performer: PerformerName | TaggedPerformer) -> bool:
    if person.local_id is not None:
        return person.local_id == performer.id
    name = performer.name if isinstance(performer, PerformerName) else ""
    return visible_name(name).casefold() == visible_name(person.name).casefold()
