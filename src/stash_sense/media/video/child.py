"""The decoding process: limits itself, answers the reader's requests, and ends with it.

Started by `process.py` as a script of its own, with the standard library and PyAV only.
"""

import os
import queue
import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from stash_sense.media.video.messages import BYTES, READ, REQUEST, Document, pack, unpack

_REQUESTS, _ANSWERS = 0, 1  # descriptors
_PROCESSOR_SLACK_S = 5
"""The decoder itself gives up in time; the system's limit is for a call that does not return."""


class ReaderFile:
    """What FFmpeg reads from: the file that was inherited, or ranges that the reader fetches."""

    def __init__(self, link: "Link", descriptor: int | None, size: int) -> None:
        self._link = link
        self._descriptor = descriptor
        self._size = size
        self._position = 0

    def read(self, count: int) -> bytes:
        """Return up to `count` bytes; none at the end."""
        count = min(count, self._size - self._position)
        if count <= 0:
            return b""
        if self._descriptor is None:
            data = self._link.fetch(self._position, count)
        else:
            data = os.pread(self._descriptor, count, self._position)
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int) -> int:
        """Move as files do, and return the new position."""
        start = {0: 0, 1: self._position, 2: self._size}[whence]
        if start + offset < 0:
            raise OSError("a position before the beginning")
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        """Return the position. FFmpeg only seeks in files that have it."""
        return self._position


class Link:
    """Messages from and to the reader. When the reader ends, however it does, this process ends too."""

    def __init__(self) -> None:
        self._messages: queue.SimpleQueue[tuple[bytes, Document, bytes]] = queue.SimpleQueue()
        # Libraries may print; what they print must not become a message.
        self._answers = os.dup(_ANSWERS)
        os.dup2(2, _ANSWERS)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            while True:
                kind, document = unpack(_read_exactly)
                data = _read_exactly(document["count"]) if kind == BYTES else b""
                self._messages.put((kind, document, data))
        finally:
            os._exit(0)  # in the midst of a frame too

    def next_request(self) -> Document:
        """Wait for a request."""
        kind, document, _ = self._messages.get()
        if kind != REQUEST:
            raise RuntimeError("bytes that nobody asked for")
        return document

    def fetch(self, offset: int, count: int) -> bytes:
        """Ask the reader for bytes of the video."""
        self.send(pack(READ, {"offset": offset, "count": count}))
        kind, _, data = self._messages.get()
        if kind != BYTES:
            raise RuntimeError("a request instead of bytes")
        return data

    def send(self, *parts: Any) -> None:
        """Send buffers one after another."""
        for part in parts:
            rest = memoryview(part)
            while rest:
                rest = rest[os.write(self._answers, rest) :]


def _read_exactly(count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = os.read(_REQUESTS, count - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def _limit_memory(size: int) -> None:
    """Limit the address space, and let the system end this process first when memory runs out."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
    with suppress(ImportError, OSError, ValueError):  # Windows has no limits, and macOS refuses some
        import resource  # noqa: PLC0415

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (size, size))


def _limit_processor(seconds: float) -> None:
    """Let the system end this process when a request takes much more than it may."""
    with suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415

        used = resource.getrusage(resource.RUSAGE_SELF)
        most = int(used.ru_utime + used.ru_stime + seconds) + _PROCESSOR_SLACK_S
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def answer_reader() -> None:
    """Open the video of the first request, and answer requests until the reader ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the reader decides when this ends
    link = Link()
    opening = link.next_request()
    _limit_memory(opening["memory_bytes"])
    _limit_processor(opening["seconds"])

    # Loaded within the limits.
    from stash_sense.media.video.requests import Requests  # noqa: PLC0415

    file = ReaderFile(link, opening["descriptor"], opening["size"])
    requests = Requests(file, opening)
    request = opening
    while True:
        link.send(*requests.answer(request))
        request = link.next_request()
        _limit_processor(opening["seconds"])
