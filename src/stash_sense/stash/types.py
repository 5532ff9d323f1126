"""Stash's objects as frozen values, and reading them from its JSON. Ids are strings of digits.

`from_json` raises KeyError, TypeError, ValueError or AttributeError for JSON that is not as the schema says;
it never guesses. `StashClient` turns these into StashAnsweredWrongly.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self, TypeVar

from stash_sense.domain.identity import StashId
from stash_sense.stash.address import without_key

T = TypeVar("T")
Json = Mapping[str, Any]

Target = Literal["image", "gallery", "scene"]
"""What performers can be tagged on."""
Source = Literal["original", "thumbnail"]

_FILE_KINDS: dict[str, Literal["picture", "video"]] = {"ImageFile": "picture", "VideoFile": "video"}
_PLACEHOLDER = "default=true"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """type: md5, oshash, phash, or one that a later Stash adds."""

    type: str
    value: str


@dataclass(frozen=True, slots=True)
class VisualFile:
    """A file on Stash's disk or in a zip file.

    size: bytes. mod_time: RFC 3339. width, height: pixels, upright (Stash has applied EXIF).
    duration: of a video, seconds; else None. A GIF on disk is a video to Stash, in a zip file a picture.
    format: of a video, like mp4 or gif; else "" (Stash names it only since 0.29).
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

    @property
    def is_gif(self) -> bool:
        """Whether it is a GIF, of one frame (a video of 0 s to Stash) or many."""
        return self.format == "gif" or self.path.lower().endswith(".gif")

    @classmethod
    def from_json(cls, json: Json) -> Self:
        """Read an ImageFile or a VideoFile."""
        duration = json.get("duration")
        return cls(
            kind=_FILE_KINDS[json["__typename"]],
            id=id_of(json),
            path=text_of(json["path"]),
            size=int(json["size"]),
            mod_time=text_of(json["mod_time"]),
            width=int(json["width"]),
            height=int(json["height"]),
            format=text_of(json.get("format")),
            fingerprints=each_of(json["fingerprints"], lambda each: Fingerprint(each["type"], each["value"])),
            duration=None if duration is None else float(duration),
        )


@dataclass(frozen=True, slots=True)
class StashBox:
    """A stash-box configured in Stash. Its key is never requested."""

    endpoint: str
    name: str

    @classmethod
    def from_json(cls, json: Json) -> Self:
        """Read a StashBox."""
        return cls(text_of(json["endpoint"]), text_of(json["name"]))


@dataclass(frozen=True, slots=True)
class StashBoxAccess:
    """How Stash reaches a stash-box. per_minute: requests that are set in Stash; None where none are, and in
    Stash before 0.29.
    """

    endpoint: str
    name: str
    api_key: str = field(repr=False)
    per_minute: int | None

    @classmethod
    def from_json(cls, json: Json) -> Self:
        """Read a StashBox with its key."""
        per_minute = int(json.get("max_requests_per_minute") or 0)
        return cls(
            endpoint=text_of(json["endpoint"]),
            name=text_of(json["name"]),
            api_key=text_of(json["api_key"]),
            per_minute=per_minute if per_minute > 0 else None,
        )


@dataclass(frozen=True, slots=True)
class PerformerName:
    """A performer as part of an image or gallery."""

    id: str
    name: str

    @classmethod
    def from_json(cls, json: Json) -> Self:
        """Read a Performer's id and name."""
        return cls(id_of(json), text_of(json["name"]))


