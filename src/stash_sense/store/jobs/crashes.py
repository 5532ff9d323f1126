"""A job that ends the program is not taken up for ever: the ends are counted in the jobs file."""

import sqlite3

from stash_sense.errors import JobCrashed

ENDS_AT_MOST = 3
"""So often in a row the program may end while at a job, killed or crashed, with nothing more done."""
_GIVEN_UP = (
    f"Stash Sense ended {ENDS_AT_MOST} times while at this job, without getting on with it: it was killed, "
    "ran out of memory, or crashed. Give it more memory, or see what its log says last; then resume it to "
    "try again."
)

# Apart from the jobs, so that a file without it needs no migration.
_UNCLEAN = """CREATE TABLE IF NOT EXISTS unclean (
  job_id TEXT PRIMARY KEY,
  ends INTEGER NOT NULL,  -- of the program while at this job, in a row, each with nothing more done
  done INTEGER NOT NULL  -- of the job, at the last start
)"""


def give_up_crashed(connection: sqlite3.Connection, now: str) -> None:
    """At a start, before what was running is parked: too many ends at it, and it is failed at `now`."""
    connection.execute(_UNCLEAN)
    connection.execute(
        "DELETE FROM unclean WHERE job_id NOT IN (SELECT job_id FROM jobs WHERE status = 'running')"
    )
    connection.execute(
        """INSERT INTO unclean SELECT job_id, done = 0, done FROM jobs WHERE status = 'running'
          ON CONFLICT (job_id) DO UPDATE SET
            ends = iif(excluded.done > unclean.done, 0, unclean.ends + 1), done = excluded.done"""
    )
    connection.execute(
        """UPDATE jobs SET status = 'failed', error = ?, error_code = ?, ended_at = ?
          WHERE job_id IN (SELECT job_id FROM unclean WHERE ends >= ?)""",
        (_GIVEN_UP, JobCrashed.code, now, ENDS_AT_MOST),
    )


def forget_crashes(connection: sqlite3.Connection, job_id: str) -> None:
    """The job gets as many tries as a new one."""
    connection.execute("DELETE FROM unclean WHERE job_id = ?", (job_id,))
