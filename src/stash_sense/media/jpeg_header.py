"""A JPEG's segments and scans (ITU-T T.81, annex B): what its header tells, and where its picture ends."""

import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from stash_sense.media.formats import exif_orientation

SOI = b"\xff\xd8"

EOI = b"\xff\xd9"

_APP0, _APP1, _APP14, _APP15, _COMMENT, _SOS, _EOI_MARKER = 0xE0, 0xE1, 0xEE, 0xEF, 0xFE, 0xDA, 0xD9

_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})

_PROGRESSIVE = frozenset({0xC2, 0xCA})

_ARITHMETIC = frozenset({0xC9, 0xCA})

# Sequential and progressive, with either coding; the rest are lossless or hierarchical.
_READ_FRAMES = frozenset({0xC0, 0xC1}) | _PROGRESSIVE | _ARITHMETIC

_WITHOUT_LENGTH = frozenset({0x00, 0x01, *range(0xD0, 0xD9), 0xFF})

# Within a scan, 0xFF before any other byte is stuffed, a restart, or damage that decoders pass over.
_SCAN_END = re.compile(rb"\xff[\xc0-\xcf\xd8-\xef\xfe]")

_EXIF = b"Exif\0\0"

_TIFF_STARTS = (b"II*\0", b"MM\0*")

_JFIF = b"JFIF\0\1\1\0\0\1\0\1\0\0"

# libjpeg accepts any number of segments and scans, and each costs time however small it is. A real picture
# has a few dozen segments and about ten scans.
_MAX_SEGMENTS = 5_000

_MAX_SCANS = 100


class BadHeader(ValueError):
    """The header contradicts itself or ends too early."""


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What a JPEG's header tells. width, height: pixels, before the rotation.

    channels: their ids. arithmetic: whether it is coded so that data can be missing without a sign. unread:
    what makes this a kind of JPEG that is not read, else "". coefficients: how
    many of a block come in scans of their own. coefficient_bytes: memory per pixel that libjpeg keeps for a
    JPEG of several scans, else 0. segments: marker and content of those that decoding needs, up to the first
    scan's, whose data begins at `scan_at`.
    """

    width: int
    height: int
    channels: bytes
    arithmetic: bool
    unread: str
    coefficients: int
    several_scans: bool
    coefficient_bytes: float
    orientation: int
    segments: tuple[tuple[int, bytes], ...]
    scan_at: int

    @property
    def plain(self) -> bytes:
        """The header as bytes, with nothing in it that libjpeg warns about."""
        count = len(self.channels)
        return SOI + b"".join(_plain_segment(marker, content, count) for marker, content in self.segments)


@dataclass(frozen=True, slots=True)
class JpegScans:
    """The end of the last scan's data. marked: whether the end marker follows it.

    complete: whether the scans, if whole, hold everything about every channel.
    """

    end: int
    marked: bool
    complete: bool


def read_jpeg_header(data: bytes) -> JpegHeader:
    """Read a JPEG's segments up to its first scan. Raises BadHeader."""
    frame: tuple[int, bytes] | None = None
    exif: list[bytes] = []
    needed: list[tuple[int, bytes]] = []
    for marker, segment, end in _segments(data, len(SOI)):
        if marker in _FRAMES:
            frame = marker, segment
        if marker == _APP1 and segment.startswith(_EXIF):
            exif.append(segment.removeprefix(_EXIF))
        elif not _is_for_programs(marker, segment):
            needed.append((marker, segment))
        if marker == _SOS and frame:
            return _header(frame, needed, exif, end)
    raise BadHeader("it ends before the picture begins")


def _is_for_programs(marker: int, segment: bytes) -> bool:
    """Whether decoding does not need the segment; JFIF's and Adobe's tell the colour space."""
    if marker == _APP0:
        return not segment.startswith(b"JFIF\0")
    return marker != _APP14 and (_APP0 <= marker <= _APP15 or marker == _COMMENT)


