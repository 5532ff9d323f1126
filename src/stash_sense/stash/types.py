"""What the rest of the house knows of Stash's things, in Stash's own words. Ids are texts of digits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from stash_sense.domain.people import StashId

Target = Literal["image", "gallery", "scene"]
"""What performers can be tagged on."""
Source = Literal["original", "thumbnail"]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`type` is md5, oshash or phash; other types may come."""

    type: str
    value: str


@dataclass(frozen=True, slots=True)
class VisualFile:
    """A file on Stash's disk, or within a zip file.

    size: bytes. mod_time: RFC 3339. width, height: pixels, upright (Stash has applied EXIF).
    duration: seconds, of a video; None of a picture. A GIF on disk is a video to Stash, in a zip a picture.
    format: of a video, like mp4 or gif; empty of a picture, of which Stash tells it only since 0.29.
    """

    kind: Literal["picture", "video"]
    id: str
    path: str
    size: int
    mod_time: str
    width: int
    height: int
    fingerprints: tuple[Fingerprint, ...]
    format: str = ""
    duration: float | None = None


@dataclass(frozen=True, slots=True)
class StashBox:
    """A stash-box that the owner configured; its key is never asked for."""

    endpoint: str
    name: str


@dataclass(frozen=True, slots=True)
class PerformerName:
    """A performer where one is only mentioned."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Performer:
    """portrait_url: as Stash gives it, for `StashClient.portrait`; None where Stash has but a placeholder.
    updated_at: RFC 3339; changes with every edit. gender: Stash's word, like FEMALE. country: ISO 3166 code.
    """

    id: str
    name: str
    disambiguation: str
    aliases: tuple[str, ...]
    gender: str | None
    country: str | None
    stash_ids: tuple[StashId, ...]
    portrait_url: str | None
    updated_at: str


@dataclass(frozen=True, slots=True)
class Image:
    """files: the primary one first; none where Stash lost them.
    image_url, thumbnail_url: as Stash gives them, for `StashClient.original` and `thumbnail`.
    updated_at: changes with every tag, so it says nothing of the picture; see `picture_identity`.
    """

    id: str
    title: str
    updated_at: str
    files: tuple[VisualFile, ...]
    image_url: str | None
    thumbnail_url: str | None
    performers: tuple[PerformerName, ...]

    @property
    def primary_file(self) -> VisualFile | None:
        """The file that Stash shows."""
        return self.files[0] if self.files else None

    @property
    def is_video(self) -> bool:
        """Whether Stash shows a clip or a GIF, of which it serves video or GIF bytes."""
        return bool(self.files) and self.files[0].kind == "video"


@dataclass(frozen=True, slots=True)
class Gallery:
    """images: all of them, in the order of the gallery's page (by path), each once."""

    id: str
    title: str
    performers: tuple[PerformerName, ...]
    images: tuple[Image, ...]


@dataclass(frozen=True, slots=True)
class NewPerformer:
    """image: a `data:` URL, or a URL that the Stash server itself can reach."""

    name: str
    disambiguation: str = ""
    gender: str | None = None
    aliases: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    stash_ids: tuple[StashId, ...] = ()
    image: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Found:
    """by_id: the performers with each asked stash id: none, one or many.
    not_asked: ids of endpoints that Stash does not list; Stash cannot safely be asked for them.
    """

    by_id: Mapping[StashId, tuple[Performer, ...]]
    not_asked: tuple[StashId, ...]


@dataclass(frozen=True, slots=True)
class StashStatus:
    """version: like v0.30.1; empty in a build of one's own. status: OK, SETUP or NEEDS_MIGRATION."""

    version: str
    build_hash: str
    status: str
    database_schema: int | None


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin that Stash has loaded. version: empty where its manifest names none."""

    id: str
    version: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class Media:
    """A picture's bytes as Stash served them; not decoded, only declared to be a picture."""

    data: bytes = field(repr=False)
    content_type: str
