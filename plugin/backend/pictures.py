"""What a picture is by its bytes: only a JPEG or a PNG of a crop's size becomes a `data:` URL."""

from __future__ import annotations

import struct

MAX_BYTES = 2_000_000
MAX_SIDE = 4096
"""In pixels: a few bytes may stand for a picture that takes gigabytes to show."""
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB`\x82"
_SIZES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
"""JPEG markers of segments that state the size."""


def media_type(data: bytes) -> str | None:
    """`image/jpeg` or `image/png`; None for anything else, and for more than a crop can be."""
    if len(data) > MAX_BYTES:
        return None
    if data.startswith(b"\xff\xd8\xff") and data.endswith(b"\xff\xd9"):
        kind, size = "image/jpeg", _jpeg_size(data)
    elif data.startswith(_PNG + b"\0\0\0\rIHDR") and data.endswith(_PNG_END):
        kind, size = "image/png", struct.unpack(">II", data[16:24])
    else:
        return None
    return kind if size is None or 0 < min(size) <= max(size) <= MAX_SIDE else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height; None where no segment before the pixels states them: nothing can be shown of that."""
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if marker in _SIZES:
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return width, height
        place += 2 + length
    return None
