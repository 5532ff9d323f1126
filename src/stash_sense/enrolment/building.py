"""What builds from Stash and from stash-boxes do alike: wait for their turn, find copies, finish."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from stash_sense.enrolment.build import DatabaseBuild, open_build
from stash_sense.enrolment.report import BuildReport, EnrolledPerson
from stash_sense.errors import Busy, StashSenseError
from stash_sense.facedb.analyzed_photos import StoredPhoto
from stash_sense.media.formats import MediaLimits
from stash_sense.recognition.recognizer import LoadedPack

log = logging.getLogger(__name__)

BUSY_POLL_S = 0.5
"""How often a build checks whether the one it waits for has ended."""


async def open_when_free(
    place: Path, pack: LoadedPack, source: str, limits: MediaLimits, stack: ExitStack
) -> DatabaseBuild:
    """Begin a build once no other is at work at the place; the stack ends it."""
    waiting = False
    while True:
        context = open_build(place, pack, [source], limits=limits, wait=False)
        entering = asyncio.ensure_future(asyncio.to_thread(context.__enter__))
        try:
            build = await asyncio.shield(entering)
        except Busy:
            if not waiting:
                log.info("waiting for another build at %s to end", place)
            waiting = True
            await asyncio.sleep(BUSY_POLL_S)
        except asyncio.CancelledError:
            with suppress(StashSenseError, OSError):
                await entering
                context.__exit__(None, None, None)
            raise
        else:
            stack.push(context)
            return build


async def finish_build(build: DatabaseBuild, finish: Callable[[], BuildReport]) -> BuildReport:
    """Finish on a thread. When cancelled, stop it and wait, so that nothing it uses is closed under it."""
    finishing = asyncio.ensure_future(asyncio.to_thread(finish))
    try:
        return await asyncio.shield(finishing)
    except asyncio.CancelledError:
        build.stop.set()
        with suppress(Exception):
            await finishing
        raise


def content_duplicates(people: Iterable[EnrolledPerson], photos: Mapping[str, StoredPhoto]) -> Iterator[str]:
    """The paths of usable photos with the same content as an earlier one of their person."""
    for person in people:
        seen: set[str] = set()
        for path in person.photos:
            stored = photos.get(path)
            if stored and not stored.photo.skipped:
                if stored.photo.content_stamp in seen:
                    yield path
                seen.add(stored.photo.content_stamp)


def nobody_message(build: DatabaseBuild, without_pictures: str) -> str:
    """Why nobody could be enrolled. without_pictures: the sentence where there was no picture at all."""
    reasons = [*build.failed.values(), *(stored.photo.skipped for stored in build.photos.values())]
    if not reasons:
        return without_pictures
    return (
        f"None of {len(reasons):,} pictures shows a face that can be used; the first: {reasons[0]}. "
        "The database before this is unchanged."
    )
