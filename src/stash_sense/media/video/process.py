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
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

import stash_sense
from stash_sense.media.video.answers import parse_shape
from stash_sense.media.video.frames import VideoLimits
from stash_sense.media.video.messages import BYTES, FRAME, READ, REQUEST, Document, pack, unpack
from stash_sense.media.video.source import LocalVideo, RangeSource

if TYPE_CHECKING:
    from io import FileIO

CLOCK_FACTOR = 4
"""On the clock, a request may take so many times its processor time: the machine may be busy."""

_MOST_READ_BYTES = 1 << 20
_PIPE_BYTES = 1 << 20

_MOST_SCANNED_BYTES, _MOST_FETCHED_BYTES = 2_000_000_000, 100_000_000
"""What may be read of a local file, and fetched of another, to learn a duration that it does not state."""

_KEPT_VARIABLES = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

_START = (
    "import sys; sys.path += sys.argv[1:]; from stash_sense.media.video import child; child.answer_reader()"
)

Answer = tuple[bytes, Document, NDArray[np.uint8] | None]
"""The kind of an answer, what it says, and a frame's bytes, (height, row bytes)."""


class DecoderGone(Exception):
    """The process crashed, took too long, or sent what makes no sense."""


class DecoderProcess:
    """A running decoding process with one video. For one thread, but for `kill`."""

    def __init__(self, source: LocalVideo | RangeSource, limits: VideoLimits, longest_side: int) -> None:
        self._source = source
        self._seconds = limits.seconds * CLOCK_FACTOR
        self._longest_side = longest_side
        is_local = isinstance(source, LocalVideo)
        inherited = [source.descriptor] if isinstance(source, LocalVideo) and os.name == "posix" else []
        self._process = subprocess.Popen(
            # Isolated: neither the working directory nor the environment decides what it loads.
            [sys.executable, "-I", "-S", "-B", "-c", _START, *_import_paths()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            pipesize=_PIPE_BYTES,
            pass_fds=inherited,
            env={name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ},
            cwd=Path(sys.executable).anchor,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self._requests = cast("FileIO", self._process.stdin)  # pipes without a buffer
        self._answers = cast("FileIO", self._process.stdout)
        self._opening = {
            "descriptor": inherited[0] if inherited else None,
            "size": source.size,
            "longest_side": longest_side,
            "pixels": limits.pixels,
            "seconds": limits.seconds,
            "memory_bytes": limits.memory_bytes,
            "most_scanned": _MOST_SCANNED_BYTES if is_local else _MOST_FETCHED_BYTES,
        }

    def open(self) -> Answer:
        """Open the video; as `ask`."""
        return self.ask(self._opening)

    def ask(self, request: Document) -> Answer:
        """Return the answer to a request. Raises DecoderGone, and whatever the source raises."""
        message, remaining = pack(REQUEST, request), self._seconds
        while True:
            started = time.monotonic()
            with self._killed_after(remaining):
                kind, document, rows = self._exchange(message)
            if kind != READ:
                return kind, document, rows
            remaining = max(remaining - (time.monotonic() - started), 0.01)
            message = self._bytes_for(document)  # takes what it takes: the source has limits of its own

    def kill(self) -> None:
        """End the process, whatever it is doing; a call that waits for it raises DecoderGone."""
        self._process.kill()

    def close(self) -> None:
        """End the process and leave nothing of it."""
        self._process.kill()
        self._process.wait()
        self._requests.close()
        self._answers.close()

    @contextmanager
    def _killed_after(self, seconds: float) -> Iterator[None]:
        timer = threading.Timer(seconds, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _exchange(self, message: bytes) -> Answer:
        try:
            self._send(message)
            kind, document = unpack(lambda count: self._exactly(count).tobytes())
            return kind, document, self._rows(document) if kind == FRAME else None
        except (OSError, ValueError) as error:  # the pipe is closed, or what comes is no message
            raise DecoderGone(f"its decoder ended or failed ({error})") from error

    def _send(self, message: bytes) -> None:
        rest = memoryview(message)
        while rest:
            rest = rest[self._requests.write(rest) :]

    def _rows(self, document: Document) -> NDArray[np.uint8]:
        shape = parse_shape(document, self._longest_side)
        return self._exactly(shape.height * shape.row_bytes).reshape(shape.height, shape.row_bytes)

    def _exactly(self, count: int) -> NDArray[np.uint8]:
        data = np.empty(count, np.uint8)
        rest = memoryview(data.data)
        while rest:
            size = self._answers.readinto(rest)
            if not size:
                raise OSError("it sends no more")
            rest = rest[size:]
        return data

    def _bytes_for(self, document: Document) -> bytes:
        offset, count = document.get("offset"), document.get("count")
        if type(offset) is not int or type(count) is not int or offset < 0 or count < 0:
            raise DecoderGone("its decoder asked for bytes that cannot be")
        data = self._source.read_at(offset, min(count, _MOST_READ_BYTES))
        return pack(BYTES, {"count": len(data)}) + data


def _import_paths() -> list[str]:
    """Where the process finds this package and PyAV, and nothing else."""
    av = find_spec("av")
    folders = [*(av.submodule_search_locations or [] if av else []), *stash_sense.__path__]
    return list(dict.fromkeys(str(Path(folder).parent) for folder in folders))
