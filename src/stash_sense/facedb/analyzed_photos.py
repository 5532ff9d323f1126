"""Photos analyzed by earlier builds: in a database, or in the spool that an interrupted build left behind."""

import json
import logging
import os
import struct
import threading
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import REFERENCES, Photo, Reference
from stash_sense.facedb.records import reference_from_json, to_json_fields
from stash_sense.files import replacement_of
from stash_sense.private_files import open_regular

log = logging.getLogger(__name__)

SPOOL_PREFIX = ".looked-at-"
"""Never a version's name, and kept when the leftovers of an interrupted build are removed."""

_HEADER = struct.Struct("<4sIIII")  # mark; sizes of text, vector and crop in bytes; their checksum
_MARK = b"face"


@dataclass(frozen=True, slots=True, eq=False)
class ReferencePhoto:
    """An analyzed photo of a person, and the reference face taken from it, if any.

    vector (d,) float32: the slots' unit vectors side by side. crop: a small JPEG of the face, or empty.
    """

    photo: Photo
    reference: Reference | None = None
    vector: NDArray[np.float32] | None = None
    crop: bytes = b""


@dataclass(frozen=True, slots=True, eq=False)
class StoredPhoto:
    """An analyzed photo without its face, which is read from its store; that may raise OSError.

    load_vector: the face's embeddings alone, which is cheaper than `load`; None where there is no face.
    details: of its reference.
    """

    photo: Photo
    load: Callable[[], ReferencePhoto]
    load_vector: Callable[[], NDArray[np.float32] | None]
    details: Mapping[str, Any] = field(default_factory=dict)


def stored_photos(
    databases: Iterable[FaceDatabase],
    pack_fingerprint: str,
    beginning: Sequence[str],
    only: Collection[str] | None = None,
) -> dict[str, StoredPhoto]:
    """Path -> the photo as the first database with this pack that has it stores it.

    beginning: how the paths to look for begin. only: the paths to look for; all of these where None.
    """
    stored: dict[str, StoredPhoto] = {}
    for database in databases:
        if only is not None and len(stored) == len(only):
            break
        if database.manifest.pack_fingerprint != pack_fingerprint:
            continue
        rows: dict[str, tuple[int | None, Mapping[str, Any]]] = {}
        for known in np.flatnonzero(database.lines[REFERENCES].beginning("photo", beginning)).tolist():
            reference = database.reference(known)
            rows[reference.photo] = (known, reference.details)
        for photo in database.photos(beginning):
            if photo.path not in stored and (only is None or photo.path in only):
                row, details = rows.get(photo.path, (None, {}))
                load = partial(_load_from_database, database, photo, row)
                load_vector = partial(_load_vector, database, row)
                stored[photo.path] = StoredPhoto(photo, load, load_vector, details)
    return stored


def _load_from_database(database: FaceDatabase, photo: Photo, row: int | None) -> ReferencePhoto:
    if row is None:
        return ReferencePhoto(photo)
    return ReferencePhoto(photo, database.reference(row), database.row_vector(row), database.crop(row))


def _load_vector(database: FaceDatabase, row: int | None) -> NDArray[np.float32] | None:
    return None if row is None else database.row_vector(row)


