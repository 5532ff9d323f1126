"""The library's job, the hours in which it rests, and the jobs that are submitted by themselves."""

import asyncio
import logging
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from datetime import time as time_of_day
from typing import Any

from stash_sense.jobs.queue import JobQueue
from stash_sense.jobs.run import JobFunction, JobProgress
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition.library import LibraryOptions, identify_library
from stash_sense.recognition.parameters import Tools
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.runtime.background_task import BackgroundTask, log_failed_attempt
from stash_sense.runtime.services import Services
from stash_sense.runtime.supervisor import Supervised
from stash_sense.settings import Settings

log = logging.getLogger(__name__)

LIBRARY = "library"
"""The kind and the target of the job over the whole library."""

LOOK_EVERY_S = 60.0
"""How often Stash is asked what is newest. A job follows once that has not changed between two looks."""


def library_job(services: Services) -> JobFunction:
    """The job that identifies what is new in the library."""

    async def run(progress: JobProgress, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        options = LibraryOptions.from_json(parameters)

        async def identify(recognizer: FaceRecognizer, tools: Tools) -> Mapping[str, Any]:
            return await identify_library(
                options, recognizer, tools, progress, outage_limits=services.outage_limits
            )

        return await services.run_identification(identify, LIBRARY)

    return run


def resumes_at(settings: Settings, now: datetime | None = None) -> float | None:
    """When the quiet hours that it is in end, seconds since 1970; None outside of them.

    now: local time, without a zone: its clock may be put forward or back before the end.
    """
    now = now or datetime.now()  # noqa: DTZ005  the zone's rules say how long it is until the end
    if settings.quiet_hours is None:
        return None
    begins, ends = settings.quiet_hours
    if not _is_between(begins, ends, now.time()):
        return None
    end = now.replace(hour=ends.hour, minute=ends.minute, second=0, microsecond=0)
    return (end if end > now else end + timedelta(days=1)).timestamp()


def _is_between(begins: time_of_day, ends: time_of_day, now: time_of_day) -> bool:
    return begins <= now < ends if begins < ends else now >= begins or now < ends


class LibraryRuns:
    """Submits the library's job by itself: on a schedule, and after new images, galleries or scenes.

    Stash is asked in short queries. A hook of Stash would start a process for each image of a scan, and a
    scan of a large library would take hours longer.
    """

    def __init__(self, services: Services, jobs: Supervised[JobQueue]) -> None:
        self._services = services
        self._jobs = jobs
        self._task = BackgroundTask(self._run, "jobs of the library")
        self._newest: tuple[str, ...] | None = None
        self._submitted: tuple[str, ...] | None = None

    def start(self) -> None:
        """Begin in the background, if the settings ask for anything."""
        settings = self._services.settings
        if self._services.stash is not None and (settings.library_every or settings.follow_new):
            self._task.start()

    async def close(self) -> None:
        """Submit nothing more."""
        await self._task.close()

    async def _run(self) -> None:
        await self._services.recognition.first_attempt.wait()
        await self._jobs.first_attempt.wait()
        while True:
            await self.look(time.time())
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self, now: float) -> None:
        """Submit the job if it is due or something is new; what fails is logged. now: seconds since 1970."""
        settings = self._services.settings
        try:
            if settings.library_every and await self._is_due(now, settings.library_every * 3600):
                await self._submit()
            if settings.follow_new:
                await self._follow()
        except Exception as error:  # noqa: BLE001 - logged; one attempt must not end all further ones
            log_failed_attempt(log, "the library's job could not be started by itself", error)

    async def _is_due(self, now: float, every_s: float) -> bool:
        """Whether no job over the library is open, and the last one ended so long ago, however it ended."""
        jobs = await (await self._jobs.ready()).list(LIBRARY)
        ends = [datetime.fromisoformat(job.ended_at).timestamp() for job in jobs if job.ended_at]
        return len(ends) == len(jobs) and now >= max(ends, default=0.0) + every_s

    async def _follow(self) -> None:
        """Submit a job for what is new, once nothing newer comes."""
        stash = self._services.require_stash()
        images, galleries, scenes = await asyncio.gather(
            stash.list_images({}, 1), stash.list_galleries({}, 1), stash.list_scenes({}, 1)
        )
        newest = tuple(page[0].id if page else "" for page in (images, galleries, scenes))
        is_quiet, self._newest = newest == self._newest, newest
        if is_quiet and newest != self._submitted and await self._submit():
            self._submitted = newest

    async def _submit(self) -> bool:
        """Whether the job is submitted; not while one runs, which may miss what is new."""
        if self._services.recognition.current is None:
            return False
        queue = await self._jobs.ready()
        if any(job.status == "running" for job in await queue.list(LIBRARY)):
            return False
        await queue.submit(LIBRARY, LIBRARY, LibraryOptions(MatchOptions()).as_json())
        return True
