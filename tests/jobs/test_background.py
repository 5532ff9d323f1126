"""Background jobs: what goes before them, when they may run, and pausing any job."""

import asyncio
import sqlite3
import time
from contextlib import closing

import pytest

from fakes.works import running, until
from stash_sense.errors import Conflict, NoSuchJob
from stash_sense.jobs import queue
from stash_sense.jobs.background import BackgroundJobs
from stash_sense.jobs.queue import JobQueue

LOW = BackgroundJobs(frozenset({"held"}))


async def test_a_job_that_is_submitted_goes_before_the_background_job_that_runs(place, works):
    async with running(place, works.kinds, LOW) as jobs:
        library = await jobs.submit("held", "library", {})
        await until(lambda: works.begun)
        clicked = await jobs.submit("quick", "gallery:1", {})
        async with asyncio.timeout(60):
            assert (await jobs.wait(clicked)).status == "done"
        await until(lambda: len(works.begun) == 3)
        assert works.begun == [library, clicked, library]
        assert works.at_once == 1
        works.go.set()
        assert (await jobs.wait(library)).status == "done"


async def test_what_a_background_job_has_done_is_kept_while_another_goes_first(place, works):
    kinds = {**works.kinds, "other": works.held}
    async with running(place, kinds, LOW) as jobs:
        library = await jobs.submit("held", "library", {})
        await until(lambda: works.begun)
        await jobs.submit("other", "gallery:1", {})
        await until(lambda: len(works.begun) == 2)
        job = await jobs.get(library)
        assert (job.status, job.done, job.total, job.result) == ("queued", 1, 4, {"so": "far"})


async def test_queued_background_jobs_let_later_ones_go_first(place, works):
    kinds = {**works.kinds, "clicked": works.held}
    async with running(place, kinds, BackgroundJobs(frozenset({"quick"}))) as jobs:
        first = await jobs.submit("clicked", "gallery:1", {})
        library = await jobs.submit("quick", "library", {})
        second = await jobs.submit("clicked", "gallery:2", {})
        works.go.set()
        for job_id in (first, library, second):
            await jobs.wait(job_id)
        assert works.begun == [first, second, library]


async def test_a_background_job_gives_way_to_no_other_of_its_kind(place, works):
    async with running(place, works.kinds, LOW) as jobs:
        library = await jobs.submit("held", "library", {})
        await until(lambda: works.begun)
        other = await jobs.submit("held", "library", {"what": ["images"]})
        works.go.set()
        await jobs.wait(library)
        await jobs.wait(other)
        assert works.begun == [library, other]


async def test_a_resumed_job_goes_before_the_background_job_that_runs(place, works):
    kinds = {**works.kinds, "library": works.held}
    async with running(place, kinds, BackgroundJobs(frozenset({"library"}))) as jobs:
        clicked = await jobs.submit("held", "gallery:1", {})
        await until(lambda: works.begun)
        await jobs.cancel(clicked)
        library = await jobs.submit("library", "library", {})
        await until(lambda: len(works.begun) == 2)
        await jobs.resume(clicked)
        await until(lambda: len(works.begun) == 3)
        assert works.begun == [clicked, library, clicked]


async def test_a_paused_job_stops_and_lets_the_others_run_until_it_is_resumed(place, works):
    async with running(place, works.kinds) as jobs:
        first = await jobs.submit("held", "thing:1", {})
        await until(lambda: works.begun)
        paused = await jobs.pause(first)
        assert (paused.status, paused.paused, paused.done) == ("queued", True, 1)
        assert works.at_work == 0
        second = await jobs.submit("quick", "thing:2", {})
        assert (await jobs.wait(second)).status == "done"
        assert works.begun == [first, second]
        works.go.set()
        assert not (await jobs.resume(first)).paused
        assert (await jobs.wait(first)).status == "done"


async def test_a_paused_job_stays_so_after_a_restart(place, works):
    async with running(place, works.kinds) as jobs:
        job_id = await jobs.submit("held", "thing:1", {})
        await jobs.pause(job_id)
    async with running(place, works.kinds) as jobs:
        assert (await jobs.wait(await jobs.submit("quick", "thing:2", {}))).status == "done"
        assert [job.paused for job in await jobs.list()] == [False, True]
        works.go.set()
        await jobs.resume(job_id)
        assert (await jobs.wait(job_id)).status == "done"