class Spool:
    """A file of analyzed photos that only grows, so that a killed build need not analyze them again.

    Only the holder of the database's build lock may open it; `add` may be called from any thread.
    Opening it cuts off a record that a kill left half written. Nothing is forced to disk: a power cut may
    cost the last photos.
    """

    def __init__(self, place: Path, pack_fingerprint: str) -> None:
        """Open the spool of this state of a pack, and delete those of other states. Raises OSError."""
        self._path = place / f"{SPOOL_PREFIX}{zlib.crc32(pack_fingerprint.encode()):08x}"
        for other in place.glob(f"{SPOOL_PREFIX}*"):
            if other != self._path:
                other.unlink(missing_ok=True)
        self._lock = threading.Lock()
        self._file: BinaryIO = open_regular(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        self._end = 0
        self.stored = {stored.photo.path: stored for stored in self._read_all()}
        """Path -> what interrupted builds analyzed; the last analysis of a photo counts."""
        self._file.truncate(self._end)
        if self.stored:
            log.info("reusing %d analyzed photos of earlier builds: %s", len(self.stored), self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._file.close()

    def add(self, photo: ReferencePhoto) -> StoredPhoto | None:
        """Append a photo. Returns None where the build has ended and closed the spool. Raises OSError."""
        record = _pack(photo)
        with self._lock:
            if self._file.closed:
                return None
            start = self._end
            try:
                self._file.write(record)
                self._file.flush()
            except OSError:
                # Half a record may be in the file: nothing may follow it.
                with suppress(OSError):
                    self._file.close()
                raise
            self._end = start + len(record)
        return self._stored(photo, start)

    def keep_only(self, photos: Sequence[ReferencePhoto]) -> None:
        """Close the spool and drop all photos but these, which no database holds. Raises OSError."""
        with self._lock:
            self._file.close()
        if not photos:
            self._path.unlink(missing_ok=True)
            return
        with replacement_of(self._path) as temporary, temporary.open("wb") as file:
            file.writelines(map(_pack, photos))

    def _stored(self, photo: ReferencePhoto, start: int) -> StoredPhoto:
        details = photo.reference.details if photo.reference else {}
        return StoredPhoto(photo.photo, partial(self._load, start), lambda: self._load(start).vector, details)

    def _load(self, start: int) -> ReferencePhoto:
        with self._lock:
            self._file.seek(start)
            photo = self._read_next()
        if photo is None:
            raise OSError(f"{self._path}: changed by another program")
        return photo

    def _read_all(self) -> Iterator[StoredPhoto]:
        self._file.seek(0)
        while photo := self._read_next():
            yield self._stored(photo, self._end)
            self._end = self._file.tell()

    def _read_next(self) -> ReferencePhoto | None:
        return _read_record(self._file)


def drop_from_spools(place: Path, is_dropped: Callable[[Photo], bool]) -> int:
    """Rewrite the spools of all packs without some photos; returns how many those were. Raises OSError.

    For the holder of the database's build lock.
    """
    dropped = 0
    for path in sorted(place.glob(f"{SPOOL_PREFIX}*")):
        with (
            open_regular(path) as spool,
            replacement_of(path) as temporary,
            temporary.open("wb") as rewritten,
        ):
            while photo := _read_record(spool):
                if is_dropped(photo.photo):
                    dropped += 1
                else:
                    rewritten.write(_pack(photo))
    return dropped


def _read_record(file: BinaryIO) -> ReferencePhoto | None:
    """The next record of a spool; None at the end, and where the rest is damaged."""
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    mark, text, vector, crop, checksum = _HEADER.unpack(header)
    body = file.read(text + vector + crop) if mark == _MARK else b""
    if mark != _MARK or len(body) != text + vector + crop or zlib.crc32(body) != checksum:
        return None
    fields = json.loads(body[:text])
    return ReferencePhoto(
        Photo(**fields["photo"]),
        reference_from_json(fields["reference"]) if fields["reference"] else None,
        np.frombuffer(body[text : text + vector], "<f4") if vector else None,
        body[text + vector :],
    )


def _pack(photo: ReferencePhoto) -> bytes:
    text = {
        "photo": to_json_fields(photo.photo),
        "reference": to_json_fields(photo.reference) if photo.reference else None,
    }
    parts = [
        json.dumps(text, separators=(",", ":")).encode("ascii"),
        b"" if photo.vector is None else np.ascontiguousarray(photo.vector, "<f4").tobytes(),
        photo.crop,
    ]
    body = b"".join(parts)
    return _HEADER.pack(_MARK, *map(len, parts), zlib.crc32(body)) + body
