"""Long and heavy work: the job queue, its runs and the worker pool, none of which knows a job by name."""
