"""The pictures of a folder, in natural order."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from stash_sense.errors import NotAFolder
from stash_sense.media.photo import display_name

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
