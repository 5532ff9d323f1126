"""The hygiene report of the face database in use: made in the background, and kept while that is in use."""

import asyncio
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment.hygiene import HygieneReport, inspect_references
from stash_sense.enrolment.quarantine_list import (
    QuarantineList,
    SetAside,
    restore_references,
    set_references_aside,
)
from stash_sense.errors import Cancelled
from stash_sense.facedb.layout import Photo
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.runtime.from_settings import database_dir
from stash_sense.runtime.services import Services

WAIT_S = 5.0
"""How long a caller waits for a report: a database of a library takes a second, a large one minutes."""


@dataclass(frozen=True, slots=True)
class Hygiene:
    """What is known of the references of a version. report: None while it is being made.

    done, total: how many references were compared so far. kept: ids that a person decided to use.
    """

    version: str
    done: int
    total: int
    report: HygieneReport | None
    kept: frozenset[str] = frozenset()


class _Comparing(NoProgress):
    """Progress of a comparison; ends it once `stop` is set."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.done = 0

    def update(self, done: int, *, faces: int = 0, people: int = 0) -> None:  # noqa: ARG002 - of builds
        """See Progress."""
        if self.stop.is_set():
            raise Cancelled("Another face database is in use, or the sidecar stops.")
        self.done = done


class HygieneReports:
    """At most one report, and at most one in the making. All methods run on one event loop."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._report: HygieneReport | None = None
        self._task: asyncio.Task[HygieneReport] | None = None
        self._comparing = _Comparing()
        self._making = ""
        self._deciding = asyncio.Lock()

    async def current(self, recognizer: FaceRecognizer) -> Hygiene:
        """Of the recognizer's face database, leased. Raises what a comparison raises, BadDatabase."""
        manifest = recognizer.database.manifest
        newest = self._services.recognition.current
        if newest is recognizer and (self._report is None or self._report.version != manifest.version):
            self._report = None
            await self._make(manifest.version)
        if self._report is None or self._report.version != manifest.version:
            return Hygiene(manifest.version, self._comparing.done, manifest.faces, None)
        kept = (await asyncio.to_thread(QuarantineList.read, recognizer.database.folder.parent)).kept
        return Hygiene(manifest.version, manifest.faces, manifest.faces, self._report, kept)

    async def set_aside(self, references: list[str]) -> SetAside:
        """As `set_references_aside`, whole even if the caller is cancelled; the report follows."""
        return await asyncio.shield(asyncio.create_task(self._set_aside(references)))

    async def restore(self, references: list[str]) -> tuple[Photo, ...]:
        """As `restore_references`."""
        place = database_dir(self._services.settings)
        async with self._deciding:
            return await asyncio.to_thread(restore_references, place, references)

    def photo_set_aside(self, reference: str) -> Path | None:
        """The file of a photo that is set aside, if the report lists it and it is one of a people folder."""
        for finding in self._report.findings if self._report else ():
            if finding.reference == reference and not finding.in_use and Path(finding.photo).is_absolute():
                return Path(finding.photo)
        return None

    async def close(self) -> None:
        """End a comparison that runs."""
        self._comparing.stop.set()
        if self._task:
            await asyncio.wait({self._task})

    async def _set_aside(self, references: list[str]) -> SetAside:
        place = database_dir(self._services.settings)
        async with self._deciding:  # one after another, so that two clicks do not refuse each other
            done = await asyncio.to_thread(set_references_aside, place, references)
            if self._report is not None and self._report.version == done.before:
                self._report = self._report.setting_aside(done.photos, done.rows, done.version)
            await self._services.use_newest_database()
            return done

    async def _make(self, version: str) -> None:
        """Wait a while for the report of this version, which may be in the making."""
        while self._task is not None and not self._task.done() and self._making != version:
            former = self._task
            self._comparing.stop.set()
            await asyncio.wait({former})
            if self._task is former:  # else another caller has begun the next one meanwhile
                self._task = None
        if self._task is None:
            self._making, self._comparing = version, _Comparing()
            self._task = asyncio.create_task(self._inspect(self._comparing), name="hygiene")
        task = self._task
        await asyncio.wait({task}, timeout=WAIT_S)
        if task.done():
            if self._task is task:
                self._task = None
            with suppress(Cancelled):  # for another caller's newer version
                self._report = task.result()

    async def _inspect(self, comparing: _Comparing) -> HygieneReport:
        # Leased here: the comparison outlasts its caller.
        async with self._services.recognition.lease() as recognizer:
            work = asyncio.ensure_future(
                asyncio.to_thread(inspect_references, recognizer.database, recognizer.pack, comparing)
            )
            try:
                return await asyncio.shield(work)
            finally:
                comparing.stop.set()
                await asyncio.wait({work})
