"""The error of a job that was waited for."""

from stash_sense.errors import StashSenseError
from stash_sense.store.jobs.job import Job


class JobEnded(StashSenseError):
    """The job that was waited for has no whole result; its code is that of what ended it."""

    code = "cancelled"

    def __init__(self, job: Job) -> None:
        kept = f" What it found is kept, and shown by GET /jobs/{job.job_id}." if job.done else ""
        super().__init__((job.error or "The job was cancelled.") + kept)
        if job.error_code:
            self.code = job.error_code
