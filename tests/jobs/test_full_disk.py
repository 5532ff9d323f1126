"""A disk that is really full: who waits for a job is told, the job shows it, and ends when there is room."""

import asyncio
import errno
from pathlib import Path

import pytest

from stash_sense.errors import DiskFull
from stash_sense.jobs import queue
from stash_sense.jobs.queue import JobQueue


def fill(disk: Path) -> Path:
    """A file that takes all the room there is."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65_536, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
    return filler


@pytest.fixture
async def held_job(small_disk, monkeypatch):
    """A queue with a running job, whose long result comes with `go`."""
    monkeypatch.setattr(queue, "RETRY_S", 0.05)
    begun, go = asyncio.Event(), asyncio.Event()

    async def work(progress, parameters):
        progress.start("Identifying", 9)
        progress.update(9)
        begun.set()
        await go.wait()
        return {"people": "x" * 100_000}

    jobs = JobQueue(small_disk / "jobs.db", {"gallery": work})
    await jobs.start()
    job_id = await jobs.submit("gallery", "gallery:1", {})
    await begun.wait()
    yield jobs, job_id, go
    await jobs.stop()


async def test_a_job_that_cannot_end_tells_who_waits_and_ends_when_there_is_room(small_disk, held_job):
    jobs, job_id, go = held_job
    waiting = asyncio.create_task(jobs.wait(job_id))
    filler = fill(small_disk)
    go.set()
    async with asyncio.timeout(60):
        with pytest.raises(DiskFull, match="free some space"):
            await waiting
    job = await jobs.get(job_id)
    assert (job.status, job.done, job.error_code) == ("running", 9, "disk-full")
    assert [(each.status, each.error_code) for each in await jobs.list()] == [("running", "disk-full")]
    filler.unlink()
    async with asyncio.timeout(60):
        while True:
            try:
                ended = await jobs.wait(job_id)
                break
            except DiskFull:
                await asyncio.sleep(0)
    assert (ended.status, ended.error, len(ended.result["people"])) == ("done", None, 100_000)


async def test_a_job_that_cannot_begin_tells_who_waits(small_disk, held_job):
    jobs, job_id, go = held_job
    second = await jobs.submit("gallery", "gallery:2", {})
    waiting = asyncio.create_task(jobs.wait(second))
    filler = fill(small_disk)
    go.set()
    async with asyncio.timeout(60):
        with pytest.raises(DiskFull):
            await waiting
    assert (await jobs.get(second)).error_code == "disk-full"
    filler.unlink()
    async with asyncio.timeout(60):
        while (await jobs.get(second)).status != "done":  # noqa: ASYNC110  the queue has nobody to tell
            await asyncio.sleep(0.01)
    assert (await jobs.get(job_id)).status == "done"
