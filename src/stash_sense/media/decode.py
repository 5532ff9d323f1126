"""Decoding: bytes of a known format to upright BGR pixels, once the size in the header is accepted.

Everything but JPEG is decoded by Pillow. Its readers are called by their classes: `Image.open` would search
its registry, could run readers of other formats, and warns according to a process-wide setting.
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

from stash_sense.errors import ImageTooLarge, UnreadableImage
from stash_sense.media.formats import (
    PILLOW_PIXELS,
    Claim,
    Format,
    MediaLimits,
    check_size,
    exif_orientation,
    reduction_factor,
)
from stash_sense.media.jpeg import LARGEST_JPEG_REDUCTION, Pixels, check_jpeg, jpeg_to_bgr
from stash_sense.media.png import needed_chunks
from stash_sense.media.tiff import check_tiff

# The background of cut-outs: neither dark hair nor pale skin has an edge of full contrast against mid-grey,
# which is also near the zero of the networks' input.
BEHIND_TRANSPARENCY = (128, 128, 128)

_BITS_PER_SAMPLE = 258  # TIFF tag

_DEEP_MODES = ("I", "F")

# Memory per pixel (measured) before the picture is reduced: as decoded, and what that is converted to.
_MODE_BYTES = {"1": 1, "L": 1, "RGB": 4, "P": 5, "I;16": 6, "I;16B": 6, "I": 22, "F": 22}

_OTHER_MODE_BYTES = 13

# Memory per pixel after the reduction: the rows in pieces, the rows joined, and the rotated copy.
OUTPUT_BYTES = 9


def bytes_per_pixel(picture: PillowImage.Image, factor: int) -> float:
    """Return the memory per full pixel that `to_bgr` takes at its peak, the decoded picture included."""
    plain = not picture.has_transparency_data
    decoded = _MODE_BYTES.get(picture.mode, _OTHER_MODE_BYTES) if plain else _OTHER_MODE_BYTES
    return decoded + OUTPUT_BYTES / factor**2


def to_bgr(picture: PillowImage.Image, factor: int) -> Pixels:
    """Return a loaded picture as (H, W, 3) uint8 BGR, both sides divided by `factor` and rounded up.

    Transparency is laid over mid-grey; deep grey is scaled, never clipped. CMYK is converted without its ICC
    profile, and profiles are ignored throughout: they shift hues by less than lighting does.
    """
    if picture.mode.startswith(_DEEP_MODES):
        return cv2.cvtColor(shrink_by(_deep_grey(picture), factor), cv2.COLOR_GRAY2BGR).astype(
            np.uint8, copy=False
        )
    if picture.has_transparency_data:
        # Pillow reduces RGBA with its colours weighted by alpha, so that hidden colours do not bleed in.
        layer = _reduce(_as(picture, "RGBA"), factor)
        picture = PillowImage.new("RGB", layer.size, BEHIND_TRANSPARENCY)
        picture.paste(layer, mask=layer.getchannel("A"))
    elif picture.mode in ("1", "L"):
        grey = np.asarray(_reduce(_as(picture, "L"), factor))
        return _uint8(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))
    else:
        picture = _reduce(_as(picture, "RGB"), factor)
    rows = picture.tobytes("raw", "BGR")
    return np.frombuffer(rows, np.uint8).reshape(picture.height, picture.width, 3)


def shrink_by(pixels: Pixels, factor: int) -> Pixels:
    """Return pixels, (H, W) or (H, W, 3), with both sides divided by `factor` and rounded up."""
    if factor == 1:
        return pixels
    height, width = pixels.shape[:2]
    size = (-(-width // factor), -(-height // factor))
    return _uint8(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))


def rotate_upright(pixels: Pixels, orientation: int) -> Pixels:
    """Rotate pixels (H, W, 3) upright by their EXIF orientation, 1 to 8; 5 to 8 give (W, H, 3)."""
    turned: cv2.typing.MatLike = pixels
    if orientation in (5, 7):
        turned = cv2.transpose(turned)
    elif orientation == 6:
        turned = cv2.rotate(turned, cv2.ROTATE_90_CLOCKWISE)
    elif orientation == 8:
        turned = cv2.rotate(turned, cv2.ROTATE_90_COUNTERCLOCKWISE)
    if orientation in (2, 3, 4, 7):
        turned = cv2.flip(turned, {2: 1, 3: -1, 4: 0, 7: -1}[orientation])
    return _uint8(turned)


def _uint8(array: cv2.typing.MatLike) -> Pixels:
    return array.astype(np.uint8, copy=False)  # OpenCV's stubs leave the type open


def _as(picture: PillowImage.Image, mode: str) -> PillowImage.Image:
    return picture if picture.mode == mode else picture.convert(mode)  # `convert` always copies


def _reduce(picture: PillowImage.Image, factor: int) -> PillowImage.Image:
    return picture if factor == 1 else picture.reduce(factor)


def _deep_grey(picture: PillowImage.Image) -> Pixels:
    """Scale 16-bit, 32-bit and floating-point grey to 8 bits; Pillow's own conversion clips at 255."""
    values = np.asarray(picture)
    if picture.mode.startswith("I;16"):
        bits = getattr(picture, "tag_v2", {}).get(_BITS_PER_SAMPLE, (16,))[0]
        white = float(2**bits - 1)
        values = values.astype(np.uint16, copy=False)  # native byte order, which OpenCV asks for
        return _uint8(cv2.convertScaleAbs(values, alpha=255 / white))
    # 32 bits do not tell what white is: take the smallest usual white that is not below any value.
    floats = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    whites = ((1.0,) if picture.mode == "F" else ()) + (255.0, 65535.0)
    highest = float(floats.max())
    white = next((level for level in whites if highest <= level), highest)
    scaled: Pixels = np.clip(floats * (255.0 / white) + 0.5, 0, 255).astype(np.uint8)
    return scaled


