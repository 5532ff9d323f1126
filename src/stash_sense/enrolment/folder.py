from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from stash_sense.domain.people import Person
from stash_sense.domain.progress import Progress
from stash_sense.enrolment.known import Known, known_photos
from stash_sense.enrolment.portraits import NO_FACE, prominent
from stash_sense.enrolment.versions import add_person, current_database, looked_at, new_version
from stash_sense.errors import BadInput
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import Photo
from stash_sense.facedb.spool import Looked
from stash_sense.media.folder import list_images
from stash_sense.recognition.analysis import analyze_photos
from stash_sense.recognition.recognizer import LoadedPack


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did. skipped: (photo, why); faceless: people none of whose photos shows a face.

    embedded: photos looked at anew; those that cannot be read are tried at every build, and not counted.
    """

    version: str
    people: int
    faces: int
    embedded: int
    reused: int
    skipped: list[tuple[str, str]]
    faceless: list[str]
    problems: list[str]


@dataclass(slots=True)
class _Plan:
    """The photos of each person, people without a photo, and what could not be listed."""

    people: dict[str, list[Path]] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def build_from_folders(
    folders: Sequence[Path],
    place: Path,
    pack: LoadedPack,
    progress: Progress,
    *,
    reuse: Iterable[FaceDatabase] = (),
) -> BuildReport:
    """Enrol the people of `folders`, each holding one folder per person, into the database at `place`.

    The same folder name in two folders is one person. Key and name are the folder's name, letter for
    letter. Photos that the database at `place`, or one of `reuse`, already knows are taken from there.
    Raises BadInput, WriteFailed; Cancelled by way of `progress`, the old database staying whole.
    """
    plan = _plan(folders)
    with new_version(place, pack) as writer, ExitStack() as stack:
        stamps = {path: stamp(path) for photos in plan.people.values() for path in photos}
        current = current_database(place)
        if current:
            stack.enter_context(current)
        paths = set(map(str, stamps))
        sources = [*([current] if current else []), *reuse]
        known = known_photos(sources, pack.fingerprint, paths.__contains__, enough=len(paths))
        new = [path for path, now in stamps.items() if _unknown(known.get(str(path)), now)]
        if new:
            progress.start("Enrolling", len(new))
        fresh = _embed(new, stamps, pack, progress)
        embedded = sum(not _unreadable(one) for one in fresh.values())
        seen = {path: fresh.get(path) or known[str(path)] for path in stamps}
        if current and not embedded and _same(current, plan, seen, pack.fingerprint):
            return _report(current, plan, embedded=0)
        for name, photos in plan.people.items():
            add_person(writer, Person(name, name), [seen[path].load() for path in photos])
            for path in photos:
                writer.add_photo(Photo(str(path), stamps[path], name, seen[path].skipped))
        writer.commit([str(folder.resolve()) for folder in folders])
        # Before the next build may start: it could remove this version.
        return _report(stack.enter_context(FaceDatabase.open(place)), plan, embedded)


def stamp(path: Path) -> str:
    """What tells whether a photo is still the same file: size and modification time."""
    try:
        status = path.stat()
    except OSError:
        return "unreadable"
    return f"{status.st_size}-{status.st_mtime_ns}"


def _plan(folders: Sequence[Path]) -> _Plan:
    plan = _Plan()
    for folder in folders:
        listing = list_images(folder)
        plan.problems += listing.problems
        loose = 0
        for path in listing.images:
            inner = path.relative_to(folder).parts
            if len(inner) < 2:
                loose += 1
                continue
            plan.people.setdefault(inner[0], []).append(folder.resolve() / path.relative_to(folder))
        plan.empty += _people_folders(folder)
        if loose:
            plan.problems.append(
                f"{folder}: {loose} photos lie outside a person's folder; left out. "
                "Put them into a folder named after the person."
            )
    if not plan.people:
        raise BadInput(
            f"{', '.join(map(str, folders))}: no photos of people found. A people folder holds one folder "
            "per person, named after them, with one or more photos each: People/Ada Lovelace/1.jpg"
        )
    plan.people = {name: list(dict.fromkeys(photos)) for name, photos in plan.people.items()}
    plan.empty = [name for name in dict.fromkeys(plan.empty) if name not in plan.people]
    return plan


def _people_folders(folder: Path) -> list[str]:
    """The folders that are named after somebody, with photos or without; not what a NAS leaves."""
    names = []
    with suppress(OSError):  # the listing tells of it
        for entry in sorted(folder.iterdir()):
            with suppress(OSError):
                if entry.is_dir() and not entry.name.startswith((".", "@", "#", "$", "__", "lost+found")):
                    names.append(entry.name)
    return names


def _unknown(known: Known | None, now: str) -> bool:
    return known is None or known.stamp != now or _unreadable(known)


def _unreadable(known: Known) -> bool:
    """Whether nobody could look for a face: a share may have been away, a permission missing."""
    return known.skipped not in ("", NO_FACE)


def _same(current: FaceDatabase, plan: _Plan, seen: Mapping[Path, Known], fingerprint: str) -> bool:
    wanted = {
        (str(path), seen[path].stamp, name, seen[path].skipped)
        for name, photos in plan.people.items()
        for path in photos
    }
    there = {(photo.path, photo.stamp, photo.owner, photo.skipped) for photo in current.photos()}
    return current.manifest.pack_fingerprint == fingerprint and wanted == there


def _embed(
    paths: Sequence[Path], stamps: dict[Path, str], pack: LoadedPack, progress: Progress
) -> dict[Path, Known]:
    fresh: dict[Path, Known] = {}
    faces = 0
    with closing(analyze_photos(paths, pack.engine, min_confidence=0.5, reference=True)) as read:
        for done, photo in enumerate(read, 1):
            faces += len(photo.faces)
            progress.update(done, faces=faces)
            face = prominent(photo.faces, photo.width, photo.height)
            skipped = "" if face else photo.error or NO_FACE
            seen = Photo(str(photo.path), stamps[photo.path], "", skipped)
            looked = looked_at(seen, face) if face else Looked(seen)
            fresh[photo.path] = Known(seen.stamp, skipped, partial(_itself, looked))
    return fresh


def _itself(looked: Looked) -> Looked:
    return looked


def _report(database: FaceDatabase, plan: _Plan, embedded: int) -> BuildReport:
    photos = list(database.photos())
    skipped = [(photo.path, photo.skipped) for photo in photos if photo.skipped]
    seen = {photo.owner for photo in photos if not photo.skipped}
    return BuildReport(
        version=database.manifest.version,
        people=database.manifest.people,
        faces=database.manifest.faces,
        embedded=embedded,
        reused=len(photos) - embedded,
        skipped=skipped,
        faceless=[name for name in (*plan.people, *plan.empty) if name not in seen],
        problems=plan.problems,
    )
