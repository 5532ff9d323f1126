"""Folders of people as a source of a face database: one folder per person, with photos in it."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stash_sense.domain.identity import Person, visible_name
from stash_sense.domain.progress import Progress
from stash_sense.enrolment.build import DatabaseBuild, open_build
from stash_sense.enrolment.references import NewPhoto, portrait_face
from stash_sense.enrolment.report import BuildReport, EnrolledPerson, SkippedPhoto, other_sources_json
from stash_sense.enrolment.set_aside import NO_FACE
from stash_sense.enrolment.vanished import ALLOW_EMPTY
from stash_sense.errors import BadInput, NotAFolder, PeopleVanished
from stash_sense.facedb.analyzed_photos import StoredPhoto
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import Photo
from stash_sense.media.listing import list_images
from stash_sense.media.photo import name_as_utf8
from stash_sense.recognition.analysis import run_in_batches
from stash_sense.recognition.recognizer import LoadedPack

NOT_PEOPLE = (".", "@", "#", "$", "__", "lost+found")
"""How the names of folders begin that desktops and NAS boxes leave among people."""


RULES = 2
"""Rises when another face is taken from the same photo, so that the next build analyzes all photos again."""


@dataclass(slots=True)
class PeopleListing:
    """The photos of each person by name, people without a photo, and places that could not be listed.

    counts: how the paths of a folder's photos begin -> how many people it holds. unlisted: by path.
    """

    photos: dict[str, list[Path]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    unlisted: list[Path] = field(default_factory=list)
    without_photo: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def build_from_folders(
    folders: Sequence[Path],
    place: Path,
    pack: LoadedPack,
    progress: Progress,
    *,
    reuse: Iterable[FaceDatabase] = (),
    workers: int = 0,
    allow_empty: bool = False,
) -> BuildReport:
    """Enrol the people of `folders`, each holding one folder per person, into the database at `place`.

    Folders whose names look the same are one person, whose key and name are that name. Photos that have not
    changed since a database at `place`, or one of `reuse`, was built are not analyzed again; those that
    cannot be read now keep the face that was taken from them.
    workers: threads; 0: one for each core.
    allow_empty: build although a folder holds nobody, or less than half of its people of the last build.
    Raises PeopleVanished, BadInput, WriteFailed, and Cancelled from `progress`; the old database then stays
    in use.
    """
    listing = list_people(folders, allow_empty=allow_empty)
    photos = {
        str(path): Photo(str(path), file_stamp(path), name)
        for name, paths in listing.photos.items()
        for path in paths
    }
    sources = [str(folder.resolve()) for folder in folders]
    with open_build(place, pack, sources, reuse=reuse, only=photos) as build:
        enrolled = {name for name in listing.photos if not build.forgotten.covers(Person(name, name))}
        photos = {path: photo for path, photo in photos.items() if photo.owner in enrolled}
        paths_of = {name: list(map(str, listing.photos[name])) for name in listing.photos if name in enrolled}
        _keep_unlisted(listing.unlisted, paths_of, build)
        if not allow_empty:
            build.refuse_vanished(listing.counts)
        _collect(photos, build, progress, workers)
        people = [EnrolledPerson(Person(name, name), tuple(paths)) for name, paths in paths_of.items()]
        report = build.finish(people)
    listed = enrolled | set(paths_of)
    without_photo = (
        name
        for name in listing.without_photo
        if name not in listed and not build.forgotten.covers(Person(name, name))
    )
    faceless = (*report.faceless, *without_photo)
    return replace(report, faceless=faceless, problems=(*report.problems, *listing.problems))


def folder_report_json(report: BuildReport) -> dict[str, Any]:
    """The report as `database build --people --json` prints it."""
    return {
        "version": report.version,
        "people": report.people,
        "faces": report.faces,
        "embedded": report.analyzed,
        "reused": report.reused,
        "added": report.added,
        "updated": report.updated,
        "skipped": list(map(_set_aside_json, report.skipped)),
        "quarantined": list(map(_set_aside_json, report.quarantined)),
        "faceless": list(report.faceless),
        "gone": list(report.gone),
        "problems": list(report.problems),
    } | other_sources_json(report)


def _set_aside_json(photo: SkippedPhoto) -> dict[str, str]:
    return {"photo": photo.path, "why": photo.reason, "code": photo.code}


def file_stamp(path: Path) -> str:
    """Size and modification time of a photo, which tell whether it is still the same file, and RULES."""
    try:
        status = path.stat()
    except OSError:
        return "unreadable"
    return f"{RULES}:{status.st_size}-{status.st_mtime_ns}"


def list_people(folders: Sequence[Path], *, allow_empty: bool = False) -> PeopleListing:
    """List the people and photos of folders that hold one folder per person.

    Raises PeopleVanished where a folder is missing or shows no photo of a person, unless `allow_empty`, and
    BadInput where all are.
    """
    people = PeopleListing()
    for folder in folders:
        names = set()
        try:
            listing = list_images(folder)
        except NotAFolder as error:
            raise PeopleVanished(f"{error} Is its drive or share connected?") from error
        people.problems += [*listing.problems, *([listing.others] if listing.others else [])]
        people.unlisted += [folder.resolve() / path.relative_to(folder) for path in listing.unlisted]
        loose = 0
        for path in listing.images:
            inner = path.relative_to(folder)
            if len(inner.parts) < 2:
                loose += 1
            else:
                name = visible_name(name_as_utf8(inner.parts[0]))
                names.add(name)
                people.photos.setdefault(name, []).append(folder.resolve() / inner)
        people.without_photo += map(visible_name, map(name_as_utf8, _person_folders(folder)))
        people.counts[f"{folder.resolve()}{os.sep}"] = len(names)
        if loose:
            people.problems.append(
                f"{folder}: {loose} photos lie outside a person's folder; left out. "
                "Put them into a folder named after the person."
            )
        if not names and not allow_empty:
            raise PeopleVanished(f"{_nobody([folder], listing.problems)} {ALLOW_EMPTY}")
    if not people.photos:
        raise BadInput(_nobody(folders))
    people.photos = {name: list(dict.fromkeys(paths)) for name, paths in people.photos.items()}
    people.without_photo = list(dict.fromkeys(people.without_photo))
    return people


def _nobody(folders: Sequence[Path], problems: Sequence[str] = ()) -> str:
    message = (
        f"{', '.join(map(str, folders))}: no photos of people found. Is its drive or share connected? "
        "A people folder holds one folder per person, named after them, with one or more photos each: "
        "People/Ada Lovelace/1.jpg."
    )
    return " ".join((message, *problems))


def _person_folders(folder: Path) -> list[str]:
    """The names of the folders that are named after a person, with photos or without."""
    names = []
    with suppress(OSError):  # the listing of the images reports it
        for entry in sorted(folder.iterdir()):
            with suppress(OSError):
                if entry.is_dir() and not entry.name.startswith(NOT_PEOPLE):
                    names.append(entry.name)
    return names


def _keep_unlisted(unlisted: Iterable[Path], paths_of: dict[str, list[str]], build: DatabaseBuild) -> None:
    """Keep what the current database knows of photos in places that cannot be listed now."""
    for place in unlisted:
        for path, stored in build.known_below(f"{place}{os.sep}").items():
            paths = paths_of.setdefault(visible_name(stored.photo.owner), [])
            if path not in build.photos and path not in paths:
                paths.append(path)
                build.photos[path] = stored


def _collect(photos: Mapping[str, Photo], build: DatabaseBuild, progress: Progress, workers: int) -> None:
    """Take known photos into the build as they are, and analyze the others."""
    new = []
    for path, photo in photos.items():
        stored = build.stored.get(path)
        if stored and _still_holds(stored, photo):
            build.photos[path] = stored
        else:
            new.append(NewPhoto(photo, Path(path), portrait_face))
    if new:
        progress.start("Enrolling", len(new))
    faces = 0
    with closing(run_in_batches(new, build.analyze, workers)) as results:
        for done, result in enumerate(results, 1):
            build.record(new[done - 1].photo.path, result)
            faces += isinstance(result, StoredPhoto) and not result.photo.skipped
            progress.update(done, faces=faces)


def _still_holds(stored: StoredPhoto, photo: Photo) -> bool:
    # Another reason than these was once noted for a file that could not be read, or for a face in quarantine
    # whose embedding is lost.
    return stored.photo.stamp == photo.stamp and stored.photo.skipped in ("", NO_FACE)
