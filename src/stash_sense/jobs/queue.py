"""The queue: jobs run one after another and are kept in a file, so that no stop, kill or crash loses one."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from stash_sense.errors import BadInput, QueueFull, ShuttingDown, StashSenseError, StateError
from stash_sense.jobs.background import NO_BACKGROUND_JOBS, BackgroundJobs
from stash_sense.jobs.run import GRACE_S, JobFunction, JobRun, StopReason
from stash_sense.store.repositories.job_rows import ENDED_STATUSES as ENDED
from stash_sense.store.repositories.job_rows import ERRORS_LISTED, Job
from stash_sense.store.repositories.jobs import JobsFile

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_QUEUED = 1000
SAVE_EVERY_S = 5.0
"""How often the progress of a running job is saved."""
RETRY_S = 5.0
"""How long to wait before a failed read or write of the jobs file is tried again."""
_LIVE_RESULT_TIMEOUT_S = 1.0
_SETTLE_S = 5.0  # for the last writes, on top of a job's grace


class JobQueue:
    """Runs one job at a time, in the order of submission. No method blocks the event loop.

    path: the jobs file, created if missing. kinds: the function of each kind of job. background: the jobs
    that are parked as soon as another is queued, and go on after it. Methods raise ShuttingDown before
    `start` and after `begin_shutdown`, StateError and StateBusy if the file is unusable.
    """

    def __init__(
        self,
        path: Path,
        kinds: Mapping[str, JobFunction],
        background: BackgroundJobs = NO_BACKGROUND_JOBS,
    ) -> None:
        self._path = path
        self._kinds = dict(kinds)
        self._background = background
        self._file: JobsFile | None = None
        self._runner: asyncio.Task[None] | None = None
        self._run: JobRun | None = None
        self._pending: set[asyncio.Task[Any]] = set()
        self._wake = asyncio.Event()
        self._shutting_down = asyncio.Event()
        self._changed = asyncio.Event()
        self._taking = asyncio.Lock()
        self._trouble: StateError | None = None
        """Why no job can start or end now; None once the file takes writes again."""

    async def start(self) -> None:
        """Open the file and go on with what was running or queued, in its order. Raises StateError."""
        self._file = await asyncio.to_thread(JobsFile, self._path)
        self._shutting_down.clear()
        self._runner = asyncio.create_task(self._run_jobs(self._file), name="jobs")

    async def check_file(self) -> None:
        """Raises StateReplaced where the file was deleted, moved or replaced since `start`."""
        await asyncio.to_thread(self._open_file().check_file)

    def begin_shutdown(self) -> None:
        """Accept nothing more, tell the running job to stop, and wake every `wait` with ShuttingDown."""
        if self._file is None:
            return
        self._shutting_down.set()
        self._wake.set()
        if self._run:
            self._run.stop("shutdown")
        self._notify()

    async def stop(self) -> None:
        """Queue the running job again and close the file. Takes GRACE_S and a few seconds at most."""
        if self._file is None or self._runner is None:
            return
        self.begin_shutdown()
        await asyncio.wait({self._runner, *self._pending}, timeout=GRACE_S + _SETTLE_S)
        self._runner.cancel()
        await asyncio.wait({self._runner}, timeout=_SETTLE_S)
        file, self._file, self._runner = self._file, None, None
        try:
            await asyncio.to_thread(file.park_running)
        except StashSenseError as error:
            log.warning("The running job could not be queued again now; the next start does it: %s", error)
        await asyncio.to_thread(file.close)
        self._notify()

    async def submit(self, kind: str, target: str, parameters: Mapping[str, Any]) -> str:
        """Queue a job and return its id; that of an equal job if one is still queued or running.

        An equal one that is paused goes on, unless it is a background job, which nobody waits for.
        Raises BadInput for an unknown kind or parameters that are not JSON, and QueueFull.
        """
        if kind not in self._kinds:
            raise BadInput(f"Unknown job kind {kind!r:.80}. Use one of: {', '.join(sorted(self._kinds))}.")
        return await self._to_completion(self._submit(kind, target, dict(parameters)))

    async def wait(self, job_id: str) -> Job:
        """Return the job once it is done, failed or cancelled.

        Raises NoSuchJob, ShuttingDown, and the StateError that keeps the job from starting or ending, as a
        full disk; the job does so by itself later.
        """
        while True:
            changed = self._changed
            job = await self.get(job_id)
            if job.status in ENDED and not self._is_run(job_id):
                return job
            if self._trouble is not None:
                raise self._trouble.with_traceback(None)
            await changed.wait()

    async def get(self, job_id: str) -> Job:
        """The job with its progress and its result so far. Raises NoSuchJob."""
        run = self._run
        if run and self._is_run(job_id):
            result, revision = await run.live_result(_LIVE_RESULT_TIMEOUT_S)
            if run is self._run:
                return self._with_trouble(replace(run.snapshot(), result=result, revision=revision))
        return self._with_trouble(await asyncio.to_thread(self._open_file().get, job_id))

    async def list(self, target: str | None = None, limit: int = 50) -> list[Job]:
        """Jobs, newest first, of earlier starts too. Only `get` has results and all errors.

        target: None for the jobs of all targets that were not cleared.
        """
        jobs = await asyncio.to_thread(self._open_file().list, target, limit)
        run = self._run
        if run is None:
            return [self._with_trouble(job) for job in jobs]
        running = self._with_trouble(run.snapshot())
        running = replace(running, result=None, revision=None, all_errors=running.all_errors[:ERRORS_LISTED])
        return [running if job.job_id == running.job_id else job for job in jobs]

    async def clear_ended(self) -> int:
        """Take the jobs that have ended off the list of all jobs; returns how many."""
        return await self._to_completion(asyncio.to_thread(self._open_file().clear_ended))

    async def cancel(self, job_id: str) -> Job:
        """Cancel a queued or running job; one that has ended stays as it is. Raises NoSuchJob."""
        await self._to_completion(self._stop_job(job_id, self._open_file().cancel, "cancel"))
        return await self.get(job_id)

    async def pause(self, job_id: str) -> Job:
        """Let an open job rest until it is resumed; a running one is parked. Raises NoSuchJob, Conflict."""
        await self._to_completion(self._stop_job(job_id, self._open_file().pause, "park"))
        return await self.get(job_id)

    async def resume(self, job_id: str) -> Job:
        """Queue a failed, cancelled or paused job again. Raises NoSuchJob, QueueFull and Conflict.

        Conflict: the job is done, or an equal job was submitted since and is still queued or running.
        """
        await self._to_completion(self._resume(job_id))
        return await self.get(job_id)

    async def _submit(self, kind: str, target: str, parameters: Mapping[str, Any]) -> str:
        add, stays_paused = self._open_file().add, kind in self._background.kinds
        job_id = await asyncio.to_thread(add, kind, target, parameters, MAX_QUEUED, stays_paused)
        if job_id is None:
            raise _full()
        await self._make_way(kind)
        return job_id

    async def _make_way(self, kind: str) -> None:
        """A job of this kind is queued: it is begun, and a background job is parked for it."""
        async with self._taking:  # no job is between the file and its run
            run = self._run
            if run and self._background.gives_way(run.job.kind, kind):
                run.stop("park")
        self._wake.set()

    async def _stop_job(self, job_id: str, record: Callable[[str], bool], reason: StopReason) -> None:
        """record: writes into the file that the job is not to run; whether it is so."""
        async with self._taking:  # no job is between the file and its run
            recorded = await asyncio.to_thread(record, job_id)
            run = self._run
            if run and recorded and self._is_run(job_id):
                run.stop(reason)
        self._notify()
        if run and run.job.job_id == job_id:
            await _wait_at_most(run.finished, GRACE_S + _SETTLE_S)

    async def _resume(self, job_id: str) -> None:
        run = self._run
        if run and self._is_run(job_id) and run.snapshot().status == "cancelled":
            await _wait_at_most(run.finished, GRACE_S + _SETTLE_S)
        if not await asyncio.to_thread(self._open_file().requeue, job_id, MAX_QUEUED):
            raise _full()
        await self._make_way((await asyncio.to_thread(self._open_file().get, job_id)).kind)

    async def _run_jobs(self, file: JobsFile) -> None:
        while not self._shutting_down.is_set():
            self._wake.clear()
            try:
                wait_s = self._background.wait_s
                async with self._taking:
                    job = await asyncio.to_thread(
                        file.start_next, self._background.kinds, background_too=wait_s is None
                    )
                    self._trouble = None
                    if job and not self._shutting_down.is_set():
                        self._run = JobRun(job, self._kinds.get(job.kind))
                if self._run:
                    await self._run_job(file, self._run)
                else:
                    await _wait_at_most(self._wake, wait_s)
            except Exception as error:  # noqa: BLE001 - logged; the queue must outlive any failure of the file
                self._report("No job can be run now", error, stops_jobs=True)
                await self._pause()

    async def _run_job(self, file: JobsFile, run: JobRun) -> None:
        try:
            while not await run.wait(SAVE_EVERY_S):
                await self._save(file.save_progress, run.snapshot())
                if self._background.is_closed_to(run.job.kind):
                    run.stop("park")
            ended = await run.outcome()
            while not await self._save(file.finish, ended, needed=True) and not self._shutting_down.is_set():
                await self._pause()
        finally:
            self._run = None
            run.finished.set()
            self._notify()
        if ended.status == "queued" and not run.is_parked:
            await self._pause()

    async def _save(self, write: Callable[[Job], None], job: Job, *, needed: bool = False) -> bool:
        """Return whether it could be saved; if not, as on a full disk, the job goes on all the same.

        needed: the job cannot end without it, and those who wait are told so.
        """
        try:
            await asyncio.to_thread(write, job)
        except Exception as error:  # noqa: BLE001 - likewise
            self._report(f"Job {job.job_id} cannot be saved", error, stops_jobs=needed)
            return False
        if needed:
            self._trouble = None
        return True

    def _report(self, what: str, error: Exception, *, stops_jobs: bool) -> None:
        """Log once that the file takes no write; where no job can start or end, tell everyone who waits."""
        if str(error) != str(self._trouble):
            known = isinstance(error, StashSenseError)
            log.error("%s: %s Trying again.", what, error, exc_info=None if known else error)
        if stops_jobs and isinstance(error, StateError):  # not where another process holds it for a moment
            self._trouble = error
            self._notify()

    def _with_trouble(self, job: Job) -> Job:
        """The job, with when it may start, and with what keeps it from starting or ending as its error."""
        job = self._background.with_start(job)
        if self._trouble is None or job.status in ENDED:
            return job
        return replace(job, error=str(self._trouble), error_code=self._trouble.code)

    async def _to_completion(self, change: Coroutine[Any, Any, T]) -> T:
        """Carry out the whole change, even if the caller is cancelled."""
        task = asyncio.create_task(change)
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)
        return await asyncio.shield(task)

    async def _pause(self) -> None:
        await _wait_at_most(self._shutting_down, RETRY_S)

    def _is_run(self, job_id: str) -> bool:
        return self._run is not None and self._run.job.job_id == job_id

    def _open_file(self) -> JobsFile:
        if self._file is None or self._shutting_down.is_set():
            raise ShuttingDown(
                "No job can be accepted while Stash Sense starts or stops. Try again in a few seconds."
            )
        return self._file

    def _notify(self) -> None:
        """Wake every `wait`."""
        self._changed.set()
        self._changed = asyncio.Event()


def _full() -> QueueFull:
    return QueueFull(f"The queue is full ({MAX_QUEUED:,} jobs). Cancel some, or wait for some to end.", 30)


async def _wait_at_most(event: asyncio.Event, seconds: float | None) -> None:
    # Not `wait_for`, which may swallow a cancellation where the event is set at the same moment.
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
