"""The list of jobs, in a file of its own beside the state file; knows no job by name."""

from stash_sense.store.jobs.file import JobsFile
from stash_sense.store.jobs.job import ENDED, ERRORS_LISTED, Job, Status

__all__ = ["ENDED", "ERRORS_LISTED", "Job", "JobsFile", "Status"]
