import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import TypeVar

from stash_sense.domain.progress import Progress
from stash_sense.enrolment.known import Known, known_photos, spooled_photos
from stash_sense.enrolment.stash_people import StashPerson, people_of
from stash_sense.enrolment.stash_pictures import PREFIX, Pictures
from stash_sense.enrolment.stash_write import Enrolment, StashBuild, write_people
from stash_sense.enrolment.versions import current_database, new_version
from stash_sense.errors import Busy, NobodyToEnrol, StashSenseError
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.spool import Spool
from stash_sense.facedb.writer import DatabaseWriter
from stash_sense.jobs.workers import WorkPool, task_group
from stash_sense.media.limits import DEFAULT_LIMITS, MediaLimits
from stash_sense.recognition.recognizer import LoadedPack
from stash_sense.stash.client import StashClient

log = logging.getLogger(__name__)


T = TypeVar("T")


FETCHES_BESIDE = 4
"""People being dealt with beside those whose pictures are looked at: their pictures are on the way."""


LOOK_AGAIN_S = 0.5
"""How often a build waits for another to end."""


async def build_from_stash(
    client: StashClient,
    place: Path,
    pack: LoadedPack,
    progress: Progress,
    *,
    pool: WorkPool,
    with_images: bool = False,
    limits: MediaLimits = DEFAULT_LIMITS,
) -> StashBuild:
    """Enrol every performer with a portrait, each person once, into the database at `place`.

    with_images: also take faces from images on which the person alone is tagged and only one face shows.
    Cancelling leaves the old database; what was looked at is kept for the next build.
    Raises StashError where Stash is away, NobodyToEnrol, WriteFailed.
    """
    boxes = [box.endpoint for box in await client.stash_boxes()]
    performers = await client.performers()
    people = [one for one in people_of(performers, boxes) if with_images or one.portraits]
    if not people:
        raise NobodyToEnrol(
            f"Stash has {len(performers):,} performers, and none of them has a portrait. Give them portraits "
            "in Stash, then build again."
        )
    with ExitStack() as stack:
        begun = await _begun(place, pack, stack)
        writer, current = begun.writer, begun.current
        pictures = Pictures(client, pool, pack, begun.spool, begun.known, limits)
        enrolments = await _look_at_all(people, pictures, progress, with_images=with_images)
        if not any(not pictures.seen[path].skipped for each in enrolments for path in each.paths):
            raise NobodyToEnrol(_nobody(pictures))
        bare = sum(not performer.portrait_url for performer in performers)
        work = partial(write_people, enrolments, pictures, writer, current, place, without_portrait=bare)
        return await _unless_cancelled(work)


@dataclass(frozen=True, slots=True)
class _Begun:
    """What a build holds from its beginning to its end, and what was looked at before it."""

    writer: DatabaseWriter
    current: FaceDatabase | None
    spool: Spool
    known: dict[str, Known]


@contextmanager
def _begin(place: Path, pack: LoadedPack) -> Iterator[_Begun]:
    """Raises Busy while another build is at work at the place."""
    with new_version(place, pack, wait=False) as writer, ExitStack() as stack:
        current = current_database(place)
        if current:
            stack.enter_context(current)
        spool = stack.enter_context(Spool(place, pack.fingerprint))
        databases = [current] if current else []
        known = known_photos(databases, pack.fingerprint, lambda path: path.startswith(PREFIX))
        yield _Begun(writer, current, spool, known | spooled_photos(spool))


async def _look_at_all(
    people: Sequence[StashPerson], pictures: Pictures, progress: Progress, *, with_images: bool
) -> list[Enrolment]:
    """The people in their order, each with the pictures that could be had."""
    done: dict[int, Enrolment] = {}
    waiting = iter(enumerate(people))
    faces = enrolled = 0

    async def take_some() -> None:
        nonlocal faces, enrolled
        for number, person in waiting:
            paths = [path async for path in pictures.portraits(person)]
            if with_images:
                paths += [path async for path in pictures.images(person)]
            for path in paths:
                if path in pictures.failed:
                    progress.problem(f"{person.person.name}: {pictures.failed[path]}")
            done[number] = Enrolment(person, tuple(paths))
            seen = [pictures.seen[path] for path in paths if path in pictures.seen]
            taken = sum(not one.skipped for one in seen)
            faces, enrolled = faces + taken, enrolled + bool(taken)
            progress.update(len(done), faces=faces, people=enrolled)

    progress.start("Enrolling", len(people))
    async with task_group() as group:
        for _ in range(pictures.pool.workers + FETCHES_BESIDE):
            group.create_task(take_some())
    return [done[number] for number in range(len(people))]


def _nobody(pictures: Pictures) -> str:
    reasons = [*pictures.failed.values(), *(one.skipped for one in pictures.seen.values())]
    return (
        f"None of {len(reasons):,} pictures shows a face that can be taken; the first: {reasons[0]}. "
        "The database before this is unchanged."
        if reasons
        else "No performer has a portrait or an image of their own. Give them portraits in Stash."
    )


async def _begun(place: Path, pack: LoadedPack, stack: ExitStack) -> _Begun:
    """A build at the place, once no other is at work there; the stack ends it."""
    told = False
    while True:
        beginning = _begin(place, pack)
        entering = asyncio.ensure_future(asyncio.to_thread(beginning.__enter__))
        try:
            begun = await asyncio.shield(entering)
        except Busy:
            if not told:
                log.info("waiting for another build at %s to end", place)
            told = True
            await asyncio.sleep(LOOK_AGAIN_S)
        except asyncio.CancelledError:
            with suppress(StashSenseError, OSError):
                await entering
                beginning.__exit__(None, None, None)
            raise
        else:
            stack.push(beginning)
            return begun


async def _unless_cancelled(work: Callable[[Event], T]) -> T:
    """Run on a thread; on cancellation the work is told and waited for, so that nothing it uses is closed."""
    stop = Event()
    running = asyncio.ensure_future(asyncio.to_thread(work, stop))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        with suppress(Exception):
            await running
        raise
