"""Which pictures are accepted, by their first bytes and their header: formats, and limits on their size."""

import re
import struct
from dataclasses import dataclass
from typing import Literal

from stash_sense.errors import ImageTooLarge, ImageTooSmall, NotAnImage

Format = Literal["JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "AVIF", "HEIC"]

ACCEPTED_FORMATS = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF and HEIC pictures are accepted"

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


def detect_format(name: str, prefix: bytes) -> Format:
    """Return the format of a file by its first `PREFIX_BYTES` bytes. name: of the file, for the message.

    Raises NotAnImage, which says what the file looks like instead.
    """
    for magic, kind in _MAGIC:
        if prefix.startswith(magic):
            return kind
    if prefix[:4] == b"RIFF" and prefix[8:12] == b"WEBP":
        return "WebP"
    if prefix[:2] == b"BM" and int.from_bytes(prefix[14:18], "little") in _BMP_HEADER_SIZES:
        return "BMP"
    # AVIF, HEIC and MP4 share the ISO container: only its brands tell them apart.
    brands = _brands(prefix)
    if brands & _AVIF_BRANDS:
        return "AVIF"
    if brands & _HEIC_BRANDS:
        return "HEIC"
    raise NotAnImage(f"{name}: {_looks_like(prefix)}; {ACCEPTED_FORMATS}. Send the picture itself.")


def _brands(prefix: bytes) -> frozenset[bytes]:
    if prefix[4:8] != b"ftyp":
        return frozenset()
    box = prefix[: max(int.from_bytes(prefix[:4], "big"), 12)]
    return frozenset({box[8:12], *(box[i : i + 4] for i in range(16, len(box) - 3, 4))})


def _looks_like(prefix: bytes) -> str:
    matches = (what for pattern, what in _OTHERS if re.match(pattern, prefix, re.DOTALL))
    return next(matches, "is in no known picture format")


EOI = b"\xff\xd9"

SOS = b"\xff\xda"

_APP1 = 0xE1

_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})

_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})

_WITHOUT_LENGTH = frozenset({0x00, 0x01, *range(0xD0, 0xD9), 0xFF})

# libjpeg accepts any number of segments and scans, and each costs time however small it is. A real picture
# has a few dozen segments and about ten scans.
_MAX_SEGMENTS = 5_000

_MAX_SCANS = 100

_ORIENTATION_TAG = 0x0112


class BadHeader(ValueError):
    """The header contradicts itself or ends too early."""


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What a JPEG's header tells. width, height: pixels, before the rotation.

    coefficient_bytes: memory per pixel that libjpeg keeps for a JPEG of several scans, else 0.
    """

    width: int
    height: int
    coefficient_bytes: float
    orientation: int
    components: int


def read_jpeg_header(data: bytes) -> JpegHeader:
    """Read a JPEG's segments up to its first scan (ITU-T T.81, annex B), and check that it has an end.

    A JPEG without an end marker is refused, since an incomplete download looks the same. Raises BadHeader.
    """
    frame: tuple[int, bytes] | None = None
    orientation = 1
    position = 2
    for _ in range(_MAX_SEGMENTS):
        position = data.find(b"\xff", position)
        if position < 0 or position + 4 > len(data):
            raise BadHeader("it ends before the picture begins")
        marker = data[position + 1]
        position += 1 if marker == 0xFF else 2  # any number of 0xFF may precede a marker
        if marker in _WITHOUT_LENGTH:
            continue
        length = int.from_bytes(data[position : position + 2], "big")
        segment = data[position + 2 : position + length]
        if length < 2 or len(segment) != length - 2:
            raise BadHeader("a segment of its header is truncated")
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
        raise BadHeader("its frame header is truncated")
    height, width, components = struct.unpack_from(">HHB", content, 1)
    sampling = [(content[7 + 3 * i] >> 4) * (content[7 + 3 * i] & 15) for i in range(components)]
    if not (width and height and sampling and all(sampling)):
        raise BadHeader("its frame header has no size")
    several_scans = marker in _PROGRESSIVE or scan[0] < components
    # An over-estimate if the largest product is below (largest horizontal) x (largest vertical).
    coefficients = 2.0 * sum(sampling) / max(sampling) if several_scans else 0.0
    # In a scan every 0xFF is stuffed or begins a marker: this is the end of the picture, not of a thumbnail.
    end = len(data) if data.endswith(EOI) else data.find(EOI, position)
    if end < 0:
        raise BadHeader("its end is missing")
    if several_scans and data.count(SOS, position, end) > _MAX_SCANS:
        raise BadHeader(f"it has more than {_MAX_SCANS} scans")
    return JpegHeader(width, height, coefficients, orientation, components)


def exif_orientation(exif: bytes) -> int:
    """Return the orientation, 1 to 8, in an EXIF block with or without its `Exif` prefix; 1 if it is damaged.

    Only this tag of the first directory is read: Pillow's full reader warns about damage elsewhere.
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


# Above this count Pillow warns, and above twice as many it refuses, by a process-wide setting that is not
# ours to change.
PILLOW_PIXELS = 89_478_485


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """Limits on pictures.

    file_bytes: of the file as it arrives. 200 MB is enough for every photo; larger scans are archive masters.
    pixels: of a JPEG, which is decoded at a reduced scale; other formats are also limited to PILLOW_PIXELS.
    decode_bytes: memory of one decoding, estimated from the header. This refuses decompression bombs, and
    progressive JPEGs whose coefficients would not fit.
    shorter_side: least pixels; faces smaller than 32 px cannot be told apart.
    """

    file_bytes: int = 200_000_000
    pixels: int = 250_000_000
    decode_bytes: int = 768_000_000
    shorter_side: int = 32


DEFAULT_LIMITS = MediaLimits()


def reduction_factor(width: int, height: int, wanted_side: int) -> int:
    """Return the largest power of two that divides the longer side to at least `wanted_side` pixels."""
    factor = 1
    while max(width, height) >= 2 * factor * wanted_side:
        factor *= 2
    return factor


def check_file_bytes(name: str, count: int, limits: MediaLimits) -> None:
    """Raise ImageTooLarge if a file of `count` bytes exceeds the limit."""
    if count > limits.file_bytes:
        raise ImageTooLarge(
            f"{name}: {count / 1e6:,.1f} MB; at most {limits.file_bytes / 1e6:,g} MB are accepted. "
            "Save a smaller copy, as a JPEG for instance, and send that."
        )


def check_size(
    name: str,
    kind: str,
    size: tuple[int, int],
    bytes_per_pixel: float,
    decoder_pixels: int,
    limits: MediaLimits,
) -> None:
    """Check the size (width, height) of a picture in pixels against the limits.

    kind: the format, for the message. bytes_per_pixel: peak memory of decoding. decoder_pixels: the most that
    the decoder accepts. Raises ImageTooSmall, ImageTooLarge.
    """
    width, height = size
    if min(size) < limits.shorter_side:
        raise ImageTooSmall(
            f"{name}: {width}x{height} px; the shorter side must be at least {limits.shorter_side} px. "
            "Send the full image, not its thumbnail."
        )
    allowed = min(limits.pixels, decoder_pixels, int(limits.decode_bytes / bytes_per_pixel))
    if width * height > allowed:
        raise ImageTooLarge(
            f"{name}: {width}x{height} px ({width * height / 1e6:,.1f} megapixels); at most "
            f"{allowed / 1e6:,.1f} megapixels are accepted in a {kind} like this. "
            "Save a smaller copy and send that."
        )
