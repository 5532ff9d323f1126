import asyncio
import logging
import time
from contextlib import suppress

from stash_sense.errors import StashSenseError
from stash_sense.facedb.database import current_version
from stash_sense.recognition.in_use import RecognizerInUse
from stash_sense.recognition.recognizer import FaceRecognizer, LoadedPack
from stash_sense.runtime.engine import database_place, open_pack, open_recognizer
from stash_sense.settings import Settings

log = logging.getLogger(__name__)


LOOK_S = 2.0
"""How often a newer database is looked for."""


PATIENCE_S = 20.0
"""How long a request waits for networks and database to be opened; then it is told to come back."""


AGAIN_S = 30.0
"""After how long what could not be opened is tried again, although nothing has changed."""


class RecognizerKeeper:
    """Opens networks and database, and keeps `in_use` current."""

    def __init__(self, settings: Settings) -> None:
        self.in_use = RecognizerInUse()
        self.first_look = asyncio.Event()
        """Set once it is known whether there is a recognizer."""
        self._settings = settings
        self._keeper: asyncio.Task[None] | None = None
        self._looking = asyncio.Lock()
        self._looks: set[asyncio.Task[None]] = set()
        self._pack: LoadedPack | None = None
        self._seen: str | None = None
        self._tried = 0.0

    def start(self) -> None:
        """Begin to open; nobody has to wait for it."""
        self._keeper = asyncio.create_task(self._keep_current(), name="keep current")

    async def stop(self) -> None:
        """Look for nothing more; what is in use stays so."""
        if self._keeper:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        if self._looks:
            await asyncio.wait(self._looks)

    async def opened(self) -> RecognizerInUse:
        """The recognizer in use, once the first look for one is over; nobody waits for long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.first_look.wait(), PATIENCE_S)
        return self.in_use

    async def pack(self) -> LoadedPack:
        """The networks, with a database or without. Raises what keeps them from being opened."""
        async with self._looking:
            return await asyncio.to_thread(self._opened_pack)

    async def look(self) -> None:
        """Open what is there, or newer than what is in use; a failure is kept for whoever asks.

        Cancelling ends the waiting alone: what a thread has opened is taken into use.
        """
        look = asyncio.create_task(self._look(), name="look for a database")
        self._looks.add(look)
        look.add_done_callback(self._looks.discard)
        await asyncio.shield(look)

    async def _look(self) -> None:
        try:
            async with self._looking:
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
        place = database_place(self._settings)
        version = current_version(place)
        now = time.monotonic()
        failed = self.in_use.problem is not None and now - self._tried > AGAIN_S
        if self._pack and version == self._seen and not failed:
            return None
        self._tried = now
        pack = self._opened_pack()
        self._seen = version
        return open_recognizer(pack, place)

    def _opened_pack(self) -> LoadedPack:
        if self._pack is None:
            self._pack = open_pack(self._settings)
        return self._pack
