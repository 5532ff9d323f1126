"""Decoding: bytes of a known format to upright BGR pixels, once the size in the header is accepted.

Everything but JPEG is decoded by Pillow. Its readers are called by their classes: `Image.open` would search
its registry, could run readers of other formats, and warns according to a process-wide setting.
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from math import prod

import cv2
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
from stash_sense.media.avif import read_avif_header
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
from stash_sense.media.pixels import OUTPUT_BYTES, bytes_per_pixel, rotate_upright, shrink_by, to_bgr
from stash_sense.media.png import needed_chunks
from stash_sense.media.tiff import check_tiff

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

_ANIMATED: frozenset[Format] = frozenset({"GIF", "WebP", "PNG", "AVIF"})

# Memory per pixel of the frames before, from which an animation's frame is put together.
_FRAME_BYTES = 8

LATER_FRAMES = 8

# An animation's frames are decoded one after another: those of the first 200 megapixels take about a second.
_ANIMATION_PIXELS = 200_000_000

_MAX_READS = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class DecodedImage:
    """A decoded picture, or one frame of an animation.

    pixels: (H, W, 3) uint8 BGR, upright, C-contiguous, read-only (copy it to draw on it).
    width, height: of the full upright picture in pixels; `pixels` may be smaller.
    format: by its content, whatever its name says. frame: from 0. animated: whether it has further frames.
    """

    pixels: Pixels
    width: int
    height: int
    format: Format
    frame: int = 0
    animated: bool = False

    @property
    def scale(self) -> tuple[float, float]:
        """Full pixels per pixel in `pixels`, (x, y); (1.0, 1.0) if not reduced.

        Sides are rounded up when halved, so that x and y may differ in the fourth digit.
        """
        height, width = self.pixels.shape[:2]
        return self.width / width, self.height / height


def decode_image(
    name: str, kind: Format, data: bytes, limits: MediaLimits, wanted_side: int, claim: Claim, frame: int = 0
) -> DecodedImage:
    """Return a picture, or one frame of an animation.

    The longer side of the pixels is below 2 x `wanted_side`; below `wanted_side` only if the picture's is.
    claim: is told how many bytes decoding takes before it begins. Raises UnreadableImage, ImageTooLarge,
    ImageTooSmall, NotAnImage.
    """
    with _explained_damage(name, kind):
        if kind == "JPEG":
            return _decode_jpeg(name, data, limits, wanted_side, claim)
        return next(_decode_frames(name, kind, data, limits, wanted_side, claim, lambda _: (frame,)))


def decode_later_frames(
    name: str, kind: Format, data: bytes, limits: MediaLimits, wanted_side: int, claim: Claim
) -> Iterator[DecodedImage]:
    """Yield up to LATER_FRAMES frames spread over an animation, without its first.

    Raises as `decode_image`.
    """
    with _explained_damage(name, kind):
        yield from _decode_frames(name, kind, data, limits, wanted_side, claim, _spread_frames)


def _spread_frames(picture: ImageFile.ImageFile) -> Sequence[int]:
    width, height = picture.size
    reachable = min(getattr(picture, "n_frames", 1), _ANIMATION_PIXELS // (width * height))
    return sorted({(reachable - 1) * i // LATER_FRAMES for i in range(1, LATER_FRAMES + 1)} - {0})


@contextmanager
def _explained_damage(name: str, kind: Format) -> Iterator[None]:
    """Turn what the decoders raise into our errors."""
    try:
        yield
    except PillowImage.DecompressionBombError as error:
        raise ImageTooLarge(
            f"{name}: far more pixels than are accepted in a {kind}. Save a smaller copy and send that."
        ) from error
    except _DAMAGE as error:
        raise UnreadableImage(
            f"{name}: begins as a {kind} but cannot be decoded ({_reason(error)}). "
            "The file is damaged or incomplete; download it again."
        ) from error


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


def _decode_jpeg(name: str, data: bytes, limits: MediaLimits, wanted_side: int, claim: Claim) -> DecodedImage:
    header = check_jpeg(name, data)
    size = header.width, header.height
    scale = min(reduction_factor(*size, wanted_side), LARGEST_JPEG_REDUCTION)
    cost = header.coefficient_bytes + OUTPUT_BYTES / scale**2
    claim(check_size(name, "JPEG", size, cost, limits.pixels, limits))
    pixels = jpeg_to_bgr(data, header, scale)
    pixels = shrink_by(pixels, reduction_factor(pixels.shape[1], pixels.shape[0], wanted_side))
    return _upright_image(pixels, size, header.orientation, "JPEG")


def _decode_frames(
    name: str,
    kind: Format,
    data: bytes,
    limits: MediaLimits,
    wanted_side: int,
    claim: Claim,
    choose: Callable[[ImageFile.ImageFile], Sequence[int]],
) -> Iterator[DecodedImage]:
    """Decode the frames that are chosen, in rising order; a still picture is frame 0."""
    negative = kind == "TIFF" and check_tiff(name, data).is_negative
    avif = read_avif_header(data) if kind == "AVIF" else None
    if kind == "PNG":
        data = needed_chunks(data)
    with _READERS[kind](_BoundedReads(data)) as picture:
        factor = reduction_factor(*picture.size, wanted_side)
        cost = _DECODER_BYTES.get(kind, 0) + bytes_per_pixel(picture, factor)
        check = partial(check_size, name, kind, decoder_pixels=PILLOW_PIXELS, limits=limits)
        needed = check(picture.size, bytes_per_pixel=cost)
        if avif and prod(avif.coded) > prod(picture.size):
            needed = check(avif.coded, bytes_per_pixel=cost)
        frames = choose(picture)
        claim(needed + (_FRAME_BYTES * prod(picture.size) if any(frames) else 0))
        for number in frames:
            if number:
                picture.seek(number)
            picture.load()
            # Known only now, as it may follow a PNG's pixels. Pillow has rotated a TIFF, libheif a HEIC.
            turned = kind in ("TIFF", "HEIC")
            orientation = 1 if turned else exif_orientation(picture.info.get("exif") or b"")
            crop = avif.crop(*picture.size) if avif else None
            shown = picture.crop(crop) if crop else picture
            check(shown.size, bytes_per_pixel=cost)  # what was opened may differ from what was announced
            pixels = to_bgr(shown, factor)
            pixels = 255 - pixels if negative else pixels
            image = _upright_image(pixels, shown.size, orientation, kind, number)
            yield replace(image, animated=kind in _ANIMATED and _is_animated(picture))


def _is_animated(picture: ImageFile.ImageFile) -> bool:
    try:
        return bool(getattr(picture, "is_animated", False))
    except _DAMAGE:  # behind the frame that was just read
        return False


def _upright_image(
    pixels: Pixels, size: tuple[int, int], orientation: int, kind: Format, frame: int = 0
) -> DecodedImage:
    upright = rotate_upright(pixels, orientation)
    upright.flags.writeable = False
    width, height = reversed(size) if orientation >= 5 else size
    return DecodedImage(upright, width, height, kind, frame)


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
