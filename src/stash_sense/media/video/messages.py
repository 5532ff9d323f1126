"""The messages between the reader and its decoding process: a kind, a JSON object, and bytes after some.

Only the standard library: the decoding process loads nothing else of the package.
"""

import json
import struct
from collections.abc import Callable
from typing import Any

REQUEST, BYTES = b"Q", b"B"
"""To the process: a request, and the bytes that it asked for."""

READ, INFO, FRAME, NO_FRAME, FAILED = b"R", b"I", b"F", b"N", b"E"
"""From the process: bytes it needs, and the four answers to a request."""

MOST_JSON_BYTES = 16_384

_HEADER = struct.Struct(">cI")

Document = dict[str, Any]


def pack(kind: bytes, document: Document) -> bytes:
    """Return a message without the bytes that may follow it."""
    text = json.dumps(document).encode()
    return _HEADER.pack(kind, len(text)) + text


def unpack(read: Callable[[int], bytes]) -> tuple[bytes, Document]:
    """Read a message. read: returns exactly so many bytes. Raises ValueError if it makes no sense."""
    kind, size = _HEADER.unpack(read(_HEADER.size))
    if size > MOST_JSON_BYTES:
        raise ValueError(f"a message of {size} bytes")
    try:
        document = json.loads(read(size))
    except RecursionError as error:
        raise ValueError("a message of lists in lists") from error
    if not isinstance(document, dict):
        raise ValueError("a message that is no object")  # noqa: TRY004 - what a caller expects of bad bytes
    return kind, document
