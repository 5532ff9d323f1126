"""What a build has looked at so far, kept in one file: a build that was killed need not do it again."""

import json
import logging
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from stash_sense.facedb.database import as_line, as_reference
from stash_sense.facedb.layout import Photo, Reference
from stash_sense.files import replacement_of

log = logging.getLogger(__name__)

NAME = ".looked-at-"
"""Never a version's name, and not removed with what a broken-off build leaves."""
_HEAD = struct.Struct("<4sIIII")  # mark, then bytes of text, of vector and of crop, then their checksum
_MARK = b"face"


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """A photo that was looked at, and the face that was taken, if any.

    vector (d,) float32: the slots' unit vectors side by side. crop: a small JPEG of the face, or empty.
    """

    photo: Photo
    reference: Reference | None = None
    vector: NDArray[np.float32] | None = None
    crop: bytes = b""


class Spool:
    """A file of Looked that only grows; whoever holds the place's lock may open it. `add` from any thread.

    Opening cuts off a piece that a kill left half written. Nothing is forced to the disk: after a power cut
    some may have to be done again.
    """

    def __init__(self, place: Path, pack_fingerprint: str) -> None:
        """Opens what is there for this state of a pack, and removes that of others. Raises OSError."""
        self._path = place / f"{NAME}{zlib.crc32(pack_fingerprint.encode()):08x}"
        for other in place.glob(f"{NAME}*"):
            if other != self._path:
                other.unlink(missing_ok=True)
        self._guard = threading.Lock()
        self._file: BinaryIO = self._path.open("a+b")
        self._end = 0
        self._found = list(self._read())
        self._file.truncate(self._end)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._guard:
            self._file.close()

    def found(self) -> list[tuple[int, Photo]]:
        """What broken-off builds left: where it stands, and the photo. Given out once."""
        found, self._found = self._found, []
        return found

    def add(self, looked: Looked) -> int | None:
        """Keep one; where it stands. None once the spool is closed: the build has ended without it."""
        piece = _packed(looked)
        with self._guard:
            if self._file.closed:
                return None
            start = self._end
            try:
                self._file.write(piece)
                self._file.flush()
            except OSError:
                # Half a piece may stand there: nothing may follow it.
                with suppress(OSError):
                    self._file.close()
                raise
            self._end = start + len(piece)
        return start

    def at(self, start: int) -> Looked:
        """What stands there."""
        with self._guard:
            self._file.seek(start)
            found = self._next()
        if found is None:
            raise OSError(f"{self._path}: changed by another program")
        return found

    def keep_only(self, kept: Sequence[Looked]) -> None:
        """Everything but these is in a database now. Closes the spool."""
        with self._guard:
            self._file.close()
        if not kept:
            self._path.unlink(missing_ok=True)
            return
        with replacement_of(self._path) as temporary, temporary.open("wb") as file:
            file.writelines(_packed(one) for one in kept)

    def _read(self) -> Iterator[tuple[int, Photo]]:
        self._file.seek(0)
        while found := self._next():
            yield self._end, found.photo
            self._end = self._file.tell()
        if self._end:
            log.info("going on with what a broken-off build has looked at: %s", self._path)

    def _next(self) -> Looked | None:
        """The next one; None at the end, or where the rest is not whole."""
        head = self._file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return None
        mark, text, vector, crop, checksum = _HEAD.unpack(head)
        body = self._file.read(text + vector + crop) if mark == _MARK else b""
        if mark != _MARK or len(body) != text + vector + crop or zlib.crc32(body) != checksum:
            return None
        fields = json.loads(body[:text])
        return Looked(
            Photo(**fields["photo"]),
            as_reference(fields["reference"]) if fields["reference"] else None,
            np.frombuffer(body[text : text + vector], "<f4") if vector else None,
            body[text + vector :],
        )


def _packed(looked: Looked) -> bytes:
    text = {
        "photo": as_line(looked.photo),
        "reference": as_line(looked.reference) if looked.reference else None,
    }
    parts = [
        json.dumps(text, separators=(",", ":")).encode("ascii"),
        b"" if looked.vector is None else np.ascontiguousarray(looked.vector, "<f4").tobytes(),
        looked.crop,
    ]
    body = b"".join(parts)
    return _HEAD.pack(_MARK, *map(len, parts), zlib.crc32(body)) + body
