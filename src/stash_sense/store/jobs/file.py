"""The jobs file: what is asked of the queue, and what becomes of it."""

import json
import secrets
import sqlite3
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from stash_sense.domain.validation import canonical_json, parse_json_object, validate_integer, validate_text
from stash_sense.errors import Conflict, NoSuchJob, StateBusy, StateUnwritable
from stash_sense.store.jobs.crashes import forget_crashes, give_up_crashed
from stash_sense.store.jobs.job import ENDED, ERRORS_LISTED, Job
from stash_sense.store.jobs.opening import ready
from stash_sense.store.pool import Pool

KEPT = 1000
"""Ended jobs that are remembered; the oldest are dropped."""
_BUSY_S = 10.0
_OWNER_WAIT_S = 5.0  # a former sidecar may still be stopping

# ?1: NULL for all of a job; else without its result, and with so many errors at most
_READ = """SELECT job_id, kind, target, asked, status, done, total, faces, people, rate, error, error_code,
  iif(?1 IS NULL, all_errors, (SELECT json_group_array(value) FROM
    (SELECT value FROM json_each(all_errors) ORDER BY key LIMIT coalesce(?1, 0)))) AS all_errors,
  json_array_length(all_errors) AS error_count,
  created_at, started_at, ended_at, iif(?1 IS NULL, result, NULL) AS result FROM jobs"""