async def test_a_paused_job_can_be_cancelled_and_resumed_as_any_other(place, works):
    async with running(place, works.kinds) as jobs:
        job_id = await jobs.submit("held", "thing:1", {})
        await jobs.pause(job_id)
        cancelled = await jobs.cancel(job_id)
        assert (cancelled.status, cancelled.paused) == ("cancelled", False)
        works.go.set()
        assert not (await jobs.resume(job_id)).paused
        assert (await jobs.wait(job_id)).status == "done"


async def test_submitted_again_a_paused_job_goes_on_but_for_a_background_job(place, works):
    works.go.set()
    async with running(place, works.kinds, BackgroundJobs(frozenset({"quick"}))) as jobs:
        for kind, goes_on in (("held", True), ("quick", False)):
            works.go.clear()
            blocker = await jobs.submit("held", "thing:0", {"before": kind})
            await until(lambda: works.at_work)
            job_id = await jobs.submit(kind, "thing:1", {})
            await jobs.pause(job_id)
            assert await jobs.submit(kind, "thing:1", {}) == job_id
            assert (await jobs.get(job_id)).paused != goes_on
            works.go.set()
            await jobs.wait(blocker)
            if goes_on:
                assert (await jobs.wait(job_id)).status == "done"


async def test_what_has_ended_or_does_not_exist_is_not_paused(place, works):
    async with running(place, works.kinds) as jobs:
        done = await jobs.wait(await jobs.submit("quick", "thing:1", {}))
        with pytest.raises(Conflict):
            await jobs.pause(done.job_id)
        with pytest.raises(NoSuchJob):
            await jobs.pause("0" * 24)


async def test_background_jobs_wait_for_their_hours_and_the_others_do_not(place, works):
    opens_at = time.time() + 1000
    hours = BackgroundJobs(frozenset({"quick"}), lambda: opens_at)
    works.go.set()
    async with running(place, works.kinds, hours) as jobs:
        library = await jobs.submit("quick", "library", {})
        other = await jobs.submit("held", "gallery:1", {})
        assert (await jobs.wait(other)).status == "done"
        waiting = await jobs.get(library)
        assert waiting.status == "queued"
        assert waiting.starts_at == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(opens_at))
        assert works.begun == [other]


async def test_background_jobs_begin_by_themselves_when_their_hours_begin(place, works):
    opens_at = time.time() + 0.2
    hours = BackgroundJobs(frozenset({"quick"}), lambda: opens_at if time.time() < opens_at else None)
    async with running(place, works.kinds, hours) as jobs:
        async with asyncio.timeout(60):
            assert (await jobs.wait(await jobs.submit("quick", "library", {}))).status == "done"
        assert time.time() >= opens_at


async def test_a_background_job_is_parked_when_its_hours_end(place, works, monkeypatch):
    monkeypatch.setattr(queue, "SAVE_EVERY_S", 0.01)
    closed = []
    hours = BackgroundJobs(LOW.kinds, lambda: time.time() + 1000 if closed else None)
    async with running(place, works.kinds, hours) as jobs:
        library = await jobs.submit("held", "library", {})
        await until(lambda: works.begun)
        closed.append(True)
        clicked = await jobs.submit("quick", "gallery:1", {})
        async with asyncio.timeout(60):
            await jobs.wait(clicked)  # which runs once the library's job is parked
        job = await jobs.get(library)
        assert (job.status, job.done) == ("queued", 1)


async def test_a_list_of_jobs_of_an_older_version_can_be_paused(place, works):
    jobs = JobQueue(place, works.kinds)
    await jobs.start()
    await jobs.stop()
    with closing(sqlite3.connect(place)) as older:
        older.execute("DROP TABLE paused")
    async with running(place, works.kinds) as jobs:
        job_id = await jobs.submit("held", "thing:1", {})
        assert (await jobs.pause(job_id)).paused
