"""What `stash-sense identify` is given: galleries of photos, and videos."""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from stash_sense.errors import BadInput
from stash_sense.media.archive import ZippedPhoto, is_zip
from stash_sense.media.listing import is_video_name, list_images, list_zipped_images
from stash_sense.media.photo import PhotoFile

File = TypeVar("File", bound=PhotoFile)


@dataclass(frozen=True, slots=True)
class IdentifyInputs:
    """galleries: each folder and each zip file as one, single photos together as one. videos: one by one.

    problems: sentences on what was left out.
    """

    galleries: tuple[Sequence[PhotoFile], ...]
    videos: tuple[Path, ...]
    problems: tuple[str, ...]


def identify_inputs(paths: Sequence[Path]) -> IdentifyInputs:
    """The photos and videos at these paths. What is given several times, by whatever path, is taken once.

    Raises BadInput where a path does not exist, or nothing is found.
    """
    galleries: list[Sequence[PhotoFile]] = []
    problems: list[str] = []
    seen: set[object] = set()
    single: list[PhotoFile] = []
    videos: list[Path] = []
    for path in paths:
        if path.is_dir():
            listing = list_images(path, with_videos=True)
            galleries.append(_unseen(listing.images, seen))
            videos += _unseen(listing.videos, seen)
            problems += [*listing.problems, *([listing.others] if listing.others else [])]
        elif is_zip(path):
            try:
                zipped = list_zipped_images(path)
            except BadInput as error:
                problems.append(str(error))
            else:
                galleries.append(_unseen(zipped.images, seen))
                problems += zipped.problems
        elif path.exists():
            (videos if is_video_name(path.name) else single).extend(_unseen([path], seen))
        else:
            raise BadInput(f"{path}: no such photo, video or folder. Check the path.")
    galleries = [gallery for gallery in (*galleries, single) if gallery]
    if not galleries and not videos:
        reasons = "".join(f" {problem}" for problem in problems)
        raise BadInput(
            f"{', '.join(map(str, paths))}: no photos or videos found.{reasons} Accepted are JPEG, PNG, "
            "WebP, GIF, BMP, TIFF, AVIF and HEIC files, also in subfolders and in zip and cbz files, and "
            "MP4, MOV, MKV, WebM, AVI, MPEG, WMV, FLV and Ogg videos."
        )
    return IdentifyInputs(tuple(galleries), tuple(videos), tuple(problems))


def _unseen(files: Iterable[File], seen: set[object]) -> list[File]:
    """The files that are not in `seen`, to which they are added."""
    unseen = []
    for file in files:
        if isinstance(file, ZippedPhoto):
            identity: object = _file_identity(file.archive), file.offset
        else:
            identity = _file_identity(file)
        if identity not in seen:
            seen.add(identity)
            unseen.append(file)
    return unseen


def _file_identity(path: Path) -> object:
    with suppress(OSError):
        status = path.stat()
        if status.st_ino:  # some network drives number nothing
            return status.st_dev, status.st_ino
    return os.path.realpath(path)
