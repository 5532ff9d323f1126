"""What a person decided about single references: set aside, or kept although a build doubts it.

The list is a file beside the versions of a face database, so it outlives them. It names a reference by its
photo's path and content: another picture in the same place is another reference.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from typing import Self

import numpy as np

from stash_sense.enrolment.set_aside import SET_ASIDE
from stash_sense.errors import BadDatabase, NoSuchReference
from stash_sense.facedb.analyzed_photos import ReferencePhoto, Spool, StoredPhoto
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import PARTS, REFERENCES, Photo
from stash_sense.facedb.writer import DatabaseWriter
from stash_sense.files import write_atomically
from stash_sense.private_files import open_regular

QUARANTINE = "quarantine.json"
_ID_LENGTH = 16


def photo_id(photo: Photo) -> str:
    """The id of the reference of a photo, 16 hex digits, the same in every version of a database."""
    content = photo.content_stamp.rpartition(":")[2]  # without the rules by which a folder's photo was read
    text = f"{photo.path}\0{content}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:_ID_LENGTH]


@dataclass(frozen=True, slots=True)
class QuarantineList:
    """Ids of references set aside by hand, and of those kept although a build would set them aside."""

    set_aside: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()

    @classmethod
    def read(cls, place: Path) -> Self:
        """The list beside the face database at `place`. Raises BadDatabase for a damaged file."""
        path = place / QUARANTINE
        try:
            with open_regular(path) as file:
                raw = json.loads(file.read())
            return cls(*(frozenset(map(str, raw[name])) for name in ("set_aside", "kept")))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadDatabase(
                f"{path}: the list of references set aside cannot be read. Bring it back from a backup, or "
                "remove it; then nothing counts as set aside by hand."
            ) from error

    def write(self, place: Path) -> None:
        """Raises NoSpace, CannotWrite."""
        content = {"set_aside": sorted(self.set_aside), "kept": sorted(self.kept)}
        write_atomically(place / QUARANTINE, json.dumps(content, indent=1).encode("ascii"))

    def setting_aside(self, reference: str) -> Self:
        """The list with one more reference set aside."""
        return replace(self, set_aside=self.set_aside | {reference}, kept=self.kept - {reference})

    def keeping(self, reference: str) -> Self:
        """The list with a reference that is used, whatever a build thinks of it."""
        return replace(self, set_aside=self.set_aside - {reference}, kept=self.kept | {reference})

    def apply(self, photos: Mapping[str, StoredPhoto], left_out: Mapping[str, str]) -> dict[str, str]:
        """What a build leaves out, path -> reason, with what was decided by hand. photos: of the build."""
        if not self.set_aside and not self.kept:
            return dict(left_out)
        ids = {path: photo_id(stored.photo) for path, stored in photos.items() if not stored.photo.skipped}
        decided = {path: reason for path, reason in left_out.items() if ids.get(path) not in self.kept}
        return decided | {path: SET_ASIDE for path, own in ids.items() if own in self.set_aside}


@dataclass(frozen=True, slots=True)
class SetAside:
    """References that were set aside: their photos, and the rows of their faces in the version `before`.

    version: in use afterwards; the same one where none of them was in use.
    """

    photos: tuple[Photo, ...]
    rows: tuple[int, ...]
    before: str
    version: str


def set_references_aside(place: Path, references: Sequence[str]) -> SetAside:
    """Take references out of the face database now and in every later build: all of them or none.

    The photos' analyses are kept for `restore_references`. Raises NoSuchReference, NoDatabase, BadDatabase,
    Busy while a build runs, WriteFailed.
    """
    with FaceDatabase.open(place) as database:
        manifest = database.manifest
    writer = DatabaseWriter(
        place,
        pack=manifest.pack,
        pack_fingerprint=manifest.pack_fingerprint,
        slots=manifest.slots,
        wait=False,
    )
    with writer, FaceDatabase.open(place) as database:
        photos = _find_photos(database, references)
        listed = QuarantineList.read(place)
        for reference in references:
            listed = listed.setting_aside(reference)
        listed.write(place)
        rows: tuple[int, ...] = ()
        before = version = database.manifest.version
        if used := frozenset(photo.path for photo in photos if not photo.skipped):
            with Spool(place, database.manifest.pack_fingerprint) as spool:
                rows = _copy_without(database, writer, used, spool)
            version = writer.commit(database.manifest.sources)
    return SetAside(photos, rows, before, version)


def restore_references(place: Path, references: Sequence[str]) -> tuple[Photo, ...]:
    """Let the next build use references again, also those that builds set aside; returns their photos.

    Raises NoSuchReference, NoDatabase, BadDatabase, NoSpace, CannotWrite.
    """
    with FaceDatabase.open(place) as database:
        photos = _find_photos(database, references)
    listed = QuarantineList.read(place)
    for reference in references:
        listed = listed.keeping(reference)
    listed.write(place)
    return photos


def _find_photos(database: FaceDatabase, references: Sequence[str]) -> tuple[Photo, ...]:
    wanted = set(references)
    photos = {own: photo for photo in database.photos() if (own := photo_id(photo)) in wanted}
    for reference in references:
        if reference not in photos:
            raise NoSuchReference(
                f"The face database has no reference {reference!r:.40}. `stash-sense database hygiene` lists "
                "the ids."
            )
    return tuple(photos[reference] for reference in references)


def _copy_without(
    database: FaceDatabase, writer: DatabaseWriter, paths: frozenset[str], spool: Spool
) -> tuple[int, ...]:
    """Copy everything but the faces of these photos, which go to the spool; returns the rows of these."""
    photos = {photo.path: photo for photo in database.photos(sorted(paths)) if photo.path in paths}
    lines = database.lines[REFERENCES]
    likely = np.flatnonzero(lines.beginning("photo", sorted(paths))).tolist()
    gone = [row for row in likely if database.reference(row).photo in paths]
    for row in gone:
        reference = database.reference(row)
        spool.add(
            ReferencePhoto(photos[reference.photo], reference, database.row_vector(row), database.crop(row))
        )
    removed, run = frozenset(gone), range(0)
    for index in range(database.people):
        if PARTS in database.lines and removed.isdisjoint(database.rows(index)):
            run = range(run.start if run else index, index + 1)
            continue
        _copy_run(database, writer, run)
        run = range(0)
        _copy_person(database, writer, index, removed)
    _copy_run(database, writer, run)
    for photo in database.photos():
        writer.add_photo(replace(photo, skipped=SET_ASIDE) if photo.path in paths else photo)
    return tuple(gone)


def _copy_run(database: FaceDatabase, writer: DatabaseWriter, run: range) -> None:
    if run:
        writer.copy_people(database, run)


def _copy_person(database: FaceDatabase, writer: DatabaseWriter, index: int, gone: frozenset[int]) -> None:
    rows = database.rows(index)
    stays = [row not in gone for row in rows]
    parts, first = [], 0
    for part in database.parts(index):
        parts.append(replace(part, faces=sum(stays[first : first + part.faces])))
        first += part.faces
    if any(stays):
        left = list(compress(rows, stays))
        writer.add_person(
            database.person(index),
            [database.reference(row) for row in left],
            database.row_vectors(rows)[stays],
            [database.crop(row) for row in left],
            [part for part in parts if part.faces],
        )
