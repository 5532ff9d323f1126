"""What a person decided about single references: set aside, or kept although a build doubts it.

The list is a file beside the versions of a face database, so it outlives them. It names a reference by its
photo's path and content: another picture in the same place is another reference.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from typing import Self

from stash_sense.enrolment.set_aside import SET_ASIDE
from stash_sense.errors import BadDatabase, NoSuchReference
from stash_sense.facedb.analyzed_photos import ReferencePhoto, Spool, StoredPhoto
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import Photo
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


def set_reference_aside(place: Path, reference: str) -> Photo:
    """Take a reference out of the face database now and in every later build; returns its photo.

    The photo's analysis is kept for `restore_reference`. Raises NoSuchReference, NoDatabase, BadDatabase,
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
        photo = _find_photo(database, reference)
        QuarantineList.read(place).setting_aside(reference).write(place)
        if not photo.skipped:
            with Spool(place, database.manifest.pack_fingerprint) as spool:
                _copy_without(database, writer, photo, spool)
            writer.commit(database.manifest.sources)
    return photo


def restore_reference(place: Path, reference: str) -> Photo:
    """Let the next build use a reference again, also one that builds set aside; returns its photo.

    Raises NoSuchReference, NoDatabase, BadDatabase, NoSpace, CannotWrite.
    """
    with FaceDatabase.open(place) as database:
        photo = _find_photo(database, reference)
    QuarantineList.read(place).keeping(reference).write(place)
    return photo


def _find_photo(database: FaceDatabase, reference: str) -> Photo:
    for photo in database.photos():
        if photo_id(photo) == reference:
            return photo
    raise NoSuchReference(
        f"The face database has no reference {reference!r:.40}. `stash-sense database hygiene` lists the ids."
    )


def _copy_without(database: FaceDatabase, writer: DatabaseWriter, photo: Photo, spool: Spool) -> None:
    for index in range(database.people):
        rows = database.rows(index)
        references = [database.reference(row) for row in rows]
        is_kept = [reference.photo != photo.path for reference in references]
        for row, reference in zip(rows, references, strict=True):
            if reference.photo == photo.path:
                face = ReferencePhoto(photo, reference, database.row_vector(row), database.crop(row))
                spool.add(face)
        parts, first = [], 0
        for part in database.parts(index):
            parts.append(replace(part, faces=sum(is_kept[first : first + part.faces])))
            first += part.faces
        if any(is_kept):
            writer.add_person(
                database.person(index),
                list(compress(references, is_kept)),
                database.row_vectors(rows)[is_kept],
                [database.crop(row) for row in compress(rows, is_kept)],
                [part for part in parts if part.faces],
            )
    for each in database.photos():
        writer.add_photo(replace(each, skipped=SET_ASIDE) if each.path == photo.path else each)
