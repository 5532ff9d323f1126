"""Stash as a source of a face database: its performers by their portraits, and by images of them alone."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from stash_sense.domain.identity import local_key
from stash_sense.domain.progress import Progress
from stash_sense.enrolment.build import DatabaseBuild
from stash_sense.enrolment.building import content_duplicates, finish_build, nobody_message, open_when_free
from stash_sense.enrolment.known_faces import PHOTO_PREFIX, KnownFaces
from stash_sense.enrolment.performers import StashPerson, group_performers
from stash_sense.enrolment.report import BuildReport, EnrolledPerson, other_sources_json, skipped_photo_json
from stash_sense.enrolment.set_aside import DUPLICATE, NO_PORTRAIT
from stash_sense.enrolment.stash_photos import ImageUse, StashPhotos, portrait_path
from stash_sense.errors import NobodyToEnrol
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
_NO_PICTURES = "No performer has a portrait or an image of their own. Give them portraits in Stash."


async def build_from_stash(
    client: StashClient,
    place: Path,
    pack: LoadedPack,
    progress: Progress,
    *,
    pool: WorkPool,
    with_images: ImageUse = False,
    with_scenes: bool = False,
    allow_empty: bool = False,
    limits: MediaLimits = DEFAULT_LIMITS,
) -> BuildReport:
    """Enrol every performer with a portrait, each person once, into the database at `place`.

    A performer who lost the portrait, in a merge perhaps, keeps the face of the last build; whoever is known
    by images alone is learned from images again.
    with_images: of whom faces are also taken from images on which the person alone is tagged and only one
    face shows; with_scenes: the same from scenes. Who is known from there is looked for there again.
    allow_empty: build although Stash has less than half of the people of the last build.
    Cancelling keeps the old database, and what was analyzed for the next build.
    Raises StashError if Stash is away, NobodyToEnrol, PeopleVanished, WriteFailed.
    """
    endpoints = [box.endpoint for box in await client.stash_boxes()]
    performers = await client.performers()
    people = group_performers(performers, endpoints)
    if not (with_images or with_scenes) and not any(person.portraits for person in people):
        raise NobodyToEnrol(
            f"Stash has {len(performers):,} performers, and none of them has a portrait. Give them portraits "
            "in Stash, then build again."
        )
    with ExitStack() as stack:
        build = await open_when_free(place, pack, SOURCE, limits, stack)
        known = await asyncio.to_thread(KnownFaces.of, build, people)
        people = [person for person in people if not build.forgotten.covers(person.person)]
        learn = bool(with_images or with_scenes)
        shown = [person for person in people if learn or person.portraits or known.photos_of(person)]
        if not allow_empty:
            await asyncio.to_thread(build.refuse_vanished, {PHOTO_PREFIX: len(shown)})
        photos = StashPhotos(client, pool, build, known, progress.problem)
        enrolled = await _collect(shown, photos, progress, with_images, with_scenes=with_scenes)
        if all(stored.photo.skipped for stored in build.photos.values()):
            raise NobodyToEnrol(nobody_message(build, _NO_PICTURES))
        pictured = {person.person.key for person in shown}
        others = [
            EnrolledPerson(person.person, names=person.names)
            for person in people
            if person.person.key not in pictured
        ]
        finish = partial(
            build.finish,
            enrolled,
            dict.fromkeys(content_duplicates(enrolled, build.photos), DUPLICATE),
            faceless=_without_portrait(performers, build),
            others=others,
        )
        finished = await finish_build(build, finish)
    return replace(finished, without_portrait=sum(not performer.portrait_url for performer in performers))


def stash_report_json(report: BuildReport, limit: int | None = None) -> dict[str, Any]:
    """The report as `database build --from-stash --json` prints it, with at most `limit` photos a list."""
    return {
        "version": report.version,
        "people": report.people,
        "faces": report.faces,
        "embedded": report.analyzed,
        "reused": report.reused,
        "added": report.added,
        "updated": report.updated,
        "without_portrait": report.without_portrait,
        "not_enrolled": len(report.faceless),
        "skipped": [skipped_photo_json(photo) for photo in report.skipped[:limit]],
        "quarantined": [skipped_photo_json(photo) for photo in report.quarantined[:limit]],
        "skipped_count": len(report.skipped),
        "quarantined_count": len(report.quarantined),
        "gone": list(report.gone[:limit]),
        "gone_count": len(report.gone),
        "problems": list(report.problems),
    } | other_sources_json(report, limit)


def _without_portrait(performers: Iterable[Performer], build: DatabaseBuild) -> list[Photo]:
    """Every performer of whom no picture is in the build, as the database lists them."""
    paths = ((portrait_path(performer), performer) for performer in performers)
    return [
        Photo(path, f"{performer.updated_at}|", local_key(performer.id), NO_PORTRAIT)
        for path, performer in paths
        if not performer.portrait_url and path not in build.photos
    ]


async def _collect(
    people: Sequence[StashPerson],
    photos: StashPhotos,
    progress: Progress,
    with_images: ImageUse,
    *,
    with_scenes: bool,
) -> list[EnrolledPerson]:
    """The people in their order, with those photos in the build that could be fetched."""
    done: dict[int, EnrolledPerson] = {}
    remaining = iter(enumerate(people))
    build = photos.build
    faces = enrolled = 0

    async def take_people() -> None:
        nonlocal faces, enrolled
        for index, person in remaining:
            paths = [path async for path in photos.all_of(person, with_images, with_scenes=with_scenes)]
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