# What the decoders raise on damaged input, found by reading and fuzzing them. The warnings are for processes
# that turn warnings into errors: Pillow warns about damaged TIFF tags and EXIF blocks.
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

# Memory per pixel (measured) that a decoder takes in addition to the decoded picture.
_DECODER_BYTES: dict[Format, int] = {"WebP": 13, "AVIF": 8, "HEIC": 6}

_MAX_READS = 2_000_000


def decode_image(
    name: str, kind: Format, data: bytes, limits: MediaLimits, wanted_side: int, claim: Claim
) -> tuple[Pixels, int, int]:
    """Return upright (H, W, 3) uint8 BGR pixels, and the full upright picture's width and height in pixels.

    The longer side of the pixels is below 2 x `wanted_side`; below `wanted_side` only if the picture's is.
    Raises UnreadableImage, ImageTooLarge, ImageTooSmall, NotAnImage.
    """
    try:
        read = _decode_jpeg if kind == "JPEG" else _decode_other
        pixels, full, orientation = read(name, kind, data, limits, wanted_side, claim)
        pixels = rotate_upright(pixels, orientation)
    except PillowImage.DecompressionBombError as error:
        raise ImageTooLarge(
            f"{name}: far more pixels than are accepted in a {kind}. Save a smaller copy and send that."
        ) from error
    except _DAMAGE as error:
        raise UnreadableImage(
            f"{name}: begins as a {kind} but cannot be decoded ({_reason(error)}). "
            "The file is damaged or incomplete; download it again."
        ) from error
    width, height = full
    return pixels, *((height, width) if orientation >= 5 else (width, height))


class _BoundedReads(io.BytesIO):
    """Bytes that refuse to be read in millions of pieces.

    Pillow reads the chunks of a PNG and the blocks of a GIF one by one in Python: a hostile file of two-byte
    blocks would cost minutes, and 45 times its size in memory.
    """

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > _MAX_READS:
            raise OSError("it consists of too many pieces")
        return super().read(size)


_Decoded = tuple[Pixels, tuple[int, int], int]


def _decode_jpeg(
    name: str, kind: Format, data: bytes, limits: MediaLimits, wanted_side: int, claim: Claim
) -> _Decoded:
    header = check_jpeg(name, data)
    size = header.width, header.height
    scale = min(reduction_factor(*size, wanted_side), LARGEST_JPEG_REDUCTION)
    cost = header.coefficient_bytes + OUTPUT_BYTES / scale**2
    claim(check_size(name, kind, size, cost, limits.pixels, limits))
    pixels = jpeg_to_bgr(data, header, scale)
    pixels = shrink_by(pixels, reduction_factor(pixels.shape[1], pixels.shape[0], wanted_side))
    return pixels, size, header.orientation


def _decode_other(
    name: str, kind: Format, data: bytes, limits: MediaLimits, wanted_side: int, claim: Claim
) -> _Decoded:
    negative = kind == "TIFF" and check_tiff(name, data).is_negative
    if kind == "PNG":
        data = needed_chunks(data)
    with _READERS[kind](_BoundedReads(data)) as picture:
        size = picture.size
        factor = reduction_factor(*size, wanted_side)
        cost = _DECODER_BYTES.get(kind, 0) + bytes_per_pixel(picture, factor)
        claim(check_size(name, kind, size, cost, PILLOW_PIXELS, limits))
        picture.load()
        # Known only now, as a PNG may have it after the pixels. Pillow has rotated a TIFF, libheif a HEIC.
        turned = kind in ("TIFF", "HEIC")
        orientation = 1 if turned else exif_orientation(picture.info.get("exif") or b"")
        pixels = to_bgr(picture, factor)
        return _uint8(cv2.bitwise_not(pixels)) if negative else pixels, picture.size, orientation


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
