"""Stash's JSON into our types. A field of another kind than the schema says is an error, never a guess."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

from stash_sense.domain.people import StashId
from stash_sense.errors import StashAnsweredWrongly
from stash_sense.stash.address import without_key
from stash_sense.stash.types import (
    Fingerprint,
    Gallery,
    Image,
    Performer,
    PerformerName,
    Plugin,
    StashBox,
    StashStatus,
    VisualFile,
)

T = TypeVar("T")


Json = Mapping[str, Any]


_KINDS: dict[str, Literal["picture", "video"]] = {"ImageFile": "picture", "VideoFile": "video"}


_PLACEHOLDER = "default=true"


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turns a missing or strange field into StashAnsweredWrongly."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StashAnsweredWrongly(
            f"Stash's answer to {what} is not understood ({type(error).__name__}: {error}). "
            "Stash Sense supports Stash 0.26 and newer."
        ) from error


def image(json: Json) -> Image:
    return Image(
        id=_id(json),
        title=_text(json["title"]),
        updated_at=_text(json["updated_at"]),
        files=_each(json["visual_files"], _file),
        image_url=_url(json["paths"]["image"]),
        thumbnail_url=_url(json["paths"]["thumbnail"]),
        performers=_each(json["performers"], performer_name),
    )


def gallery(json: Json, images: tuple[Image, ...]) -> Gallery:
    """A gallery without a title is called by its folder's or its zip file's name, as on its page."""
    paths = [each["path"] for each in (*json["files"], json["folder"]) if each]
    name = paths[0].replace("\\", "/").rstrip("/").rpartition("/")[2] if paths else ""
    return Gallery(
        id=_id(json),
        title=_text(json["title"]) or name,
        performers=_each(json["performers"], performer_name),
        images=images,
    )


def performer(json: Json) -> Performer:
    portrait = _url(json["image_path"])
    return Performer(
        id=_id(json),
        name=_text(json["name"]),
        disambiguation=_text(json["disambiguation"]),
        aliases=_each(json["alias_list"], _text),
        gender=json["gender"] or None,
        country=json["country"] or None,
        stash_ids=_each(json["stash_ids"], lambda each: StashId(each["endpoint"], each["stash_id"])),
        portrait_url=None if portrait and _PLACEHOLDER in portrait else portrait,
        updated_at=_text(json["updated_at"]),
    )


def performer_name(json: Json) -> PerformerName:
    return PerformerName(_id(json), _text(json["name"]))


def stash_boxes(data: Json) -> tuple[StashBox, ...]:
    listed = data["configuration"]["general"]["stashBoxes"]
    return _each(listed, lambda each: StashBox(_text(each["endpoint"]), _text(each["name"])))


def status(data: Json) -> StashStatus:
    version, system = data["version"], data["systemStatus"]
    schema = system["databaseSchema"]
    return StashStatus(
        version=_text(version["version"]),
        build_hash=_text(version["hash"]),
        status=_text(system["status"]),
        database_schema=None if schema is None else int(schema),
    )


def plugins(data: Json) -> tuple[Plugin, ...]:
    return _each(
        data["plugins"] or (), lambda each: Plugin(_id(each), _text(each["version"]), bool(each["enabled"]))
    )


def ids(listed: Any) -> tuple[str, ...]:
    """The ids of the things that a bulk update returns."""
    return _each(listed or (), _id)


def _file(json: Json) -> VisualFile:
    duration = json.get("duration")
    return VisualFile(
        kind=_KINDS[json["__typename"]],
        id=_id(json),
        path=_text(json["path"]),
        size=int(json["size"]),
        mod_time=_text(json["mod_time"]),
        width=int(json["width"]),
        height=int(json["height"]),
        format=_text(json.get("format")),
        fingerprints=_each(json["fingerprints"], lambda each: Fingerprint(each["type"], each["value"])),
        duration=None if duration is None else float(duration),
    )


def _each(items: Any, read: Callable[[Any], T]) -> tuple[T, ...]:
    return tuple(read(item) for item in items)


def _id(json: Json) -> str:
    return str(json["id"])


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} where a text should be")
    return value


def _url(value: Any) -> str | None:
    """Null and the empty text both say that there is none."""
    return without_key(_text(value)) or None
