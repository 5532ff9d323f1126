"""Photos: from a path or bytes to upright pixels, within the process's memory."""

import os
import stat
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from stash_sense.errors import NotAnImage, UnreadableImage
from stash_sense.media.archive import ZippedPhoto
from stash_sense.media.decode import DecodedImage, decode_image, decode_later_frames
from stash_sense.media.formats import (
    ACCEPTED_FORMATS,
    DEFAULT_LIMITS,
    PREFIX_BYTES,
    Format,
    MediaLimits,
    check_file_bytes,
    detect_format,
)
from stash_sense.memory import Reservation, files_budget, pictures_budget

PhotoFile = Path | ZippedPhoto

PhotoSource = PhotoFile | bytes

WANTED_SIDE = 1600
"""Pixels of the longer side that faces are looked for in, at least."""

# Without O_NONBLOCK, opening a pipe that nobody writes to never returns. Windows only has O_BINARY.
OPEN_FLAGS = (
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


def name_as_utf8(name: str) -> str:
    """The name of a file or folder in UTF-8, which disks mean whatever the locale is; another as it is."""
    try:
        return os.fsencode(name).decode("utf-8")
    except UnicodeError:
        return name


def read_image_file(path: Path, limits: MediaLimits) -> bytes:
    """Return the content of the regular file at `path`; a file that is not a picture is not read to its end.

    Raises NotAnImage, UnreadableImage, ImageTooLarge.
    """
    name = display_name(path)
    try:
        _check_kind(name, path.stat(), limits)
        with os.fdopen(os.open(path, OPEN_FLAGS), "rb") as file:
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


def _file_size(path: Path) -> int:
    """The bytes of a file; 0 where it cannot be told, which reading it explains."""
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0


def _check_kind(name: str, status: os.stat_result, limits: MediaLimits) -> None:
    mode = status.st_mode
    if stat.S_ISDIR(mode):
        raise NotAnImage(f"{name}: is a folder; {ACCEPTED_FORMATS}. Send the pictures in it.")
    if not stat.S_ISREG(mode):
        raise NotAnImage(f"{name}: is a pipe, a socket or a device; {ACCEPTED_FORMATS}. Send a file.")
    check_file_bytes(name, status.st_size, limits)


def load_image(
    source: PhotoSource,
    *,
    limits: MediaLimits = DEFAULT_LIMITS,
    wanted_side: int = WANTED_SIDE,
    name: str = "picture",
    frame: int = 0,
) -> DecodedImage:
    """Decode a file, in a zip file or not, or its bytes, to an upright picture.

    A picture whose longer side is at least 2 x `wanted_side` px is halved, quartered and so on, as long as
    that side stays at least `wanted_side`; a JPEG is decoded at that scale, which is much faster. Of several
    pages the first is used. name: what messages call bytes; a file is called by its own name. frame: of an
    animation, from 0.

    Waits for its share of the process's memory. Raises NotAnImage, UnreadableImage, ImageTooLarge,
    ImageTooSmall. Safe to call from many threads.
    """
    with decoded_image(source, limits=limits, wanted_side=wanted_side, name=name, frame=frame) as image:
        return image


@contextmanager
def decoded_image(
    source: PhotoSource,
    *,
    limits: MediaLimits = DEFAULT_LIMITS,
    wanted_side: int = WANTED_SIDE,
    name: str = "picture",
    frame: int = 0,
    working_bytes: int = 0,
) -> Iterator[DecodedImage]:
    """As `load_image`, keeping the pixels' share of the process's memory to the end of the block.

    working_bytes: what the block itself takes, reserved together with the pixels.
    """
    if wanted_side < 1:
        raise ValueError(f"wanted_side is {wanted_side}; it must be at least 1")
    with ExitStack() as files, ExitStack() as share:
        reservations: list[Reservation] = []

        def claim(size: int) -> None:
            budget = pictures_budget()
            # The pixels are at most a third of what decoding takes.
            peak = max(size, size // 3 + working_bytes)
            reservations.append(share.enter_context(budget.reserve(peak)))

        name, kind, data = _read(source, name, limits, files)
        image = decode_image(name, kind, data, limits, wanted_side, claim, frame)
        del data
        files.close()
        for reservation in reservations:
            reservation.shrink(image.pixels.nbytes + working_bytes)
        yield image


def later_frames(
    source: PhotoSource,
    *,
    limits: MediaLimits = DEFAULT_LIMITS,
    name: str = "picture",
    working_bytes: int = 0,
) -> Generator[DecodedImage]:
    """Yield up to eight frames spread over an animation, without its first, as `load_image` returns them.

    Close the generator (`contextlib.closing`): it holds the animation and its share of the memory.
    """
    with ExitStack() as share:

        def claim(size: int) -> None:
            share.enter_context(pictures_budget().reserve(size + working_bytes))

        name, kind, data = _read(source, name, limits, share)
        yield from decode_later_frames(name, kind, data, limits, WANTED_SIDE, claim)


def _read(source: PhotoSource, name: str, limits: MediaLimits, share: ExitStack) -> tuple[str, Format, bytes]:
    """The picture's name in messages, its format and its bytes. share: holds the memory of the bytes."""
    if isinstance(source, bytes):
        check_file_bytes(name, len(source), limits)
        return name, detect_format(name, source[:PREFIX_BYTES]), source
    if isinstance(source, ZippedPhoto):
        share.enter_context(files_budget().reserve(source.size + source.packed_size))
        data = source.read(limits)
        return source.label, detect_format(source.label, data[:PREFIX_BYTES]), data
    name = display_name(source)
    share.enter_context(files_budget().reserve(_file_size(source)))
    data = read_image_file(source, limits)
    return name, detect_format(name, data[:PREFIX_BYTES]), data
