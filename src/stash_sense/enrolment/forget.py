"""Removes a person from a face database: every version, the spool of analyzed photos, the list of photos."""

import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from stash_sense.domain.identity import person_keys
from stash_sense.enrolment.set_aside import NEARER_TO_DELETED
from stash_sense.errors import BadDatabase, Busy
from stash_sense.facedb.analyzed_photos import drop_from_spools
from stash_sense.facedb.database import FaceDatabase, current_version
from stash_sense.facedb.layout import MANIFEST
from stash_sense.facedb.writer import BUILDING, LOCK, DatabaseWriter

Mentions = Callable[[object], bool]
"""Whether a text mentions the person by key or name."""


@dataclass(frozen=True, slots=True)
class RemovedFaces:
    """What was removed from a place. versions: older ones, which nothing can go back to any more."""

    references: int = 0
    photos: int = 0
    versions: int = 0


def remove_person(place: Path, keys: Collection[str], mentions: Mentions) -> RemovedFaces:
    """Remove a person from the face database at `place` and from all that is kept beside it.

    keys: every key of the person. Other versions that hold the person go as a whole. After a kill, repeating
    it finishes it. Raises Busy while a build runs there, WriteFailed, OSError.
    """
    if not place.is_dir():
        return RemovedFaces()
    own = frozenset(keys)
    current = FaceDatabase.open_usable(place)
    if current is None:
        with _lock(place):
            return _remove_beside(place, None, own, mentions)
    with current:
        manifest = current.manifest
        with DatabaseWriter(
            place,
            pack=manifest.pack,
            pack_fingerprint=manifest.pack_fingerprint,
            slots=manifest.slots,
            wait=False,
        ) as writer:
            if current_version(place) != manifest.version:
                raise Busy(f"{place}: another build has just ended here. Try again.")
            kept, removed = manifest.version, RemovedFaces()
            if _holds(current, own, mentions):
                removed = _copy_without(current, writer, own, mentions)
                kept = writer.commit(manifest.sources)
            beside = _remove_beside(place, kept, own, mentions)
    return replace(removed, photos=removed.photos + beside.photos, versions=beside.versions)


def _copy_without(
    database: FaceDatabase, writer: DatabaseWriter, keys: frozenset[str], mentions: Mentions
) -> RemovedFaces:
    references = photos = 0
    for index in range(database.people):
        person, rows = database.person(index), database.rows(index)
        if not keys.isdisjoint(person_keys(person)):
            references += len(rows)
            continue
        writer.add_person(
            person,
            [database.reference(row) for row in rows],
            database.row_vectors(rows),
            [database.crop(row) for row in rows],
            database.parts(index),
        )
    for photo in database.photos():
        if photo.owner in keys:
            photos += 1
        elif mentions(photo.skipped):
            writer.add_photo(replace(photo, skipped=NEARER_TO_DELETED))
        else:
            writer.add_photo(photo)
    return RemovedFaces(references, photos)


def _holds(database: FaceDatabase, keys: frozenset[str], mentions: Mentions) -> bool:
    return bool(database.find(keys)) or any(
        photo.owner in keys or mentions(photo.skipped) for photo in database.photos()
    )


def _remove_beside(place: Path, kept: str | None, keys: frozenset[str], mentions: Mentions) -> RemovedFaces:
    """Remove the versions other than `kept` that hold the person, and their photos from the spools."""
    versions = 0
    for folder in sorted(place.iterdir()):
        is_version = folder.is_dir() and folder.name != kept and (folder / MANIFEST).exists()
        if is_version and _may_hold(folder, keys, mentions):
            # Renamed first: if killed halfway, the next build removes the rest as a leftover.
            shutil.rmtree(folder.rename(place / f"{BUILDING}{folder.name}"))
            versions += 1
    photos = drop_from_spools(place, lambda photo: photo.owner in keys)
    return RemovedFaces(0, photos, versions)


def _may_hold(folder: Path, keys: frozenset[str], mentions: Mentions) -> bool:
    """Whether a version holds the person, or cannot be read, so that nobody can tell."""
    try:
        with FaceDatabase.open_version(folder) as database:
            return _holds(database, keys, mentions)
    except BadDatabase:
        return True


@contextmanager
def _lock(place: Path) -> Iterator[None]:
    """Keep builds away from a place without a usable database, and remove what was killed there."""
    lock = FileLock(place / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise Busy(f"{place}: another build is running here. Wait for it to end.") from None
    try:
        for folder in place.glob(f"{BUILDING}*"):
            shutil.rmtree(folder)
        yield
    finally:
        lock.release()
