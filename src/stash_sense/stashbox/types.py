"""A stash-box's objects as frozen values, and reading them from its JSON.

`from_json` raises KeyError, TypeError, ValueError or AttributeError for JSON that is not as the schema says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from stash_sense.stashbox.address import is_box_id

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BoxImage:
    """A picture; what an id shows never changes. url: as the box gives it, "" where only the id is known."""

    id: str
    url: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class BoxPerformer:
    """A person on a stash-box. updated: RFC 3339; changes with every edit. country: ISO 3166 code.

    images: each once, in the box's order: portraits first.
    deleted: also where it was merged into another, `merged_into`. merged: ids that went into this one.
    """

    id: str
    name: str
    disambiguation: str
    country: str | None
    images: tuple[BoxImage, ...]
    updated: str
    deleted: bool = False
    merged_into: str | None = None
    merged: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, json: Json) -> Self:
        """Read a Performer."""
        into = json["merged_into_id"]
        images = [
            BoxImage(_id_of(each["id"]), _text_of(each["url"]))
            for each in json["images"]
            if int(each["width"]) >= 0  # -1: a drawing
        ]
        return cls(
            id=_id_of(json["id"]),
            name=_text_of(json["name"]),
            disambiguation=_text_of(json["disambiguation"] or ""),
            country=_text_of(json["country"] or "") or None,
            images=tuple(dict.fromkeys(images)),
            updated=_time_of(json["updated"]),
            deleted=_bool_of(json["deleted"]),
            merged_into=None if into is None else _id_of(into),
            merged=tuple(map(_id_of, json["merged_ids"])),
        )


@dataclass(frozen=True, slots=True)
class PerformerPage:
    """A page of those who are not deleted, and how many these are in all."""

    count: int
    performers: tuple[BoxPerformer, ...]

    @classmethod
    def from_json(cls, json: Json) -> Self:
        """Read a QueryPerformersResultType."""
        return cls(int(json["count"]), tuple(map(BoxPerformer.from_json, json["performers"])))


def _id_of(value: Any) -> str:
    text = _text_of(value)
    if not is_box_id(text):
        raise ValueError(f"{text[:40]!r} is not an id")
    return text


def _text_of(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} instead of a string")
    return value


def _time_of(value: Any) -> str:
    text = _text_of(value)
    datetime.fromisoformat(text)
    return text


def _bool_of(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{type(value).__name__} instead of true or false")
    return value
