"""One job, as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["queued", "running", "done", "failed", "cancelled"]
"""queued: will run, also again after a stop; running: at work; done: has its result; failed: `error` says
why; cancelled: somebody asked for it. The last two keep the result as it stood, and can be resumed.
"""

ERRORS_LISTED = 10
ENDED: tuple[Status, ...] = ("done", "failed", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job and how far it is.

    asked, result: JSON objects. rate: `done` per second of this run, 0.0 while unknown; eta_s: seconds
    left, None while unknown. all_errors: in lists the first ERRORS_LISTED of error_count. Times: ISO 8601,
    UTC; started_at: of the latest run.
    """

    job_id: str
    kind: str
    target: str
    asked: Mapping[str, Any]
    status: Status
    done: int = 0
    total: int = 0
    faces: int = 0
    people: int = 0
    rate: float = 0.0
    eta_s: float | None = None
    result: Mapping[str, Any] | None = None
    error: str | None = None
    error_code: str | None = None
    all_errors: tuple[str, ...] = ()
    error_count: int = 0
    created_at: str
    started_at: str | None = None
    ended_at: str | None = None
