"""A job as its row in the list of jobs tells it."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from stash_sense.domain.validation import (
    json_revision,
    parse_json_object,
    parse_json_texts,
    validate_integer,
    validate_number,
    validate_string,
    validate_text,
)
from stash_sense.store.unreadable import UNREADABLE, log_unreadable

JobStatus = Literal["queued", "running", "done", "failed", "cancelled"]
"""queued: will run, perhaps again after a stop, and not while it is paused. running: at work. done: has its
result. failed: `error` says why. cancelled: on request. The last two keep the result as it stood, and can be
resumed.
"""

ERRORS_LISTED = 10
ENDED_STATUSES: tuple[JobStatus, ...] = ("done", "failed", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job and its progress.

    asked, result: JSON objects. revision: the same for the same result, None without one. rate: `done` per
    second in the last minute, 0.0 while unknown. eta_s: seconds left, None while unknown. all_errors: in
    lists only the first ERRORS_LISTED of error_count. paused: queued, and does not run until it is resumed.
    Times are ISO 8601, UTC; started_at: of the latest run; starts_at: not before, None for as soon as its
    turn comes.
    """

    job_id: str
    kind: str
    target: str
    asked: Mapping[str, Any]
    status: JobStatus
    done: int = 0
    total: int = 0
    faces: int = 0
    people: int = 0
    rate: float = 0.0
    eta_s: float | None = None
    result: Mapping[str, Any] | None = None
    revision: str | None = None
    error: str | None = None
    error_code: str | None = None
    all_errors: tuple[str, ...] = ()
    error_count: int = 0
    created_at: str
    started_at: str | None = None
    ended_at: str | None = None
    paused: bool = False
    starts_at: str | None = None


# ?1: NULL for whole jobs; else at most so many errors of each, and no result
_SELECT = """SELECT job_id, kind, target, asked, status, done, total, faces, people, rate, error, error_code,
  iif(?1 IS NULL OR NOT json_valid(all_errors), all_errors, (SELECT json_group_array(value) FROM
    (SELECT value FROM json_each(iif(json_valid(all_errors), all_errors, '[]'))
      ORDER BY key LIMIT coalesce(?1, 0)))) AS all_errors,
  iif(json_valid(all_errors), json_array_length(all_errors), 0) AS error_count,
  created_at, started_at, ended_at, status = 'queued' AND job_id IN (SELECT job_id FROM paused) AS paused,
  iif(?1 IS NULL, result, NULL) AS result FROM jobs"""


def read_jobs(connection: sqlite3.Connection, where: str, arguments: Sequence[object]) -> list[Job]:
    """The jobs that `where` selects. One that cannot be read is left out.

    arguments: of `where`, from ?2. The first is for the columns: None for whole jobs, or how many errors.
    """
    default, connection.text_factory = connection.text_factory, _as_text
    try:
        rows = connection.execute(f"{_SELECT} {where}", arguments)
        names = [column[0] for column in rows.description]
        columns_of_rows = [dict(zip(names, row, strict=True)) for row in rows]
    finally:
        connection.text_factory = default
    jobs = []
    for columns in columns_of_rows:
        try:
            jobs.append(_job(columns))
        except UNREADABLE as error:
            log_unreadable("job", columns["job_id"], error)
    return jobs


def _as_text(data: bytes) -> str:
    """Text whose bytes are not UTF-8 would make all rows unreadable."""
    return data.decode("utf-8", "replace")


def _job(columns: dict[str, Any]) -> Job:
    for name in ("job_id", "kind", "target", "created_at"):
        validate_text(name, columns[name])
    for name in ("error", "error_code", "started_at", "ended_at"):
        if columns[name] is not None:
            validate_string(name, columns[name])
    for name in ("done", "total", "faces", "people", "error_count"):
        validate_integer(name, columns[name])
    validate_number("rate", columns["rate"], 0)
    if columns["status"] not in get_args(JobStatus):
        raise ValueError(f"{columns['status']!r:.80} is no status")
    columns["paused"] = bool(columns["paused"])
    asked = parse_json_object(columns["asked"])
    if asked is None:
        raise ValueError(f"{columns['asked']!r:.80} is no request")
    columns["asked"] = asked
    columns["all_errors"] = parse_json_texts(columns["all_errors"])
    result = parse_json_object(columns["result"])
    columns["revision"] = None if result is None else json_revision(columns["result"])
    columns["result"] = result
    return Job(**columns)