@dataclass(frozen=True, slots=True)
class Performer:
    """portrait_url: as Stash gives it, for `StashClient.portrait`; None if Stash has only its placeholder.
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

    @classmethod
    def from_json(cls, json: Json) -> Self:
        """Read a Performer."""
        portrait = url_of(json["image_path"])
        return cls(
            id=id_of(json),
            name=text_of(json["name"]),
            disambiguation=text_of(json["disambiguation"]),
            aliases=each_of(json["alias_list"], text_of),
            gender=json["gender"] or None,
            country=json["country"] or None,
            stash_ids=each_of(json["stash_ids"], lambda each: StashId(each["endpoint"], each["stash_id"])),
            portrait_url=None if portrait and _PLACEHOLDER in portrait else portrait,
            updated_at=text_of(json["updated_at"]),
        )


@dataclass(frozen=True, slots=True)
class StashImage:
    """files: the primary one first; empty if Stash lost them.
    image_url, thumbnail_url: as Stash gives them, for `StashClient.original` and `thumbnail`.
    updated_at: changes with every tag, so it does not tell whether the picture is the same; see
    `domain.identity.picture_stamp`.
    """

    id: str
    title: str
    updated_at: str
    files: tuple[VisualFile, ...]
    image_url: str | None
    thumbnail_url: str | None
    performers: tuple[PerformerName, ...]

    @classmethod
    def from_json(cls, json: Json) -> Self:
        """Read an Image."""
        return cls(
            id=id_of(json),
            title=text_of(json["title"]),
            updated_at=text_of(json["updated_at"]),
            files=each_of(json["visual_files"], VisualFile.from_json),
            image_url=url_of(json["paths"]["image"]),
            thumbnail_url=url_of(json["paths"]["thumbnail"]),
            performers=each_of(json["performers"], PerformerName.from_json),
        )

    @property
    def primary_file(self) -> VisualFile | None:
        """The file that Stash shows."""
        return self.files[0] if self.files else None

    @property
    def is_video(self) -> bool:
        """Whether Stash shows a clip and serves video bytes. A GIF is a picture, whatever Stash calls it."""
        return bool(self.files) and self.files[0].kind == "video" and not self.files[0].is_gif


@dataclass(frozen=True, slots=True)
class Gallery:
    """title: the name of the folder or zip file if Stash has none, as on the gallery's page.
    images: all, in the order of the gallery's page (by path), each once.
    """

    id: str
    title: str
    performers: tuple[PerformerName, ...]
    images: tuple[StashImage, ...]

    @classmethod
    def from_json(cls, json: Json, images: tuple[StashImage, ...]) -> Self:
        """Read a Gallery, whose images come from another query."""
        paths = [each["path"] for each in (*json["files"], json["folder"]) if each]
        name = paths[0].replace("\\", "/").rstrip("/").rpartition("/")[2] if paths else ""
        return cls(
            id=id_of(json),
            title=text_of(json["title"]) or name,
            performers=each_of(json["performers"], PerformerName.from_json),
            images=images,
        )


@dataclass(frozen=True, slots=True)
class StashStatus:
    """version: like v0.30.1; "" for a custom build. status: OK, SETUP or NEEDS_MIGRATION."""

    version: str
    build_hash: str
    status: str
    database_schema: int | None

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read the answer to FindStatus."""
        version, system = data["version"], data["systemStatus"]
        schema = system["databaseSchema"]
        return cls(
            version=text_of(version["version"]),
            build_hash=text_of(version["hash"]),
            status=text_of(system["status"]),
            database_schema=None if schema is None else int(schema),
        )


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin that Stash has loaded. version: "" if its manifest names none."""

    id: str
    version: str
    enabled: bool

    @classmethod
    def from_json(cls, json: Json) -> Self:
        """Read a Plugin."""
        return cls(id_of(json), text_of(json["version"]), bool(json["enabled"]))


@dataclass(frozen=True, slots=True)
class Media:
    """The bytes of an image as Stash served them: declared to be an image, not decoded."""

    data: bytes = field(repr=False)
    content_type: str


def each_of(items: Any, read: Callable[[Any], T]) -> tuple[T, ...]:
    """What `read` makes of each item of a JSON list."""
    return tuple(read(item) for item in items)


def id_of(json: Json) -> str:
    """An object's id."""
    return str(json["id"])


def text_of(value: Any) -> str:
    """A text, empty for null. Raises TypeError."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} instead of a string")
    return value


def url_of(value: Any) -> str | None:
    """A URL without an API key. Stash gives null or an empty string if there is none."""
    return without_key(text_of(value)) or None
