"""Loading one photo: bytes from a path, then upright pixels."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from stash_sense.errors import NotAnImage, UnreadableImage
from stash_sense.media.decode import Pixels, decode
from stash_sense.media.formats import ACCEPTED, PREFIX_BYTES, Format, sniff
from stash_sense.media.limits import DEFAULT_LIMITS, MediaLimits, check_file_bytes

# Without O_NONBLOCK, opening a pipe that nobody writes to never returns. Windows has only O_BINARY.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def display_name(path: Path) -> str:
    """Return the file's name, or the whole path if it has none, in characters that can be written anywhere.

    A name that is not UTF-8 holds lone surrogates, which a terminal and a JSON file refuse.
    """
    return os.fsencode(path.name or str(path)).decode("utf-8", "replace")


def read_picture(path: Path, limits: MediaLimits) -> bytes:
    """Return the content of the regular file at `path`; one that is no picture is not read to its end.

    Raises NotAnImage, UnreadableImage, ImageTooLarge.
    """
    name = display_name(path)
    try:
        _check_kind(name, path.stat(), limits)
        with os.fdopen(os.open(path, _FLAGS), "rb") as file:
            # Asked again of what was opened: the path may lead elsewhere by now.
            status = os.fstat(file.fileno())
            _check_kind(name, status, limits)
            prefix = file.read(PREFIX_BYTES)
            sniff(name, prefix)
            return prefix + file.read(max(status.st_size - len(prefix), 0))
    except FileNotFoundError:
        raise UnreadableImage(f"{name}: no such file. It was moved or deleted; check the path.") from None
    except PermissionError:
        raise UnreadableImage(
            f"{name}: permission denied. Let the user that runs Stash Sense read this file."
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a path that holds a null character
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableImage(f"{name}: cannot be read ({reason}). Check the path and the disk.") from error


def _check_kind(name: str, status: os.stat_result, limits: MediaLimits) -> None:
    mode = status.st_mode
    if stat.S_ISDIR(mode):
        raise NotAnImage(f"{name}: is a folder; {ACCEPTED}. Send the pictures in it.")
    if not stat.S_ISREG(mode):
        raise NotAnImage(f"{name}: is a pipe, a socket or a device; {ACCEPTED}. Send a file.")
    check_file_bytes(name, status.st_size, limits)


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
