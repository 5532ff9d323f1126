"""One run of one job: its progress, its live result, how it is stopped, and how it ended."""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal

from stash_sense.domain.validation import LARGEST_INTEGER, canonical_json, json_revision
from stash_sense.errors import BadInput, ShuttingDown, StashSenseError
from stash_sense.store.repositories.job_rows import Job

log = logging.getLogger(__name__)

PROBLEMS_KEPT = 1000
PROBLEM_LENGTH = 500  # characters
GRACE_S = 10.0
"""How long a job that was told to stop may take; then the queue goes on without it."""
PARKED_RESULT_S = 1.0
"""How long a job that is parked may take for its result so far, while another waits to begin."""
LIVE_RESULT_EVERY_S = 1.0
"""The live result is made at most this often."""
INTERNAL = "internal"
"""`error_code` of a bug, as opposed to an error of ours with its own code."""

_RATE_KNOWN_AFTER_S = 0.5
_RATE_MARK_S = 5.0
_RATE_MARKS = 13  # a minute: what was done long ago, or was stored already, says nothing of what is left
_ETA_KNOWN_AFTER_S = 5.0  # or once this share is done: the first units are no measure of the others
_ETA_KNOWN_AFTER_SHARE = 0.05


class JobProgress:
    """The Progress of a job; its function may call it often and from any thread."""

    def __init__(
        self, job_id: str, done_before: int = 0, on_advance: Callable[[], None] = lambda: None
    ) -> None:
        """on_advance: called once, from any thread, when more than `done_before` (an earlier run) is done."""
        self.job_id = job_id
        self.make_live_result: Callable[[], Mapping[str, Any]] | None = None
        self._done_before = done_before
        self._on_advance: Callable[[], None] | None = on_advance
        self._guard = threading.Lock()
        self._problems: list[str] = []
        self._problems_dropped = 0
        self._counts: tuple[int, int, int] | None = None  # done, faces, people
        self._total = 0
        self._started_at = 0.0
        self._marks: deque[tuple[float, int]] = deque(maxlen=_RATE_MARKS)  # when so many were done

    def start(self, stage: str, total: int) -> None:  # noqa: ARG002 - a job shows its kind and target instead
        """See Progress. Starts the clock of the rate."""
        with self._guard:
            self._total = _bounded(total)
            self._counts = (0, 0, 0)
            self._started_at = time.monotonic()
            self._marks.clear()
            self._marks.append((self._started_at, 0))

    def update(self, done: int, *, faces: int = 0, people: int = 0) -> None:
        """See Progress."""
        done = _bounded(done)
        with self._guard:
            if self._total:
                done = min(done, self._total)
            self._counts = (done, _bounded(faces), _bounded(people))
            if self._marks and (now := time.monotonic()) - self._marks[-1][0] >= _RATE_MARK_S:
                self._marks.append((now, done))
            on_advance = self._on_advance if done > self._done_before else None
            if on_advance:
                self._on_advance = None
        if on_advance:
            on_advance()

    def problem(self, message: str) -> None:
        """See Progress."""
        line = printable(str(message)[:PROBLEM_LENGTH])
        with self._guard:
            if len(self._problems) < PROBLEMS_KEPT:
                self._problems.append(line)
            else:
                self._problems_dropped += 1

    def not_stored(self, error: StashSenseError) -> None:
        """Report that something could not be stored, and why."""
        self.problem(f"Not everything could be stored: {error}")

    def set_live_result(self, make: Callable[[], Mapping[str, Any]]) -> None:
        """Let `make` give the partial result from now on.

        It is called rarely and in another thread, when a client asks, and once more if the job is cancelled
        or fails. What it returns must not change later.
        """
        self.make_live_result = make

    def snapshot(self, job: Job) -> Job:
        """Return `job` with what was reported so far; what this run has not reported yet stays as it was."""
        with self._guard:
            problems, counts, total = tuple(self._problems), self._counts, self._total
            now = time.monotonic()
            seconds = now - self._started_at
            since, done_then = self._marks[0] if self._marks else (now, 0)
            if self._problems_dropped:
                problems += (f"... and {self._problems_dropped:,} more.",)
        job = replace(job, all_errors=problems, error_count=len(problems))
        if counts is None:
            return job
        done, faces, people = counts
        rate = max(0, done - done_then) / (now - since) if seconds >= _RATE_KNOWN_AFTER_S else 0.0
        known = seconds >= _ETA_KNOWN_AFTER_S or done >= _ETA_KNOWN_AFTER_SHARE * total
        eta_s = (total - done) / rate if rate and total and known else None
        return replace(job, done=done, total=total, faces=faces, people=people, rate=rate, eta_s=eta_s)


