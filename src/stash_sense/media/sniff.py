"""What a file is, by its first bytes: a name proves nothing, and only the formats listed here are opened."""

import re
from typing import Literal

from stash_sense.media.errors import NotAnImage

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
