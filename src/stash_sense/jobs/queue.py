"""Jobs one after another, kept in a file: a stop, a kill or a crash loses none."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from stash_sense.errors import BadInput, QueueFull, ShuttingDown, StashSenseError
from stash_sense.jobs.run import GRACE_S, JobWork, Run
from stash_sense.store.jobs.file import JobsFile
from stash_sense.store.jobs.job import ENDED, ERRORS_LISTED, Job

log = logging.getLogger(__name__)

T = TypeVar("T")

QUEUED_AT_MOST = 1000
SAVE_EVERY_S = 5.0
"""How often the progress of a running job is written."""
AGAIN_S = 5.0
"""After how long what the file refused is tried again."""
_RESULT_PATIENCE_S = 1.0
_SETTLE_S = 5.0  # for the last writes, beside the grace of the work


class JobQueue:
    """One job at a time, in the order in which they were asked for.

    place: the file, begun where there is none. kinds: the work of each kind of job. What is raised beside
    NoSuchJob: BadInput, Full and Stopping, and the errors of the state file. No method blocks the loop.
    """

    def __init__(self, place: Path, kinds: Mapping[str, JobWork]) -> None:
        self._place = place
        self._kinds = dict(kinds)
        self._file: JobsFile | None = None
        self._runner: asyncio.Task[None] | None = None
        self._run: Run | None = None
        self._acts: set[asyncio.Task[Any]] = set()
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()
        self._taking = asyncio.Lock()

    async def start(self) -> None:
        """Open the file and go on with what was running or queued, in order."""
        self._file = await asyncio.to_thread(JobsFile, self._place)
        self._stopping.clear()
        self._runner = asyncio.create_task(self._work_through(self._file), name="jobs")

    def leave_off(self) -> None:
        """Begin to stop: take nothing more and tell the running job to leave off. Whoever waits is told."""
        if self._file is None:
            return
        self._stopping.set()
        self._wake.set()
        if self._run:
            self._run.leave("stop")
        self._tell()

    async def stop(self) -> None:
        """Park the running job and close the file; takes no longer than the grace of a job, and a little."""
        if self._file is None or self._runner is None:
            return
        self.leave_off()
        await asyncio.wait({self._runner, *self._acts}, timeout=GRACE_S + _SETTLE_S)
        self._runner.cancel()
        await asyncio.wait({self._runner}, timeout=_SETTLE_S)
        file, self._file, self._runner = self._file, None, None
        try:
            await asyncio.to_thread(file.park_running)
        except StashSenseError as error:
            log.warning("the running job is parked at the next start: %s", error)
        await asyncio.to_thread(file.close)
        self._tell()

    async def submit(self, kind: str, target: str, asked: Mapping[str, Any]) -> str:
        """Ask for a job; its id, which is that of the same one if that is still queued or running."""
        if kind not in self._kinds:
            raise BadInput(f"There is no job {kind!r:.80}; give one of {', '.join(sorted(self._kinds))}.")
        return await self._surely(self._submit(kind, target, dict(asked)))

    async def wait(self, job_id: str) -> Job:
        """The job once it is done, failed or cancelled. Raises Stopping when the queue stops before."""
        while True:
            changed = self._changed
            job = await self.get(job_id)
            if job.status in ENDED and not self._is_run(job_id):
                return job
            await changed.wait()

    async def get(self, job_id: str) -> Job:
        """How far the job is, with its result as it stands. Raises NoSuchJob."""
        run = self._run
        if run and self._is_run(job_id):
            result = await run.result(_RESULT_PATIENCE_S)
            if run is self._run:
                return replace(run.now(), result=result)
        return await asyncio.to_thread(self._opened().get, job_id)

    async def list(self, target: str | None = None, limit: int = 50) -> list[Job]:
        """Newest first, of earlier runs of the program too; only `get` has results, and all errors."""
        jobs = await asyncio.to_thread(self._opened().list, target, limit)
        run = self._run
        if run is None:
            return jobs
        now = run.now()
        listed = replace(now, result=None, all_errors=now.all_errors[:ERRORS_LISTED])
        return [listed if job.job_id == now.job_id else job for job in jobs]

    async def cancel(self, job_id: str) -> Job:
        """Take a job back; one that has ended stays as it is. Raises NoSuchJob."""
        await self._surely(self._cancel(job_id))
        return await self.get(job_id)

    async def resume(self, job_id: str) -> Job:
        """Queue a failed or cancelled job again. Raises NoSuchJob, and Refused for one that is done.

        Refused also where the same was asked for anew meanwhile, and is still queued or running.
        """
        await self._surely(self._resume(job_id))
        return await self.get(job_id)

    async def _submit(self, kind: str, target: str, asked: Mapping[str, Any]) -> str:
        job_id = await asyncio.to_thread(self._opened().add, kind, target, asked, QUEUED_AT_MOST)
        if job_id is None:
            raise _full()
        self._wake.set()
        return job_id

    async def _cancel(self, job_id: str) -> None:
        async with self._taking:  # no job is between the file and its run
            cancelled = await asyncio.to_thread(self._opened().cancel, job_id)
            run = self._run
            if run and cancelled and self._is_run(job_id):
                run.leave("cancel")
        self._tell()
        if run and run.job.job_id == job_id:
            await _at_most(run.finished, GRACE_S + _SETTLE_S)

    async def _resume(self, job_id: str) -> None:
        run = self._run
        if run and self._is_run(job_id) and run.now().status == "cancelled":
            await _at_most(run.finished, GRACE_S + _SETTLE_S)
        if not await asyncio.to_thread(self._opened().again, job_id, QUEUED_AT_MOST):
            raise _full()
        self._wake.set()

    async def _work_through(self, file: JobsFile) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                async with self._taking:
                    job = await asyncio.to_thread(file.take_next)
                    if job and not self._stopping.is_set():
                        self._run = Run(job, self._kinds.get(job.kind))
                if self._run:
                    await self._see_through(file, self._run)
                else:
                    await self._wake.wait()
            except Exception as error:  # noqa: BLE001 - logged; the queue must outlive whatever the file does
                _log("the jobs stand still", error)
                await self._pause()

    async def _see_through(self, file: JobsFile, run: Run) -> None:
        try:
            while not await run.over(SAVE_EVERY_S):
                await self._written(file.note, run.now())
            ended = await run.ended()
            while not await self._written(file.end, ended) and not self._stopping.is_set():
                await self._pause()
        finally:
            self._run = None
            run.finished.set()
            self._tell()
        if ended.status == "queued":
            await self._pause()

    async def _written(self, write: Callable[[Job], None], job: Job) -> bool:
        """Whether it could be written; a job goes on while its list cannot, say on a full disk."""
        try:
            await asyncio.to_thread(write, job)
        except Exception as error:  # noqa: BLE001 - likewise
            _log(f"job {job.job_id} cannot be written down", error)
            return False
        return True

    async def _surely(self, act: Coroutine[Any, Any, T]) -> T:
        """Carry out all of it, even if whoever asked goes away."""
        task = asyncio.create_task(act)
        self._acts.add(task)
        task.add_done_callback(self._acts.discard)
        return await asyncio.shield(task)

    async def _pause(self) -> None:
        await _at_most(self._stopping, AGAIN_S)

    def _is_run(self, job_id: str) -> bool:
        return self._run is not None and self._run.job.job_id == job_id

    def _opened(self) -> JobsFile:
        if self._file is None or self._stopping.is_set():
            raise ShuttingDown(
                "Jobs are not taken now: Stash Sense is starting or being stopped. Try again soon."
            )
        return self._file

    def _tell(self) -> None:
        """Wake whoever waits for the end of a job."""
        self._changed.set()
        self._changed = asyncio.Event()


def _full() -> QueueFull:
    return QueueFull(f"{QUEUED_AT_MOST:,} jobs are waiting, and no more are taken. Cancel some first.", 30)


async def _at_most(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


def _log(what: str, error: Exception) -> None:
    known = isinstance(error, StashSenseError)
    log.error("%s: %s; trying again", what, error, exc_info=None if known else error)