JobFunction = Callable[[JobProgress, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""A kind of job: progress and parameters (JSON) in, result (JSON) out. CancelledError stops it."""


StopReason = Literal["cancel", "park", "shutdown"]
"""park: another job goes first, or this one may not run now; it goes on later, as after a shutdown."""


class JobRun:
    """A running job. Create it in the event loop. `finished` is set once its end is in the jobs file."""

    def __init__(self, job: Job, function: JobFunction | None) -> None:
        self.job = job
        self._loop = asyncio.get_running_loop()
        self._advanced: asyncio.Future[None] = self._loop.create_future()
        self._advance_seen = False
        self.progress = JobProgress(job.job_id, job.done, self._notify_advance)
        self.finished = asyncio.Event()
        self._stopped_for: StopReason | None = None
        self._abandoned: asyncio.Future[None] = self._loop.create_future()
        self._making: asyncio.Task[None] | None = None
        self._made_at = 0.0
        self._live_result = job.result
        self._revision = job.revision
        self._task = asyncio.create_task(_call(function, self.progress, job), name=f"job {job.job_id}")
        self._task.add_done_callback(_log_unexpected_error)

    async def wait(self, seconds: float) -> bool:
        """Wait for the end of the run: at most `seconds`, or until more is done than in earlier runs.

        Returns whether the run has ended.
        """
        end: set[asyncio.Future[Any]] = {self._task, self._abandoned}
        watched = end if self._advance_seen else end | {self._advanced}
        done, _ = await asyncio.wait(watched, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        self._advance_seen = self._advanced.done()
        return bool(done & end)

    def stop(self, reason: StopReason) -> None:
        """Tell the job to stop, once. If it has not stopped after GRACE_S, it is abandoned."""
        if self._stopped_for:
            return
        if self._task.cancel():
            self._loop.call_later(GRACE_S, self._abandon)
        elif reason != "cancel":
            return  # it has just ended and need not run again
        self._stopped_for = reason

    @property
    def is_parked(self) -> bool:
        """Whether it was told to let another job go first."""
        return self._stopped_for == "park"

    def snapshot(self) -> Job:
        """The job as it stands, without its live result."""
        job = self.progress.snapshot(self.job)
        return replace(job, status="cancelled", eta_s=None) if self._stopped_for == "cancel" else job

    async def live_result(
        self, timeout_s: float, *, fresh: bool = False
    ) -> tuple[Mapping[str, Any] | None, str | None]:
        """The partial result and its revision; those made before if new ones take longer than `timeout_s`.

        fresh: make a new one, even if one was made a moment ago.
        """
        if fresh and self._making:
            await asyncio.wait({self._making}, timeout=timeout_s)
        due = fresh or time.monotonic() - self._made_at >= LIVE_RESULT_EVERY_S
        if self.progress.make_live_result and self._making is None and due:
            self._making = asyncio.create_task(self._make_live_result(self.progress.make_live_result))
        if self._making:
            await asyncio.wait({self._making}, timeout=timeout_s)
        return self._live_result, self._revision

    async def outcome(self) -> Job:
        """How the run ended, once `wait` returned True; status "queued" if it is to run again."""
        job = replace(self.progress.snapshot(self.job), eta_s=None, result=None)
        if self._stopped_for == "shutdown":
            return replace(job, status="queued")
        if self._stopped_for == "park":  # it may rest for long, and is looked at meanwhile
            result, _ = await self.live_result(PARKED_RESULT_S, fresh=True)
            parked = replace(job, status="queued", result=result)
            return await asyncio.to_thread(_with_storable_result, parked)
        ended = _outcome_of(self._task, job) if self._task.done() else job
        if self._stopped_for == "cancel":
            ended = replace(ended, status="cancelled", error=None, error_code=None)
        if ended.result is None and ended.status != "done":
            ended = replace(ended, result=(await self.live_result(GRACE_S, fresh=True))[0])
        return await asyncio.to_thread(_with_storable_result, ended)

    def _notify_advance(self) -> None:
        with suppress(RuntimeError):  # an abandoned job may outlive the loop
            self._loop.call_soon_threadsafe(self._advanced.set_result, None)

    async def _make_live_result(self, make: Callable[[], Mapping[str, Any]]) -> None:
        try:
            self._live_result, self._revision = await asyncio.to_thread(self._make_with_revision, make)
        except Exception:  # a look at the job must not end it
            log.exception("The live result of job %s could not be made.", self.job.job_id)
        finally:
            self._made_at = time.monotonic()
            self._making = None

    def _make_with_revision(
        self, make: Callable[[], Mapping[str, Any]]
    ) -> tuple[Mapping[str, Any], str | None]:
        result = make()
        if result is self._live_result:
            return result, self._revision
        return result, json_revision(canonical_json("result", result))

    def _abandon(self) -> None:
        if not self._task.done():
            log.error(
                "Job %s (%s) did not stop within %g s and was abandoned; it may still use the CPU.",
                *(self.job.job_id, self.job.kind, GRACE_S),
            )
            self._abandoned.set_result(None)


def printable(text: str) -> str:
    """Return the text with "?" for what UTF-8 cannot encode, as in undecodable file names."""
    return text.encode(errors="replace").decode()


def _bounded(count: int) -> int:
    """The count within what SQLite stores."""
    return min(max(0, int(count)), LARGEST_INTEGER)


async def _call(function: JobFunction | None, progress: JobProgress, job: Job) -> Mapping[str, Any]:
    if function is None:
        raise BadInput(
            f"This version of Stash Sense has no job kind {job.kind!r}. Resume it with one that has."
        )
    return await function(progress, job.asked)


def _log_unexpected_error(task: asyncio.Task[Any]) -> None:
    """Log a bug with its traceback; also one of an abandoned job that ends at last."""
    error = None if task.cancelled() else task.exception()
    if error and not isinstance(error, StashSenseError):
        log.error("%s failed with an unexpected error.", task.get_name().capitalize(), exc_info=error)


def _outcome_of(task: asyncio.Task[Mapping[str, Any]], job: Job) -> Job:
    error = asyncio.CancelledError() if task.cancelled() else task.exception()
    if error is None:
        return replace(job, status="done", result=task.result(), error=None, error_code=None)
    if isinstance(error, ShuttingDown):  # the worker pool was closed before the queue
        return replace(job, status="queued")
    if isinstance(error, StashSenseError):
        return replace(job, status="failed", result=None, error=printable(str(error)), error_code=error.code)
    return replace(
        job,
        status="failed",
        result=None,
        error=f"Stopped by an unexpected error ({type(error).__name__}); see the log for details. "
        "Resume the job to try again.",
        error_code=INTERNAL,
    )


def _with_storable_result(job: Job) -> Job:
    """The job itself, or failed if its result is not a JSON object."""
    result: object = job.result  # job functions are not all typed
    missing = result is None and job.status != "done"
    try:
        if not isinstance(result, Mapping) and not missing:
            raise BadInput(f"{type(result).__name__} instead of a mapping")
        canonical_json("result", job.result)
    except (StashSenseError, RecursionError) as error:
        log.exception("The result of job %s (%s) cannot be stored.", job.job_id, job.kind)
        return replace(
            job,
            status="failed" if job.status == "done" else job.status,
            result=None,
            error=job.error or f"The result cannot be stored ({error}).",
            error_code=job.error_code or INTERNAL,
        )
    return job
