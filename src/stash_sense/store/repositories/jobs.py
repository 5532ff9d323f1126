"""The list of jobs, in a file of its own beside the state file."""

import json
import secrets
import sqlite3
from collections.abc import Collection, Mapping
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stash_sense.domain.validation import (
    canonical_json,
    validate_integer,
    validate_text,
)
from stash_sense.errors import Conflict, NoSuchJob
from stash_sense.store.connection import ConnectionPool
from stash_sense.store.repositories.job_rows import ENDED_STATUSES, ERRORS_LISTED, Job, read_jobs
from stash_sense.store.repositories.jobs_file import (
    clear_ended_jobs,
    fail_crashed_jobs,
    fail_unreadable_job,
    hold_jobs_file,
    prepare_jobs_file,
    prepare_lists,
    reset_job,
)

KEPT_ENDED_JOBS = 1000
"""Older ended jobs are deleted."""
_BUSY_S = 10.0
_OWNER_WAIT_S = 5.0  # a former sidecar may still be stopping

_ON_LIST = "iif(?2 IS NULL, job_id NOT IN (SELECT job_id FROM cleared), target = ?2)"


class JobsFile:
    """The file at `path`, created if absent, held by one process at a time; safe from any thread.

    Raises StateBusy while another process holds it, NewerState, NotAStateFile, DiskFull and StateUnwritable
    on opening, the last two and StateBusy from any method.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        with ExitStack() as undo:
            lock = hold_jobs_file(self.path, _OWNER_WAIT_S)
            undo.callback(lock.release)
            prepare_jobs_file(self.path)
            self._pool = ConnectionPool(self.path, _BUSY_S)
            undo.callback(self._pool.close)
            self.check_file = self._pool.check_file
            with self._pool.writing(durable=True) as connection:
                fail_crashed_jobs(connection, _now())
                prepare_lists(connection)
            self.park_running()
            self._closing = undo.pop_all()

    def close(self) -> None:
        """Release the file."""
        self._closing.close()

    def park_running(self) -> None:
        """Queue what was running again, in its old turn."""
        with self._pool.writing() as connection:
            connection.execute("UPDATE jobs SET status = 'queued' WHERE status = 'running'")

    def add(
        self, kind: str, target: str, asked: Mapping[str, Any], open_at_most: int, stays_paused: bool = False
    ) -> str | None:
        """Queue a job, or find the equal one still open; returns its id, or None if too many are open.

        stays_paused: whether the equal one, if paused, is not to go on.
        """
        request = (
            validate_text("kind", kind),
            validate_text("target", target),
            canonical_json("asked", asked),
        )
        with self._pool.writing(durable=True) as connection:
            if open_job_id := _open_job(connection, request):
                if not stays_paused:
                    connection.execute("DELETE FROM paused WHERE job_id = ?", (open_job_id,))
                return open_job_id
            if _open_count(connection) >= open_at_most:
                return None
            job_id = secrets.token_hex(12)
            connection.execute(
                """INSERT INTO jobs (kind, target, asked, job_id, status, turn, created_at)
                  VALUES (?, ?, ?, ?, 'queued', (SELECT coalesce(max(turn), 0) + 1 FROM jobs), ?)""",
                (*request, job_id, _now()),
            )
            return job_id

    def start_next(self, background: Collection[str] = (), *, background_too: bool = True) -> Job | None:
        """Mark the queued job whose turn it is as running, and return it.

        background: kinds of jobs that let all others go first. background_too: whether these may run now.
        """
        with self._pool.writing(durable=True) as connection:
            while row := connection.execute(
                """UPDATE jobs SET status = 'running', started_at = ?1, rate = 0, all_errors = '[]'
                  WHERE number = (
                    SELECT number FROM jobs WHERE status = 'queued'
                      AND job_id NOT IN (SELECT job_id FROM paused)
                      AND (?3 OR kind NOT IN (SELECT value FROM json_each(?2)))
                    ORDER BY kind IN (SELECT value FROM json_each(?2)), turn LIMIT 1)
                  RETURNING number, job_id""",
                (_now(), json.dumps([*background]), background_too),
            ).fetchone():
                with suppress(NoSuchJob):
                    return _get(connection, row[1])
                fail_unreadable_job(connection, row[0], _now())
            return None

    def save_progress(self, job: Job) -> None:
        """Save the progress of a running job."""
        with self._pool.writing() as connection:
            _save_progress(connection, job)

    def finish(self, job: Job) -> None:
        """Save how a run ended (queued: it is to run again); a job cancelled meanwhile stays cancelled."""
        with self._pool.writing(durable=True) as connection:
            _save_progress(connection, job)
            connection.execute(
                """UPDATE jobs SET status = ?, error = ?, error_code = ?, ended_at = ?
                  WHERE job_id = ? AND status = 'running'""",
                (
                    *(job.status, job.error, job.error_code),
                    *(_now() if job.status in ENDED_STATUSES else None, job.job_id),
                ),
            )
            _drop_old(connection)

    def cancel(self, job_id: str) -> bool:
        """Mark an open job as cancelled; returns whether it is cancelled now. Raises NoSuchJob."""
        with self._pool.writing(durable=True) as connection:
            connection.execute(
                """UPDATE jobs SET status = 'cancelled', ended_at = ?
                  WHERE job_id = ? AND status IN ('queued', 'running')""",
                (_now(), job_id),
            )
            is_cancelled = _get(connection, job_id).status == "cancelled"
            _drop_old(connection)
        return is_cancelled

    def pause(self, job_id: str) -> bool:
        """Keep an open job from running until it is queued again; returns True.

        Raises NoSuchJob, and Conflict if it has ended.
        """
        with self._pool.writing(durable=True) as connection:
            if _get(connection, job_id).status in ENDED_STATUSES:
                raise Conflict(f"Job {job_id} has ended and cannot be paused.")
            connection.execute("INSERT OR IGNORE INTO paused VALUES (?)", (job_id,))
            return True

    def requeue(self, job_id: str, open_at_most: int) -> bool:
        """Queue a failed or cancelled job behind the others, and let a paused one run in its old turn.

        Returns False if too many are open.

        Raises NoSuchJob, and Conflict if it is done or an equal job is open.
        """
        with self._pool.writing(durable=True) as connection:
            job = _get(connection, job_id)
            if job.status == "done":
                raise Conflict(f"Job {job_id} is already done. Start a new one to do it again.")
            if job.status not in ENDED_STATUSES:
                connection.execute("DELETE FROM paused WHERE job_id = ?", (job_id,))
                return True
            if other := _open_job(connection, (job.kind, job.target, canonical_json("asked", job.asked))):
                raise Conflict(f"Job {other} is queued or running and does the same as job {job_id}.")
            if _open_count(connection) >= open_at_most:
                return False
            connection.execute(
                """UPDATE jobs SET status = 'queued', error = NULL, error_code = NULL, ended_at = NULL,
                    turn = (SELECT max(turn) + 1 FROM jobs)
                  WHERE job_id = ?""",
                (job_id,),
            )
            reset_job(connection, job_id)
            return True

    def get(self, job_id: str) -> Job:
        """One job with its result and all errors. Raises NoSuchJob."""
        with self._pool.reading() as connection:
            return _get(connection, job_id)

    def clear_ended(self) -> int:
        """Take the ended jobs off the list of all jobs, not off their targets' lists; returns how many."""
        with self._pool.writing(durable=True) as connection:
            return clear_ended_jobs(connection)

    def list(self, target: str | None, limit: int) -> list[Job]:
        """Newest first, without results, and with the first errors only; without a target, none cleared."""
        with self._pool.reading() as connection:
            return read_jobs(
                connection,
                f"WHERE {_ON_LIST} ORDER BY number DESC LIMIT ?3",
                (ERRORS_LISTED, target, validate_integer("limit", limit, 1)),
            )


