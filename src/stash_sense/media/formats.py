"""Which pictures are accepted, by their first bytes and their header: formats, and limits on their size."""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from stash_sense.errors import ImageTooLarge, ImageTooSmall, NotAnImage
from stash_sense.machine import usable_memory

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
    (rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51", "is a JPEG 2000 picture"),
    (rb"\x00\x00\x01\x00", "is an icon"),
    (rb"(?i)(\xef\xbb\xbf)?\s*<(!doctype html|html)", "is a web page, perhaps an error saved as a picture"),
    (rb"(?i)(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?<svg", "is an SVG drawing"),
    (rb"[\t\r\n\x20-\x7e\x80-\xff]*[\t\r\n\x20-\x7e]{4}[\t\r\n\x20-\x7e\x80-\xff]*\Z", "is text"),
)


_EXPORTABLE = frozenset(
    {"is a JPEG XL picture", "is a JPEG 2000 picture", "is a Photoshop document", "is an SVG drawing"}
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
    what = _looks_like(prefix)
    advice = "Export it as JPEG and send that" if what in _EXPORTABLE else "Send the picture itself"
    raise NotAnImage(f"{name}: {what}; {ACCEPTED_FORMATS}. {advice}.")


def _brands(prefix: bytes) -> frozenset[bytes]:
    if prefix[4:8] != b"ftyp":
        return frozenset()
    box = prefix[: max(int.from_bytes(prefix[:4], "big"), 12)]
    return frozenset({box[8:12], *(box[i : i + 4] for i in range(16, len(box) - 3, 4))})


def _looks_like(prefix: bytes) -> str:
    matches = (what for pattern, what in _OTHERS if re.match(pattern, prefix, re.DOTALL))
    return next(matches, "is in no known picture format")


_ORIENTATION_TAG = 0x0112


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
    progressive JPEGs whose coefficients would not fit; on a small machine, half of its memory.
    shorter_side: least pixels; faces smaller than 32 px cannot be told apart.
    """

    file_bytes: int = 200_000_000
    pixels: int = 250_000_000
    decode_bytes: int = field(default_factory=lambda: min(768_000_000, (usable_memory() or 1 << 40) // 2))
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
            "Save a smaller copy, as a JPEG for instance, and send that.",
            megabytes=count / 1e6,
            most=limits.file_bytes / 1e6,
        )


Claim = Callable[[int], object]
"""Waits until the memory that decoding takes, in bytes, is free. Called before the first pixel is decoded."""


def check_size(
    name: str,
    kind: str,
    size: tuple[int, int],
    bytes_per_pixel: float,
    decoder_pixels: int,
    limits: MediaLimits,
) -> int:
    """Check the size (width, height) of a picture in pixels against the limits; return what decoding takes.

    kind: the format, for the message. bytes_per_pixel: peak memory of decoding. decoder_pixels: the most that
    the decoder accepts. Returns bytes. Raises ImageTooSmall, ImageTooLarge.
    """
    width, height = size
    if min(size) < limits.shorter_side:
        raise ImageTooSmall(
            f"{name}: {width}x{height} px; the shorter side must be at least {limits.shorter_side} px. "
            "Send the full image, not its thumbnail.",
            width=width,
            height=height,
            least=limits.shorter_side,
        )
    allowed = min(limits.pixels, decoder_pixels, int(limits.decode_bytes / bytes_per_pixel))
    if width * height > allowed:
        raise ImageTooLarge(
            f"{name}: {width}x{height} px ({width * height / 1e6:,.1f} megapixels); at most "
            f"{allowed / 1e6:,.1f} megapixels are accepted in a {kind} like this. "
            "Save a smaller copy and send that.",
            megapixels=width * height / 1e6,
            most=allowed / 1e6,
        )
    return int(width * height * bytes_per_pixel)
