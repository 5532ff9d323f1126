"""What requests and jobs work with: the open state, Stash, the engine, and one function per kind of job."""

import asyncio
import contextvars
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self, TypeVar

from stash_sense.enrolment.snapshot import StashSnapshot
from stash_sense.enrolment.stash import build_from_stash, stash_report_json
from stash_sense.errors import StashSenseError, StateBusy, StateError
from stash_sense.facedb.database import FaceDatabase
from stash_sense.jobs.own_loop import run_on_own_loop
from stash_sense.jobs.run import JobFunction, JobProgress
from stash_sense.jobs.workers import WorkPool
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition.decided_people import follow_keys
from stash_sense.recognition.gallery import identify_gallery
from stash_sense.recognition.parameters import Tools
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.recognition.scene import MOST_FRAMES, identify_scene
from stash_sense.recognition.scene_video import SceneSource
from stash_sense.runtime.from_settings import (
    PATIENT,
    Engine,
    database_dir,
    media_limits,
    open_stash,
    stash_not_configured,
)
from stash_sense.runtime.supervisor import Supervised
from stash_sense.settings import Settings
from stash_sense.stash.client import StashClient
from stash_sense.stash.outage import OutageLimits
from stash_sense.stash.types import Source
from stash_sense.store.database import RecommendationsDB

log = logging.getLogger(__name__)

T = TypeVar("T")

BUSY_S = 8.0
"""How long another process may hold the file before a request is refused: a button in Stash waits 30 s at
most, and two such waits may follow each other."""

_THREADS = 8


class AsyncState:
    """An open RecommendationsDB, `store`, for threads, and `run` to use it from the event loop."""

    def __init__(self, path: Path) -> None:
        """Open the file, and migrate it if needed. Raises StateError, StateBusy."""
        self.path = path
        self.store = RecommendationsDB(path, BUSY_S)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="state")
        self._followed: str | None = None
        self._following = threading.Lock()

    async def run(self, work: Callable[[RecommendationsDB], T]) -> T:
        """The result of `work` on the store, in a thread. Raises what the store raises, and StateBusy."""
        future = self._threads.submit(contextvars.copy_context().run, work, self.store)
        waiting = asyncio.wrap_future(future)
        await asyncio.wait({waiting}, timeout=BUSY_S)
        # Cancels only work that has not begun: nobody could tell whether a running write took place.
        if not waiting.done() and future.cancel():
            raise StateBusy(f"{self.path}: too much waits for the state at once. Try again in a moment.")
        return await waiting

    async def follow(self, database: FaceDatabase) -> None:
        """Bring what is stored of people under their keys in this face database, once for each version.

        From any event loop: jobs have their own.
        """
        version = database.manifest.version
        if self._followed == version:
            return
        try:
            await self.run(lambda store: self._follow(store, database))
        except (StateError, StateBusy) as error:  # tried again; until then former keys are looked up
            log.warning("the state does not follow face database %s yet: %s", version, error)

    def _follow(self, store: RecommendationsDB, database: FaceDatabase) -> None:
        with self._following:
            if self._followed != database.manifest.version:
                follow_keys(store, database)
                self._followed = database.manifest.version

    def close(self) -> None:
        """Let running work end, then close the file. Blocks."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self.store.close()


LISTED_REFUSALS = 1000
"""Refused pictures that a build's result lists; it always has their number."""


@dataclass(frozen=True, slots=True)
class IdentifyOptions:
    """How to identify an image or a gallery of Stash. force: recognise again despite a stored result."""

    match: MatchOptions
    force: bool = False
    source: Source = "original"

    def as_json(self) -> dict[str, Any]:
        """For the parameters of a job. `knobs`: jobs are stored under it, and `GET /jobs` shows it."""
        return {"knobs": asdict(self.match), "force": self.force, "source": self.source}

    @classmethod
    def from_json(cls, parameters: Mapping[str, Any]) -> Self:
        """What `as_json` made."""
        return cls(MatchOptions(**parameters["knobs"]), parameters["force"], parameters["source"])


