"""The sidecar: what it holds, and starting and stopping it in order."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from stash_sense.errors import EngineError, Starting, StateError
from stash_sense.faces.session import give_back_network_memory
from stash_sense.jobs.background import BackgroundJobs
from stash_sense.jobs.queue import JobQueue
from stash_sense.jobs.run import JobFunction
from stash_sense.jobs.workers import WorkPool
from stash_sense.media.formats import MediaLimits
from stash_sense.media.remote import FetchLimits, ImageFetcher, Resolve
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.runtime.clustering import Clusterer
from stash_sense.runtime.database_updates import KIND, DatabaseUpdates, database_job
from stash_sense.runtime.forgetting import (
    ForgettingReport,
    begin_forgetting,
    finish_forgetting,
    remove_faces,
    resume_forgetting,
    without_jobs,
)
from stash_sense.runtime.from_settings import (
    Engine,
    jobs_file,
    media_limits,
    open_stash,
    state_file,
    worker_count,
)
from stash_sense.runtime.hygiene_reports import HygieneReports
from stash_sense.runtime.known_people import one_known_person
from stash_sense.runtime.library import LIBRARY, LibraryRuns, library_job, resumes_at
from stash_sense.runtime.rematcher import Rematcher
from stash_sense.runtime.secret import Secret, serving_secret
from stash_sense.runtime.services import AsyncState, Services
from stash_sense.runtime.stash_status import supervised_stash_status
from stash_sense.runtime.supervisor import Supervised
from stash_sense.settings import Settings
from stash_sense.stash.client import StashClient
from stash_sense.stash.outage import DEFAULT_OUTAGE_LIMITS, OutageLimits
from stash_sense.stash.transport import DEFAULT_STASH_LIMITS, StashLimits
from stash_sense.stash.types import StashStatus

log = logging.getLogger(__name__)
RECOGNITION_WAIT_S, RECOGNITION_RETRY_S = 20.0, 30.0
STATE_WAIT_S, STATE_RETRY_S = 15.0, 15.0
"""A large state may be migrated while requests wait."""

JOBS_WAIT_S, JOBS_RETRY_S = 15.0, 15.0
FILE_RECHECK_S = 2.0
"""How soon /health says that a file was deleted or replaced; a write notices it by itself."""


@dataclass(slots=True, eq=False)
class Sidecar:
    """What the routes work with. secret: what callers must send; None: nothing, on loopback alone.

    stash: None if STASH_URL is set to empty. stash_status: as last seen. plugin_version: that of the
    plugin in Stash, once it has called.
    """

    settings: Settings
    secret: Secret | None
    pool: WorkPool
    remote: ImageFetcher
    stash: StashClient | None
    stash_status: Supervised[StashStatus]
    state: Supervised[AsyncState]
    recognition: Supervised[FaceRecognizer]
    services: Services
    jobs: Supervised[JobQueue]
    updates: DatabaseUpdates
    rematcher: Rematcher
    clusterer: Clusterer
    hygiene: HygieneReports
    library_runs: LibraryRuns
    began: float = field(default_factory=time.time)
    plugin_version: str | None = None
    _forgetting: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def media_limits(self) -> MediaLimits:
        """The bytes and pixels accepted of a picture."""
        return media_limits(self.settings)

    async def start(self) -> None:
        """Begin to open everything in the background; requests that need none of it are answered at once."""
        self.state.start()
        if self.stash:
            self.stash_status.start()
        self.recognition.start()
        self.jobs.start()
        self.updates.start()
        self.rematcher.start()
        self.library_runs.start()
        self.clusterer.start()

    async def forget(self, performer_id: str) -> ForgettingReport:
        """Delete a person for good: key, alias, id in Stash or exact name.

        The running job is parked meanwhile, and goes on without the person. Carried out as a whole, even if
        the caller is cancelled. Raises NotStored, Conflict, Unavailable, and as `finish_forgetting`.
        """
        return await asyncio.shield(asyncio.create_task(self._forget(performer_id), name="forget a person"))

    async def _forget(self, performer_id: str) -> ForgettingReport:
        state, queue = await self.state.ready(), await self.jobs.ready()
        async with self._forgetting:
            person = await asyncio.to_thread(one_known_person, self.settings, performer_id, state.store)
            await asyncio.to_thread(begin_forgetting, self.settings, person)
            await queue.stop()
            try:
                with without_jobs(self.settings):
                    removed = await asyncio.to_thread(remove_faces, self.settings)
                    await self.recognition.refresh()
                    # What works with the former face database may still store whom it knows there.
                    await self.recognition.until_former_are_closed()
                    return await asyncio.to_thread(finish_forgetting, self.settings, state.store, removed)
            finally:
                await queue.start()

    def begin_shutdown(self) -> None:
        """Tell the running job, and requests that wait for jobs, that `stop` follows."""
        if self.jobs.current:
            self.jobs.current.begin_shutdown()

    async def stop(self) -> None:
        """End running work within the settings' time and close everything; failures are logged."""
        async with AsyncExitStack() as steps:  # from the last to the first, each despite failures of others

            def step(what: str, close: Callable[[], Awaitable[None]]) -> None:
                steps.push_async_callback(_close, what, close)

            step("the networks", self.services.engine.close)
            step("the face database", self.recognition.close)
            step("the state", self.state.close)  # after the pool: its work may still write
            if self.stash:
                step("the connections to Stash", self.stash.aclose)
            step("the connections to other servers", self.remote.aclose)
            step("the check of Stash", self.stash_status.close)
            step("the work on pictures", self._close_pool)
            step("the updates of the face database", self.updates.close)
            step("the matching of what is stored", self.rematcher.close)
            step("the clusters of unknown people", self.clusterer.close)
            step("the comparison of references", self.hygiene.close)
            step("the jobs that begin by themselves", self.library_runs.close)
            step("the jobs", self.jobs.close)  # before the pool: the running job is parked, not failed

    async def _close_pool(self) -> None:
        if not await asyncio.to_thread(self.pool.close, self.settings.stop_seconds):
            log.warning("stopped while work on a picture was still running")


