"""StashClient: everything that is read from Stash and written to it."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from stash_sense.errors import NotInStash, StashAnsweredWrongly, StashRefused
from stash_sense.graphql.execution import execute, load_document
from stash_sense.stash.address import StashAddress
from stash_sense.stash.downloads import VideoPart, fetch_cell_list, fetch_media, fetch_video_part
from stash_sense.stash.listing import Criteria, ListedGallery, ListedImage, ListedScene
from stash_sense.stash.pages import read_all_pages
from stash_sense.stash.scenes import SpriteCell, StashScene, sprite_cells
from stash_sense.stash.targets import StashTarget, is_stash_number, read_targets, targets_document
from stash_sense.stash.transport import DEFAULT_STASH_LIMITS, StashLimits, StashTransport
from stash_sense.stash.types import (
    Gallery,
    Json,
    Media,
    Performer,
    Plugin,
    StashBox,
    StashBoxAccess,
    StashImage,
    StashStatus,
    Target,
    each_of,
    id_of,
)

T = TypeVar("T")

ImageFilter = Mapping[str, Any]
"""Stash's ImageFilterType."""


class StashClient:
    """One Stash over one connection pool. Close it with `aclose` or `async with`.

    Every method is bounded in time and bytes by `limits` and raises a StashError that says what to do.
    Queries and downloads are retried where that may help; mutations only if they certainly did not reach
    Stash.
    """

    def __init__(self, url: str, api_key: str = "", limits: StashLimits = DEFAULT_STASH_LIMITS) -> None:
        """url: STASH_URL. api_key: "" if Stash has no login. Raises BadStashUrl, StashKeyRefused."""
        self._transport = StashTransport(StashAddress.parse(url), api_key, limits)
        self._limits = limits

    def with_limits(self, limits: StashLimits) -> "StashClient":
        """The same Stash over the same connections with other limits; closed together with this client."""
        other = copy(self)
        other._limits = limits  # noqa: SLF001 - of our own class
        return other

    @property
    def limits(self) -> StashLimits:
        """Limits of every request."""
        return self._limits

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def status(self) -> StashStatus:
        """Stash's version, and whether it is ready."""
        return await self._execute("find_status", StashStatus.from_json)

    async def get_image_by_id(self, image_id: str) -> StashImage:
        """Raises NotInStash."""
        json = await self._find("image", image_id)
        return self._parse("FindImage", StashImage.from_json, json)

    async def get_gallery_by_id(self, gallery_id: str) -> Gallery:
        """The gallery with all its images in the order of its page. Raises NotInStash."""
        json = await self._find("gallery", gallery_id)
        in_gallery = {"galleries": {"value": [gallery_id], "modifier": "INCLUDES"}}
        images = await read_all_pages(partial(self._images_page, in_gallery), sort="path")
        return self._parse("FindGallery", partial(Gallery.from_json, images=images), json)

    async def get_scene(self, scene_id: str) -> StashScene:
        """Raises NotInStash."""
        json = await self._find("scene", scene_id)
        return self._parse("FindScene", StashScene.from_json, json)

    async def first_images(self, image_filter: ImageFilter, limit: int) -> tuple[StashImage, ...]:
        """The first images that match the filter, by id; at most `limit`."""
        _, images = await self._images_page(
            image_filter, {"page": 1, "per_page": limit, "sort": "id", "direction": "ASC"}
        )
        return images

    async def first_scenes(self, scene_filter: Json, limit: int) -> tuple[StashScene, ...]:
        """The first scenes that match the filter, by id; at most `limit`."""

        def read(data: Json) -> tuple[StashScene, ...]:
            return tuple(map(StashScene.from_json, data["findScenes"]["scenes"]))

        page = {"page": 1, "per_page": limit, "sort": "id", "direction": "ASC"}
        return await self._execute("find_scenes", read, {"scene_filter": scene_filter, "filter": page})

    async def list_images(self, criteria: Criteria, limit: int) -> tuple[ListedImage, ...]:
        """The first images that match, by falling id; at most `limit`."""
        return (await self._listed("image", "images", ListedImage.from_json, criteria, limit))[1]

    async def list_galleries(self, criteria: Criteria, limit: int) -> tuple[ListedGallery, ...]:
        """The first galleries that match, by falling id; at most `limit`."""
        return (await self._listed("gallery", "galleries", ListedGallery.from_json, criteria, limit))[1]

    async def list_scenes(self, criteria: Criteria, limit: int) -> tuple[ListedScene, ...]:
        """The first scenes that match, by falling id; at most `limit`."""
        return (await self._listed("scene", "scenes", ListedScene.from_json, criteria, limit))[1]

    async def count(self, target: Target, criteria: Criteria) -> int:
        """How many images, galleries or scenes match."""
        plural = "galleries" if target == "gallery" else f"{target}s"
        return (await self._listed(target, plural, id_of, criteria, 0))[0]

    async def performers(self) -> tuple[Performer, ...]:
        """All performers, by id."""
        return await read_all_pages(self._performers_page, sort="id")

    async def last_edited_performers(self, page: int, per_page: int) -> tuple[int, tuple[Performer, ...]]:
        """How many performers there are, and a page of them, the last edited first. page: from 1."""
        order = {"sort": "updated_at", "direction": "DESC"}
        return await self._performers_page({"page": page, "per_page": per_page, **order})

    async def stash_boxes(self) -> tuple[StashBox, ...]:
        """The configured stash-boxes, in Stash's own order."""
        return await self._execute(
            "find_stash_boxes",
            lambda data: tuple(map(StashBox.from_json, data["configuration"]["general"]["stashBoxes"])),
        )

    async def stash_box_access(self) -> tuple[StashBoxAccess, ...]:
        """The configured stash-boxes with their keys, which go to these boxes only, in Stash's own order."""

        def read(data: Json) -> tuple[StashBoxAccess, ...]:
            return tuple(map(StashBoxAccess.from_json, data["configuration"]["general"]["stashBoxes"]))

        try:
            return await self._execute("find_stash_box_limits", read)
        except StashRefused as error:
            if not any("max_requests_per_minute" in message for message in error.messages):
                raise
            return await self._execute("find_stash_box_keys", read)  # Stash before 0.29

    async def plugins(self) -> tuple[Plugin, ...]:
        """The plugins that Stash has loaded."""
        return await self._execute(
            "find_plugins", lambda data: tuple(map(Plugin.from_json, data["plugins"] or ()))
        )

    async def find_targets(
        self, targets: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], StashTarget | None]:
        """Images, galleries, scenes and performers in one request; None for each that is not in Stash."""
        known = [target for target in dict.fromkeys(targets) if is_stash_number(target[1])]
        found: dict[tuple[str, str], StashTarget | None] = dict.fromkeys(targets)
        if known:
            document = targets_document(known)
            data = await execute(self._transport, self._transport.address.graphql, self._limits, document, {})
            found |= self._parse(document.operation, partial(read_targets, known), data)
        return found

    async def add_performers(
        self, target: Target, ids: Sequence[str], performer_ids: Sequence[str]
    ) -> tuple[str, ...]:
        """Tag performers on all of these and keep those they have: all or none; harmless if repeated."""
        return await self._bulk_update(target, ids, performer_ids, "ADD")

    async def remove_performers(
        self, target: Target, ids: Sequence[str], performer_ids: Sequence[str]
    ) -> tuple[str, ...]:
        """Untag performers on all of these and keep the others: all or none."""
        return await self._bulk_update(target, ids, performer_ids, "REMOVE")

    async def original(self, image: StashImage) -> Media:
        """The file as it is on Stash's disk. Raises MediaError and NotInStash."""
        return await fetch_media(self._transport, self._limits, f"Image {image.id}", image.image_url)

    async def thumbnail(self, image: StashImage) -> Media:
        """A JPEG of at most 640 px; Stash sends the original if it could not make one."""
        return await fetch_media(
            self._transport, self._limits, f"Thumbnail of image {image.id}", image.thumbnail_url
        )

    async def portrait(self, performer: Performer) -> Media:
        """The performer's image. Raises NoPicture if Stash has only its placeholder."""
        return await fetch_media(
            self._transport, self._limits, f"Portrait of performer {performer.id}", performer.portrait_url
        )

    async def video_part(self, scene_id: str, start: int, count: int) -> VideoPart:
        """At most `count` bytes of a scene's file from `start` on. Raises NoVideo, VideoChanged."""
        return await fetch_video_part(
            self._transport, self._limits, _checked_id("scene", scene_id), start, count
        )

    async def sprite(self, scene: StashScene) -> tuple[Media, tuple[SpriteCell, ...]]:
        """The sheet of small pictures that Stash has generated, and its cells by time.

        Raises NoVideo where there is none, and MediaError.
        """
        name = f"Sprite of scene {scene.id}"
        cells = sprite_cells(await fetch_cell_list(self._transport, self._limits, name, scene.vtt_url))
        return await fetch_media(self._transport, self._limits, name, scene.sprite_url), cells

    async def _execute(
        self, document_name: str, read: Callable[[Json], T], variables: Mapping[str, Any] | None = None
    ) -> T:
        document = load_document(__package__, document_name)
        url = self._transport.address.graphql
        data = await execute(self._transport, url, self._limits, document, variables or {})
        return self._parse(document.operation, read, data)

    @staticmethod
    def _parse(operation: str, read: Callable[[Json], T], json: Json) -> T:
        try:
            return read(json)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StashAnsweredWrongly(
                f"Stash's answer to {operation} is not understood ({type(error).__name__}: {error}). "
                "Stash Sense supports Stash 0.26 and newer."
            ) from error

    async def _find(self, kind: str, stash_id: str) -> Json:
        """Execute `find_<kind>`. Raises NotInStash."""
        variables = {"id": _checked_id(kind, stash_id)}
        field = f"find{kind.capitalize()}"
        json: Json | None = await self._execute(f"find_{kind}", lambda data: data[field], variables)
        if json is None:
            raise NotInStash(f"{kind} {stash_id}: not in Stash, or deleted meanwhile.")
        return json

    async def _images_page(
        self, image_filter: ImageFilter, page: Mapping[str, Any]
    ) -> tuple[int, tuple[StashImage, ...]]:
        def read(data: Json) -> tuple[int, tuple[StashImage, ...]]:
            images = data["findImages"]
            return int(images["count"]), tuple(map(StashImage.from_json, images["images"]))

        return await self._execute("find_images", read, {"image_filter": image_filter, "filter": page})

    async def _listed(
        self, target: Target, plural: str, read: Callable[[Json], T], criteria: Criteria, limit: int
    ) -> tuple[int, tuple[T, ...]]:
        """How many match, 0 unless none is asked for, and the first by falling id."""
        field = f"find{plural.capitalize()}"
        page = {"page": 1, "per_page": limit, "sort": "id", "direction": "DESC"}
        return await self._execute(
            f"list_{plural}",
            lambda data: (int(data[field].get("count", 0)), each_of(data[field][plural], read)),
            {f"{target}_filter": criteria, "filter": page, "counted": not limit},
        )

    async def _performers_page(self, page: Mapping[str, Any]) -> tuple[int, tuple[Performer, ...]]:
        def read(data: Json) -> tuple[int, tuple[Performer, ...]]:
            performers = data["findPerformers"]
            return int(performers["count"]), tuple(map(Performer.from_json, performers["performers"]))

        return await self._execute("find_performers", read, {"filter": page})

    async def _bulk_update(
        self, target: Target, ids: Sequence[str], performer_ids: Sequence[str], mode: str
    ) -> tuple[str, ...]:
        if not ids or not performer_ids:
            return ()
        change = {
            "ids": [_checked_id(target, each) for each in ids],
            "performer_ids": {
                "ids": [_checked_id("performer", each) for each in performer_ids],
                "mode": mode,
            },
        }
        operation = f"bulk{target.capitalize()}Update"
        return await self._execute(
            f"bulk_update_{target}",
            lambda data: tuple(str(each["id"]) for each in data[operation] or ()),
            {"input": change},
        )


def _checked_id(kind: str, text: str) -> str:
    """Raises NotInStash; Stash itself would answer with an error of its parser."""
    if is_stash_number(text):
        return text
    raise NotInStash(
        f"{kind} {text[:40]!r}: not in Stash. Use the number in the address of its page in Stash."
    )