class JobsFile:
    """The file at `path`, begun where there is none, held by one process at a time; safe from any thread.

    Raises StateBusy while another process holds it, NewerState, NotAStateFile, DiskFull and
    StateUnwritable on opening, the last two and StateBusy from any method.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        with ExitStack() as undo:
            lock = self._hold()
            undo.callback(lock.release)
            ready(self.path)
            self._pool = Pool(self.path, _BUSY_S)
            undo.callback(self._pool.close)
            with self._pool.writing(durable=True) as connection:
                give_up_crashed(connection, _now())
            self.park_running()
            self._closing = undo.pop_all()

    def close(self) -> None:
        self._closing.close()

    def park_running(self) -> None:
        """What was running is queued again, in its old turn."""
        with self._pool.writing() as connection:
            connection.execute("UPDATE jobs SET status = 'queued' WHERE status = 'running'")

    def add(self, kind: str, target: str, asked: Mapping[str, Any], open_at_most: int) -> str | None:
        """Queue a job, or find the same one still open; its id. None: there are too many others open."""
        wanted = (
            validate_text("kind", kind),
            validate_text("target", target),
            canonical_json("asked", asked),
        )
        with self._pool.writing(durable=True) as connection:
            if found := _open_job(connection, wanted):
                return found
            if _open_count(connection) >= open_at_most:
                return None
            job_id = secrets.token_hex(12)
            connection.execute(
                """INSERT INTO jobs (kind, target, asked, job_id, status, turn, created_at)
                  VALUES (?, ?, ?, ?, 'queued', (SELECT coalesce(max(turn), 0) + 1 FROM jobs), ?)""",
                (*wanted, job_id, _now()),
            )
            return job_id

    def take_next(self) -> Job | None:
        """The queued job whose turn it is, running from now on."""
        with self._pool.writing(durable=True) as connection:
            found = connection.execute(
                """UPDATE jobs SET status = 'running', started_at = ?, rate = 0, all_errors = '[]'
                  WHERE number = (SELECT number FROM jobs WHERE status = 'queued' ORDER BY turn LIMIT 1)
                  RETURNING job_id""",
                (_now(),),
            ).fetchone()
            return _get(connection, found[0]) if found else None

    def note(self, job: Job) -> None:
        """How far a running job is."""
        with self._pool.writing() as connection:
            _note(connection, job)

    def end(self, job: Job) -> None:
        """How a run ended (queued: it is to be run again); a job cancelled meanwhile stays so."""
        with self._pool.writing(durable=True) as connection:
            _note(connection, job)
            connection.execute(
                """UPDATE jobs SET status = ?, error = ?, error_code = ?, ended_at = ?
                  WHERE job_id = ? AND status = 'running'""",
                (
                    *(job.status, job.error, job.error_code),
                    *(_now() if job.status in ENDED else None, job.job_id),
                ),
            )
            _drop_old(connection)

    def cancel(self, job_id: str) -> bool:
        """Mark an open job as cancelled; whether it is cancelled now. Raises NoSuchJob."""
        with self._pool.writing(durable=True) as connection:
            connection.execute(
                """UPDATE jobs SET status = 'cancelled', ended_at = ?
                  WHERE job_id = ? AND status IN ('queued', 'running')""",
                (_now(), job_id),
            )
            found = _get(connection, job_id).status == "cancelled"
            _drop_old(connection)
        return found

    def again(self, job_id: str, open_at_most: int) -> bool:
        """Queue a failed or cancelled job behind the others; False: there are too many open.

        Raises NoSuchJob, and Refused for one that is done or has an open one like it.
        """
        with self._pool.writing(durable=True) as connection:
            job = _get(connection, job_id)
            if job.status == "done":
                raise Conflict(f"Job {job_id} is done already. Ask for a new one to have it done again.")
            if job.status not in ENDED:
                return True
            if other := _open_job(connection, (job.kind, job.target, canonical_json("asked", job.asked))):
                raise Conflict(f"The same as job {job_id} was asked for again and is under way: job {other}.")
            if _open_count(connection) >= open_at_most:
                return False
            connection.execute(
                """UPDATE jobs SET status = 'queued', error = NULL, error_code = NULL, ended_at = NULL,
                    turn = (SELECT max(turn) + 1 FROM jobs)
                  WHERE job_id = ?""",
                (job_id,),
            )
            forget_crashes(connection, job_id)
            return True

    def get(self, job_id: str) -> Job:
        """Raises NoSuchJob."""
        with self._pool.reading() as connection:
            return _get(connection, job_id)

    def list(self, target: str | None, limit: int) -> list[Job]:
        """Newest first, without what may be long: their results, and all but the first errors."""
        with self._pool.reading() as connection:
            return _jobs(
                connection.execute(
                    f"{_READ} WHERE (?2 IS NULL OR target = ?2) ORDER BY number DESC LIMIT ?3",
                    (ERRORS_LISTED, target, validate_integer("limit", limit, 1)),
                )
            )

    def _hold(self) -> FileLock:
        lock = FileLock(
            self.path.with_name(f".{self.path.name}.lock"),
            timeout=_OWNER_WAIT_S,
            thread_local=False,  # given back by another thread than took it
        )
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout as error:
            raise StateBusy(
                f"{self.path}: another Stash Sense works through these jobs. Stop it first, or give this "
                "one its own DATA_DIR."
            ) from error
        except OSError as error:
            raise StateUnwritable(
                f"{self.path}: {error.strerror}. Let this user write in {self.path.parent}."
            ) from error
        return lock


def _note(connection: sqlite3.Connection, job: Job) -> None:
    connection.execute(
        """UPDATE jobs SET done = ?, total = ?, faces = ?, people = ?, rate = ?, all_errors = ?,
          result = coalesce(?, result) WHERE job_id = ?""",
        (
            *(job.done, job.total, job.faces, job.people, job.rate, json.dumps(job.all_errors)),
            *(canonical_json("result", job.result), job.job_id),
        ),
    )


def _get(connection: sqlite3.Connection, job_id: str) -> Job:
    for job in _jobs(connection.execute(f"{_READ} WHERE job_id = ?2", (None, job_id))):
        return job
    raise NoSuchJob(f"There is no job {job_id:.40}. The list of jobs shows those that are remembered.")


def _open_job(connection: sqlite3.Connection, wanted: tuple[str, str, str | None]) -> str | None:
    """wanted: kind, target, and what is asked, as it is kept."""
    found = connection.execute(
        """SELECT job_id FROM jobs WHERE kind = ? AND target = ? AND asked = ?
          AND status IN ('queued', 'running')""",
        wanted,
    ).fetchone()
    return str(found[0]) if found else None


def _open_count(connection: sqlite3.Connection) -> int:
    found = connection.execute("SELECT count(*) FROM jobs WHERE status IN ('queued', 'running')")
    return int(found.fetchone()[0])


def _drop_old(connection: sqlite3.Connection) -> None:
    connection.execute(
        """DELETE FROM jobs WHERE status IN ('done', 'failed', 'cancelled') AND number <= (
          SELECT number FROM jobs WHERE status IN ('done', 'failed', 'cancelled')
          ORDER BY number DESC LIMIT 1 OFFSET ?)""",
        (KEPT,),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _jobs(rows: sqlite3.Cursor) -> list[Job]:
    names = [column[0] for column in rows.description]
    return [_job(dict(zip(names, row, strict=True))) for row in rows]


def _job(kept: dict[str, Any]) -> Job:
    kept["asked"] = parse_json_object(kept["asked"]) or {}
    kept["all_errors"] = tuple(json.loads(kept["all_errors"]))
    kept["result"] = parse_json_object(kept["result"])
    return Job(**kept)
