"""People folders become a face database; what an earlier build embedded is not embedded again."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stash_sense.errors import BadInput
from stash_sense.facedb import BadDatabase, DatabaseWriter, FaceDatabase, NoDatabase, Person, Photo, Reference
from stash_sense.facedb.layout import Slot
from stash_sense.faces.types import Face
from stash_sense.jobs import Progress
from stash_sense.media import list_images
from stash_sense.workflows.packs import SLOTS, LoadedPack
from stash_sense.workflows.reading import PhotoFaces, read_faces

log = logging.getLogger(__name__)

NO_FACE = "no face found"


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


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """What an earlier build knows of a photo: its stamp, and its face or why there is none."""

    stamp: str
    reference: Reference | None
    vector: NDArray[np.float32] | None
    skipped: str

    @property
    def unreadable(self) -> bool:
        """Whether nobody could look for a face: a share may have been away, a permission missing."""
        return self.skipped not in ("", NO_FACE)


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
    slots = [Slot(name=slot, dimension=pack.dimensions[slot]) for slot in SLOTS]
    with (
        DatabaseWriter(place, pack=pack.id, pack_fingerprint=pack.fingerprint, slots=slots) as writer,
        ExitStack() as stack,
    ):
        stamps = {path: stamp(path) for photos in plan.people.values() for path in photos}
        current = _current(place)
        if current:
            stack.enter_context(current)
        known = _known([*([current] if current else []), *reuse], pack.fingerprint, set(map(str, stamps)))
        new = [path for path, now in stamps.items() if _unknown(known.get(str(path)), now)]
        if new:
            progress.start("Enrolling", len(new))
        fresh = _embed(new, stamps, pack, progress)
        embedded = sum(not one.unreadable for one in fresh.values())
        seen = {path: fresh.get(path) or known[str(path)] for path in stamps}
        if current and not embedded and _same(current, plan, seen, pack.fingerprint):
            return _report(current, plan, embedded=0)
        for name, photos in plan.people.items():
            faces = {path: seen[path] for path in photos}
            taken = [one for one in faces.values() if one.reference is not None]
            if taken:
                vectors = np.stack([one.vector for one in taken if one.vector is not None])
                references = [one.reference for one in taken if one.reference is not None]
                writer.add_person(Person(name, name), references, vectors)
            for path, one in faces.items():
                writer.add_photo(Photo(str(path), stamps[path], name, one.skipped))
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


def _current(place: Path) -> FaceDatabase | None:
    try:
        return FaceDatabase.open(place)
    except NoDatabase:
        return None
    except BadDatabase as error:  # this build is what mends it
        log.warning("%s", error)
        return None


def _known(databases: Iterable[FaceDatabase], fingerprint: str, wanted: set[str]) -> dict[str, _Known]:
    """What the databases know of the wanted photos; the first that knows one is believed."""
    known: dict[str, _Known] = {}
    for database in databases:
        if len(known) == len(wanted):
            break
        if database.manifest.pack_fingerprint != fingerprint:
            continue
        rows = {database.reference(row).photo: row for row in range(database.manifest.faces)}
        for photo in database.photos():
            row = rows.get(photo.path)
            if photo.path in known or photo.path not in wanted:
                continue
            if row is None:
                known[photo.path] = _Known(photo.stamp, None, None, photo.skipped)
            else:
                parts = database.vectors(range(row, row + 1))
                vector = np.concatenate([parts[slot][0] for slot in SLOTS])
                known[photo.path] = _Known(photo.stamp, database.reference(row), vector, "")
    return known


def _unknown(known: _Known | None, now: str) -> bool:
    return known is None or known.stamp != now or known.unreadable


def _same(current: FaceDatabase, plan: _Plan, seen: Mapping[Path, _Known], fingerprint: str) -> bool:
    wanted = {
        (str(path), seen[path].stamp, name, seen[path].skipped)
        for name, photos in plan.people.items()
        for path in photos
    }
    there = {(photo.path, photo.stamp, photo.owner, photo.skipped) for photo in current.photos()}
    return current.manifest.pack_fingerprint == fingerprint and wanted == there


def _embed(
    paths: Sequence[Path], stamps: dict[Path, str], pack: LoadedPack, progress: Progress
) -> dict[Path, _Known]:
    fresh: dict[Path, _Known] = {}
    with closing(read_faces(paths, pack.engine, min_confidence=0.5, reference=True)) as read:
        for photo in read:
            progress.tick(faces=len(photo.faces))
            face = prominent(photo)
            if face is None:
                fresh[photo.path] = _Known(stamps[photo.path], None, None, photo.error or NO_FACE)
                continue
            x1, y1, x2, y2 = (round(float(side), 1) for side in face.box)
            reference = Reference(str(photo.path), (x1, y1, x2, y2), face.quality.score)
            vector = np.concatenate([face.embeddings[slot] for slot in SLOTS])
            fresh[photo.path] = _Known(stamps[photo.path], reference, vector, "")
    return fresh


def prominent(photo: PhotoFaces) -> Face | None:
    """The face that a photo of one person is of: large and near the middle."""

    def weight(face: Face) -> float:
        x1, y1, x2, y2 = (float(side) for side in face.box)
        off = abs((x1 + x2) / 2 / photo.width - 0.5) + abs((y1 + y2) / 2 / photo.height - 0.5)
        return float(np.sqrt(max(0.0, (x2 - x1) * (y2 - y1))) * (1.0 - off) ** 2)

    return max(photo.faces, key=weight, default=None)


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
