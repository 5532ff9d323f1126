"""One row of the list of jobs that makes no sense costs nothing but itself."""

import sqlite3
from contextlib import closing

import pytest

from stash_sense.errors import NoSuchJob
from stash_sense.store import unreadable
from stash_sense.store.repositories.jobs import JobsFile

HARMS = {
    "errors that are no JSON": "all_errors = '['",
    "errors that are no list": "all_errors = '7'",
    "errors that are no texts": "all_errors = '[7]'",
    "a request that is no JSON": "asked = '{'",
    "a request that is no object": "asked = '[]'",
    "a result that is a blob": "result = x'ff'",
    "a count that is a text": "done = 'many'",
    "a count below zero": "total = -1",
    "a rate beyond all": "rate = 9e999",
    "a time that is a number": "created_at = x'01'",
    "a kind that is no UTF-8": "kind = CAST(x'ff' AS TEXT)",
    "an unknown status": "status = 'asleep'",
}


@pytest.fixture
def harmed(tmp_path, monkeypatch):
    """Opens a list of two queued jobs, the first of which was harmed: (the list, both ids)."""
    monkeypatch.setattr(unreadable, "_logged", set())
    path = tmp_path / "jobs.db"
    opened = []

    def harm(change):
        jobs = JobsFile(path)
        opened.append(jobs)
        ids = [jobs.add("gallery", target, {"top_k": 3}, 10) for target in "12"]
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("PRAGMA ignore_check_constraints = ON")
            other.execute(f"UPDATE jobs SET {change} WHERE number = 1")
        return jobs, ids

    yield harm
    for jobs in opened:
        jobs.close()


@pytest.mark.parametrize("change", HARMS.values(), ids=HARMS)
def test_the_other_jobs_are_listed_and_run(harmed, change):
    jobs, (_, second) = harmed(change)
    assert second in [job.job_id for job in jobs.list(None, 50)]
    assert jobs.get(second).asked == {"top_k": 3}
    begun = [job for job in (jobs.start_next(), jobs.start_next(), jobs.start_next()) if job]
    assert second in [job.job_id for job in begun]
    assert jobs.start_next() is None


def test_a_queued_job_that_cannot_be_read_fails_and_is_cleared_with_the_others(harmed):
    jobs, (first, second) = harmed("asked = '{'")
    with pytest.raises(NoSuchJob):
        jobs.get(first)
    assert jobs.start_next().job_id == second
    with closing(sqlite3.connect(jobs.path)) as other:
        rows = other.execute("SELECT status, error_code FROM jobs WHERE job_id = ?", (first,)).fetchall()
    assert rows == [("failed", "state-damaged")]
    assert jobs.clear_ended() == 1
