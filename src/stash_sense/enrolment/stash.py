"""Stash as a source of a face database: its performers by their portraits, and by images of them alone."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from stash_sense.domain.identity import local_key
from stash_sense.domain.progress import Progress
from stash_sense.enrolment.build import DatabaseBuild, open_build
from stash_sense.enrolment.known_faces import PHOTO_PREFIX, KnownFaces
from stash_sense.enrolment.performers import StashPerson, group_performers
from stash_sense.enrolment.report import BuildReport, EnrolledPerson, SkippedPhoto, other_sources_json
from stash_sense.enrolment.set_aside import DUPLICATE, NO_PORTRAIT
from stash_sense.enrolment.stash_photos import ImageUse, StashPhotos, portrait_path
from stash_sense.errors import (
    Busy,
    NobodyToEnrol,
    StashSenseError,
)
from stash_sense.facedb.analyzed_photos import StoredPhoto
from stash_sense.facedb.layout import Photo
from stash_sense.jobs.workers import WorkPool, task_group
from stash_sense.media.formats import DEFAULT_LIMITS, MediaLimits
from stash_sense.recognition.recognizer import LoadedPack
from stash_sense.stash.client import StashClient
from stash_sense.stash.types import Performer

log = logging.getLogger(__name__)

SOURCE = "stash"
"""The source that the manifest of a database built from Stash names."""
EXTRA_FETCHES = 4
"""People whose photos are fetched while those of as many people as there are workers are analyzed."""
MOST_FETCHES = 12
"""People whose photos are in memory, however many workers there are: a photo may have 50 MB."""
BUSY_POLL_S = 0.5
"""How often a build checks whether the one it waits for has ended."""


async def build_from_stash(
    client: StashClient,
    place: Path,
    pack: LoadedPack,
    progress: Progress,
    *,
    pool: WorkPool,
    with_images: ImageUse = False,
    allow_empty: bool = False,
    limits: MediaLimits = DEFAULT_LIMITS,
) -> BuildReport:
    """Enrol every performer with a portrait, each person once, into the database at `place`.

    A performer who lost the portrait, in a merge perhaps, keeps the face of the last build; whoever is known
    by images alone is learned from images again.
    with_images: of whom faces are also taken from images on which the person alone is tagged and only one
    face shows. allow_empty: build although Stash has less than half of the people of the last build.
    Cancelling keeps the old database, and what was analyzed for the next build.
    Raises StashError if Stash is away, NobodyToEnrol, PeopleVanished, WriteFailed.
    """
    endpoints = [box.endpoint for box in await client.stash_boxes()]
    performers = await client.performers()
    people = group_performers(performers, endpoints)
    if not with_images and not any(person.portraits for person in people):
        raise NobodyToEnrol(
            f"Stash has {len(performers):,} performers, and none of them has a portrait. Give them portraits "
            "in Stash, then build again."
        )
    with ExitStack() as stack:
        build = await _open_when_free(place, pack, limits, stack)
        known = await asyncio.to_thread(KnownFaces.of, build, people)
        people = [person for person in people if not build.forgotten.covers(person.person)]
        shown = [person for person in people if with_images or person.portraits or known.photos_of(person)]
        if not allow_empty:
            await asyncio.to_thread(build.refuse_vanished, {PHOTO_PREFIX: len(shown)})
        photos = StashPhotos(client, pool, build, known)
        enrolled = await _collect(shown, photos, progress, with_images=with_images)
        if all(stored.photo.skipped for stored in build.photos.values()):
            raise NobodyToEnrol(_nobody_message(build))
        pictured = {person.person.key for person in shown}
        others = [
            EnrolledPerson(person.person, names=person.names)
            for person in people
            if person.person.key not in pictured
        ]
        finish = partial(
            build.finish,
            enrolled,
            dict.fromkeys(_duplicates(enrolled, build.photos), DUPLICATE),
            faceless=_without_portrait(performers, build),
            others=others,
        )
        finished = await _finish(build, finish)
    return replace(finished, without_portrait=sum(not performer.portrait_url for performer in performers))


def stash_report_json(report: BuildReport, limit: int | None = None) -> dict[str, Any]:
    """The report as `database build --from-stash --json` prints it, with at most `limit` photos a list."""
    return {
        "version": report.version,
        "people": report.people,
        "faces": report.faces,
        "embedded": report.analyzed,
        "reused": report.reused,
        "without_portrait": report.without_portrait,
        "not_enrolled": len(report.faceless),
        "skipped": [_skipped_json(photo) for photo in report.skipped[:limit]],
        "quarantined": [_skipped_json(photo) for photo in report.quarantined[:limit]],
        "skipped_count": len(report.skipped),
        "quarantined_count": len(report.quarantined),
        "problems": list(report.problems),
    } | other_sources_json(report, limit)


async def _open_when_free(
    place: Path, pack: LoadedPack, limits: MediaLimits, stack: ExitStack
) -> DatabaseBuild:
    """Begin a build once no other is at work at the place; the stack ends it."""
    waiting = False
    while True:
        context = open_build(place, pack, [SOURCE], limits=limits, wait=False)
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


def _without_portrait(performers: Iterable[Performer], build: DatabaseBuild) -> list[Photo]:
    """Every performer of whom no picture is in the build, as the database lists them."""
    paths = ((portrait_path(performer), performer) for performer in performers)
    return [
        Photo(path, f"{performer.updated_at}|", local_key(performer.id), NO_PORTRAIT)
        for path, performer in paths
        if not performer.portrait_url and path not in build.photos
    ]


async def _finish(build: DatabaseBuild, finish: Callable[[], BuildReport]) -> BuildReport:
    """Finish on a thread. When cancelled, stop it and wait, so that nothing it uses is closed under it."""
    finishing = asyncio.ensure_future(asyncio.to_thread(finish))
    try:
        return await asyncio.shield(finishing)
    except asyncio.CancelledError:
        build.stop.set()
        with suppress(Exception):
            await finishing
        raise


async def _collect(
    people: Sequence[StashPerson], photos: StashPhotos, progress: Progress, *, with_images: ImageUse
) -> list[EnrolledPerson]:
    """The people in their order, with those photos in the build that could be fetched."""
    done: dict[int, EnrolledPerson] = {}
    remaining = iter(enumerate(people))
    build = photos.build
    faces = enrolled = 0

    async def take_people() -> None:
        nonlocal faces, enrolled
        for index, person in remaining:
            paths = [path async for path in photos.all_of(person, with_images)]
            for path in paths:
                if path in build.failed:
                    progress.problem(f"{person.person.name}: {build.failed[path]}")
            done[index] = EnrolledPerson(person.person, tuple(paths), person.names)
            stored = [build.photos[path] for path in paths if path in build.photos]
            usable = sum(not each.photo.skipped for each in stored)
            faces, enrolled = faces + usable, enrolled + bool(usable)
            progress.update(len(done), faces=faces, people=enrolled)

    progress.start("Enrolling", len(people))
    async with task_group() as group:
        for _ in range(min(photos.pool.workers + EXTRA_FETCHES, MOST_FETCHES)):
            group.create_task(take_people())
    return [done[index] for index in range(len(people))]


def _duplicates(people: Iterable[EnrolledPerson], photos: Mapping[str, StoredPhoto]) -> Iterator[str]:
    """The paths of usable photos with the same content as an earlier one of their person."""
    for person in people:
        seen: set[str] = set()
        for path in person.photos:
            stored = photos.get(path)
            if stored and not stored.photo.skipped:
                if stored.photo.content_stamp in seen:
                    yield path
                seen.add(stored.photo.content_stamp)


def _nobody_message(build: DatabaseBuild) -> str:
    reasons = [*build.failed.values(), *(stored.photo.skipped for stored in build.photos.values())]
    if not reasons:
        return "No performer has a portrait or an image of their own. Give them portraits in Stash."
    return (
        f"None of {len(reasons):,} pictures shows a face that can be used; the first: {reasons[0]}. "
        "The database before this is unchanged."
    )


def _skipped_json(photo: SkippedPhoto) -> dict[str, str]:
    return {
        "performer_id": photo.person.key,
        "name": photo.person.name,
        "local_id": photo.person.local_id or "",
        "picture": photo.path.removeprefix(PHOTO_PREFIX),
        "why": photo.reason,
        "code": photo.code,
    }
