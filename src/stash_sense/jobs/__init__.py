"""Long and heavy work: how far it is, stopping it, and doing it on a few threads. Knows no job by name."""

from stash_sense.jobs.errors import Full, Stopping
from stash_sense.jobs.pool import Lane, WorkPool
from stash_sense.jobs.progress import Progress, Silent
from stash_sense.jobs.queue import JobQueue
from stash_sense.jobs.report import JobReport
from stash_sense.jobs.run import JobWork
from stash_sense.store.errors import NoSuchJob
from stash_sense.store.jobs import Job

__all__ = [
    "Full",
    "Job",
    "JobQueue",
    "JobReport",
    "JobWork",
    "Lane",
    "NoSuchJob",
    "Progress",
    "Silent",
    "Stopping",
    "WorkPool",
]
