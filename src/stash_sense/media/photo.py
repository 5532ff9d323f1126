"""Loading a photo: bytes from a file, then upright pixels."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from stash_sense.errors import NotAnImage, UnreadableImage
from stash_sense.media.decode import Pixels, decode_image
from stash_sense.media.formats import (
    ACCEPTED_FORMATS,
    DEFAULT_LIMITS,
    PREFIX_BYTES,
    Format,
    MediaLimits,
    check_file_bytes,
    detect_format,
)

# Without O_NONBLOCK, opening a pipe that nobody writes to never returns. Windows only has O_BINARY.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def display_name(path: Path) -> str:
    """Return the file's name, or the whole path if it has none, with what is not UTF-8 replaced.

    Terminals and JSON refuse the lone surrogates of such names.
    """
    return os.fsencode(path.name or str(path)).decode("utf-8", "replace")


def read_image_file(path: Path, limits: MediaLimits) -> bytes:
    """Return the content of the regular file at `path`; a file that is not a picture is not read to its end.

    Raises NotAnImage, UnreadableImage, ImageTooLarge.
    """
    name = display_name(path)
    try:
        _check_kind(name, path.stat(), limits)
        with os.fdopen(os.open(path, _FLAGS), "rb") as file:
            # Check again what was opened: the path may lead elsewhere by now.
            status = os.fstat(file.fileno())
            _check_kind(name, status, limits)
            prefix = file.read(PREFIX_BYTES)
            detect_format(name, prefix)
            return prefix + file.read(max(status.st_size - len(prefix), 0))
    except FileNotFoundError:
        raise UnreadableImage(f"{name}: no such file. It was moved or deleted; check the path.") from None
    except PermissionError:
        raise UnreadableImage(
            f"{name}: permission denied. Let the user that runs Stash Sense read this file."
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableImage(f"{name}: cannot be read ({reason}). Check the path and the disk.") from error


def _check_kind(name: str, status: os.stat_result, limits: MediaLimits) -> None:
    mode = status.st_mode
    if stat.S_ISDIR(mode):
        raise NotAnImage(f"{name}: is a folder; {ACCEPTED_FORMATS}. Send the pictures in it.")
    if not stat.S_ISREG(mode):
        raise NotAnImage(f"{name}: is a pipe, a socket or a device; {ACCEPTED_FORMATS}. Send a file.")
    check_file_bytes(name, status.st_size, limits)


@dataclass(frozen=True, slots=True, eq=False)
class DecodedImage:
    """A decoded picture.

    pixels: (H, W, 3) uint8 BGR, upright, C-contiguous, read-only (copy it to draw on it).
    width, height: of the full upright picture in pixels; `pixels` may be smaller.
    format: by its content, whatever its name says.
    """

    pixels: Pixels
    width: int
    height: int
    format: Format

    @property
    def scale(self) -> tuple[float, float]:
        """Full pixels per pixel in `pixels`, (x, y); (1.0, 1.0) if not reduced.

        Sides are rounded up when halved, so that x and y may differ in the fourth digit.
        """
        height, width = self.pixels.shape[:2]
        return self.width / width, self.height / height


def load_image(
    source: Path | bytes,
    *,
    limits: MediaLimits = DEFAULT_LIMITS,
    wanted_side: int = 1600,
    name: str = "picture",
) -> DecodedImage:
    """Decode the file at a path, or its bytes, to an upright picture.

    A picture whose longer side is at least 2 x `wanted_side` px is halved, quartered and so on, as long as
    that side stays at least `wanted_side`; a JPEG is decoded at that scale, which is much faster. The first
    of several frames or pages is used. name: what messages call bytes; a path is called by its own name.

    Raises NotAnImage, UnreadableImage, ImageTooLarge, ImageTooSmall. Safe to call from many threads.
    """
    if wanted_side < 1:
        raise ValueError(f"wanted_side is {wanted_side}; it must be at least 1")
    if isinstance(source, bytes):
        data = source
        check_file_bytes(name, len(data), limits)
    else:
        name = display_name(source)
        data = read_image_file(source, limits)
    kind = detect_format(name, data[:PREFIX_BYTES])
    pixels, width, height = decode_image(name, kind, data, limits, wanted_side)
    pixels.flags.writeable = False
    return DecodedImage(pixels, width, height, kind)
