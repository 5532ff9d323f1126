"""Long and heavy work: how far it is, stopping it, and doing it on a few threads. Knows no job by name."""

from stash_sense.jobs.errors import Full, Stopping
from stash_sense.jobs.pool import Lane, WorkPool
from stash_sense.jobs.progress import Progress, Silent

__all__ = ["Full", "Lane", "Progress", "Silent", "Stopping", "WorkPool"]
