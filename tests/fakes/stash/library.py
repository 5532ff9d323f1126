"""What the stand-in holds: images, galleries, scenes, performers and tags, in memory."""

import hashlib
import io
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from PIL import Image as Pillow

Bytes = bytes | Path
"""A file's content, or where it lies."""


@dataclass(eq=False)
class File:
    """content is None where the file is gone from the disk. Inside a zip a GIF is a picture, else a video."""

    id: int
    path: str
    content: Bytes | None
    size: int
    width: int
    height: int
    kind: Literal["ImageFile", "VideoFile"]
    fingerprints: dict[str, str]
    mod_time: datetime
    duration: float = 0.0

    def read(self) -> bytes:
        """Raises FileNotFoundError."""
        if self.content is None:
            raise FileNotFoundError(self.path)
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()

    def part(self, first: int, last: int) -> bytes:
        """Bytes first to last, without reading the others. Raises FileNotFoundError."""
        if isinstance(self.content, Path):
            with self.content.open("rb") as file:
                file.seek(first)
                return file.read(last - first + 1)
        return self.read()[first : last + 1]

    @property
    def basename(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def format(self) -> str:
        return self.path.rpartition(".")[2].lower()


@dataclass(eq=False)
class Tagged:
    """An image, a gallery or a scene."""

    id: int
    title: str | None
    created_at: datetime
    updated_at: datetime
    files: list[File] = field(default_factory=list)
    performers: list[int] = field(default_factory=list)
    tags: list[int] = field(default_factory=list)
    galleries: list[int] = field(default_factory=list)
    organized: bool = False
    studio: int | None = None
    folder: str | None = None
    media: dict[str, bytes] = field(default_factory=dict)
    """Of a scene: what was generated, by the route's last part, like sprite or vtt."""


@dataclass(eq=False)
class Marker:
    """On a scene's time line, in seconds."""

    id: int
    scene: int
    title: str
    seconds: float
    end_seconds: float | None
    primary_tag: int


@dataclass(eq=False)
class Performer:
    """image: None where Stash shows a placeholder."""

    id: int
    name: str
    created_at: datetime
    updated_at: datetime
    stash_ids: list[tuple[str, str]] = field(default_factory=list)
    image: Bytes | None = None
    disambiguation: str | None = None
    gender: str | None = None
    country: str | None = None
    alias_list: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    tags: list[int] = field(default_factory=list)
    custom_fields: dict[str, Any] = field(default_factory=dict)


class Library:
    """All of it. `lock` is held while more than one thing is read or changed."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.images: dict[int, Tagged] = {}
        self.galleries: dict[int, Tagged] = {}
        self.scenes: dict[int, Tagged] = {}
        self.performers: dict[int, Performer] = {}
        self.tags: dict[int, str] = {}
        self.markers: dict[int, Marker] = {}
        self.stash_boxes: list[tuple[str, str, str]] = []
        """(endpoint, name, api key), in the order of Stash's settings."""
        self.box_limits: dict[str, int] = {}
        """Requests a minute, by endpoint; 240 for others."""
        self.plugins: dict[str, dict[str, Any]] = {}
        """Their settings, by id."""
        self.installed: dict[str, tuple[str, bool]] = {}
        """(version, enabled) of the plugins that Stash has loaded, by id."""
        self.status = "OK"
        self._markers = 0
        self._now = datetime(2025, 1, 1, tzinfo=UTC)
        self._files = 0

    def now(self) -> datetime:
        """A clock that goes on by a second each time, so that every change shows in `t=`."""
        with self.lock:
            self._now += timedelta(seconds=1)
            return self._now

    def add_file(
        self,
        content: Bytes | None,
        path: str,
        *,
        size: tuple[int, int] | None = None,
        video: bool = False,
        fingerprints: dict[str, str] | None = None,
        duration: float | None = None,
    ) -> File:
        """size: width and height in pixels, upright; read from a picture if not given. duration: seconds."""
        is_known = isinstance(content, Path) and bool(fingerprints and size)  # and may be larger than memory
        data = b"" if content is None or is_known else _bytes_of(content)
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        width, height = size or _upright_size(data)
        self._files += 1
        return File(
            id=self._files,
            path=path,
            content=content,
            size=content.stat().st_size if isinstance(content, Path) else len(data),
            width=width,
            height=height,
            kind="VideoFile" if video else "ImageFile",
            fingerprints={"oshash" if video else "md5": md5} if fingerprints is None else fingerprints,
            mod_time=self.now(),
            duration=duration if duration is not None else 1.0 if video else 0.0,
        )

    def add_image(
        self,
        content: Bytes | None = None,
        *,
        galleries: Iterable[int] = (),
        path: str | None = None,
        title: str | None = None,
        performers: Sequence[int] = (),
        size: tuple[int, int] | None = None,
        video: bool = False,
        fingerprints: dict[str, str] | None = None,
    ) -> int:
        """An image with one file; more can be put into its `files`."""
        with self.lock:
            image_id = max(self.images, default=0) + 1
            place = path or f"/data/{image_id:06}.{'mp4' if video else 'jpg'}"
            file = self.add_file(content, place, size=size, video=video, fingerprints=fingerprints)
            now = self.now()
            self.images[image_id] = Tagged(
                image_id, title, now, now, [file], list(performers), galleries=list(galleries)
            )
            return image_id

    def add_gallery(
        self, title: str | None = None, *, folder: str | None = None, zip_file: str | None = None
    ) -> int:
        with self.lock:
            gallery_id = max(self.galleries, default=0) + 1
            files = [self.add_file(None, zip_file)] if zip_file else []
            now = self.now()
            self.galleries[gallery_id] = Tagged(gallery_id, title, now, now, files, folder=folder)
            return gallery_id

    def add_scene(
        self,
        title: str | None = None,
        *,
        content: Bytes | None = None,
        path: str | None = None,
        media: dict[str, bytes] | None = None,
        performers: Sequence[int] = (),
        size: tuple[int, int] | None = None,
        duration: float | None = None,
        fingerprints: dict[str, str] | None = None,
    ) -> int:
        """content: the video's; `stream` serves it. media: what was generated, by the route's last part."""
        with self.lock:
            scene_id = max(self.scenes, default=0) + 1
            now = self.now()
            place = path or f"/data/{scene_id}.mp4"
            file = self.add_file(
                content, place, size=size, video=True, fingerprints=fingerprints, duration=duration
            )
            self.scenes[scene_id] = Tagged(
                scene_id, title, now, now, [file], list(performers), media=media or {}
            )
            return scene_id

    def add_performer(self, name: str, **fields: Any) -> int:
        """fields: those of Performer."""
        with self.lock:
            performer_id = max(self.performers, default=0) + 1
            now = self.now()
            self.performers[performer_id] = Performer(performer_id, name, now, now, **fields)
            return performer_id

    def add_tag(self, name: str) -> int:
        with self.lock:
            tag_id = max(self.tags, default=0) + 1
            self.tags[tag_id] = name
            return tag_id

    def add_marker(
        self, scene: int, title: str, seconds: float, end_seconds: float | None, primary_tag: int
    ) -> int:
        with self.lock:
            self._markers += 1  # an id is never given twice
            self.markers[self._markers] = Marker(
                self._markers, scene, title, seconds, end_seconds, primary_tag
            )
            return self._markers

    def delete_image(self, image_id: int) -> None:
        """As if the owner deleted it in Stash."""
        with self.lock:
            del self.images[image_id]

    def lose_file(self, image_id: int) -> None:
        """As if its file were gone from the disk, and Stash did not know it yet."""
        with self.lock:
            for file in self.images[image_id].files:
                file.content = None

    def replace_file(self, image_id: int, content: Bytes) -> None:
        """As if the owner edited the picture and Stash rescanned it."""
        with self.lock:
            image = self.images[image_id]
            image.files[0] = self.add_file(content, image.files[0].path)
            image.updated_at = self.now()

    def replace_video(self, scene_id: int, content: Bytes) -> None:
        """As if the owner replaced a scene's file and Stash rescanned it."""
        with self.lock:
            scene = self.scenes[scene_id]
            former = scene.files[0]
            scene.files[0] = self.add_file(
                content,
                former.path,
                size=(former.width, former.height),
                video=True,
                duration=former.duration,
            )
            scene.updated_at = self.now()


def _bytes_of(content: Bytes) -> bytes:
    return content if isinstance(content, bytes) else content.read_bytes()


def _upright_size(data: bytes) -> tuple[int, int]:
    try:
        with Pillow.open(io.BytesIO(data)) as picture:
            turned = picture.getexif().get(0x0112, 1) >= 5
            return (picture.height, picture.width) if turned else picture.size
    except OSError:
        return 0, 0
