"""StashClient: everything that is read from Stash and written to it."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import partial
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from stash_sense.errors import (
    MediaTooLarge,
    NoPicture,
    NotAPicture,
    NotInStash,
    StashAnsweredWrongly,
    StashError,
)
from stash_sense.stash.address import StashAddress
from stash_sense.stash.graphql import execute, load_document, read_all_pages
from stash_sense.stash.transport import DEFAULT_STASH_LIMITS, StashLimits, StashRequest, Transport
from stash_sense.stash.types import (
    Gallery,
    Json,
    Media,
    Performer,
    Plugin,
    StashBox,
    StashImage,
    StashStatus,
    Target,
)

T = TypeVar("T")

ImageFilter = Mapping[str, Any]
"""Stash's ImageFilterType."""

_MAX_ID_DIGITS = 18  # more would not fit into Stash's integers
# What Go's file server sends for a type it does not know, like HEIC; the decoder looks inside.
_UNKNOWN_TYPES = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_PLACEHOLDER_TYPE = "image/svg+xml"
_FILE_MISSING = ("no such file", "cannot find the file", "cannot find the path", "file does not exist")


class StashClient:
    """One Stash over one connection pool. Close it with `aclose` or `async with`.

    Every method is bounded in time and bytes by `limits` and raises a StashError that says what to do.
    Queries and downloads are retried where that may help; mutations only if they certainly did not reach
    Stash.
    """

    def __init__(self, url: str, api_key: str = "", limits: StashLimits = DEFAULT_STASH_LIMITS) -> None:
        """url: STASH_URL. api_key: "" if Stash has no login. Raises BadStashUrl, StashKeyRefused."""
        self._transport = Transport(StashAddress.parse(url), api_key, limits)
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

    async def first_images(self, image_filter: ImageFilter, limit: int) -> tuple[StashImage, ...]:
        """The first images that match the filter, by id; at most `limit`."""
        _, images = await self._images_page(
            image_filter, {"page": 1, "per_page": limit, "sort": "id", "direction": "ASC"}
        )
        return images

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

    async def plugins(self) -> tuple[Plugin, ...]:
        """The plugins that Stash has loaded."""
        return await self._execute(
            "find_plugins", lambda data: tuple(map(Plugin.from_json, data["plugins"] or ()))
        )

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
        return await _fetch_media(self._transport, self._limits, f"Image {image.id}", image.image_url)

    async def thumbnail(self, image: StashImage) -> Media:
        """A JPEG of at most 640 px; Stash sends the original if it could not make one."""
        return await _fetch_media(
            self._transport, self._limits, f"Thumbnail of image {image.id}", image.thumbnail_url
        )

    async def portrait(self, performer: Performer) -> Media:
        """The performer's image. Raises NoPicture if Stash has only its placeholder."""
        return await _fetch_media(
            self._transport, self._limits, f"Portrait of performer {performer.id}", performer.portrait_url
        )

    async def _execute(
        self, document_name: str, read: Callable[[Json], T], variables: Mapping[str, Any] | None = None
    ) -> T:
        document = load_document(document_name)
        data = await execute(self._transport, self._limits, document, variables or {})
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
    if text.isascii() and text.isdigit() and len(text) <= _MAX_ID_DIGITS:
        return text
    raise NotInStash(
        f"{kind} {text[:40]!r}: not in Stash. Use the number in the address of its page in Stash."
    )


async def _fetch_media(transport: Transport, limits: StashLimits, name: str, url: str | None) -> Media:
    """Fetch the image at a URL that Stash gave. name: in messages, like "Image 7".

    Raises NoPicture, NotAPicture, MediaTooLarge, NotInStash, and what `Transport.send` raises.
    """
    if not url:
        raise NoPicture(f"{name}: Stash has no image file for it. Rescan it in Stash.")
    request = StashRequest(
        name=name,
        method="GET",
        url=transport.address.media(url),
        # Not compressed on the way: then Content-Length tells whether all of it arrived.
        headers={"Accept": "image/*", "Accept-Encoding": "identity"},
        max_bytes=limits.media_bytes,
        too_large=MediaTooLarge,
        check_headers=lambda response: _check_content_type(name, response),
        explain_failure=lambda response, text: _explain_failure(name, response, text),
    )
    response = await transport.send(request, limits)
    if not response.body:
        raise NoPicture(f"{name}: Stash sent a file of 0 bytes. Replace the file, then rescan it in Stash.")
    return Media(response.body, response.content_type)


def _check_content_type(name: str, response: httpx.Response) -> None:
    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == _PLACEHOLDER_TYPE:
        # Stash sends it with status 200 as the thumbnail of a missing file.
        raise NoPicture(f"{name}: Stash sent only a placeholder; the file is missing. Rescan it in Stash.")
    if content_type.startswith("image/") or content_type in _UNKNOWN_TYPES:
        return
    if content_type.startswith("video/"):
        raise NotAPicture(f"{name}: a video ({content_type}); only still images are accepted here.")
    if "html" in content_type:
        raise NotAPicture(
            f"{name}: an HTML page arrived instead of an image. STASH_URL or a proxy leads to another server "
            "or to a login page; set STASH_URL to the address of Stash itself."
        )
    raise NotAPicture(f"{name}: {content_type} arrived instead of an image. Check the file in Stash.")


def _explain_failure(name: str, response: httpx.Response, text: str) -> StashError | None:
    if response.status_code == HTTPStatus.NOT_FOUND:
        return NotInStash(f"{name}: not in Stash, or deleted meanwhile.")
    missing = any(sign in text for sign in _FILE_MISSING)
    if response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR and missing:
        # Stash's own text would show the path on its disk, and a retry would not bring the file back.
        return NoPicture(f"{name}: Stash cannot find its file on the disk. Rescan or clean in Stash.")
    return None
