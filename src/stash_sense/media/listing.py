"""The pictures and videos of a folder, and the pictures of a zip file, in natural order."""

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath

from stash_sense.errors import NotAFolder, NotAnImage
from stash_sense.media.archive import MOST_BYTES, ZippedPhoto, list_zip
from stash_sense.media.photo import display_name

EXTENSIONS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"}
    | {".heic", ".heif", ".hif"}
)

VIDEO_EXTENSIONS = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m2v", ".ts", ".m2ts", ".mts"}
    | {".vob", ".wmv", ".asf", ".flv", ".f4v", ".ogv", ".ogm", ".3gp", ".3g2", ".divx", ".rm", ".rmvb"}
)


# Folders that NAS boxes and desktops create among photos; names with a leading dot are skipped anyway.
_SKIPPED_FOLDERS = frozenset(
    {"@eadir", "@recycle", "#recycle", "#snapshot", "$recycle.bin", "__macosx", "lost+found"}
    | {"system volume information"}
)

_SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db"})

_MOST_KINDS = 5

_DIGITS = re.compile(r"([0-9]+)")

_Natural = list[tuple[str, tuple[int, str]]]


@dataclass(frozen=True, slots=True)
class ImageListing:
    """The pictures by extension, in natural order, and a sentence for each place that cannot be read.

    unlisted: those places. others: a sentence that counts the files of other kinds, "" if there are none.
    videos: by extension and in natural order too, if they were asked for.
    """

    images: tuple[Path, ...]
    problems: tuple[str, ...]
    unlisted: tuple[Path, ...] = ()
    others: str = ""
    videos: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class ZippedListing:
    """The pictures of a zip file by extension, in natural order, and sentences about what is left out."""

    images: tuple[ZippedPhoto, ...]
    problems: tuple[str, ...]


def list_zipped_images(path: Path) -> ZippedListing:
    """List the pictures in a zip file as in a folder. Archives in it are not entered.

    Raises NotAnImage if it is too large, UnreadableImage if it is damaged.
    """
    name = display_name(path)
    members = list_zip(path)
    shown = [photo for photo in members.photos if not _is_hidden(PurePosixPath(photo.member))]
    images = [photo for photo in shown if _is_image(photo.name)]
    size = sum(photo.size for photo in images)
    if size > MOST_BYTES:
        raise NotAnImage(
            f"{name}: its pictures unpack to {size / 1e9:,.1f} GB; at most {MOST_BYTES / 1e9:g} GB are "
            "accepted. Divide it into smaller ones."
        )
    images.sort(key=lambda photo: _sort_key(PurePosixPath(photo.member)))
    problems = [
        f"{name}: {len(names):,} {'file' if len(names) == 1 else 'files'} {why}; left out."
        for names, why in ((members.encrypted, "encrypted"), (members.unreadable, "packed in a way not read"))
        if names
    ]
    others = _others_sentence(name, [photo.name for photo in shown if not _is_image(photo.name)])
    return ZippedListing(tuple(images), (*problems, *([others] if others else [])))


def list_images(folder: Path, *, with_videos: bool = False) -> ImageListing:
    """List the pictures in `folder` and below it: `2.jpg` before `10.jpg`, whatever the file system's order.

    with_videos: list the videos too, which otherwise are files of other kinds.

    Hidden files, and folders of NAS thumbnails, are skipped. Linked folders are followed, each folder once,
    by its own path if it has one below `folder`. Raises NotAFolder.
    """
    if not _is_folder(folder):
        raise NotAFolder(
            f"{folder}: not a folder, or it does not exist. Give the folder that contains the pictures."
        )
    files: list[Path] = []
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
            else:
                files.append(path)
    files.sort(key=lambda path: _sort_key(path.relative_to(folder)))
    images = [path for path in files if _is_image(path.name)]
    videos = [path for path in files if with_videos and is_video_name(path.name)]
    listed = {*images, *videos}
    others = [path.name for path in files if path not in listed]
    sentence = _others_sentence(display_name(folder), others)
    return ImageListing(tuple(images), tuple(problems), tuple(unlisted), sentence, tuple(videos))


def _is_image(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in EXTENSIONS


def is_video_name(name: str) -> bool:
    """Whether a file is a video by its extension."""
    return PurePosixPath(name).suffix.lower() in VIDEO_EXTENSIONS


def _is_hidden(member: PurePosixPath) -> bool:
    folders = (part.lower() in _SKIPPED_FOLDERS for part in member.parent.parts)
    return any(part.startswith(".") for part in member.parts) or any(folders)


def _others_sentence(name: str, files: Sequence[str]) -> str:
    """How many files are of kinds that are not read, the most frequent kinds first."""
    suffixes = (PurePosixPath(file).suffix.lower() for file in files if file.lower() not in _SYSTEM_FILES)
    counts = Counter(os.fsencode(suffix).decode("utf-8", "replace") for suffix in suffixes)
    if not counts:
        return ""
    frequent = sorted(counts.items(), key=lambda count: (-count[1], count[0]))[:_MOST_KINDS]
    kinds = [f"{count:,} {suffix or 'without extension'}" for suffix, count in frequent]
    more = ", ..." if len(counts) > _MOST_KINDS else ""
    total = counts.total()
    what = "1 file of another kind is" if total == 1 else f"{total:,} files of other kinds are"
    return f"{name}: {what} not read ({', '.join(kinds)}{more})."


def _is_folder(entry: os.DirEntry[str] | Path) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself, or a folder above it that may not be entered
        return False


def _sort_key(path: PurePath) -> list[tuple[_Natural, str]]:
    # Without the suffix, so that its dot does not decide: "a.jpg" comes before "a2.jpg".
    return [*map(_natural, path.parent.parts), (_natural(path.stem)[0], path.name)]


def _natural(name: str) -> tuple[_Natural, str]:
    """A sort key with numbers by value; case decides only between names that are otherwise equal."""
    parts = _DIGITS.split(name.casefold())
    # By length, then by digits: a number of thousands of digits, as a zip file may have, is none to Python.
    numbers = [(len(digits), digits) for part in parts[1::2] for digits in [part.lstrip("0")]]
    return [*zip(parts[::2], [*numbers, (0, "")], strict=True)], name


def _relative(path: Path, folder: Path) -> str:
    inside = path.relative_to(folder)
    return display_name(folder) if inside == Path() else os.fsencode(inside).decode("utf-8", "replace")
