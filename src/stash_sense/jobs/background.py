"""Which jobs nobody waits for, and when these may run."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from stash_sense.store.repositories.job_rows import Job


@dataclass(frozen=True, slots=True)
class BackgroundJobs:
    """Jobs that let all others go first, even while they run.

    kinds: their kinds. opens_at: when they may run, seconds since 1970; None: now.
    """

    kinds: frozenset[str] = frozenset()
    opens_at: Callable[[], float | None] = lambda: None

    @property
    def wait_s(self) -> float | None:
        """How long until they may run, seconds; None if they may now."""
        opens_at = self.opens_at()
        return None if opens_at is None else max(0.0, opens_at - time.time())

    def gives_way(self, kind: str, other: str) -> bool:
        """Whether a job of this kind is parked for one of the other."""
        return kind in self.kinds and other not in self.kinds

    def is_closed_to(self, kind: str) -> bool:
        """Whether a job of this kind may not run now."""
        return kind in self.kinds and self.opens_at() is not None

    def with_start(self, job: Job) -> Job:
        """The job, with the time from which it may run."""
        if job.status != "queued" or job.paused or job.kind not in self.kinds:
            return job
        opens_at = self.opens_at()
        if opens_at is None:
            return job
        text = datetime.fromtimestamp(opens_at, UTC).isoformat(timespec="seconds")
        return replace(job, starts_at=text.replace("+00:00", "Z"))


NO_BACKGROUND_JOBS = BackgroundJobs()
