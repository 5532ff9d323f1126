"""From Pillow's pictures to upright BGR pixels, and what that takes."""

import cv2
import numpy as np
from PIL import Image as PillowImage

from stash_sense.media.jpeg import Pixels

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
