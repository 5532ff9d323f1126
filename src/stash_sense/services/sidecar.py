"""Everything that a running sidecar holds: built from Settings, opened, kept current, closed."""

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace

from stash_sense.errors import StashSenseError
from stash_sense.facedb.database import current_version
from stash_sense.jobs import WorkPool
from stash_sense.media import MediaLimits
from stash_sense.media.remote import FetchLimits, RemotePictures, Resolve
from stash_sense.services.recognition import database_place, open_pack, open_recognizer, state_file
from stash_sense.services.secret import Secret, secret_to_serve_with
from stash_sense.services.stash import open_stash
from stash_sense.services.stash_watch import StashWatch, not_configured
from stash_sense.settings import Settings
from stash_sense.stash import DEFAULT_LIMITS, StashClient
from stash_sense.store import RecommendationsDB
from stash_sense.workflows.in_use import RecognizerInUse
from stash_sense.workflows.packs import LoadedPack
from stash_sense.workflows.reading import workers
from stash_sense.workflows.recognizer import FaceRecognizer
from stash_sense.workflows.state_in_use import StateInUse

log = logging.getLogger(__name__)

LOOK_S = 2.0
"""How often a newer database is looked for."""
PATIENCE_S = 20.0
"""How long a request waits for networks and database to be opened; then it is told to come back."""
AGAIN_S = 30.0
"""After how long what could not be opened is tried again, although nothing has changed."""


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
    in_use: RecognizerInUse = field(default_factory=RecognizerInUse)
    began: float = field(default_factory=time.time)
    first_look: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once it is known whether there is a recognizer."""
    _keeper: asyncio.Task[None] | None = None
    _pack: LoadedPack | None = None
    _seen: str | None = None
    _tried: float = 0.0

    @property
    def media_limits(self) -> MediaLimits:
        """What is accepted of a picture that is handed over."""
        return MediaLimits(file_bytes=self.settings.max_bytes, pixels=self.settings.max_pixels)

    @property
    def store(self) -> RecommendationsDB:
        """The state, for jobs and other threads; a route uses `state.run`. Raises why there is none."""
        return self.state.store

    def need_stash(self) -> StashClient:
        """The client of Stash. Raises StashNotConfigured."""
        if self.stash is None:
            raise not_configured()
        return self.stash

    async def start(self) -> None:
        """Begin to open networks, database and state; answers about anything else need not wait for it."""
        self.state.start()
        self.stash_watch.start()
        self._keeper = asyncio.create_task(self._keep_current(), name="keep current")

    async def stop(self) -> None:
        """End the work in hand, within the settings' time, and give everything back."""
        if self._keeper:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        if not await asyncio.to_thread(self.pool.close, self.settings.stop_seconds):
            log.warning("stopped while a picture was still being looked at")
        await self.stash_watch.stop()
        await self.remote.aclose()
        if self.stash:
            await self.stash.aclose()
        await self.state.close()  # after the pool: its work may still write
        self.in_use.replace(None)

    async def opened(self) -> RecognizerInUse:
        """The recognizer in use, once the first look for one is over; nobody waits for long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.first_look.wait(), PATIENCE_S)
        return self.in_use

    async def look(self) -> None:
        """Open what is there, or newer than what is in use; a failure is kept for whoever asks."""
        try:
            recognizer = await asyncio.to_thread(self._newer)
        except StashSenseError as error:
            if str(error) != str(self.in_use.problem):
                log.warning("%s", error)
            if self.in_use.current:
                self.in_use.problem = error
            else:
                self.in_use.replace(None, error)
        else:
            if recognizer:
                self.in_use.replace(recognizer)
                manifest = recognizer.database.manifest
                log.info("%s people, %s faces are in use", f"{manifest.people:,}", f"{manifest.faces:,}")
        self.first_look.set()

    async def _keep_current(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:
                log.exception("networks and face database could not be opened")
                self.first_look.set()
                await asyncio.sleep(AGAIN_S)
            await asyncio.sleep(LOOK_S)

    def _newer(self) -> FaceRecognizer | None:
        """Another recognizer than the one in use; None where nothing has changed. Raises what is wrong."""
        place = database_place(self.settings)
        version = current_version(place)
        now = time.monotonic()
        failed = self.in_use.problem is not None and now - self._tried > AGAIN_S
        if self._pack and version == self._seen and not failed:
            return None
        self._tried = now
        if self._pack is None:
            self._pack = open_pack(self.settings)
        self._seen = version
        return open_recognizer(self._pack, place)


def build_sidecar(settings: Settings, *, resolve: Resolve | None = None) -> Sidecar:
    """A sidecar to start. resolve: how hosts of `image_url` are looked up. Raises NoSecret, BadAddress."""
    limits = FetchLimits(
        file_bytes=settings.max_bytes,
        seconds=settings.fetch_seconds,
        private_too=settings.allow_private_urls,
    )
    secret = secret_to_serve_with(settings)
    stash = _stash_client(settings)
    return Sidecar(
        settings=settings,
        secret=secret,
        pool=WorkPool(settings.workers or workers(), settings.queue),
        remote=RemotePictures(limits, resolve),
        stash=stash,
        stash_watch=StashWatch(stash),
        state=StateInUse(state_file(settings)),
    )


def _stash_client(settings: Settings) -> StashClient | None:
    if not settings.stash_url:
        return None
    limits = replace(DEFAULT_LIMITS, media_bytes=settings.max_bytes)
    return open_stash(settings, limits)