def _header(
    frame: tuple[int, bytes], needed: Sequence[tuple[int, bytes]], exif: Sequence[bytes], scan_at: int
) -> JpegHeader:
    marker, content = frame
    scan = needed[-1][1]
    if len(content) < 6 or len(content) < 6 + 3 * content[5] or not scan:
        raise BadHeader("its frame header is truncated")
    precision, height, width, count = struct.unpack_from(">BHHB", content)
    sampling = [(content[7 + 3 * i] >> 4) * (content[7 + 3 * i] & 15) for i in range(count)]
    if not (width and height and sampling and all(sampling)):
        raise BadHeader("its frame header has no size")
    several_scans = marker in _PROGRESSIVE or scan[0] < count
    unread = "lossless or hierarchical" if marker not in _READ_FRAMES else ""
    unread = unread or ("" if precision == 8 else f"{precision} bits a channel")
    return JpegHeader(
        width,
        height,
        channels=content[6 : 6 + 3 * count : 3],
        arithmetic=marker in _ARITHMETIC,
        unread=unread or ("" if count in (1, 3, 4) else f"{count} channels"),
        coefficients=64 if marker in _PROGRESSIVE else 1,
        several_scans=several_scans,
        # An over-estimate if the largest product is below (largest horizontal) x (largest vertical).
        coefficient_bytes=2.0 * sum(sampling) / max(sampling) if several_scans else 0.0,
        orientation=_orientation(exif),
        segments=tuple(needed),
        scan_at=scan_at,
    )


def _plain_segment(marker: int, segment: bytes, channels: int) -> bytes:
    """The segment as bytes. An unknown colour transform becomes the one that libjpeg takes it for."""
    if marker == _APP0:
        segment = _JFIF
    if marker == _APP14 and segment.startswith(b"Adobe") and len(segment) >= 12:
        usual = {3: 1, 4: 2}.get(channels, 0)
        segment = segment[:11] + bytes([segment[11] if segment[11] in (0, usual) else usual]) + segment[12:]
    return bytes([0xFF, marker]) + (len(segment) + 2).to_bytes(2) + segment


def _orientation(blocks: Sequence[bytes]) -> int:
    """Of the first EXIF block. One of more than 64 kB goes on in the segments that follow."""
    first = next((i for i, block in enumerate(blocks) if block.startswith(_TIFF_STARTS)), len(blocks))
    return exif_orientation(b"".join(blocks[first:]))


def read_jpeg_scans(data: bytes, header: JpegHeader) -> JpegScans:
    """Find the end of the scans, whatever follows them. Raises BadHeader if there are too many."""
    precisions: dict[tuple[int, int], int] = {}
    scan, position = header.segments[-1][1], header.scan_at
    for _ in range(_MAX_SCANS):
        _note_scan(scan, header, precisions)
        found = _SCAN_END.search(data, position)
        end = found.start() if found else len(data)
        expected = ((channel, k) for channel in header.channels for k in range(header.coefficients))
        if all(precisions.get(each) == 0 for each in expected):
            marked = found is not None and found[0] == EOI
            return JpegScans(end, marked, complete=not header.arithmetic)
        marker, scan, position = _next_scan(data, end)
        if marker != _SOS:
            return JpegScans(end, marked=marker == _EOI_MARKER, complete=False)
    raise BadHeader(f"it has more than {_MAX_SCANS} scans")


def _note_scan(scan: bytes, header: JpegHeader, precisions: dict[tuple[int, int], int]) -> None:
    """Note for each channel and coefficient how many low bits are still to come."""
    count = scan[0]
    first, last, bits = scan[1 + 2 * count : 4 + 2 * count] if header.coefficients > 1 else (0, 0, 0)
    for channel in scan[1 : 1 + 2 * count : 2]:
        for k in range(first, min(last, 63) + 1):
            precisions[channel, k] = bits & 15


def _next_scan(data: bytes, position: int) -> tuple[int, bytes, int]:
    """The next scan or end marker, as `_segments` yields it; marker 0 if neither follows."""
    with suppress(BadHeader):
        for marker, segment, end in _segments(data, position):
            if marker in (_SOS, _EOI_MARKER):
                return marker, segment, end
    return 0, b"", position


def _segments(data: bytes, position: int) -> Iterator[tuple[int, bytes, int]]:
    """Marker, content and end of each segment, up to a scan or the end marker. Raises BadHeader."""
    for _ in range(_MAX_SEGMENTS):
        position = data.find(b"\xff", position)  # libjpeg passes over stray bytes, too
        if position < 0 or position + 2 > len(data):
            raise BadHeader("it ends before the picture begins")
        marker = data[position + 1]
        position += 1 if marker == 0xFF else 2  # any number of 0xFF may precede a marker
        if marker in _WITHOUT_LENGTH:
            continue
        if marker == _EOI_MARKER:
            yield marker, b"", position
            return
        length = int.from_bytes(data[position : position + 2], "big")
        segment = data[position + 2 : position + length]
        if length < 2 or len(segment) != length - 2:
            raise BadHeader("a segment of its header is truncated")
        position += length
        yield marker, segment, position
        if marker == _SOS:
            return
    raise BadHeader("its header has no end")
