"""A stash-box as a source of a face database: people of the library first, all of them where asked."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from stash_sense.domain.identity import endpoint_host, person_keys
from stash_sense.domain.progress import Progress
from stash_sense.enrolment.box_people import (
    BoxListing,
    BoxPerson,
    find_former,
    ids_on_box,
    list_box,
    list_library,
    shared_images,
    whole_box_person,
)
from stash_sense.enrolment.box_photos import IMAGES_PER_PERSON, BoxPhotos, KnownBoxPeople
from stash_sense.enrolment.box_report import StashBoxReport
from stash_sense.enrolment.building import content_duplicates, finish_build, nobody_message, open_when_free
from stash_sense.enrolment.performers import group_performers
from stash_sense.enrolment.report import EnrolledPerson
from stash_sense.enrolment.set_aside import DUPLICATE
from stash_sense.enrolment.source_ids import path_beginning
from stash_sense.errors import NobodyToEnrol, NoSuchStashBox, StashBoxError
from stash_sense.jobs.workers import WorkPool, task_group
from stash_sense.media.formats import DEFAULT_LIMITS, MediaLimits
from stash_sense.recognition.recognizer import LoadedPack
from stash_sense.stash.client import StashClient
from stash_sense.stash.types import StashBoxAccess
from stash_sense.stashbox.client import PER_PAGE, StashBoxClient
from stash_sense.stashbox.types import BoxPerformer

MOST_PER_MINUTE = 120
"""Requests, pictures counted in, where Stash allows a box no fewer."""
AHEAD = 2
"""People whose pictures wait to be analyzed besides those that are: one connection brings them one by one."""
_SOURCE = "stash-box:"


def stash_box_source(endpoint: str) -> str:
    """The id of the source, as the manifest names it: `stash-box:stashdb.org`."""
    return _SOURCE + endpoint_host(endpoint)


def source_host(source: str) -> str:
    """The host of the box, by the source's id."""
    return source.removeprefix(_SOURCE)


def requests_per_minute(access: StashBoxAccess) -> int:
    """How many requests the box is sent in a minute: ours, and never more than Stash allows."""
    return min(MOST_PER_MINUTE, access.per_minute or MOST_PER_MINUTE)


def choose_stash_box(boxes: Sequence[StashBoxAccess], text: str) -> StashBoxAccess:
    """The stash-box with this endpoint, host or name, in whatever case. Raises NoSuchStashBox."""
    wanted = _folded(text)
    for box in boxes:
        if _folded(box.endpoint) == wanted:
            return box
    fitting = [box for box in boxes if wanted in (_folded(endpoint_host(box.endpoint)), _folded(box.name))]
    if len(fitting) == 1:
        return fitting[0]
    configured = ", ".join(f"{box.name} ({box.endpoint})" for box in boxes)
    advice = (
        f"Stash has these: {configured}. Name one by its endpoint."
        if configured
        else "Add one in Stash with its API key: Settings, Metadata Providers."
    )
    ambiguous = "is the name of more than one stash-box" if fitting else "is no stash-box that Stash knows"
    raise NoSuchStashBox(f"{text.strip()[:100]!r} {ambiguous}. {advice}")


def _folded(text: str) -> str:
    return text.strip().rstrip("/").casefold()


@dataclass(frozen=True, slots=True)
class BoxEstimate:
    """What a whole stash-box takes. hours: at this rate, without what is known already."""

    people: int
    pictures: int
    hours: float


