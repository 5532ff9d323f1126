"""One run of one job: the work as a task, how it is told to leave off, and how it ended."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal

from stash_sense.errors import BadInput, StashSenseError
from stash_sense.jobs.errors import Stopping
from stash_sense.jobs.report import JobReport, printable
from stash_sense.store.jobs import Job
from stash_sense.store.values import as_json

log = logging.getLogger(__name__)

JobWork = Callable[[JobReport, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""What was asked (JSON) in, the result (JSON) out; cancel and stop reach it as CancelledError."""

GRACE_S = 10.0
"""How long a job that was told to leave off is waited for; then it is let go."""
RESULT_EVERY_S = 1.0
"""How often the result so far is made at most."""
INTERNAL = "internal"


class Run:
    """A job at work; made in the event loop. `finished` is set once its end is in the file."""

    def __init__(self, job: Job, work: JobWork | None) -> None:
        self.job = job
        self._loop = asyncio.get_running_loop()
        self._further: asyncio.Future[None] = self._loop.create_future()
        self._further_seen = False
        self.report = JobReport(job.job_id, job.done, self._tell_further)
        self.finished = asyncio.Event()
        self._left_for: Literal["cancel", "stop"] | None = None
        self._let_go: asyncio.Future[None] = self._loop.create_future()
        self._making: asyncio.Task[None] | None = None
        self._made_at = 0.0
        self._result = job.result
        self._task = asyncio.create_task(_begin(work, self.report, job), name=f"job {job.job_id}")
        self._task.add_done_callback(_look_at)

    async def over(self, seconds: float) -> bool:
        """Wait `seconds` for the end, or until more is done than in earlier runs; whether it came."""
        either: set[asyncio.Future[Any]] = {self._task, self._let_go}
        watched = either if self._further_seen else either | {self._further}
        done, _ = await asyncio.wait(watched, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        self._further_seen = self._further.done()
        return bool(done & either)

    def leave(self, why: Literal["cancel", "stop"]) -> None:
        """Tell the work to leave off, once; one that does not within GRACE_S is let go."""
        if self._left_for:
            return
        if self._task.cancel():
            self._loop.call_later(GRACE_S, self._give_up)
        elif why == "stop":
            return  # it has just ended, and need not be run again
        self._left_for = why

    def now(self) -> Job:
        """How far it is."""
        told = self.report.told(self.job)
        return replace(told, status="cancelled", eta_s=None) if self._left_for == "cancel" else told

    async def result(self, patience_s: float, *, fresh: bool = False) -> Mapping[str, Any] | None:
        """The result as it stands, or as it last stood if making it takes longer than `patience_s`.

        fresh: made from now on, even if one was made a moment ago.
        """
        if fresh and self._making:
            await asyncio.wait({self._making}, timeout=patience_s)
        due = fresh or time.monotonic() - self._made_at >= RESULT_EVERY_S
        if self.report.make and self._making is None and due:
            self._making = asyncio.create_task(self._make(self.report.make))
        if self._making:
            await asyncio.wait({self._making}, timeout=patience_s)
        return self._result

    async def ended(self) -> Job:
        """How it ended, once `over`; "queued": it is to be run again."""
        told = replace(self.report.told(self.job), eta_s=None, result=None)
        if self._left_for == "stop":
            return replace(told, status="queued")
        ended = _judged(told, self._task) if self._task.done() else told
        if self._left_for == "cancel":
            ended = replace(ended, status="cancelled", error=None, error_code=None)
        if ended.result is None and ended.status != "done":
            ended = replace(ended, result=await self.result(GRACE_S, fresh=True))
        return await asyncio.to_thread(_keepable, ended)

    def _tell_further(self) -> None:
        with suppress(RuntimeError):  # a job that was let go may outlive the loop
            self._loop.call_soon_threadsafe(self._further.set_result, None)

    async def _make(self, make: Callable[[], Mapping[str, Any]]) -> None:
        try:
            self._result = await asyncio.to_thread(make)
        except Exception:
            log.exception("the result so far of job %s could not be made", self.job.job_id)
        finally:
            self._made_at = time.monotonic()
            self._making = None

    def _give_up(self) -> None:
        if not self._task.done():
            log.error(
                "job %s (%s) did not leave off within %g s and was let go; it may still use the machine",
                *(self.job.job_id, self.job.kind, GRACE_S),
            )
            self._let_go.set_result(None)


async def _begin(work: JobWork | None, report: JobReport, job: Job) -> Mapping[str, Any]:
    if work is None:
        raise BadInput(f"This Stash Sense knows no job {job.kind!r}. Ask for it with one that does.")
    return await work(report, job.asked)


def _look_at(task: asyncio.Task[Any]) -> None:
    """Log what nobody expected; also of a job that was let go and ends at last."""
    error = None if task.cancelled() else task.exception()
    if error and not isinstance(error, StashSenseError):
        log.error("%s broke off", task.get_name(), exc_info=error)


def _judged(job: Job, task: asyncio.Task[Mapping[str, Any]]) -> Job:
    error = asyncio.CancelledError() if task.cancelled() else task.exception()
    if error is None:
        return replace(job, status="done", result=task.result(), error=None, error_code=None)
    if isinstance(error, Stopping):  # the pool was closed before this queue was
        return replace(job, status="queued")
    if isinstance(error, StashSenseError):
        return replace(job, status="failed", result=None, error=printable(str(error)), error_code=error.code)
    return replace(
        job,
        status="failed",
        result=None,
        error=f"It broke off on an unexpected error ({type(error).__name__}); the log has the details. "
        "Resume it to try again.",
        error_code=INTERNAL,
    )


def _keepable(job: Job) -> Job:
    """The job, failed if its result is no JSON object."""
    result: object = job.result  # works are not all typed
    missing = result is None and job.status != "done"
    try:
        if not isinstance(result, Mapping) and not missing:
            raise BadInput(f"{type(result).__name__} instead of a mapping")
        as_json("result", job.result)
    except (StashSenseError, RecursionError) as error:
        log.exception("the result of job %s (%s) cannot be kept", job.job_id, job.kind)
        return replace(
            job,
            status="failed" if job.status == "done" else job.status,
            result=None,
            error=job.error or f"Its result cannot be kept ({error}).",
            error_code=job.error_code or INTERNAL,
        )
    return job
