"""Stash, as the rest of the house asks it."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from copy import copy
from types import TracebackType
from typing import Any, Self

from stash_sense.domain.people import StashId
from stash_sense.errors import NotInStash
from stash_sense.stash import media, parse, performers
from stash_sense.stash.address import StashAddress
from stash_sense.stash.graphql import execute
from stash_sense.stash.paging import PAGE, read_all
from stash_sense.stash.transport import DEFAULT_LIMITS, Limits, Transport
from stash_sense.stash.types import (
    Found,
    Gallery,
    Image,
    Media,
    NewPerformer,
    Performer,
    PerformerName,
    Plugin,
    StashBox,
    StashStatus,
    Target,
)

ImageFilter = Mapping[str, Any]
"""Stash's ImageFilterType."""

_LONGEST_ID = 18  # digits; more would not fit Stash's integers


class StashClient:
    """One Stash, one connection pool; close it with `aclose` or `async with`.

    Every method is bounded in time and bytes by `limits` and raises a StashError that says what to do.
    Queries and pictures are asked for again where that may help; writes are not, unless they certainly did
    not reach Stash.
    """

    def __init__(self, url: str, api_key: str = "", limits: Limits = DEFAULT_LIMITS) -> None:
        """url: STASH_URL. api_key: empty where Stash has no login. Raises BadAddress, KeyRefused."""
        self._transport = Transport(StashAddress.parse(url), api_key, limits)
        self._limits = limits

    def with_limits(self, limits: Limits) -> "StashClient":
        """The same Stash over the same connections, for work that can wait longer; closed with this one."""
        other = copy(self)
        other._limits = limits  # noqa: SLF001 - of our own class
        return other

    @property
    def limits(self) -> Limits:
        """How long Stash may take, and how often it is asked again."""
        return self._limits

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def status(self) -> StashStatus:
        """Stash's version and whether it is ready."""
        data = await self._ask("find_status")
        with parse.reading("FindStatus"):
            return parse.status(data)

    async def get_image_by_id(self, image_id: str) -> Image:
        """Raises NotInStash."""
        data = await self._ask("find_image", {"id": _number("image", image_id)})
        with parse.reading("FindImage"):
            if data["findImage"] is None:
                raise _absent("image", image_id)
            return parse.image(data["findImage"])

    async def get_gallery_by_id(self, gallery_id: str) -> Gallery:
        """The gallery with all its images in the order of its page. Raises NotInStash."""
        data = await self._ask("find_gallery", {"id": _number("gallery", gallery_id)})
        with parse.reading("FindGallery"):
            if data["findGallery"] is None:
                raise _absent("gallery", gallery_id)
        inside = {"galleries": {"value": [gallery_id], "modifier": "INCLUDES"}}
        images = await read_all(lambda page: self._images_page(inside, page), sort="path")
        with parse.reading("FindGallery"):
            return parse.gallery(data["findGallery"], images)

    async def images(self, image_filter: ImageFilter | None = None) -> AsyncIterator[Image]:
        """All images of a filter, each once, by id; none is missed because others come or go meanwhile."""
        above = 0
        while True:
            part: dict[str, Any] = {"id": {"value": above, "modifier": "GREATER_THAN"}}
            if image_filter:
                part["AND"] = image_filter
            _, batch = await self._images_page(part, {"per_page": PAGE, "sort": "id", "direction": "ASC"})
            for image in batch:
                yield image
            if len(batch) < PAGE:
                return
            above = int(batch[-1].id)

    async def first_images(self, image_filter: ImageFilter, most: int) -> tuple[Image, ...]:
        """The first images of a filter, by id: at most so many."""
        _, images = await self._images_page(
            image_filter, {"page": 1, "per_page": most, "sort": "id", "direction": "ASC"}
        )
        return images

    async def count_images(self, image_filter: ImageFilter | None = None) -> int:
        """How many images a filter has."""
        data = await self._ask("count_images", {"image_filter": image_filter})
        with parse.reading("CountImages"):
            return int(data["findImages"]["count"])

    async def performers(self) -> tuple[Performer, ...]:
        """All performers, by id."""
        return await read_all(self._performers_page, sort="id")

    async def stash_boxes(self) -> tuple[StashBox, ...]:
        """The configured stash-boxes, in Stash's own order."""
        data = await self._ask("find_stash_boxes")
        with parse.reading("FindStashBoxes"):
            return parse.stash_boxes(data)

    async def plugins(self) -> tuple[Plugin, ...]:
        """The plugins that Stash has loaded."""
        data = await self._ask("find_plugins")
        with parse.reading("FindPlugins"):
            return parse.plugins(data)

    async def find_performers_by_stash_ids(self, wanted: Iterable[StashId]) -> Found:
        """The local performers with each of these ids; only endpoints that Stash lists are asked for."""
        boxes = await self.stash_boxes()
        return await performers.find_by_stash_ids(self._ask, [box.endpoint for box in boxes], wanted)

    async def add_performers(
        self, target: Target, ids: Sequence[str], performer_ids: Sequence[str]
    ) -> tuple[str, ...]:
        """Tag performers on all of these, beside those they have; all or none, and harmless when repeated."""
        return await self._bulk(target, ids, performer_ids, "ADD")

    async def remove_performers(
        self, target: Target, ids: Sequence[str], performer_ids: Sequence[str]
    ) -> tuple[str, ...]:
        """Take performers off all of these, and leave the others; all or none."""
        return await self._bulk(target, ids, performer_ids, "REMOVE")

    async def create_performer(self, new: NewPerformer) -> PerformerName:
        """Raises RefusedByStash where the name with this disambiguation is taken."""
        data = await self._ask("create_performer", {"input": performers.create_input(new)})
        with parse.reading("CreatePerformer"):
            return parse.performer_name(data["performerCreate"])

    async def original(self, image: Image) -> Media:
        """The file as it is on the disk. Raises the MediaErrors and NotInStash."""
        return await self._fetch(f"Image {image.id}", image.image_url)

    async def thumbnail(self, image: Image) -> Media:
        """A JPEG of at most 640 px; Stash sends the original where it could make none."""
        return await self._fetch(f"Thumbnail of image {image.id}", image.thumbnail_url)

    async def portrait(self, performer: Performer) -> Media:
        """The performer's picture. Raises NoPicture where there is only Stash's placeholder."""
        return await self._fetch(f"Portrait of performer {performer.id}", performer.portrait_url)

    async def _ask(self, document: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return await execute(self._transport, self._limits, document, variables or {})

    async def _fetch(self, what: str, url: str | None) -> Media:
        return await media.fetch(self._transport, self._limits, what, url)

    async def _images_page(
        self, image_filter: ImageFilter, page: Mapping[str, Any]
    ) -> tuple[int, tuple[Image, ...]]:
        data = await self._ask("find_images", {"image_filter": image_filter, "filter": page})
        with parse.reading("FindImages"):
            found = data["findImages"]
            return int(found["count"]), tuple(parse.image(json) for json in found["images"])

    async def _performers_page(self, page: Mapping[str, Any]) -> tuple[int, tuple[Performer, ...]]:
        data = await self._ask("find_performers", {"filter": page})
        with parse.reading("FindPerformers"):
            found = data["findPerformers"]
            return int(found["count"]), tuple(parse.performer(json) for json in found["performers"])

    async def _bulk(
        self, target: Target, ids: Sequence[str], performer_ids: Sequence[str], mode: str
    ) -> tuple[str, ...]:
        if not ids or not performer_ids:
            return ()
        changed = {
            "ids": [_number(target, each) for each in ids],
            "performer_ids": {"ids": [_number("performer", each) for each in performer_ids], "mode": mode},
        }
        data = await self._ask(f"bulk_update_{target}", {"input": changed})
        operation = f"bulk{target.capitalize()}Update"
        with parse.reading(operation):
            return parse.ids(data[operation])


def _number(kind: str, text: str) -> str:
    """Stash would answer another text with the words of its parser."""
    if text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID:
        return text
    raise NotInStash(
        f"{kind} {text[:40]!r}: there is none; an id in Stash is a number, as in the page's address."
    )


def _absent(kind: str, stash_id: str) -> NotInStash:
    return NotInStash(f"{kind} {stash_id}: there is none in Stash, or no longer.")
