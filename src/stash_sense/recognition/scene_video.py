"""Where a scene's frames come from: its file, if it opens here, else Stash's stream; and looking at them."""

import asyncio
import os
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from stash_sense.domain.identity import PictureIdentity
from stash_sense.errors import Cancelled, NoVideo
from stash_sense.jobs.workers import Lane, WorkPool
from stash_sense.media.photo import OPEN_FLAGS
from stash_sense.media.video.reader import VideoReader
from stash_sense.stash.outage import ResilientStash
from stash_sense.stash.scene_stream import SceneStream
from stash_sense.stash.scenes import StashScene
from stash_sense.stash.types import VisualFile

T = TypeVar("T")

SceneSource = Literal["auto", "file", "stream", "sprite"]
"""Where frames may come from. auto: the file, else the stream, else the sprite."""

STOP_S = 8.0
"""How long a run that was cancelled may take to end."""


def video_file(scene: StashScene) -> VisualFile:
    """The scene's primary file. Raises NoVideo."""
    if not scene.files:
        raise NoVideo(f"Scene {scene.id}: Stash has no file for it, or no longer. Rescan it in Stash.")
    return scene.files[0]


def video_picture(scene: StashScene) -> PictureIdentity:
    """What the scene's result is stored under. Raises NoVideo."""
    file = video_file(scene)
    fingerprints = [(each.type, each.value) for each in file.fingerprints if each.value]
    return PictureIdentity.of(fingerprints, file.path, file.size, file.mod_time)


def local_path(file: VisualFile) -> Path | None:
    """The file's path, if it opens here and is as large as Stash says: paths may mean other files here."""
    try:
        descriptor = os.open(file.path, OPEN_FLAGS)
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    return Path(file.path) if stat.S_ISREG(status.st_mode) and status.st_size == file.size else None


class SceneVideo:
    """Looks at a scene's video in a thread of its own, which a cancelled job ends."""

    def __init__(self, scene: StashScene, stash: ResilientStash, pool: WorkPool) -> None:
        self._scene = scene
        self._stash = stash
        self._stopped = threading.Event()
        self._stream: SceneStream | None = None
        self._reader: VideoReader | None = None
        self.submit = partial(pool.submit, lane=Lane.BACKGROUND)
        """Where frames are analysed: a click in Stash goes first."""

    async def look(self, source: SceneSource, look: Callable[[VideoReader, str], T]) -> T:
        """What `look` returns for the open video and its source, `file` or `stream`.

        Raises NoVideo where there is no such video, and what `look` and the reader raise.
        """
        file = video_file(self._scene)
        path = await asyncio.to_thread(local_path, file) if source != "stream" else None
        if path is None and source == "file":
            raise NoVideo(
                f"Scene {self._scene.id}: its file does not open here, or is not the one that Stash knows. "
                "Mount Stash's folders at the same paths, or use the source `stream`."
            )
        if path is None:
            self._stream = await SceneStream.open(self._stash, self._scene.id)
        task = asyncio.ensure_future(asyncio.to_thread(self._look, path, look))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await self._stop(task)
            raise

    def check(self) -> None:
        """Raise Cancelled once the job was cancelled. For the thread, now and then."""
        if self._stopped.is_set():
            raise Cancelled(f"Scene {self._scene.id} is not looked at any further.")

    def _look(self, path: Path | None, look: Callable[[VideoReader, str], T]) -> T:
        origin = path or self._stream
        assert origin is not None
        self.check()
        with VideoReader(origin) as reader:
            self._reader = reader
            return look(reader, "file" if path else "stream")

    async def _stop(self, task: asyncio.Future[T]) -> None:
        self._stopped.set()
        if self._stream is not None:
            self._stream.close()
        if self._reader is not None:
            await asyncio.to_thread(self._reader.close)
        await asyncio.wait({task}, timeout=STOP_S)
        with suppress(BaseException):  # it ended because it was told to
            task.exception() if task.done() else task.cancel()
