"""The face database while the sidecar serves: kept up to date, and rolled back."""

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from stash_sense.enrolment.snapshot import StashChanges, changes_since
from stash_sense.enrolment.source_ids import DECISIONS, SourceKind, UpdateSource, update_sources
from stash_sense.enrolment.stash import SOURCE
from stash_sense.enrolment.stash_boxes import source_host
from stash_sense.errors import StashSenseError
from stash_sense.facedb.versions import Rollback, end_rollback, roll_back, rolled_back_from
from stash_sense.jobs.queue import JobQueue
from stash_sense.jobs.run import JobFunction, JobProgress
from stash_sense.runtime.background_task import BackgroundTask, log_failed_attempt
from stash_sense.runtime.from_settings import database_dir
from stash_sense.runtime.learning import learn_in_job
from stash_sense.runtime.services import Services
from stash_sense.runtime.source_updates import sources_in_use, update_folder
from stash_sense.runtime.stash_boxes import build_in_job
from stash_sense.runtime.supervisor import Supervised

log = logging.getLogger(__name__)

KIND = TARGET = "database"
"""The kind and the target of the job that builds or updates the face database."""
ALL = "all"
STASH_BOX = "stash-box"

QUIET_S = 60.0
"""An update begins once Stash has said of no further change for so long."""
LONGEST_QUIET_S = 900.0
"""It begins at the latest so long after the first change."""
CHECK_EVERY_S = 3600.0
"""How often Stash is asked, in one short query, for changes that it did not tell of, such as a merge."""
RETRY_S = 60.0


async def roll_back_database(services: Services) -> Rollback:
    """Use the version that the last build replaced, or undo that. Work that runs keeps its version.

    Raises what `roll_back` raises.
    """
    recognizer = services.recognition.current
    fingerprint = recognizer.pack.fingerprint if recognizer else None
    rollback = await asyncio.to_thread(roll_back, database_dir(services.settings), fingerprint)
    await services.use_newest_database()
    return rollback


