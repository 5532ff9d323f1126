"""Bodies of responses, counted while they are inflated: a few kilobytes must not become gigabytes."""

import zlib
from collections.abc import AsyncIterator

import httpx

ACCEPT_ENCODING = "gzip"

UNKNOWN_TYPES = frozenset({"", "application/octet-stream", "binary/octet-stream"})
"""What file servers send for a type they do not know, like HEIC; the decoder looks inside."""

_GZIP_WINDOW = 31  # 15 bits, and a gzip header
_PIECE = 1_048_576


class BadEncoding(ValueError):
    """The body is packed in a way that was not asked for, or not as its headers say."""


class BodyTooLong(ValueError):
    """The body has more bytes than accepted; the rest is not read. count: those that were inflated."""

    def __init__(self, count: int) -> None:
        super().__init__(str(count))
        self.count = count


class CutShort(ValueError):
    """The connection ended before the body did."""


def media_type(headers: httpx.Headers) -> str:
    """The type of a body, such as image/jpeg, in small letters and without parameters; often empty."""
    return str(headers.get("content-type", "")).partition(";")[0].strip().lower()


async def read_body(response: httpx.Response, most: int) -> bytes:
    """The whole body. Raises BadEncoding, CutShort, and BodyTooLong beyond `most` bytes."""
    announced = response.headers.get("content-length", "")
    size = int(announced) if announced.isascii() and announced.isdigit() else None
    if size is not None and size > most:
        raise BodyTooLong(size)
    body = bytearray()
    async for piece in _pieces(response, most):
        body += piece
        if len(body) > most:
            raise BodyTooLong(len(body))
    if size is not None and response.num_bytes_downloaded < size:
        raise CutShort
    return bytes(body)


async def read_beginning(response: httpx.Response, most: int) -> bytes:
    """The first `most` bytes of the body. Raises BadEncoding, CutShort."""
    body = bytearray()
    async for piece in _pieces(response, most):
        body += piece
        if len(body) >= most:
            break
    return bytes(body[:most])


async def _pieces(response: httpx.Response, most: int) -> AsyncIterator[bytes]:
    """The body in inflated pieces of at most _PIECE bytes, a little more than `most` in all."""
    encodings = [each.strip().lower() for each in response.headers.get("content-encoding", "").split(",")]
    packings = [each for each in encodings if each not in ("", "identity")]
    if packings not in ([], ["gzip"], ["x-gzip"]):
        raise BadEncoding(f"its body is packed as {', '.join(packings)[:60]!r}, which was not asked for")
    if not packings:
        async for block in response.aiter_raw():
            yield block
        return
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    async for block in response.aiter_raw():
        rest = block
        while rest:
            try:
                piece = inflater.decompress(rest, min(_PIECE, most + 1))
            except zlib.error as error:
                raise BadEncoding(f"its body is not packed as its headers say ({error})") from error
            yield piece
            rest = inflater.unconsumed_tail
        if inflater.unused_data:
            raise BadEncoding("its body goes on after its end")
    if not inflater.eof:
        raise CutShort
