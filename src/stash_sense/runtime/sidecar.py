import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

from stash_sense.jobs.workers import WorkPool
from stash_sense.media.limits import MediaLimits
from stash_sense.media.remote import FetchLimits, RemotePictures, Resolve
from stash_sense.recognition.analysis import workers
from stash_sense.recognition.state_in_use import StateInUse
from stash_sense.runtime.engine import jobs_file, media_limits, state_file
from stash_sense.runtime.job_kinds import Library
from stash_sense.runtime.jobs_in_use import JobsInUse
from stash_sense.runtime.keeper import RecognizerKeeper
from stash_sense.runtime.secret import Secret, secret_to_serve_with
from stash_sense.runtime.stash import open_stash
from stash_sense.runtime.stash_watch import StashWatch
from stash_sense.settings import Settings
from stash_sense.stash.client import StashClient
from stash_sense.stash.outage import DEFAULT_OUTAGE_LIMITS, OutageLimits
from stash_sense.stash.transport import DEFAULT_LIMITS, Limits
from stash_sense.store.database import RecommendationsDB

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Sidecar:
    """What the routes work with. secret: what callers must send; None: nothing, on loopback alone.

    stash: None where STASH_URL is set to empty.
    """

    settings: Settings
    secret: Secret | None
    pool: WorkPool
    remote: RemotePictures
    stash: StashClient | None
    stash_watch: StashWatch
    state: StateInUse
    recognition: RecognizerKeeper
    library: Library
    jobs: JobsInUse
    began: float = field(default_factory=time.time)

    @property
    def media_limits(self) -> MediaLimits:
        """What is accepted of a picture that is handed over."""
        return media_limits(self.settings)

    @property
    def store(self) -> RecommendationsDB:
        """The state, for jobs and other threads; a route uses `state.run`. Raises why there is none."""
        return self.state.store

    async def start(self) -> None:
        """Begin to open networks, database and state; answers about anything else need not wait for it."""
        self.state.start()
        self.stash_watch.start()
        self.recognition.start()
        self.jobs.start()

    async def stop(self) -> None:
        """End the work in hand, within the settings' time, and give everything back; what fails is logged."""
        async with AsyncExitStack() as steps:  # the last one first, each whatever became of those before it

            def step(what: str, act: Callable[[], Awaitable[None]]) -> None:
                steps.push_async_callback(_tried, what, act)

            step("networks and face database", self._let_go)
            step("the state", self.state.close)  # after the pool: its work may still write
            if self.stash:
                step("the connections to Stash", self.stash.aclose)
            step("the connections to other servers", self.remote.aclose)
            step("the look for Stash", self.stash_watch.stop)
            step("the work on pictures", self._close_pool)
            step("the jobs", self.jobs.close)  # before the pool: the running job is parked, not failed
            step("the look for a newer database", self.recognition.stop)

    async def _close_pool(self) -> None:
        if not await asyncio.to_thread(self.pool.close, self.settings.stop_seconds):
            log.warning("stopped while a picture was still being looked at")

    async def _let_go(self) -> None:
        self.recognition.in_use.replace(None)


async def _tried(what: str, act: Callable[[], Awaitable[None]]) -> None:
    try:
        await act()
    except Exception:
        log.exception("%s could not be closed", what)


def build_sidecar(
    settings: Settings,
    *,
    resolve: Resolve | None = None,
    stash_limits: Limits = DEFAULT_LIMITS,
    patience: OutageLimits = DEFAULT_OUTAGE_LIMITS,
) -> Sidecar:
    """A sidecar to start. resolve: how hosts of `image_url` are looked up.

    stash_limits: of requests to Stash, but for the bytes of a picture, which are a setting. patience: of jobs
    with a Stash that is away. Raises NoSecret, BadAddress.
    """
    limits = FetchLimits(
        file_bytes=settings.max_bytes,
        seconds=settings.fetch_seconds,
        private_too=settings.allow_private_urls,
    )
    secret = secret_to_serve_with(settings)
    stash = _stash_client(settings, stash_limits)
    pool = WorkPool(settings.workers or workers(), settings.queue)
    state = StateInUse(state_file(settings))
    recognition = RecognizerKeeper(settings)
    library = Library(settings, stash, state, recognition, pool, patience)
    return Sidecar(
        settings=settings,
        secret=secret,
        pool=pool,
        remote=RemotePictures(limits, resolve),
        stash=stash,
        stash_watch=StashWatch(stash),
        state=state,
        recognition=recognition,
        library=library,
        jobs=JobsInUse(jobs_file(settings), library.kinds()),
    )


def _stash_client(settings: Settings, limits: Limits) -> StashClient | None:
    if not settings.stash_url:
        return None
    return open_stash(settings, replace(limits, media_bytes=settings.max_bytes))
