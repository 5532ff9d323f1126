"""A scene of Stash, and the cells of its sprite: one small picture for each of some moments."""

import re
from dataclasses import dataclass
from typing import Self

from stash_sense.domain.identity import StashId
from stash_sense.stash.types import Json, VisualFile, each_of, id_of, text_of, url_of

MOST_CELLS = 1000
"""Cells read of a sprite; Stash generates 81 unless told otherwise."""

_CELL = re.compile(
    r"^(?:([0-9]{1,4}):)?([0-9]{1,2}):([0-9]{1,2}\.[0-9]{1,6}) --> .*\n"
    r"[^\n]*#xywh=([0-9]{1,6}),([0-9]{1,6}),([0-9]{1,6}),([0-9]{1,6})\s*$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class TaggedPerformer:
    """A performer who is tagged on a scene. id: in Stash."""

    id: str
    stash_ids: tuple[StashId, ...]

    @classmethod
    def from_json(cls, json: Json) -> Self:
        """Read a Performer's ids."""
        ids = each_of(json["stash_ids"], lambda each: StashId(each["endpoint"], each["stash_id"]))
        return cls(id_of(json), ids)


@dataclass(frozen=True, slots=True)
class StashScene:
    """files: the primary one first; empty if Stash lost them. performers: tagged on the scene.

    sprite_url, vtt_url: as Stash gives them, whether or not it has generated any, for `StashClient.sprite`.
    """

    id: str
    title: str
    files: tuple[VisualFile, ...]
    performers: tuple[TaggedPerformer, ...]
    sprite_url: str | None
    vtt_url: str | None

    @classmethod
    def from_json(cls, json: Json) -> Self:
        """Read a Scene."""
        return cls(
            id=id_of(json),
            title=text_of(json["title"]),
            files=each_of(json["files"], VisualFile.from_json),
            performers=each_of(json["performers"], TaggedPerformer.from_json),
            sprite_url=url_of(json["paths"]["sprite"]),
            vtt_url=url_of(json["paths"]["vtt"]),
        )


@dataclass(frozen=True, slots=True)
class SpriteCell:
    """A picture in a sprite. time_s: from the scene's start. x, y, width, height: pixels of the sheet."""

    time_s: float
    x: int
    y: int
    width: int
    height: int


def sprite_cells(text: str) -> tuple[SpriteCell, ...]:
    """The cells that a WebVTT text of Stash names, in the order of time; other lines say nothing."""
    cells: dict[float, SpriteCell] = {}
    for hours, minutes, seconds, *box in _CELL.findall(text.replace("\r\n", "\n")):
        time_s = 3600 * int(hours or 0) + 60 * int(minutes) + float(seconds)
        x, y, width, height = map(int, box)
        if width and height and len(cells) < MOST_CELLS:
            cells.setdefault(time_s, SpriteCell(time_s, x, y, width, height))
    return tuple(cells[time_s] for time_s in sorted(cells))
