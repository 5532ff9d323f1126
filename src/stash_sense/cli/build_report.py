"""The report of a build as one HTML file: each photo set aside, beside what was learned of its person."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stash_sense.cli.console import quantity
from stash_sense.cli.pages import data_url, jpeg_url, render_page
from stash_sense.domain.progress import Progress
from stash_sense.enrolment.known_faces import PHOTO_PREFIX
from stash_sense.enrolment.report import BuildReport, SkippedPhoto
from stash_sense.errors import StashSenseError
from stash_sense.facedb.database import FaceDatabase
from stash_sense.media.photo import load_image

MAX_PICTURES = 300
"""With more pictures, a browser would take long to open the file."""
MAX_LEARNED = 8
"""Reference faces shown of a person."""
PICTURE_SIDE = 440
"""Pixels."""

PictureSource = Callable[[SkippedPhoto], Path | bytes | None]
"""Where a photo that was set aside can be read; None where it cannot."""


@dataclass(frozen=True, slots=True)
class _Photo:
    """data_url: the photo, or "" where it cannot be read."""

    name: str
    reason: str
    data_url: str


@dataclass(frozen=True, slots=True)
class _Person:
    """learned: data URLs of reference faces. link: to the performer in Stash, or ""."""

    name: str
    link: str
    learned: list[str]
    photos: list[_Photo]


def build_report_page(
    report: BuildReport,
    database: FaceDatabase,
    picture_of: PictureSource,
    progress: Progress,
    stash_url: str = "",
) -> bytes:
    """The whole report as UTF-8 HTML. database: as built. stash_url: of the Stash with the performers."""
    photos = [*report.quarantined, *report.skipped]
    shown = photos[:MAX_PICTURES]
    progress.start("Drawing", len(shown))
    by_person: dict[str, list[SkippedPhoto]] = {}
    for photo in shown:
        by_person.setdefault(photo.person.key, []).append(photo)
    rows = database.find(by_person)
    people, done = [], 0
    for key, own in by_person.items():
        drawn = []
        for photo in own:
            drawn.append(_drawn(photo, picture_of))
            done += 1
            progress.update(done)
        person = own[0].person
        link = (
            f"{stash_url.rstrip('/')}/performers/{person.local_id}" if stash_url and person.local_id else ""
        )
        people.append(_Person(person.name, link, list(_learned(database, rows, key)), drawn))
    shown_names = {person.name for person in people}
    return render_page(
        "build_report.html.j2",
        counts=f"{quantity(report.people, 'person', 'people')} with {quantity(report.faces, 'face')}",
        set_aside_count=quantity(len(photos), "photo"),
        people=people,
        left_out=len(photos) - len(shown),
        problems=report.problems,
        gone=report.gone,
        without_photo=[name for name in report.faceless if name not in shown_names],
    )


def _learned(database: FaceDatabase, people: Mapping[str, int], key: str) -> Iterator[str]:
    if key in people:
        for row in database.rows(people[key])[:MAX_LEARNED]:
            if crop := database.crop(row):
                yield jpeg_url(crop)


def _drawn(photo: SkippedPhoto, picture_of: PictureSource) -> _Photo:
    name = photo.path.removeprefix(PHOTO_PREFIX)
    source = picture_of(photo)
    try:
        pixels = load_image(source, wanted_side=PICTURE_SIDE).pixels if source else None
    except StashSenseError:  # the reason says why
        pixels = None
    return _Photo(name, photo.reason, "" if pixels is None else data_url(pixels, PICTURE_SIDE))