def database_job(services: Services, build: JobFunction) -> JobFunction:
    """The job that builds from one source, with `build`, or brings all sources up to date."""

    async def run(progress: JobProgress, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        place = database_dir(services.settings)
        source = parameters.get("source")
        builders = _builders(services, build, progress, parameters)
        if source != ALL:
            if source == STASH_BOX:
                allow_empty = bool(parameters.get("allow_empty"))
                result = await build_in_job(services, progress, parameters["endpoint"], allow_empty)
            else:
                result = await builders["decisions" if source == DECISIONS else "stash"](SOURCE)
            await asyncio.to_thread(end_rollback, place)
            return result
        sources = await asyncio.to_thread(sources_in_use, services.settings)
        try:
            updates = await update_sources(sources, builders)
        finally:
            await services.use_newest_database()
        await asyncio.to_thread(end_rollback, place)
        for update in updates:
            if update.outcome == "failed":
                progress.problem(f"{update.source}: {update.detail}")
        return {"sources": [update.as_json() for update in updates]}

    return run


def _builders(
    services: Services, build: JobFunction, progress: JobProgress, parameters: Mapping[str, Any]
) -> Mapping[SourceKind, UpdateSource]:
    """How a job brings each kind of source up to date."""
    allow_empty = bool(parameters.get("allow_empty"))

    async def from_stash(_: str) -> Mapping[str, Any]:
        return await build(progress, {**parameters, "source": SOURCE})

    async def from_folder(source: str) -> Mapping[str, Any]:
        pack = await asyncio.to_thread(services.engine.pack)
        # One photo at a time: requests go on meanwhile.
        settings = services.settings.with_values(workers=1)
        return await update_folder(settings, source, pack, progress, allow_empty=allow_empty)

    async def from_stash_box(source: str) -> Mapping[str, Any]:
        return await build_in_job(services, progress, source_host(source), allow_empty)

    async def from_decisions(_: str) -> Mapping[str, Any]:
        return await learn_in_job(services, progress)

    return {
        "stash": from_stash,
        "stash-box": from_stash_box,
        "folder": from_folder,
        "decisions": from_decisions,
    }


class DatabaseUpdates:
    """Submits updates by itself: on the schedule of the settings, and after changes in Stash.

    A rollback holds: until the next update by hand, or until it is undone, nothing is submitted.
    """

    def __init__(self, services: Services, jobs: Supervised[JobQueue]) -> None:
        self._services = services
        self._jobs = jobs
        self._woken = asyncio.Event()
        self._task = BackgroundTask(self._run, "updates of the face database")
        self._changed: set[str] = set()
        self._changed_at: float | None = None
        self._quiet_until: float | None = None
        self._scheduled: float | None = None
        self._check_at: float | None = None
        self._checked: tuple[str, StashChanges] | None = None

    @property
    def next_at(self) -> float | None:
        """When the next update begins, seconds since 1970; None while none is due."""
        return min((at for at in (self._quiet_until, self._scheduled) if at is not None), default=None)

    def start(self) -> None:
        """Begin in the background."""
        self._task.start()

    async def close(self) -> None:
        """Submit nothing more."""
        await self._task.close()

    def note_change(self) -> float | None:
        """Performers of Stash have changed: when an update follows, None if it does not.

        May be called any number of times: one update follows.
        """
        return self._note(SOURCE) if self._follows() else None

    def note_decision(self) -> None:
        """Faces were decided on: what was learned from decisions follows, as after a change in Stash."""
        recognizer = self._services.recognition.current
        learned = recognizer is not None and DECISIONS in recognizer.database.manifest.sources
        if recognizer is not None and (learned or self._services.settings.learn_decisions):
            self._note(DECISIONS)

    def _note(self, source: str) -> float:
        self._changed.add(source)
        now = time.time()
        if self._changed_at is None:
            self._changed_at = now
        self._quiet_until = min(now + QUIET_S, self._changed_at + LONGEST_QUIET_S)
        self._woken.set()
        return self._quiet_until

    def _follows(self) -> bool:
        services = self._services
        recognizer = services.recognition.current
        return (
            services.settings.follow_library
            and services.stash is not None
            and recognizer is not None
            and SOURCE in recognizer.database.manifest.sources
        )

    async def _run(self) -> None:
        await self._services.recognition.first_attempt.wait()
        await self._jobs.first_attempt.wait()
        every_s = self._services.settings.update_every * 3600
        if every_s:
            self._scheduled = await self._last_update() + every_s
        if self._services.settings.follow_library and self._services.stash is not None:
            self._check_at = time.time()
        while True:
            await self._wait()
            try:
                now = time.time()
                if self._check_at is not None and now >= self._check_at:
                    self._check_at = now + CHECK_EVERY_S
                    await self._check()
                if self._scheduled is not None and now >= self._scheduled:
                    self._scheduled = now + (every_s if await self._submit(ALL) else RETRY_S)
                if self._quiet_until is not None and now >= self._quiet_until:
                    await self._submit_changed(now)
            except Exception as error:  # noqa: BLE001 - logged; one attempt must not end all further ones
                log_failed_attempt(log, "the face database could not be updated by itself", error)

    async def _submit_changed(self, now: float) -> None:
        changed, self._changed = self._changed, set()
        self._changed_at = self._quiet_until = None
        try:
            for source in sorted(changed):
                if await self._submit(source):
                    changed.discard(source)
        finally:
            self._put_back(changed, now)

    def _put_back(self, changed: set[str], now: float) -> None:
        """Submit these later: an update runs, or the queue takes no job now."""
        self._changed |= changed
        if changed and self._quiet_until is None:
            self._quiet_until = now + RETRY_S

    async def _wait(self) -> None:
        due = [at for at in (self._quiet_until, self._scheduled, self._check_at) if at is not None]
        self._woken.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(due) - time.time()) if due else None):
                await self._woken.wait()

    async def _check(self) -> None:
        """Look for changes that no hook told of. The same ones lead to one update alone."""
        if not self._follows() or self._services.stash is None:
            return
        async with self._services.recognition.lease() as recognizer:
            snapshot = await self._services.snapshot(recognizer)
            changes = await changes_since(snapshot, self._services.stash)
        found = (snapshot.version, changes)
        if changes != StashChanges() and found != self._checked:
            self._checked = found
            self.note_change()

    async def _submit(self, source: str) -> bool:
        """Whether the update is submitted, or not wanted; not while one runs, which may miss what is new."""
        if self._services.recognition.current is None:
            return True
        origin = await asyncio.to_thread(rolled_back_from, database_dir(self._services.settings))
        if origin is not None:
            log.info("the face database was rolled back and is not updated by itself until it is by hand")
            return True
        queue = await self._jobs.ready()
        if any(job.status == "running" for job in await queue.list(TARGET)):
            return False
        await queue.submit(KIND, TARGET, job_parameters(source))
        return True

    async def _last_update(self) -> float:
        """When the face database was last brought up to date, seconds since 1970."""
        with suppress(StashSenseError):
            for job in await (await self._jobs.ready()).list(TARGET):
                if job.status == "done" and job.ended_at:
                    return datetime.fromisoformat(job.ended_at).timestamp()
        recognizer = self._services.recognition.current
        built_at = recognizer.database.manifest.built_at if recognizer else ""
        with suppress(ValueError):
            return datetime.fromisoformat(built_at).timestamp()
        return time.time()


def job_parameters(source: str, **options: Any) -> dict[str, Any]:
    """The parameters of the job `database`, which equal ones share."""
    defaults = {"images": False, "scenes": False, "endpoint": None, "allow_empty": False}
    return {**defaults, "source": source, **options}
