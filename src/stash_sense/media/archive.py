"""Pictures in a zip file, which a comic's cbz is too: read into memory one by one, never onto the disk.

The list of members is read by `zipfile`, after a look at how long it is; a picture's bytes are read here,
counted while they are inflated. Names are only shown.
"""

import os
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from stash_sense.errors import NotAnImage, UnreadableImage
from stash_sense.media.formats import MediaLimits, check_file_bytes

MOST_MEMBERS = 20_000

MOST_BYTES = 20_000_000_000
"""Of all pictures of one zip file, unpacked."""

_MOST_RATIO = 200
"""Unpacked by packed bytes: pictures hardly shrink, but for bitmaps of one colour."""

_SMALL = 5_000_000
"""Bytes that a picture may unpack to whatever its ratio."""

_DIRECTORY_BYTES = 32_000_000

_MAGIC = (b"PK\3\4", b"PK\5\6")  # the second is that of an empty one

_END = struct.Struct("<4s4H2LH")  # the end of the central directory; a comment may follow
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")

_LOCAL_HEADER = struct.Struct("<4s5H3L2H")

_ENCRYPTED = 0x1

_STORED, _DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED

_RAW_DEFLATE = -15


@dataclass(frozen=True, slots=True)
class ZippedPhoto:
    """A picture in a zip file. member: its path there, cleaned. size: bytes, unpacked."""

    archive: Path
    member: str
    size: int
    packed_size: int
    offset: int
    method: int
    checksum: int

    def __str__(self) -> str:
        return f"{self.archive}/{self.member}"

    @property
    def name(self) -> str:
        """The picture's own name."""
        return PurePosixPath(self.member).name

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"{_shown(self.archive)}/{self.member}"

    def read(self, limits: MediaLimits) -> bytes:
        """Unpack the picture. Raises UnreadableImage, ImageTooLarge."""
        check_file_bytes(self.label, self.size, limits)
        try:
            with self.archive.open("rb") as file:
                return self._unpacked(self._packed(file))
        except OSError as error:
            reason = error.strerror or str(error)
            raise UnreadableImage(
                f"{self.label}: cannot be read ({reason}). Check the path and the disk."
            ) from error
        except (struct.error, zlib.error, ValueError) as error:
            raise UnreadableImage(
                f"{self.label}: is damaged in its archive ({error}). Download the archive again."
            ) from error

    def _packed(self, file: BinaryIO) -> bytes:
        file.seek(self.offset)
        header = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
        if header[0] != _MAGIC[0]:
            raise ValueError("its header is missing")
        file.seek(header[-2] + header[-1], os.SEEK_CUR)
        packed = file.read(self.packed_size)
        if len(packed) < self.packed_size:
            raise ValueError("it ends early")
        return packed

    def _unpacked(self, packed: bytes) -> bytes:
        data = packed
        if self.method == _DEFLATED:
            inflater = zlib.decompressobj(_RAW_DEFLATE)
            data = inflater.decompress(packed, self.size + 1)
        if len(data) != self.size or zlib.crc32(data) != self.checksum:
            raise ValueError("its checksum is wrong")
        return data


@dataclass(frozen=True, slots=True)
class ZipMembers:
    """The regular files of a zip file, in its own order. encrypted, unreadable: names of those left out."""

    photos: tuple[ZippedPhoto, ...]
    encrypted: tuple[str, ...]
    unreadable: tuple[str, ...]


def is_zip(path: Path) -> bool:
    """Whether a regular file begins like a zip file."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            return file.read(4) in _MAGIC
    except OSError:
        return False


def list_zip(path: Path) -> ZipMembers:
    """List the files in a zip file, whatever they are. Raises NotAnImage, UnreadableImage."""
    try:
        with path.open("rb") as file:
            _check_directory(_shown(path), file)
            with zipfile.ZipFile(file) as archive:
                entries = archive.infolist()
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnreadableImage(
            f"{_shown(path)}: cannot be read ({reason}). Check the path and the disk."
        ) from error
    except (zipfile.BadZipFile, struct.error, ValueError, RuntimeError, LookupError) as error:
        # RuntimeError: zipfile's own for a version of the format that it does not know.
        raise UnreadableImage(
            f"{_shown(path)}: is not a whole zip file ({error}). Download it again."
        ) from error
    photos: dict[str, ZippedPhoto] = {}
    encrypted, unreadable = [], []
    for entry in entries:
        member = _inner_name(entry.filename)
        if entry.is_dir() or not member:
            continue
        photo = ZippedPhoto(
            path,
            member,
            entry.file_size,
            entry.compress_size,
            entry.header_offset,
            entry.compress_type,
            entry.CRC,
        )
        if entry.flag_bits & _ENCRYPTED:
            encrypted.append(member)
        elif entry.compress_type not in (_STORED, _DEFLATED) or _is_bomb(photo):
            unreadable.append(member)
        else:
            photos[member] = photo  # of two members with one name the last counts, as everywhere
    return ZipMembers(tuple(photos.values()), tuple(encrypted), tuple(unreadable))


def _shown(path: Path) -> str:
    return os.fsencode(path.name).decode("utf-8", "replace")


def _is_bomb(photo: ZippedPhoto) -> bool:
    return photo.size > max(_SMALL, _MOST_RATIO * photo.packed_size)


def _inner_name(name: str) -> str:
    """A member's path without drive, root and steps upwards."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    if parts and len(parts[0]) == 2 and parts[0].endswith(":"):
        parts = parts[1:]
    return "/".join(parts).encode("utf-8", "replace").decode("utf-8")


def _check_directory(name: str, file: BinaryIO) -> None:
    """Refuse a list of members too long to be read into memory. Raises NotAnImage."""
    file.seek(0, os.SEEK_END)
    tail_start = max(0, file.tell() - 65_535 - _END.size)
    file.seek(tail_start)
    tail = file.read()
    place = tail.rfind(b"PK\5\6")
    if place < 0:
        raise ValueError("its list of members is missing")
    _, _, _, _, count, size, _, _ = _END.unpack_from(tail, place)
    locator = place - _LOCATOR_64.size
    if locator >= 0 and tail.startswith(b"PK\6\7", locator):
        file.seek(_LOCATOR_64.unpack_from(tail, locator)[2])
        end = _END_64.unpack(file.read(_END_64.size))
        count, size = max(count % 0xFFFF, end[7]), max(size % 0xFFFFFFFF, end[8])
    if count > MOST_MEMBERS or size > _DIRECTORY_BYTES:
        raise NotAnImage(
            f"{name}: has {count:,} members; at most {MOST_MEMBERS:,} are accepted. "
            "Divide it into smaller ones."
        )
