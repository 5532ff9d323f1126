"""A picture as everything else takes it."""

from dataclasses import dataclass
from pathlib import Path

from stash_sense.media.decode import decode
from stash_sense.media.limits import DEFAULT_LIMITS, MediaLimits, check_file_bytes
from stash_sense.media.pixels import Pixels
from stash_sense.media.sniff import PREFIX_BYTES, Format, sniff
from stash_sense.media.source import display_name, read_picture


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """A decoded picture.

    `pixels`: (H, W, 3) uint8 BGR, upright, C-contiguous, not writeable (copy it to draw on it).
    `width`, `height`: of the full upright picture in pixels; `pixels` may be smaller.
    `format`: what its bytes are, whatever its name says.
    """

    pixels: Pixels
    width: int
    height: int
    format: Format

    @property
    def scale(self) -> tuple[float, float]:
        """(x, y): a place in `pixels` times this is the place in the full picture; (1.0, 1.0) if not reduced.

        The sides are rounded up when halved, so that x and y may differ in the fourth digit.
        """
        height, width = self.pixels.shape[:2]
        return self.width / width, self.height / height


def load_image(
    source: Path | bytes,
    *,
    limits: MediaLimits = DEFAULT_LIMITS,
    wanted_side: int = 1600,
    name: str = "picture",
) -> Image:
    """Decode the file at a path, or its bytes, to an upright picture.

    A picture whose longer side is at least 2 x `wanted_side` px is halved, quartered and so on, as long as
    that side stays at least `wanted_side`; a JPEG is then decoded at that scale, much faster. Of several
    frames or pages the first is taken. `name` stands for bytes in messages; a path brings its own.

    Raises NotAnImage, UnreadableImage, ImageTooLarge, ImageTooSmall. Safe to call from many threads.
    """
    if wanted_side < 1:
        raise ValueError(f"wanted_side is {wanted_side}; it must be at least 1")
    if isinstance(source, bytes):
        data = source
        check_file_bytes(name, len(data), limits)
    else:
        name = display_name(source)
        data = read_picture(source, limits)
    kind = sniff(name, data[:PREFIX_BYTES])
    pixels, width, height = decode(name, kind, data, limits, wanted_side)
    pixels.flags.writeable = False
    return Image(pixels, width, height, kind)
