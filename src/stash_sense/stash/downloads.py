"""Downloads from Stash: pictures, the list of a sprite's cells, and parts of a scene's video."""

import re
from dataclasses import dataclass, field
from http import HTTPStatus

import httpx

from stash_sense.errors import (
    MediaError,
    MediaTooLarge,
    NoPicture,
    NotAPicture,
    NotInStash,
    NoVideo,
    StashAnsweredWrongly,
    StashError,
    VideoChanged,
)
from stash_sense.graphql.bodies import UNKNOWN_TYPES, media_type
from stash_sense.graphql.transport import ServerRequest
from stash_sense.stash.transport import StashLimits, StashTransport
from stash_sense.stash.types import Media

_PLACEHOLDER_TYPE = "image/svg+xml"
_FILE_MISSING = ("no such file", "cannot find the file", "cannot find the path", "file does not exist")


async def fetch_media(transport: StashTransport, limits: StashLimits, name: str, url: str | None) -> Media:
    """Fetch the image at a URL that Stash gave. name: in messages, like "Image 7".

    Raises NoPicture, NotAPicture and other MediaErrors, NotInStash, and what `Transport.send` raises.
    """
    if not url:
        raise NoPicture(f"{name}: Stash has no image file for it. Rescan it in Stash.")
    request = ServerRequest(
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
    content_type = media_type(response.headers)
    if content_type == _PLACEHOLDER_TYPE:
        # Stash sends it with status 200 as the thumbnail of a missing file.
        raise NoPicture(f"{name}: Stash sent only a placeholder; the file is missing. Rescan it in Stash.")
    if content_type.startswith("image/") or content_type in UNKNOWN_TYPES:
        return
    if content_type.startswith("video/"):
        raise NotAPicture(f"{name}: a video ({content_type}); only still images are accepted here.")
    if "html" in content_type:
        raise MediaError(
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


_MAX_CELL_LIST_BYTES = 2_000_000
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")
_REPLACED = "Its file was replaced, or is still being written. Try again when Stash has scanned it."


async def fetch_cell_list(transport: StashTransport, limits: StashLimits, name: str, url: str | None) -> str:
    """The WebVTT text that says which cell of a sprite shows which moment. Raises NoVideo."""
    if not url:
        raise NoVideo(f"{name}: Stash has generated none.")
    request = ServerRequest(
        name=name,
        method="GET",
        url=transport.address.media(url),
        max_bytes=min(_MAX_CELL_LIST_BYTES, limits.media_bytes),
        too_large=MediaTooLarge,
        explain_failure=lambda response, _: _not_generated(name, response),
    )
    response = await transport.send(request, limits)
    return response.body.decode("utf-8", "replace")


def _not_generated(name: str, response: httpx.Response) -> StashError | None:
    if response.status_code == HTTPStatus.NOT_FOUND:
        return NoVideo(f"{name}: Stash has generated none.")
    return None


@dataclass(frozen=True, slots=True)
class VideoPart:
    """A part of a scene's video. size: of the whole file, bytes. modified: as the server writes the time."""

    data: bytes = field(repr=False)
    size: int
    modified: str


async def fetch_video_part(
    transport: StashTransport, limits: StashLimits, scene_id: str, start: int, count: int
) -> VideoPart:
    """At most `count` bytes from `start` on: fewer at the end of the file.

    Raises NoVideo, VideoChanged where the file ends before `start`, StashAnsweredWrongly, and what
    `Transport.send` raises.
    """
    name = f"The video of scene {scene_id}"
    request = ServerRequest(
        name=name,
        method="GET",
        # Not the URL that Stash gives: it has the API key in its query.
        url=transport.address.scene_stream(scene_id),
        # Packed, the bytes would not be those of the range.
        headers={"Range": f"bytes={start}-{start + count - 1}", "Accept-Encoding": "identity"},
        max_bytes=count,
        too_large=StashAnsweredWrongly,
        status=HTTPStatus.PARTIAL_CONTENT,
        check_headers=lambda response: _check_video_type(name, response),
        explain_failure=lambda response, text: _explain_no_part(name, response, text, start),
    )
    response = await transport.send(request, limits)
    given = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
    first, last, size = map(int, given.groups()) if given else (0, -1, 0)
    if first != start or last != min(start + count, size) - 1 or len(response.body) != last - first + 1:
        raise StashAnsweredWrongly(
            f"{name}: bytes {start} to {start + count - 1} were requested, and others arrived. Check that no "
            "proxy between Stash and Stash Sense changes what it passes on."
        )
    return VideoPart(response.body, size, response.headers.get("last-modified", ""))


def _check_video_type(name: str, response: httpx.Response) -> None:
    content_type = media_type(response.headers)
    if "html" in content_type:
        raise StashAnsweredWrongly(
            f"{name}: an HTML page arrived instead of a video. STASH_URL or a proxy leads to another server "
            "or to a login page; set STASH_URL to the address of Stash itself."
        )


def _explain_no_part(name: str, response: httpx.Response, text: str, start: int) -> StashError | None:
    status = response.status_code
    if status == HTTPStatus.OK:
        _check_video_type(name, response)
        return StashAnsweredWrongly(
            f"{name}: the whole file was sent where a part was requested: a proxy removes the Range header. "
            "Let it pass, or set STASH_URL to the address of Stash itself."
        )
    missing = status == HTTPStatus.INTERNAL_SERVER_ERROR and any(sign in text for sign in _FILE_MISSING)
    if status == HTTPStatus.NOT_FOUND or missing:
        return NoVideo(f"{name}: Stash cannot find its file on the disk. Rescan or clean in Stash.")
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return VideoChanged(f"{name}: {_REPLACED}") if start else NoVideo(f"{name}: its file has 0 bytes.")
    return None
