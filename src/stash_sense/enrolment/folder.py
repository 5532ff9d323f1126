"""Folders of people as a source of a face database: one folder per person, with photos in it."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stash_sense.domain.identity import Person
from stash_sense.domain.progress import Progress
from stash_sense.enrolment.build import BuildReport, DatabaseBuild, EnrolledPerson, open_build
from stash_sense.enrolment.references import NO_FACE, NewPhoto, any_prominent_face
from stash_sense.errors import BadInput
from stash_sense.facedb.analyzed_photos import StoredPhoto
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import Photo
from stash_sense.media.photo import list_images
from stash_sense.recognition.analysis import run_in_batches
from stash_sense.recognition.recognizer import LoadedPack

NOT_PEOPLE = (".", "@", "#", "$", "__", "lost+found")
"""How the names of folders begin that desktops and NAS boxes leave among people."""


@dataclass(slots=True)
class PeopleListing:
    """The photos of each person by name, people without a photo, and places that could not be listed."""

    photos: dict[str, list[Path]] = field(default_factory=dict)
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
) -> BuildReport:
    """Enrol the people of `folders`, each holding one folder per person, into the database at `place`.

    Folders of the same name are one person, whose key and name are that name, letter for letter. Photos that
    have not changed since a database at `place`, or one of `reuse`, was built are not analyzed again.
    workers: threads; 0: one for each core.
    Raises BadInput, WriteFailed, and Cancelled from `progress`; the old database then stays in use.
    """
    listing = list_people(folders)
    photos = {
        str(path): Photo(str(path), file_stamp(path), name)
        for name, paths in listing.photos.items()
        for path in paths
    }
    with open_build(place, pack, reuse=reuse, only=photos) as build:
        _collect(photos, build, progress, workers)
        people = [
            EnrolledPerson(Person(name, name), tuple(map(str, paths)))
            for name, paths in listing.photos.items()
        ]
        report = build.finish(people, [str(folder.resolve()) for folder in folders])
    faceless = (*report.faceless, *listing.without_photo)
    return replace(report, faceless=faceless, problems=tuple(listing.problems))


def folder_report_json(report: BuildReport) -> dict[str, Any]:
    """The report as `database build --people --json` prints it."""
    return {
        "version": report.version,
        "people": report.people,
        "faces": report.faces,
        "embedded": report.analyzed,
        "reused": report.reused,
        "skipped": [{"photo": photo.path, "why": photo.reason} for photo in report.skipped],
        "quarantined": [{"photo": photo.path, "why": photo.reason} for photo in report.quarantined],
        "faceless": list(report.faceless),
        "problems": list(report.problems),
    }


def file_stamp(path: Path) -> str:
    """Size and modification time of a photo, which tell whether it is still the same file."""
    try:
        status = path.stat()
    except OSError:
        return "unreadable"
    return f"{status.st_size}-{status.st_mtime_ns}"


def list_people(folders: Sequence[Path]) -> PeopleListing:
    """List the people and photos of folders that hold one folder per person. Raises BadInput."""
    people = PeopleListing()
    for folder in folders:
        listing = list_images(folder)
        people.problems += listing.problems
        loose = 0
        for path in listing.images:
            inner = path.relative_to(folder)
            if len(inner.parts) < 2:
                loose += 1
            else:
                people.photos.setdefault(inner.parts[0], []).append(folder.resolve() / inner)
        people.without_photo += _person_folders(folder)
        if loose:
            people.problems.append(
                f"{folder}: {loose} photos lie outside a person's folder; left out. "
                "Put them into a folder named after the person."
            )
    if not people.photos:
        raise BadInput(
            f"{', '.join(map(str, folders))}: no photos of people found. A people folder holds one folder "
            "per person, named after them, with one or more photos each: People/Ada Lovelace/1.jpg"
        )
    people.photos = {name: list(dict.fromkeys(paths)) for name, paths in people.photos.items()}
    people.without_photo = [name for name in dict.fromkeys(people.without_photo) if name not in people.photos]
    return people


def _person_folders(folder: Path) -> list[str]:
    """The names of the folders that are named after a person, with photos or without."""
    names = []
    with suppress(OSError):  # the listing of the images reports it
        for entry in sorted(folder.iterdir()):
            with suppress(OSError):
                if entry.is_dir() and not entry.name.startswith(NOT_PEOPLE):
                    names.append(entry.name)
    return names


def _collect(photos: Mapping[str, Photo], build: DatabaseBuild, progress: Progress, workers: int) -> None:
    """Take known photos into the build as they are, and analyze the others."""
    new = []
    for path, photo in photos.items():
        stored = build.stored.get(path)
        if stored and _still_holds(stored, photo):
            build.photos[path] = stored
        else:
            new.append(NewPhoto(photo, Path(path), any_prominent_face))
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
