"""Stash as a source of a face database: its performers by their portraits, and by images of them alone."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from stash_sense.domain.identity import picture_stamp
from stash_sense.domain.progress import Progress
from stash_sense.enrolment.build import BuildReport, DatabaseBuild, EnrolledPerson, SkippedPhoto, open_build
from stash_sense.enrolment.performers import StashPerson, group_performers
from stash_sense.enrolment.references import FaceChooser, NewPhoto, only_face, portrait_face
from stash_sense.errors import (
    Busy,
    NobodyToEnrol,
    StashError,
    StashKeyRefused,
    StashSenseError,
    StashTooSlow,
    StashUnreachable,
)
from stash_sense.facedb.analyzed_photos import StoredPhoto
from stash_sense.facedb.layout import Photo
from stash_sense.jobs.workers import Lane, WorkPool, task_group
from stash_sense.media.formats import DEFAULT_LIMITS, MediaLimits
from stash_sense.recognition.recognizer import LoadedPack
from stash_sense.stash.client import StashClient
from stash_sense.stash.types import Media, Performer, StashImage, VisualFile

log = logging.getLogger(__name__)

SOURCE = "stash"
"""The source that the manifest of a database built from Stash names."""
PHOTO_PREFIX = "stash:"
"""How the path of a photo in Stash begins: `stash:performer/12`, `stash:image/34`."""
DUPLICATE = "the same picture as another of this person"
IMAGES_PER_PERSON = 10
"""Images used besides the portraits, the oldest first: more add little, and each costs as much as a portrait.
The oldest, so that new images do not replace others at each build."""
EXTRA_FETCHES = 4
"""People whose photos are fetched while those of as many people as there are workers are analyzed."""
RETRY_S = 5.0
"""How long to retry asking Stash for its status after a picture could not be fetched."""
BUSY_POLL_S = 0.5
"""How often a build checks whether the one it waits for has ended."""


async def build_from_stash(
    client: StashClient,
    place: Path,
    pack: LoadedPack,
    progress: Progress,
    *,
    pool: WorkPool,
    with_images: bool = False,
    limits: MediaLimits = DEFAULT_LIMITS,
) -> BuildReport:
    """Enrol every performer with a portrait, each person once, into the database at `place`.

    with_images: also take faces from images on which the person alone is tagged and only one face shows.
    Cancelling keeps the old database, and what was analyzed for the next build.
    Raises StashError if Stash is away, NobodyToEnrol, WriteFailed.
    """
    endpoints = [box.endpoint for box in await client.stash_boxes()]
    performers = await client.performers()
    people = [person for person in group_performers(performers, endpoints) if with_images or person.portraits]
    if not people:
        raise NobodyToEnrol(
            f"Stash has {len(performers):,} performers, and none of them has a portrait. Give them portraits "
            "in Stash, then build again."
        )
    with ExitStack() as stack:
        build = await _open_when_free(place, pack, limits, stack)
        photos = _StashPhotos(client, pool, build)
        enrolled = await _collect(people, photos, progress, with_images=with_images)
        if all(stored.photo.skipped for stored in build.photos.values()):
            raise NobodyToEnrol(_nobody_message(build))
        duplicates = dict.fromkeys(_duplicates(enrolled, build.photos), DUPLICATE)
        finished = await _finish(build, enrolled, duplicates)
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
    }


async def _open_when_free(
    place: Path, pack: LoadedPack, limits: MediaLimits, stack: ExitStack
) -> DatabaseBuild:
    """Begin a build once no other is at work at the place; the stack ends it."""
    waiting = False
    while True:
        context = open_build(place, pack, limits=limits, wait=False)
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


async def _finish(
    build: DatabaseBuild, people: Sequence[EnrolledPerson], duplicates: Mapping[str, str]
) -> BuildReport:
    """Finish on a thread. When cancelled, stop it and wait, so that nothing it uses is closed under it."""
    finishing = asyncio.ensure_future(asyncio.to_thread(build.finish, people, [SOURCE], duplicates))
    try:
        return await asyncio.shield(finishing)
    except asyncio.CancelledError:
        build.stop.set()
        with suppress(Exception):
            await finishing
        raise


async def _collect(
    people: Sequence[StashPerson], photos: "_StashPhotos", progress: Progress, *, with_images: bool
) -> list[EnrolledPerson]:
    """The people in their order, with those photos in the build that could be fetched."""
    done: dict[int, EnrolledPerson] = {}
    remaining = iter(enumerate(people))
    build = photos.build
    faces = enrolled = 0

    async def take_people() -> None:
        nonlocal faces, enrolled
        for index, person in remaining:
            paths = [path async for path in photos.portraits(person)]
            if with_images:
                paths += [path async for path in photos.images(person)]
            for path in paths:
                if path in build.failed:
                    progress.problem(f"{person.person.name}: {build.failed[path]}")
            done[index] = EnrolledPerson(person.person, tuple(paths))
            stored = [build.photos[path] for path in paths if path in build.photos]
            usable = sum(not each.photo.skipped for each in stored)
            faces, enrolled = faces + usable, enrolled + bool(usable)
            progress.update(len(done), faces=faces, people=enrolled)

    progress.start("Enrolling", len(people))
    async with task_group() as group:
        for _ in range(photos.pool.workers + EXTRA_FETCHES):
            group.create_task(take_people())
    return [done[index] for index in range(len(people))]


@dataclass(frozen=True, slots=True, eq=False)
class _StashPhotos:
    """Takes Stash's pictures of people into a build.

    A picture that cannot be fetched keeps the face that earlier builds took from it, and is fetched again
    by the next build.
    """

    client: StashClient
    pool: WorkPool
    build: DatabaseBuild

    async def portraits(self, person: StashPerson) -> AsyncIterator[str]:
        """The paths of the person's portraits, each taken into the build."""
        for performer in person.portraits:
            path = f"{PHOTO_PREFIX}performer/{performer.id}"
            await self._guarded(path, self._portrait(path, person.person.key, performer))
            yield path

    async def images(self, person: StashPerson) -> AsyncIterator[str]:
        """The paths of images on which the person alone is tagged, each taken into the build."""
        ids = [performer.id for performer in person.performers]
        alone = {
            "performers": {"value": ids, "modifier": "INCLUDES"},
            "performer_count": {"value": 1, "modifier": "EQUALS"},
        }
        for image in await self.client.first_images(alone, IMAGES_PER_PERSON):
            file = image.primary_file
            if image.is_video or file is None:
                continue
            path = f"{PHOTO_PREFIX}image/{image.id}"
            await self._guarded(path, self._image(path, person.person.key, image, file))
            yield path

    async def _guarded(self, path: str, taken: Awaitable[None]) -> None:
        try:
            await taken
        except (StashUnreachable, StashTooSlow, StashKeyRefused) as error:
            # Raises if all of Stash is away rather than this one picture, which was waited for already.
            limits = self.client.limits
            await self.client.with_limits(replace(limits, retry_s=min(limits.retry_s, RETRY_S))).status()
            self._fail(path, error)
        except StashError as error:
            self._fail(path, error)

    def _fail(self, path: str, error: StashError) -> None:
        self.build.failed[path] = str(error)
        if stored := self.build.stored.get(path):
            self.build.photos[path] = stored

    async def _portrait(self, path: str, owner: str, performer: Performer) -> None:
        stored = self.build.stored.get(path)
        if stored and stored.photo.stamp.partition("|")[0] == performer.updated_at:
            self.build.photos[path] = stored
            return
        media = await self.client.portrait(performer)
        photo = Photo(path, f"{performer.updated_at}|{_digest(media.data)}", owner)
        if stored and stored.photo.content_stamp == photo.content_stamp:
            # Something else about the performer was edited.
            stamped = replace(stored.photo, stamp=photo.stamp)
            self.build.photos[path] = replace(stored, photo=stamped)
        else:
            await self._analyze(photo, media, portrait_face)

    async def _image(self, path: str, owner: str, image: StashImage, file: VisualFile) -> None:
        stored = self.build.stored.get(path)
        fingerprints = [(fingerprint.type, fingerprint.value) for fingerprint in file.fingerprints]
        photo = Photo(path, picture_stamp(fingerprints, file.path, file.size, file.mod_time), owner)
        if stored and stored.photo.stamp == photo.stamp:
            self.build.photos[path] = stored
        else:
            await self._analyze(photo, await self.client.original(image), only_face)

    async def _analyze(self, photo: Photo, media: Media, choose_face: FaceChooser) -> None:
        new = NewPhoto(photo, media.data, choose_face)
        (result,) = await self.pool.run(partial(self.build.analyze, [new]), Lane.BACKGROUND)
        self.build.record(photo.path, result)


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
    }


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
