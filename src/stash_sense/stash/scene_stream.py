"""A scene's video over HTTP: any part of it, in blocks of Stash's stream."""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any

from stash_sense.errors import Cancelled, NoVideo, VideoChanged
from stash_sense.stash.downloads import VideoPart
from stash_sense.stash.outage import ResilientStash

BLOCK = 131_072
"""Bytes fetched at a time. FFmpeg's own HTTP reads on after each seek: 60 frames cost it the whole file."""

MOST_BLOCKS = 8
"""Blocks fetched at once where a video is read through."""

_BLOCKS_KEPT = 48
_IN_ORDER = 4  # blocks fetched in order before more are fetched at once: a frame alone is seldom larger


class SceneStream:
    """The bytes of a scene's video, for a thread. Waits while Stash is away.

    size: of the file. name: in messages. bytes_read: fetched so far. Build it with `open`, in the event loop
    that the requests are to run in; call `read_at` from any other thread, `close` from anywhere.
    """

    def __init__(
        self, stash: ResilientStash, scene_id: str, first: VideoPart, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.size = first.size
        self.name = f"The video of scene {scene_id}"
        self.bytes_read = len(first.data)
        self._stash = stash
        self._scene_id = scene_id
        self._modified = first.modified
        self._loop = loop
        self._blocks: OrderedDict[int, bytes] = OrderedDict({0: first.data})
        self._last_fetched, self._in_order = 0, 0
        self._guard = threading.Lock()
        self._pending: Future[VideoPart] | None = None
        self._closed = False

    @classmethod
    async def open(cls, stash: ResilientStash, scene_id: str) -> "SceneStream":
        """Fetch the first block. Raises NoVideo, and what `StashClient.video_part` raises."""
        first = await stash.query(lambda client: client.video_part(scene_id, 0, BLOCK))
        if not first.size:
            raise NoVideo(f"The video of scene {scene_id}: its file has 0 bytes.")
        return cls(stash, scene_id, first, asyncio.get_running_loop())

    def read_at(self, offset: int, count: int) -> bytes:
        """The bytes from `offset` on: `count`, or fewer at the end of the file. Blocks.

        Raises VideoChanged, Cancelled after `close`, OutageTooLong, and what `StashClient.video_part` raises.
        """
        end = min(offset + count, self.size)
        if offset < 0 or offset >= end:
            return b""
        parts = []
        for number in range(offset // BLOCK, (end - 1) // BLOCK + 1):
            block, start = self._block(number, (end - 1) // BLOCK), number * BLOCK
            parts.append(block[max(offset - start, 0) : end - start])
        return b"".join(parts)

    def close(self) -> None:
        """End a read that waits, and every later one, with Cancelled."""
        with self._guard:
            self._closed = True
            if self._pending is not None:
                self._pending.cancel()

    def _block(self, number: int, last: int) -> bytes:
        """A block. last: of those that the same read needs, which are fetched together."""
        if number not in self._blocks:
            if number == self._last_fetched + 1:
                self._in_order += 1
            else:
                self._in_order = 0
            ahead = MOST_BLOCKS if self._in_order >= _IN_ORDER else 1
            self._fetch(number, min(max(last - number + 1, ahead), MOST_BLOCKS))
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def _fetch(self, number: int, blocks: int) -> None:
        start = number * BLOCK
        part = self._wait_for(
            self._stash.query(
                lambda client: client.video_part(self._scene_id, start, blocks * BLOCK), midway=True
            )
        )
        if (part.size, part.modified) != (self.size, self._modified):
            raise VideoChanged(
                f"{self.name} changed while it was read: its file was replaced, or is still being written. "
                "Try again when Stash has scanned it."
            )
        self.bytes_read += len(part.data)
        for at in range(0, len(part.data), BLOCK):
            self._last_fetched = number + at // BLOCK
            self._blocks[self._last_fetched] = part.data[at : at + BLOCK]
        while len(self._blocks) > _BLOCKS_KEPT:
            self._blocks.popitem(last=False)

    def _wait_for(self, request: Coroutine[Any, Any, VideoPart]) -> VideoPart:
        with self._guard:
            if self._closed:
                request.close()
                raise Cancelled(f"{self.name} is not read any further.")
            self._pending = pending = asyncio.run_coroutine_threadsafe(request, self._loop)
        try:
            return pending.result()
        except CancelledError:
            raise Cancelled(f"{self.name} is not read any further.") from None
        finally:
            self._pending = None
