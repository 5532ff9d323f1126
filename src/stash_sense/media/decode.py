"""Bytes of a known format -> upright pixels; sizes are checked between the header and the decoding.

JPEG goes through libjpeg-turbo's own interface, faster than Pillow and OpenCV and just as exact; all else
goes through Pillow. Each of
Pillow's readers is called by its class: `Image.open` would search its registry, could run readers of other
formats, and warns by a process-wide setting.
"""

import io
import struct
import zlib
from collections.abc import Callable

import cv2
import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    ImageFile,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL import Image as PillowImage
from pillow_heif import HeifImageFile
from simplejpeg import decode_jpeg

from stash_sense.media.errors import ImageTooLarge, NotAnImage, UnreadableImage
from stash_sense.media.headers import BadHeader, JpegHeader, exif_orientation, read_jpeg_header
from stash_sense.media.limits import PILLOW_PIXELS, MediaLimits, check_size, reduction
from stash_sense.media.pixels import OUTPUT_BYTES, Pixels, bytes_per_pixel, shrink, to_bgr, upright
from stash_sense.media.sniff import ACCEPTED, Format

# What the decoders raise on damaged input, found by reading and by fuzzing them. The two warnings are there
# for processes that turn warnings into errors: Pillow warns of damaged TIFF tags and EXIF blocks.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    AssertionError,
    EOFError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
    cv2.error,
    UserWarning,
    RuntimeWarning,
)
_READERS: dict[Format, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "PNG": PngImagePlugin.PngImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
    "HEIC": HeifImageFile,
}
# Memory per pixel that a decoder takes beside the decoded picture (measured).
_DECODER_BYTES: dict[Format, int] = {"WebP": 13, "AVIF": 8, "HEIC": 6}
_LARGEST_JPEG_REDUCTION = 8
_IMREAD = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
_MOST_PIECES = 2_000_000
_NEW_SUBFILE_TYPE = 254
_DNG_VERSION = 50706


def decode(
    name: str, kind: Format, data: bytes, limits: MediaLimits, wanted_side: int
) -> tuple[Pixels, int, int]:
    """Return upright (H, W, 3) uint8 BGR pixels, and the full upright picture's width and height in pixels.

    The longer side of the pixels is below 2 x `wanted_side`; below `wanted_side` only if the picture's is.
    Raises UnreadableImage, ImageTooLarge, ImageTooSmall, NotAnImage.
    """
    try:
        read = _jpeg if kind == "JPEG" else _other
        pixels, full, orientation = read(name, kind, data, limits, wanted_side)
        pixels = upright(pixels, orientation)
    except PillowImage.DecompressionBombError as error:
        raise ImageTooLarge(
            f"{name}: holds far more pixels than are accepted in a {kind}. Save a smaller copy and send that."
        ) from error
    except _DAMAGE as error:
        raise UnreadableImage(
            f"{name}: begins as a {kind} but cannot be decoded ({_reason(error)}). "
            "The file is damaged or was not downloaded to its end; fetch it again."
        ) from error
    width, height = full
    return pixels, *((height, width) if orientation >= 5 else (width, height))


class _InPieces(io.BytesIO):
    """Bytes that refuse to be read in millions of pieces.

    Pillow walks the chunks of a PNG and the blocks of a GIF in Python: a hostile file of two-byte blocks
    would cost it minutes, and 45 times its size in memory.
    """

    pieces = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.pieces += 1
        if self.pieces > _MOST_PIECES:
            raise OSError("it consists of too many pieces")
        return super().read(size)


_Decoded = tuple[Pixels, tuple[int, int], int]


def _jpeg(name: str, kind: Format, data: bytes, limits: MediaLimits, wanted_side: int) -> _Decoded:
    header = read_jpeg_header(data)
    size = header.width, header.height
    factor = reduction(*size, wanted_side)
    scale = min(factor, _LARGEST_JPEG_REDUCTION)
    check_size(name, kind, size, header.coefficient_bytes + OUTPUT_BYTES / scale**2, limits.pixels, limits)
    pixels = _four_channels(data, scale) if header.components == 4 else _usual(data, header, scale)
    return shrink(pixels, reduction(pixels.shape[1], pixels.shape[0], wanted_side)), size, header.orientation


def _usual(data: bytes, header: JpegHeader, scale: int) -> Pixels:
    # Not strict: of bytes that do not belong there, as many cameras write them, it would make an error.
    least = {"min_height": -(-header.height // scale), "min_width": -(-header.width // scale)}
    return np.asarray(decode_jpeg(data, "BGR", strict=False, **(least if scale > 1 else {})), np.uint8)


def _four_channels(data: bytes, scale: int) -> Pixels:
    """CMYK and YCCK, which only OpenCV makes BGR of."""
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), _IMREAD[scale] | cv2.IMREAD_IGNORE_ORIENTATION)
    if decoded is None:
        raise BadHeader("its data ends early or makes no sense")
    return decoded.astype(np.uint8, copy=False)


def _other(name: str, kind: Format, data: bytes, limits: MediaLimits, wanted_side: int) -> _Decoded:
    with _READERS[kind](_InPieces(data)) as picture:
        size = picture.size
        factor = reduction(*size, wanted_side)
        cost = _DECODER_BYTES.get(kind, 0) + bytes_per_pixel(picture, factor)
        check_size(name, kind, size, cost, PILLOW_PIXELS, limits)
        if isinstance(picture, TiffImagePlugin.TiffImageFile):
            _refuse_camera_raw(name, picture)
        picture.load()
        # Known only now: PNG may keep it behind the pixels. Pillow itself has turned a TIFF, libheif a HEIC.
        turned = kind in ("TIFF", "HEIC")
        orientation = 1 if turned else exif_orientation(picture.info.get("exif") or b"")
        return to_bgr(picture, factor), picture.size, orientation


def _refuse_camera_raw(name: str, picture: TiffImagePlugin.TiffImageFile) -> None:
    """Refuse what is a TIFF by its bytes, but begins with the mere thumbnail of a camera's raw data."""
    if _DNG_VERSION in picture.tag_v2 or picture.tag_v2.get(_NEW_SUBFILE_TYPE, 0) == 1:
        raise NotAnImage(
            f"{name}: is a camera's raw file, or begins with a thumbnail; {ACCEPTED}. "
            "Export it as a JPEG and send that."
        )


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