@dataclass(frozen=True, slots=True)
class SceneOptions:
    """How to identify a scene of Stash. force: look at the video again despite a stored result."""

    match: MatchOptions
    force: bool = False
    source: SceneSource = "auto"
    max_frames: int = MOST_FRAMES

    def as_json(self) -> dict[str, Any]:
        """For the parameters of a job; `knobs` as in IdentifyOptions."""
        return {
            "knobs": asdict(self.match),
            "force": self.force,
            "source": self.source,
            "max_frames": self.max_frames,
        }

    @classmethod
    def from_json(cls, parameters: Mapping[str, Any]) -> Self:
        """What `as_json` made."""
        return cls(
            MatchOptions(**parameters["knobs"]),
            parameters["force"],
            parameters["source"],
            parameters["max_frames"],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Services:
    """What jobs and requests about Stash's content work with. stash: None if STASH_URL is set to empty."""

    settings: Settings
    stash: StashClient | None
    state: Supervised[AsyncState]
    engine: Engine
    recognition: Supervised[FaceRecognizer]
    pool: WorkPool
    outage_limits: OutageLimits
    _snapshots: dict[str, StashSnapshot] = field(default_factory=dict)
    """At most one: of the newest face database that was asked for."""

    async def snapshot(self, recognizer: FaceRecognizer) -> StashSnapshot:
        """What the recognizer's face database, leased, says of Stash as it was."""
        version = recognizer.database.manifest.version
        if version not in self._snapshots:
            snapshot = await asyncio.to_thread(StashSnapshot.of, recognizer.database)
            self._snapshots.clear()
            self._snapshots[version] = snapshot
            return snapshot
        return self._snapshots[version]

    def require_stash(self) -> StashClient:
        """The client of Stash. Raises StashNotConfigured."""
        if self.stash is None:
            raise stash_not_configured()
        return self.stash

    async def current_state(self) -> AsyncState:
        """The open state, all people in it under their keys in the face database. Raises Unavailable."""
        state = await self.state.ready()
        if self.recognition.current is not None:
            async with self.recognition.lease() as recognizer:
                await state.follow(recognizer.database)
        return state

    @asynccontextmanager
    async def lease_tools(self) -> AsyncIterator[tuple[FaceRecognizer, Tools]]:
        """The recognizer, leased, and the tools for a run. Raises StashNotConfigured, Unavailable."""
        stash = self.require_stash()
        async with self.recognition.lease() as recognizer:
            state = await self.state.ready()
            await state.follow(recognizer.database)
            yield recognizer, Tools(stash, state.store, self.pool, media_limits(self.settings))

    async def use_newest_database(self) -> None:
        """Open the newest face database now: the caller who waited for it uses it next."""
        await self.recognition.refresh()
        with suppress(StashSenseError):  # without a state nothing is stored under former keys
            await self.current_state()

    def job_kinds(self) -> dict[str, JobFunction]:
        """What each kind of job does, by the kind's name.

        A job computes on a loop of its own, with connections to Stash of its own: sorting 100,000 performers
        must not keep the sidecar from answering.
        """
        return {
            "gallery": self._identify_gallery,
            "scene": self._identify_scene,
            "database": self._build_database,
        }

    async def _identify_gallery(
        self, progress: JobProgress, parameters: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        options = IdentifyOptions.from_json(parameters)

        async def identify(recognizer: FaceRecognizer, tools: Tools) -> Mapping[str, Any]:
            answer = await identify_gallery(
                parameters["gallery_id"],
                recognizer,
                options.match,
                tools,
                progress,
                force=options.force,
                source=options.source,
                outage_limits=self.outage_limits,
            )
            return answer.as_json()

        return await self.run_identification(identify, "gallery")

    async def _identify_scene(
        self, progress: JobProgress, parameters: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        options = SceneOptions.from_json(parameters)

        async def identify(recognizer: FaceRecognizer, tools: Tools) -> Mapping[str, Any]:
            answer = await identify_scene(
                parameters["scene_id"],
                recognizer,
                options.match,
                tools,
                progress,
                force=options.force,
                source=options.source,
                max_frames=options.max_frames,
                outage_limits=self.outage_limits,
            )
            return answer.as_json()

        return await self.run_identification(identify, "scene")

    async def run_identification(
        self, identify: Callable[[FaceRecognizer, Tools], Awaitable[Mapping[str, Any]]], name: str
    ) -> Mapping[str, Any]:
        """What `identify` answers on an event loop of its own, with connections to Stash of its own."""
        # A job that goes on after a restart starts before the recognizer and the state are open.
        await self.recognition.first_attempt.wait()
        await self.state.first_attempt.wait()
        async with self.lease_tools() as (recognizer, tools):

            async def with_own_stash() -> Mapping[str, Any]:
                async with open_stash(self.settings, tools.stash.limits) as stash:
                    return await identify(recognizer, replace(tools, stash=stash))

            return await run_on_own_loop(with_own_stash, name)

    async def _build_database(
        self, progress: JobProgress, parameters: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        self.require_stash()
        pack = await asyncio.to_thread(self.engine.pack)

        async def build() -> Mapping[str, Any]:
            limits = replace(PATIENT, media_bytes=self.settings.max_bytes)
            async with open_stash(self.settings, limits) as stash:
                report = await build_from_stash(
                    stash,
                    database_dir(self.settings),
                    pack,
                    progress,
                    pool=self.pool,
                    with_images=parameters["images"],
                    with_scenes=parameters.get("scenes", False),
                    allow_empty=parameters.get("allow_empty", False),
                    limits=media_limits(self.settings),
                )
                return stash_report_json(report, LISTED_REFUSALS)

        result = await run_on_own_loop(build, "database")
        await self.use_newest_database()
        return result
