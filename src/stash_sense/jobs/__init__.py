"""Long work: how far it is, and stopping it. Knows no job by name."""

from stash_sense.jobs.progress import Progress, Silent

__all__ = ["Progress", "Silent"]
