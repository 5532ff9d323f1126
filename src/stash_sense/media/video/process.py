"""The decoding process as the reader sees it: starting, asking, waiting within limits, ending."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import stash_sense
from stash_sense.media.video.frames import VideoLimits
from stash_sense.media.video.messages import (
    BYTES,
    FRAME,
    READ,
    REQUEST,
    Document,
    pack,
    unpack,
)
from stash_sense.media.video.source import LocalVideo, RangeSource

CLOCK_FACTOR = 4
"""On the clock, a request may take so many times its processor time: the machine may be busy."""

MOST_READ_BYTES = 1 << 20

_KEPT_VARIABLES = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

_START = (
    "import sys; sys.path += sys.argv[1:]; from stash_sense.media.video import child; child.answer_reader()"
)


class DecoderGone(Exception):
    """The process crashed, took too long, or sent what makes no sense."""


Answer = tuple[bytes, Document, NDArray[np.uint8] | None]
"""The kind of an answer, what it says, and a frame's bytes, (height, row bytes)."""


class DecoderProcess:
    """A running decoding process with one video open. Not safe to use from two threads at once."""

    def __init__(self, source: LocalVideo | RangeSource, limits: VideoLimits, longest_side: int) -> None:
        self._source = source
        self._limits = limits
        self._longest_side = longest_side
        self.bytes_read = 0
        inherited = [source.descriptor] if isinstance(source, LocalVideo) and os.name == "posix" else []
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-c", _START, *_import_paths()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            pass_fds=inherited,
            env={name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ},
            cwd=os.path.abspath(os.sep),  # noqa: PTH100 - a folder that is never unmounted
        )
        self._opening = {
            "descriptor": inherited[0] if inherited else None,
            "size": source.size,
            "longest_side": longest_side,
            "pixels": limits.pixels,
            "seconds": limits.seconds,
            "memory_bytes": limits.memory_bytes,
        }

    def open(self) -> Answer:
        """Open the video; as `ask`."""
        return self.ask(self._opening)

    def ask(self, request: Document) -> Answer:
        """Return the answer to a request.

        Raises DecoderGone, and whatever the source raises.
        """
        remaining = self._limits.seconds * CLOCK_FACTOR
        message = pack(REQUEST, request)
        while True:
            started = time.monotonic()
            with self._killed_after(remaining):
                self._send(message)
                kind, document = self._receive()
                rows = self._rows(document) if kind == FRAME else None
            remaining = max(remaining - (time.monotonic() - started), 0.01)
            if kind != READ:
                return kind, document, rows
            message = self._read_for(document)

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    @contextmanager
    def _killed_after(self, seconds: float) -> Iterator[None]:
        timer = threading.Timer(seconds, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _read_for(self, document: Document) -> bytes:
        offset, count = document.get("offset"), document.get("count")
        if not (isinstance(offset, int) and isinstance(count, int)) or offset < 0 or count < 0:
            raise DecoderGone("it asked for bytes that cannot be")
        data = self._source.read_at(offset, min(count, MOST_READ_BYTES))
        self.bytes_read += len(data)
        return pack(BYTES, {"count": len(data)}) + data

    def _send(self, message: bytes) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        rest = memoryview(message)
        try:
            while rest:
                rest = rest[pipe.write(rest) :]
        except OSError as error:
            raise DecoderGone("it ended") from error

    def _receive(self) -> tuple[bytes, Document]:
        try:
            return unpack(lambda count: bytes(self._exactly(count)))
        except ValueError as error:
            raise DecoderGone("its answer makes no sense") from error

    def _rows(self, document: Document) -> NDArray[np.uint8]:
        height, row_bytes = document.get("height"), document.get("row_bytes")
        most_rows = self._longest_side
        most_row_bytes = 6 * self._longest_side + 4096
        if not (isinstance(height, int) and isinstance(row_bytes, int)):
            raise DecoderGone("a frame without a size")
        if not (0 < height <= most_rows and 0 < row_bytes <= most_row_bytes):
            raise DecoderGone(f"a frame of {row_bytes} x {height} bytes")
        return self._exactly(height * row_bytes).reshape(height, row_bytes)

    def _exactly(self, count: int) -> NDArray[np.uint8]:
        pipe = self._process.stdout
        assert pipe is not None
        data = np.empty(count, np.uint8)
        view, filled = memoryview(data), 0  # type: ignore[arg-type]
        while filled < count:
            size = pipe.readinto(view[filled:])  # type: ignore[attr-defined]
            if not size:
                raise DecoderGone("it ended")
            filled += size
        return data


def _import_paths() -> list[str]:
    """Where the process finds this package and PyAV, and nothing else."""
    av = find_spec("av")
    folders = [*(av.submodule_search_locations or [] if av else []), *stash_sense.__path__]
    return [str(Path(folder).parent) for folder in dict.fromkeys(folders)]
