"""Image formats by their content: magic bytes, JPEG headers, EXIF orientation."""

import re
import struct
from dataclasses import dataclass
from typing import Literal

from stash_sense.errors import NotAnImage

Format = Literal["JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "AVIF", "HEIC"]


ACCEPTED = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF and HEIC pictures are accepted"


PREFIX_BYTES = 64


_MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0\x08\0\0\0", "TIFF"),
    (b"MM\0+\0\x08\0\0", "TIFF"),
)


_BMP_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})


_AVIF_BRANDS = frozenset({b"avif", b"avis"})


_HEIC_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)


_OTHERS: tuple[tuple[bytes, str], ...] = (
    (rb"\Z", "is empty (0 bytes)"),
    (rb"....ftyp", "is an MP4 or QuickTime video"),
    (rb"RIFF....AVI ", "is an AVI video"),
    (rb"\x1a\x45\xdf\xa3", "is a Matroska or WebM video"),
    (rb"FLV\x01", "is a Flash video"),
    (rb"\x00\x00\x01[\xba\xb3]", "is an MPEG video"),
    (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "is a Windows Media video"),
    (rb"%PDF", "is a PDF document"),
    (rb"%!PS", "is a PostScript document"),
    (rb"8BPS", "is a Photoshop document"),
    (rb"PK\x03\x04|7z\xbc\xaf|Rar!|\x1f\x8b", "is an archive"),
    (rb"\xff\x0a|\x00\x00\x00\x0cJXL ", "is a JPEG XL picture"),
    (rb"\x00\x00\x00\x0cjP  ", "is a JPEG 2000 picture"),
    (rb"\x00\x00\x01\x00", "is an icon"),
    (rb"(?i)(\xef\xbb\xbf)?\s*<(!doctype html|html)", "is a web page, perhaps an error saved as a picture"),
    (rb"(?i)(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?<svg", "is an SVG drawing"),
    (rb"[\t\r\n\x20-\x7e\x80-\xff]*[\t\r\n\x20-\x7e]{4}[\t\r\n\x20-\x7e\x80-\xff]*\Z", "is text"),
)


def sniff(name: str, prefix: bytes) -> Format:
    """Return the format that the first `PREFIX_BYTES` bytes of a file announce; `name` is for the message.

    Raises NotAnImage, which says what it looks like instead.
    """
    for magic, kind in _MAGIC:
        if prefix.startswith(magic):
            return kind
    if prefix[:4] == b"RIFF" and prefix[8:12] == b"WEBP":
        return "WebP"
    if prefix[:2] == b"BM" and int.from_bytes(prefix[14:18], "little") in _BMP_HEADER_SIZES:
        return "BMP"
    # The ISO container of AVIF and HEIC is also that of MP4: only its brands tell them apart.
    brands = _brands(prefix)
    if brands & _AVIF_BRANDS:
        return "AVIF"
    if brands & _HEIC_BRANDS:
        return "HEIC"
    raise NotAnImage(f"{name}: {_looks_like(prefix)}; {ACCEPTED}. Send the picture itself.")


def _brands(prefix: bytes) -> frozenset[bytes]:
    if prefix[4:8] != b"ftyp":
        return frozenset()
    box = prefix[: max(int.from_bytes(prefix[:4], "big"), 12)]
    return frozenset({box[8:12], *(box[i : i + 4] for i in range(16, len(box) - 3, 4))})


def _looks_like(prefix: bytes) -> str:
    matches = (what for pattern, what in _OTHERS if re.match(pattern, prefix, re.DOTALL))
    return next(matches, "is of no known picture format")


EOI = b"\xff\xd9"


SOS = b"\xff\xda"


_APP1 = 0xE1


_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})


_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})


_WITHOUT_LENGTH = frozenset({0x00, 0x01, *range(0xD0, 0xD9), 0xFF})


# libjpeg takes any number of segments and scans, and each costs time however small it is: a real picture has
# some dozens of the one and ten or so of the other.
_MOST_SEGMENTS = 5_000


_MOST_SCANS = 100


_ORIENTATION_TAG = 0x0112


class BadHeader(ValueError):
    """The header contradicts itself or ends too early."""


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What is known of a JPEG before decoding it.

    `coefficient_bytes`: memory per pixel that libjpeg keeps for a JPEG of several scans, else 0.
    """

    width: int
    height: int
    coefficient_bytes: float
    orientation: int
    components: int


def read_jpeg_header(data: bytes) -> JpegHeader:
    """Walk a JPEG's segments up to its first scan (ITU-T T.81, annex B), and see that it has an end.

    A JPEG without its end marker is refused, since a download that was cut short looks the same.
    Raises BadHeader.
    """
    frame: tuple[int, bytes] | None = None
    orientation = 1
    position = 2
    for _ in range(_MOST_SEGMENTS):
        position = data.find(b"\xff", position)
        if position < 0 or position + 4 > len(data):
            raise BadHeader("it ends before the picture begins")
        marker = data[position + 1]
        position += 1 if marker == 0xFF else 2  # any number of 0xFF may stand before a marker
        if marker in _WITHOUT_LENGTH:
            continue
        length = int.from_bytes(data[position : position + 2], "big")
        segment = data[position + 2 : position + length]
        if length < 2 or len(segment) != length - 2:
            raise BadHeader("a segment of its header is cut short")
        position += length
        if marker in _FRAMES:
            frame = marker, segment
        elif marker == _APP1 and segment.startswith(b"Exif\0\0"):
            orientation = exif_orientation(segment)
        elif marker == SOS[1]:
            if frame is None:
                raise BadHeader("it has no frame header")
            return _header(data, frame, segment, position, orientation)
    raise BadHeader("its header has no end")


def _header(
    data: bytes, frame: tuple[int, bytes], scan: bytes, position: int, orientation: int
) -> JpegHeader:
    marker, content = frame
    if len(content) < 6 or len(content) < 6 + 3 * content[5] or not scan:
        raise BadHeader("its frame header is cut short")
    height, width, components = struct.unpack_from(">HHB", content, 1)
    sampling = [(content[7 + 3 * i] >> 4) * (content[7 + 3 * i] & 15) for i in range(components)]
    if not (width and height and sampling and all(sampling)):
        raise BadHeader("its frame header has no size")
    several_scans = marker in _PROGRESSIVE or scan[0] < components
    # The largest product may be below (largest horizontal) x (largest vertical): then this over-estimates.
    coefficients = 2.0 * sum(sampling) / max(sampling) if several_scans else 0.0
    # In a scan every 0xFF is stuffed or begins a marker: this is the picture's own end, not a thumbnail's.
    end = len(data) if data.endswith(EOI) else data.find(EOI, position)
    if end < 0:
        raise BadHeader("its end is missing")
    if several_scans and data.count(SOS, position, end) > _MOST_SCANS:
        raise BadHeader(f"it has more than {_MOST_SCANS} scans")
    return JpegHeader(width, height, coefficients, orientation, components)


def exif_orientation(exif: bytes) -> int:
    """Return the orientation, 1 to 8, in an EXIF block with or without its `Exif` prefix; 1 if it is broken.

    Only the first directory's one tag is read, since Pillow's full reader warns about damage elsewhere.
    """
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, directory)
        for i in range(count):
            tag, kind = struct.unpack_from(order + "HH", tiff, directory + 2 + 12 * i)
            if tag == _ORIENTATION_TAG:
                value_format = {3: "H", 4: "I"}.get(kind, "B")
                (value,) = struct.unpack_from(order + value_format, tiff, directory + 10 + 12 * i)
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1
