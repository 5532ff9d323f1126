"""The bytes of pictures that Stash serves."""

from http import HTTPStatus

import httpx

from stash_sense.errors import MediaTooLarge, NoPicture, NotAPicture, NotInStash, StashError
from stash_sense.stash.transport import Ask, Limits, Transport
from stash_sense.stash.types import Media

# What Go's file server calls a picture of a kind it does not know, like HEIC; the decoder looks inside.
_UNKNOWN = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_DRAWING = "image/svg+xml"
_GONE = ("no such file", "cannot find the file", "cannot find the path", "file does not exist")


async def fetch(transport: Transport, limits: Limits, what: str, url: str | None) -> Media:
    """Return the picture at a URL that Stash gave.

    Raises NoPicture, NotAPicture, MediaTooLarge, NotInStash, and what `Transport.send` raises.
    """
    if not url:
        raise NoPicture(f"{what}: Stash names no picture for it. Rescan it in Stash.")
    answer = await transport.send(
        Ask(
            what=what,
            method="GET",
            url=transport.address.media(url),
            # As it lies on the disk: then Content-Length says whether all of it came.
            headers={"Accept": "image/*", "Accept-Encoding": "identity"},
            max_bytes=limits.media_bytes,
            too_large=MediaTooLarge,
            check=lambda response: _check_kind(what, response),
            failure=lambda response, words: _failure(what, response, words),
        ),
        limits,
    )
    if not answer.body:
        raise NoPicture(f"{what}: Stash sent a file of 0 bytes. Replace the file, then rescan it in Stash.")
    return Media(answer.body, answer.content_type)


def _check_kind(what: str, response: httpx.Response) -> None:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _DRAWING:
        # Stash's stand-in, with status 200, for the thumbnail of a file that is gone.
        raise NoPicture(f"{what}: Stash sends only a placeholder; the file is gone. Rescan it in Stash.")
    if kind.startswith("image/") or kind in _UNKNOWN:
        return
    if kind.startswith("video/"):
        raise NotAPicture(f"{what}: is a video ({kind}); pictures are wanted here.")
    if "html" in kind:
        raise NotAPicture(
            f"{what}: a page of HTML came instead of a picture. STASH_URL, or a proxy before Stash, leads to "
            "another server or a login page; set STASH_URL to Stash's own address."
        )
    raise NotAPicture(f"{what}: {kind} came instead of a picture.")


def _failure(what: str, response: httpx.Response, words: str) -> StashError | None:
    if response.status_code == HTTPStatus.NOT_FOUND:
        return NotInStash(f"{what}: Stash has no such picture, or no longer.")
    gone = response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR and any(sign in words for sign in _GONE)
    if gone:
        # Stash's words would show the path on its disk; asking again would not bring it back.
        return NoPicture(f"{what}: Stash cannot find its file on the disk. Rescan or clean in Stash.")
    return None