def _save_progress(connection: sqlite3.Connection, job: Job) -> None:
    connection.execute(
        """UPDATE jobs SET done = ?, total = ?, faces = ?, people = ?, rate = ?, all_errors = ?,
          result = coalesce(?, result) WHERE job_id = ?""",
        (
            *(job.done, job.total, job.faces, job.people, job.rate, json.dumps(job.all_errors)),
            *(canonical_json("result", job.result), job.job_id),
        ),
    )


def _get(connection: sqlite3.Connection, job_id: str) -> Job:
    for job in read_jobs(connection, "WHERE job_id = ?2", (None, job_id)):
        return job
    raise NoSuchJob(f"There is no job {job_id:.40}. See the list of jobs for those that are still kept.")


def _open_job(connection: sqlite3.Connection, request: tuple[str, str, str | None]) -> str | None:
    """request: kind, target, and `asked` as JSON."""
    row = connection.execute(
        """SELECT job_id FROM jobs WHERE kind = ? AND target = ? AND asked = ?
          AND status IN ('queued', 'running')""",
        request,
    ).fetchone()
    return str(row[0]) if row else None


def _open_count(connection: sqlite3.Connection) -> int:
    count = connection.execute("SELECT count(*) FROM jobs WHERE status IN ('queued', 'running')")
    return int(count.fetchone()[0])


def _drop_old(connection: sqlite3.Connection) -> None:
    connection.execute(
        """DELETE FROM jobs WHERE status IN ('done', 'failed', 'cancelled') AND number <= (
          SELECT number FROM jobs WHERE status IN ('done', 'failed', 'cancelled')
          ORDER BY number DESC LIMIT 1 OFFSET ?)""",
        (KEPT_ENDED_JOBS,),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