async def _close(what: str, close: Callable[[], Awaitable[None]]) -> None:
    try:
        await close()
    except Exception:  # the other parts still have to be closed
        log.exception("cannot close %s", what)


def build_sidecar(
    settings: Settings,
    *,
    resolve: Resolve | None = None,
    stash_limits: StashLimits = DEFAULT_STASH_LIMITS,
    outage_limits: OutageLimits = DEFAULT_OUTAGE_LIMITS,
) -> Sidecar:
    """A sidecar to start. resolve: how hosts of `image_url` are looked up.

    stash_limits: of requests to Stash, except for a picture's bytes, which are a setting. outage_limits: how
    long jobs wait for a Stash that is away. Raises NoSecret, BadInput.
    """
    limits = FetchLimits(
        file_bytes=settings.max_bytes,
        seconds=settings.fetch_seconds,
        private_too=settings.allow_private_urls,
    )
    secret = serving_secret(settings)
    own_limits = replace(stash_limits, media_bytes=settings.max_bytes)
    stash = open_stash(settings, own_limits) if settings.stash_url else None
    pool = WorkPool(worker_count(settings), settings.queue, give_back_network_memory)
    state = supervised_state(state_file(settings))
    engine = Engine(settings)
    recognition = supervised_recognition(engine)
    services = Services(settings, stash, state, engine, recognition, pool, outage_limits)
    kinds = {**services.job_kinds(), LIBRARY: library_job(services)}
    kinds[KIND] = database_job(services, kinds[KIND])
    background = BackgroundJobs(frozenset({LIBRARY}), partial(resumes_at, settings))
    jobs = supervised_jobs(jobs_file(settings), kinds, background, partial(resume_forgetting, settings))
    return Sidecar(
        settings=settings,
        secret=secret,
        pool=pool,
        remote=ImageFetcher(limits, resolve),
        stash=stash,
        stash_status=supervised_stash_status(stash),
        state=state,
        recognition=recognition,
        services=services,
        jobs=jobs,
        updates=DatabaseUpdates(services, jobs),
        rematcher=Rematcher(services),
        clusterer=Clusterer(services),
        hygiene=HygieneReports(services),
        library_runs=LibraryRuns(services, jobs),
    )


def supervised_recognition(engine: Engine) -> Supervised[FaceRecognizer]:
    """Networks and face database, replaced as a pair when a newer database appears."""

    async def close(recognizer: FaceRecognizer) -> None:
        recognizer.database.close()
        await asyncio.to_thread(give_back_network_memory)

    return Supervised(
        "networks and face database",
        engine.newest_recognizer,
        close,
        problem=Starting("Networks and face database are being opened. Try again in a moment."),
        failure=EngineError,
        wait_s=RECOGNITION_WAIT_S,
        retry_s=RECOGNITION_RETRY_S,
        changed=engine.database_changed,
    )


def supervised_state(path: Path) -> Supervised[AsyncState]:
    """The state file, opened and migrated in a thread, and checked to be still there."""

    async def open_or_check(state: AsyncState | None) -> AsyncState:
        if state is None:
            return await asyncio.to_thread(AsyncState, path)
        await asyncio.to_thread(state.store.check_file)
        return state

    return Supervised(
        f"the state {path}",
        open_or_check,
        lambda state: asyncio.to_thread(state.close),
        problem=Starting("The state is being opened. Try again in a moment."),
        failure=StateError,
        wait_s=STATE_WAIT_S,
        retry_s=STATE_RETRY_S,
        recheck_s=FILE_RECHECK_S,
    )


def supervised_jobs(
    path: Path, kinds: Mapping[str, JobFunction], background: BackgroundJobs, resume: Callable[[], None]
) -> Supervised[JobQueue]:
    """The queue of jobs, which resumes what was running or queued.

    resume: finishes what a kill left half done; called first, while no job runs.
    """

    async def start(current: JobQueue | None) -> JobQueue:
        if current is not None:
            await current.check_file()
            return current
        queue = JobQueue(path, kinds, background)
        await asyncio.to_thread(resume)
        await queue.start()
        return queue

    return Supervised(
        f"the list of jobs {path}",
        start,
        lambda queue: queue.stop(),
        problem=Starting("The list of jobs is being opened. Try again soon."),
        failure=StateError,
        wait_s=JOBS_WAIT_S,
        retry_s=JOBS_RETRY_S,
        recheck_s=FILE_RECHECK_S,
    )
