"""One run of one job: its report, how it is told to stop, and how it ended."""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal

from stash_sense.domain.validation import LARGEST_INTEGER, canonical_json
from stash_sense.errors import BadInput, ShuttingDown, StashSenseError
from stash_sense.store.jobs.job import Job

LINES_KEPT = 1000


LINE_LENGTH = 500


_KNOWN_AFTER_S = 0.5


class JobReport:
    """Given to the work; may be called from any thread, often, and costs nothing."""

    def __init__(self, job_id: str, stood: int = 0, on_further: Callable[[], None] = lambda: None) -> None:
        """on_further: called once, from any thread, when more is done than `stood`, as in earlier runs."""
        self.job_id = job_id
        self._stood = stood
        self._on_further: Callable[[], None] | None = on_further
        self.make: Callable[[], Mapping[str, Any]] | None = None
        self._guard = threading.Lock()
        self._lines: list[str] = []
        self._left_out = 0
        self._counts: tuple[int, int, int, int] | None = None
        self._first = (0, 0.0)

    def progress(self, done: int, total: int, *, faces: int = 0, people: int = 0) -> None:
        """`done` of `total` (0: unknown), with `faces` and `people` so far; the first starts the clock."""
        done, total = _count(done), _count(total)
        with self._guard:
            if self._counts is None:
                self._first = (done, time.monotonic())
            self._counts = (
                min(done, total) if total else done,
                total,
                _count(faces),
                _count(people),
            )
            tell, further = self._on_further, self._counts[0] > self._stood
            if further:
                self._on_further = None
        if further and tell:
            tell()

    def problem(self, text: str) -> None:
        """One more line of what went wrong without ending the job."""
        line = printable(str(text)[:LINE_LENGTH])
        with self._guard:
            if len(self._lines) < LINES_KEPT:
                self._lines.append(line)
            else:
                self._left_out += 1

    def result_so_far(self, make: Callable[[], Mapping[str, Any]]) -> None:
        """`make` gives the result as it stands.

        Called rarely and in another thread, when somebody asks, and once more when the job was cancelled or
        failed. What it returns must not change later.
        """
        self.make = make

    def told(self, job: Job) -> Job:
        """`job` with what was reported; what was not yet reported in this run stays as it was."""
        with self._guard:
            lines, counts, first = tuple(self._lines), self._counts, self._first
            if self._left_out:
                lines += (f"... and {self._left_out:,} more.",)
        if counts is None:
            return replace(job, all_errors=lines, error_count=len(lines))
        done, total, faces, people = counts
        seconds = time.monotonic() - first[1]
        rate = max(0, done - first[0]) / seconds if seconds >= _KNOWN_AFTER_S else 0.0
        return replace(
            job,
            done=done,
            total=total,
            faces=faces,
            people=people,
            rate=rate,
            eta_s=(total - done) / rate if rate and total else None,
            all_errors=lines,
            error_count=len(lines),
        )


def printable(text: str) -> str:
    """The text with "?" for what UTF-8 cannot hold: file names may be such."""
    return text.encode(errors="replace").decode()


def _count(value: int) -> int:
    return min(max(0, int(value)), LARGEST_INTEGER)


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
    if isinstance(error, ShuttingDown):  # the pool was closed before this queue was
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
        canonical_json("result", job.result)
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
