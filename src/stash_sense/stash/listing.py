"""Listing the whole library, newest first, in pages that nothing can shift: each begins below the last id."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

from stash_sense.stash.scenes import StashScene
from stash_sense.stash.types import Gallery, Json, StashImage, each_of, id_of

LISTED_TOGETHER = 500
"""Objects of a page; 500 images are about 750 kB."""

Criteria = Mapping[str, Any]
"""An ImageFilterType, GalleryFilterType or SceneFilterType of Stash."""


@dataclass(frozen=True, slots=True)
class LibraryFilter:
    """Which images, galleries and scenes to list; all where nothing is set.

    path: a part of it, whatever the case. tag_ids, studio_ids: any of these. organized: None for both.
    since: created later, RFC 3339.
    """

    path: str = ""
    tag_ids: tuple[str, ...] = ()
    studio_ids: tuple[str, ...] = ()
    organized: bool | None = None
    no_performers: bool = False
    since: str = ""

    def criteria(self) -> dict[str, Any]:
        """As Stash's filter, the same for all three kinds."""
        criteria: dict[str, Any] = {}
        if self.path:
            criteria["path"] = {"value": self.path, "modifier": "INCLUDES"}
        for name, ids in (("tags", self.tag_ids), ("studios", self.studio_ids)):
            if ids:
                criteria[name] = {"value": list(ids), "modifier": "INCLUDES", "depth": 0}
        if self.organized is not None:
            criteria["organized"] = self.organized
        if self.no_performers:
            criteria["performer_count"] = {"value": 0, "modifier": "EQUALS"}
        if self.since:
            criteria["created_at"] = {"value": self.since, "modifier": "GREATER_THAN"}
        return criteria


@dataclass(frozen=True, slots=True)
class ListedImage:
    """An image with what Stash says of it. gallery_ids: the galleries it is in."""

    image: StashImage
    gallery_ids: tuple[str, ...]
    organized: bool

    @property
    def id(self) -> str:
        return self.image.id

    @classmethod
    def from_json(cls, json: Json) -> Self:
        """Read an Image."""
        return cls(StashImage.from_json(json), each_of(json["galleries"], id_of), bool(json["organized"]))


@dataclass(frozen=True, slots=True)
class ListedGallery:
    """A gallery without its images, of which it has `image_count`."""

    gallery: Gallery
    image_count: int
    organized: bool

    @property
    def id(self) -> str:
        return self.gallery.id

    @classmethod
    def from_json(cls, json: Json) -> Self:
        """Read a Gallery."""
        return cls(Gallery.from_json(json, ()), int(json["image_count"]), bool(json["organized"]))


@dataclass(frozen=True, slots=True)
class ListedScene:
    """A scene with what Stash says of it."""

    scene: StashScene
    organized: bool

    @property
    def id(self) -> str:
        return self.scene.id

    @classmethod
    def from_json(cls, json: Json) -> Self:
        """Read a Scene."""
        return cls(StashScene.from_json(json), bool(json["organized"]))


class Listed(Protocol):
    """An object with its id in Stash."""

    @property
    def id(self) -> str: ...


Item = TypeVar("Item", bound=Listed)
ListPage = Callable[[Criteria, int], Awaitable[tuple[Item, ...]]]
"""Criteria and how many; the first of those, by falling id."""


async def newest_first(list_page: ListPage[Item], criteria: Criteria) -> AsyncIterator[tuple[Item, ...]]:
    """Pages of what matches, by falling id, each object once, although the library may change meanwhile.

    What is created meanwhile is not listed, and what is deleted neither; nothing else is missed.
    """
    below: dict[str, Any] = {}
    while True:
        page = await list_page({**criteria, **below}, LISTED_TOGETHER)
        if page:
            yield page
        if len(page) < LISTED_TOGETHER:
            return
        below = {"id": {"value": int(page[-1].id), "modifier": "LESS_THAN"}}
