"""Photos: one from a path or bytes to upright pixels, and the photos of a folder in natural order."""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from stash_sense.errors import NotAFolder, NotAnImage, UnreadableImage
from stash_sense.media.decode import decode_image
from stash_sense.media.formats import (
    ACCEPTED_FORMATS,
    DEFAULT_LIMITS,
    PREFIX_BYTES,
    Format,
    MediaLimits,
    check_file_bytes,
    detect_format,
)
from stash_sense.media.jpeg import Pixels
from stash_sense.memory import Reservation, files_budget, pictures_budget

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

    Waits for its share of the process's memory. Raises NotAnImage, UnreadableImage, ImageTooLarge,
    ImageTooSmall. Safe to call from many threads.
    """
    with decoded_image(source, limits=limits, wanted_side=wanted_side, name=name) as image:
        return image


@contextmanager
def decoded_image(
    source: Path | bytes,
    *,
    limits: MediaLimits = DEFAULT_LIMITS,
    wanted_side: int = 1600,
    name: str = "picture",
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

        if isinstance(source, bytes):
            data = source
            check_file_bytes(name, len(data), limits)
        else:
            name = display_name(source)
            files.enter_context(files_budget().reserve(_file_size(source)))
            data = read_image_file(source, limits)
        kind = detect_format(name, data[:PREFIX_BYTES])
        pixels, width, height = decode_image(name, kind, data, limits, wanted_side, claim)
        del data
        files.close()
        pixels.flags.writeable = False
        for reservation in reservations:
            reservation.shrink(pixels.nbytes + working_bytes)
        yield DecodedImage(pixels, width, height, kind)


EXTENSIONS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"}
    | {".heic", ".heif", ".hif"}
)


# Folders that NAS boxes and desktops create among photos; names with a leading dot are skipped anyway.
_SKIPPED_FOLDERS = frozenset(
    {"@eadir", "@recycle", "#recycle", "#snapshot", "$recycle.bin", "__macosx", "lost+found"}
    | {"system volume information"}
)

_DIGITS = re.compile(r"([0-9]+)")


@dataclass(frozen=True, slots=True)
class ImageListing:
    """The pictures by extension, in natural order, and a sentence for each place that cannot be read.

    unlisted: those places.
    """

    images: tuple[Path, ...]
    problems: tuple[str, ...]
    unlisted: tuple[Path, ...] = ()


def list_images(folder: Path) -> ImageListing:
    """List the pictures in `folder` and below it: `2.jpg` before `10.jpg`, whatever the file system's order.

    Hidden files, and folders of NAS thumbnails, are skipped. Linked folders are followed, each folder once,
    by its own path if it has one below `folder`. Raises NotAFolder.
    """
    if not _is_folder(folder):
        raise NotAFolder(
            f"{folder}: not a folder, or it does not exist. Give the folder that contains the pictures."
        )
    images: list[Path] = []
    problems: list[str] = []
    unlisted: list[Path] = []
    seen: set[tuple[int, int]] = set()
    real, linked = [folder], list[Path]()
    while real or linked:
        current = real.pop() if real else linked.pop(0)
        try:
            status = current.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(current) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            unlisted.append(current)
            problems.append(f"{_relative(current, folder)}: cannot be listed ({error.strerror}); left out.")
            continue
        for entry in entries:
            path = Path(entry.path)
            if entry.name.startswith("."):
                continue
            if _is_folder(entry):
                if entry.name.lower() not in _SKIPPED_FOLDERS:
                    (linked if entry.is_symlink() else real).append(path)
            elif path.suffix.lower() in EXTENSIONS:
                images.append(path)
    images.sort(key=lambda path: _sort_key(path.relative_to(folder)))
    return ImageListing(tuple(images), tuple(problems), tuple(unlisted))


def _is_folder(entry: os.DirEntry[str] | Path) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself, or a folder above it that may not be entered
        return False


def _sort_key(path: Path) -> list[tuple[list[str | int], str]]:
    # Without the suffix, so that its dot does not decide: "a.jpg" comes before "a2.jpg".
    return [*map(_natural, path.parent.parts), (_natural(path.stem)[0], path.name)]


def _natural(name: str) -> tuple[list[str | int], str]:
    """A sort key with numbers by value; case decides only between names that are otherwise equal."""
    parts = _DIGITS.split(name.casefold())
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], name


def _relative(path: Path, folder: Path) -> str:
    inside = path.relative_to(folder)
    return display_name(folder) if inside == Path() else os.fsencode(inside).decode("utf-8", "replace")