async def estimate_box(box: StashBoxClient, per_minute: int) -> BoxEstimate:
    """Ask for one page, and reckon. Raises StashBoxErrors."""
    page = await box.performers_page(1)
    each = [min(len(performer.images), IMAGES_PER_PERSON) for performer in page.performers]
    pictures = round(page.count * sum(each) / max(1, len(each)))
    requests = -(-page.count // PER_PAGE) + pictures
    return BoxEstimate(page.count, pictures, requests / per_minute / 60)


async def build_from_stash_box(
    stash: StashClient,
    box: StashBoxClient,
    endpoint: str,
    place: Path,
    pack: LoadedPack,
    progress: Progress,
    *,
    pool: WorkPool,
    whole: bool = False,
    allow_empty: bool = False,
    limits: MediaLimits = DEFAULT_LIMITS,
) -> StashBoxReport:
    """Enrol from a stash-box those of Stash's performers who have an id there, into the database at `place`.

    Everybody has up to IMAGES_PER_PERSON pictures; those that are known are not fetched again. People whom a
    build with `whole` has brought, and who are not in the library, stay.
    whole: enrol everybody, those of the library first. allow_empty: build although the box has less than
    half of the people of the last build.
    Cancelling keeps the old database, and what was fetched for the next build.
    Raises StashErrors, StashBoxErrors, NobodyToEnrol, PeopleVanished, WriteFailed.
    """
    endpoints = [each.endpoint for each in await stash.stash_boxes()]
    library = group_performers(await stash.performers(), endpoints)
    source, host = stash_box_source(endpoint), box.address.host
    with ExitStack() as stack:
        build = await open_when_free(place, pack, source, limits, stack)
        # Of people who were deleted for good, nobody is asked either.
        library = [person for person in library if not build.forgotten.covers(person.person)]
        known = await asyncio.to_thread(KnownBoxPeople.of, build, source, host)
        progress.start(f"Asking {host}", 0)
        listing = await list_library(box, endpoint, library, progress.update)
        if whole:
            people = await _everybody(box, endpoint, listing, known, progress)
        else:
            people = [*listing.people, *_kept(listing, known)]
        people = [person for person in people if not build.forgotten.covers(person.person)]
        if not people:
            raise NobodyToEnrol(
                f"None of the {len(library):,} people of Stash has an id of {host}. Let Stash identify "
                "performers there first, or build from all of it: `stash-sense database build "
                f"--from-stash-box {host} --all`."
            )
        if not allow_empty:
            counts = {path_beginning(source): len(people)}
            await asyncio.to_thread(build.refuse_vanished, counts)
        photos = BoxPhotos(box, pool, build, source, shared_images(people))
        paths = await _collect(people, photos, progress)
        if all(stored.photo.skipped for stored in build.photos.values()):
            raise NobodyToEnrol(nobody_message(build, f"{host} has no pictures of these people."))
        enrolled = [
            EnrolledPerson(person.person, tuple(own), person.names)
            for person, own in zip(people, paths, strict=True)
        ]
        finish = partial(
            build.finish,
            enrolled,
            dict.fromkeys(content_duplicates(enrolled, build.photos), DUPLICATE),
            faceless=list(photos.listed(zip(people, paths, strict=True))),
        )
        finished = await finish_build(build, finish)
    return StashBoxReport.of(finished, listing, known, enrolled)


async def _everybody(
    box: StashBoxClient, endpoint: str, listing: BoxListing, known: KnownBoxPeople, progress: Progress
) -> list[BoxPerson]:
    """Everybody of the box, those of the library first. Notes in `listing` who is gone."""
    host = box.address.host
    in_library = {box_id for person in listing.people for box_id in ids_on_box(person.person, host)}
    progress.start(f"Listing {host}", 0)
    entries, are_all = await list_box(
        box, (known.ids.keys() - listing.covered) | in_library, known.watermark, progress.update
    )
    covered, people = set(listing.covered), list(listing.people)

    def add(entry: BoxPerformer) -> None:
        if entry.id not in covered:
            people.append(whole_box_person(endpoint, host, entry))
            covered.update((entry.id, *entry.merged))

    for entry in entries.values():
        add(entry)
        listing.merged += [known.ids[former].person for former in entry.merged if former in known.ids]
    unlisted = {box_id: person for box_id, person in known.ids.items() if box_id not in covered}
    former = await find_former(box, list(unlisted)) if are_all else {}
    for box_id, person in unlisted.items():
        now = former.get(box_id)
        if not are_all or isinstance(now, StashBoxError):
            people.append(person)
        elif now is None:
            listing.unknown.append(person.person)
        elif now.deleted:
            listing.deleted.append(person.person)
        else:
            listing.merged.append(person.person)
            add(now)
    return list({person.person.key: person for person in people}.values())


def _kept(listing: BoxListing, known: KnownBoxPeople) -> list[BoxPerson]:
    """Whom a build from the library alone leaves as they are: people outside it, and where the box failed."""
    failed = {key for person, _ in listing.failed for key in person_keys(person)}
    outside = {person.person.key for box_id, person in known.ids.items() if box_id not in listing.covered}
    return [
        person
        for person in known.people
        if not failed.isdisjoint(person_keys(person.person))
        or (person.person.key in outside & known.keys and person.person.local_id is None)
    ]


async def _collect(people: Sequence[BoxPerson], photos: BoxPhotos, progress: Progress) -> list[list[str]]:
    """The paths of everybody's pictures, each taken into the build or refused."""
    paths: list[list[str]] = [[] for _ in people]
    remaining = iter(enumerate(people))
    build = photos.build
    done = faces = enrolled = 0

    async def take_people() -> None:
        nonlocal done, faces, enrolled
        for index, person in remaining:
            paths[index] = await photos.take(person)
            for path in paths[index]:
                if path in build.failed:
                    progress.problem(f"{person.person.name}: {build.failed[path]}")
            stored = [build.photos[path] for path in paths[index] if path in build.photos]
            usable = sum(not each.photo.skipped for each in stored)
            done, faces, enrolled = done + 1, faces + usable, enrolled + bool(usable)
            progress.update(done, faces=faces, people=enrolled)

    progress.start("Enrolling", len(people))
    async with task_group() as group:
        for _ in range(photos.pool.workers + AHEAD):
            group.create_task(take_people())
    return paths
