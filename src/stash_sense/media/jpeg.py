"""Decoding JPEGs: whatever libjpeg decodes, as long as no pixel is missing.

libjpeg-turbo's own interface is faster than Pillow and OpenCV and as exact, but stops at every warning about
a header, and at unusual chroma sampling. A JPEG that it refuses is given to it again without what it warns
about, and then to Pillow. Whether pixels are missing is decided by the pixels, not by the end marker: if what
is appended to the scan changes the picture, the scan lacked data.
"""

import io
import random
from contextlib import suppress
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt
from PIL.JpegImagePlugin import JpegImageFile
from simplejpeg import decode_jpeg

from stash_sense.errors import NotAnImage
from stash_sense.media.jpeg_header import EOI, BadHeader, JpegHeader, read_jpeg_header, read_jpeg_scans

Pixels = npt.NDArray[np.uint8]

LARGEST_JPEG_REDUCTION = 8

_INCOMPLETE = "its picture data ends early"

_EMPTY = bytes(16)
"""What the rest of a file consists of that is still being downloaded."""

_RESTARTS = b"\xff\xdd\0\x04"
"""A segment of the header that says that the scans have restart markers."""

_NOISE = bytes(random.Random(0).choices(range(255), k=64))  # noqa: S311 - arbitrary, and always the same


def check_jpeg(name: str, data: bytes) -> JpegHeader:
    """The header of a kind of JPEG that is read. Raises NotAnImage, BadHeader."""
    header = read_jpeg_header(data)
    if header.unread:
        raise NotAnImage(
            f"{name}: this kind of JPEG ({header.unread}) is not read. Export it as an ordinary JPEG, of "
            "8 bits a channel, and send that."
        )
    if header.several_scans:
        read_jpeg_scans(data, header)  # for the limit on their number
    return header


def jpeg_to_bgr(data: bytes, header: JpegHeader, scale: int) -> Pixels:
    """Return (H, W, 3) uint8 BGR pixels, as stored; both sides divided by `scale`, 1, 2, 4 or 8, rounded up.

    Raises BadHeader if pixels are missing, and what the decoders raise.
    """
    try:
        return _by_turbojpeg(data, header, scale, strict=True)
    except ValueError:  # an error or a mere warning
        return _tolerantly(data, header, scale)


def _tolerantly(data: bytes, header: JpegHeader, scale: int) -> Pixels:
    scans = read_jpeg_scans(data, header)
    if not (scans.marked or scans.complete):
        raise BadHeader(_INCOMPLETE)
    # Changed in place from here on: a JPEG of hundreds of megabytes is to be in memory twice at most.
    picture = bytearray(header.plain)
    picture += memoryview(data)[header.scan_at : scans.end]
    _strip_end(picture, b"\xff")
    if not scans.marked and picture.endswith(_EMPTY):
        _strip_end(picture, b"\0")
    picture += EOI
    with suppress(ValueError):
        return _by_turbojpeg(picture, header, scale)
    decode = partial(_by_turbojpeg, header=header, scale=scale, strict=False)
    try:
        pixels = decode(picture)
    except ValueError:
        decode = partial(_by_pillow, header=header, scale=scale)
        pixels = decode(picture)
    picture[-len(EOI) :] = _more_data(picture) + EOI
    if not np.array_equal(pixels, decode(picture)):
        raise BadHeader(_INCOMPLETE)
    return pixels


def _strip_end(picture: bytearray, byte: bytes) -> None:
    block = byte * 65_536
    while picture.endswith(block):
        del picture[-len(block) :]
    tail = bytes(picture[-len(block) :])
    del picture[len(picture) - len(tail) + len(tail.rstrip(byte)) :]


def _more_data(picture: bytearray) -> bytes:
    """Data for the rest of a scan that ends early, also where it continues with a restart."""
    if _RESTARTS not in picture:
        return _NOISE
    last = max(range(8), key=lambda number: picture.rfind(bytes([0xFF, 0xD0 + number])))
    following = range(last + 1, last + 9) if b"\xff" + bytes([0xD0 + last]) in picture else range(8)
    return _NOISE + b"".join(bytes([0xFF, 0xD0 + number % 8]) + _NOISE for number in following)


def _by_turbojpeg(data: bytes | bytearray, header: JpegHeader, scale: int, *, strict: bool = True) -> Pixels:
    """Raises ValueError, if `strict` also for damage that libjpeg only warns about."""
    least = {"min_height": -(-header.height // scale), "min_width": -(-header.width // scale)}
    layout = "CMYK" if len(header.channels) == 4 else "BGR"
    pixels = np.asarray(decode_jpeg(data, layout, strict=strict, **(least if scale > 1 else {})), np.uint8)
    return _cmyk_to_bgr(pixels) if layout == "CMYK" else pixels


def _cmyk_to_bgr(pixels: Pixels) -> Pixels:
    """From ink, (H, W, 4) uint8; stored inverted, as every program that writes such JPEGs does."""
    *inks, black = cv2.split(pixels)
    bgr = cv2.merge([cv2.multiply(ink, black, scale=1 / 255) for ink in reversed(inks)])
    return bgr.astype(np.uint8, copy=False)


def _by_pillow(data: bytearray, header: JpegHeader, scale: int) -> Pixels:
    with JpegImageFile(io.BytesIO(data)) as picture:
        picture.draft(None, (header.width // scale, header.height // scale))
        picture.load()
        rows = picture.convert("RGB").tobytes("raw", "BGR")
        return np.frombuffer(rows, np.uint8).reshape(picture.height, picture.width, 3)
