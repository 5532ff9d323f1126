"""The queue's interface over a real file: order, one at a time, progress, results, cancel, resume."""

import asyncio
import re
import time
from types import SimpleNamespace

import pytest

from fakes.works import running, until
from stash_sense.errors import BadInput, Conflict, NoSuchJob, QueueFull, ShuttingDown
from stash_sense.jobs import queue, run
from stash_sense.jobs.queue import JobQueue
from stash_sense.jobs.run import JobProgress
from stash_sense.store.repositories.job_rows import Job


async def test_a_job_is_done_and_keeps_what_it_was(place, works):
    async with running(place, works.kinds) as jobs:
        job_id = await jobs.submit("quick", "thing:1", {"a": [1, {"b": None}]})
        job = await jobs.wait(job_id)
    assert (job.job_id, job.kind, job.target, job.status) == (job_id, "quick", "thing:1", "done")
    assert job.asked == job.result == {"a": [1, {"b": None}]}
    assert (job.error, job.error_code, job.all_errors) == (None, None, ())
    assert job.created_at <= job.started_at <= job.ended_at
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", job.ended_at)
    assert re.fullmatch(r"[0-9a-f]{24}", job_id)


async def test_jobs_run_one_at_a_time_in_the_order_of_submission(place, works):
    async with running(place, works.kinds) as jobs:
        asked = [await jobs.submit("held", f"thing:{n}", {}) for n in range(10)]
        works.go.set()
        for job_id in asked:
            await jobs.wait(job_id)
        assert works.begun == asked
        assert works.at_once == 1
        assert [job.job_id for job in await jobs.list()] == asked[::-1]


async def test_progress_while_running(place, works, monkeypatch):
    now = 100.0
    monkeypatch.setattr(run, "time", SimpleNamespace(monotonic=lambda: now))
    async with running(place, works.kinds) as jobs:
        job_id = await jobs.submit("held", "thing:1", {})
        await until(lambda: works.begun)
        job = await jobs.get(job_id)
        assert (job.status, job.done, job.total, job.faces, job.people) == ("running", 1, 4, 2, 1)
        assert (job.rate, job.eta_s, job.ended_at) == (0.0, None, None)
        now = 100.6
        works.progresses[0].update(3)
        job = await jobs.get(job_id)
        assert job.rate == pytest.approx(3 / 0.6)
        assert job.eta_s == pytest.approx(1 / job.rate)
        [listed] = await jobs.list("thing:1")
        assert (listed.done, listed.result) == (3, None)
        assert await jobs.list("thing:2") == []


async def test_two_submits_at_once_run_once(place, works):
    async with running(place, works.kinds) as jobs:
        ids = await asyncio.gather(
            *(
                jobs.submit("held", "thing:1", dict(asked))
                for asked in [{"a": 1, "b": 2}, {"b": 2, "a": 1}] * 5
            )
        )
        assert len(set(ids)) == 1
        await until(lambda: works.begun)
        assert await jobs.submit("held", "thing:1", {"a": 1, "b": 2}) == ids[0]
        assert await jobs.submit("held", "thing:1", {"a": 1, "b": 3}) != ids[0]
        assert await jobs.submit("held", "thing:2", {"a": 1, "b": 2}) != ids[0]
        assert await jobs.submit("quick", "thing:1", {"a": 1, "b": 2}) != ids[0]
        works.go.set()
        await jobs.wait(ids[0])
        assert await jobs.submit("held", "thing:1", {"a": 1, "b": 2}) != ids[0]


async def test_cancel_while_running_reaches_the_work_at_once(place, works):
    async with running(place, works.kinds) as jobs:
        job_id = await jobs.submit("held", "thing:1", {})
        await until(lambda: works.begun)
        async with asyncio.timeout(60):
            job = await jobs.cancel(job_id)
        assert (job.status, job.done, job.result) == ("cancelled", 1, {"so": "far"})
        assert works.at_work == 0
        assert await jobs.cancel(job_id) == job == await jobs.wait(job_id)


async def test_cancel_while_queued(place, works):
    async with running(place, works.kinds) as jobs:
        await jobs.submit("held", "thing:1", {})
        second = await jobs.submit("quick", "thing:2", {})
        waiting = asyncio.create_task(jobs.wait(second))
        await asyncio.sleep(0.05)
        assert (await jobs.cancel(second)).status == "cancelled"
        async with asyncio.timeout(60):
            assert (await waiting).status == "cancelled"
        third = await jobs.submit("quick", "thing:2", {})
        assert third != second
        works.go.set()
        await jobs.wait(third)
        assert second not in works.begun


async def test_cancel_of_what_has_ended_changes_nothing(place, works):
    async with running(place, works.kinds) as jobs:
        job_id = await jobs.submit("quick", "thing:1", {"a": 1})
        done = await jobs.wait(job_id)
        assert await jobs.cancel(job_id) == done


@pytest.mark.parametrize("steps", range(8))
async def test_cancel_about_when_it_ends_is_either(place, works, steps):
    async with running(place, works.kinds) as jobs:
        job_id = await jobs.submit("held", "thing:1", {})
        await until(lambda: works.begun)
        works.go.set()
        for _ in range(steps):
            await asyncio.sleep(0)
        job = await jobs.cancel(job_id)
        assert job.status in ("done", "cancelled")
        assert job.result in ({"asked": {}}, {"so": "far"})
        assert await jobs.get(job_id) == job
        assert (await jobs.wait(await jobs.submit("quick", "thing:2", {}))).status == "done"


async def test_cancelled_just_as_its_turn_comes(place, works):
    async with running(place, works.kinds) as jobs:
        for number in range(20):
            job_id = await jobs.submit("held", f"thing:{number}", {})
            for _ in range(number):
                await asyncio.sleep(0.0005)
            async with asyncio.timeout(60):
                assert (await jobs.cancel(job_id)).status == "cancelled"
        assert works.at_work == 0


async def test_resume_runs_it_again_under_the_same_id_behind_the_others(place, works):
    async with running(place, works.kinds) as jobs:
        first = await jobs.submit("held", "thing:1", {"n": 1})
        await until(lambda: works.begun)
        await jobs.cancel(first)
        second = await jobs.submit("held", "thing:2", {})
        third = await jobs.submit("quick", "thing:3", {})
        job = await jobs.resume(first)
        assert (job.status, job.ended_at, job.result) == ("queued", None, {"so": "far"})
        assert (await jobs.resume(first)).status == "queued"
        works.go.set()
        job = await jobs.wait(first)
        assert (job.status, job.result) == ("done", {"asked": {"n": 1}})
        assert works.begun == [first, second, third, first]
        with pytest.raises(Conflict, match="already done"):
            await jobs.resume(first)


async def test_the_revision_changes_with_the_result_and_only_then(place, works):
    async with running(place, works.kinds) as jobs:
        job_id = await jobs.submit("held", "thing:1", {"n": 1})
        await until(lambda: works.begun)
        first, again = await jobs.get(job_id), await jobs.get(job_id)
        assert first.result == {"so": "far"}
        assert first.revision == again.revision
        cancelled = await jobs.cancel(job_id)
        assert (cancelled.result, cancelled.revision) == (first.result, first.revision)
        works.go.set()
        await jobs.resume(job_id)
        ended = await jobs.wait(job_id)
        assert ended.revision not in (None, first.revision)
    async with running(place, works.kinds) as jobs:
        assert (await jobs.get(job_id)).revision == ended.revision


async def test_cleared_jobs_are_off_the_list_until_they_run_again(place, works):
    async with running(place, works.kinds) as jobs:
        held = await jobs.submit("held", "thing:1", {})
        queued = await jobs.submit("quick", "thing:2", {})
        await until(lambda: works.begun)
        await jobs.cancel(held)
        await jobs.wait(queued)
        assert await jobs.clear_ended() == 2
        assert await jobs.list() == []
        assert [job.job_id for job in await jobs.list("thing:2")] == [queued]
    async with running(place, works.kinds) as jobs:
        assert await jobs.list() == []
        await jobs.resume(held)
        assert [job.job_id for job in await jobs.list()] == [held]


def test_the_time_left_is_unknown_until_a_share_or_a_while_has_passed(monkeypatch):
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    job = Job(job_id="1", kind="held", target="thing:1", asked={}, status="running", created_at="")
    progress = JobProgress("1")
    progress.start("Working", 1000)
    progress.update(10)
    now = 104.0
    assert progress.snapshot(job).eta_s is None
    progress.update(50)
    assert progress.snapshot(job).eta_s == pytest.approx(76)
    progress.update(10)
    now = 105.0
    assert progress.snapshot(job).eta_s == pytest.approx(495)


def test_the_rate_is_that_of_the_last_minute(monkeypatch):
    now = 100.0
    monkeypatch.setattr(run, "time", SimpleNamespace(monotonic=lambda: now))
    progress = JobProgress("job")
    progress.start("Working", 100_000)
    job = Job(job_id="job", kind="k", target="t", asked={}, status="running", created_at="")
    for second in range(600):
        now = 101.0 + second
        progress.update(90_000 + second)  # of which 90,000 were stored already
    assert progress.snapshot(job).rate == pytest.approx(1, rel=0.1)
    now += 3600
    assert progress.snapshot(job).rate < 0.02


async def test_what_does_not_exist(place, works):
    async with running(place, works.kinds) as jobs:
        for call in (jobs.get, jobs.wait, jobs.cancel, jobs.resume):
            with pytest.raises(NoSuchJob) as refused:
                await call("' OR 1=1 --")
            assert refused.value.code == "no-job"


@pytest.mark.parametrize(
    ("kind", "target", "asked"),
    [
        ("unknown", "thing:1", {}),
        ("quick", "", {}),
        ("quick", "\ud800", {}),
        ("quick", "thing:1", {"a": object()}),
        ("quick", "thing:1", {"a": float("nan")}),
    ],
)
async def test_bad_requests_are_refused(place, works, kind, target, asked):
    async with running(place, works.kinds) as jobs:
        with pytest.raises(BadInput):
            await jobs.submit(kind, target, asked)
        with pytest.raises(BadInput):
            await jobs.list(limit=0)
        assert await jobs.list() == []


async def test_the_queue_has_an_end(place, works, monkeypatch):
    monkeypatch.setattr(queue, "MAX_QUEUED", 3)
    async with running(place, works.kinds) as jobs:
        for number in range(3):
            await jobs.submit("held", f"thing:{number}", {})
        with pytest.raises(QueueFull):
            await jobs.submit("held", "thing:4", {})
        [open_job] = await jobs.list("thing:1")
        assert await jobs.submit("held", "thing:1", {}) == open_job.job_id


async def test_resuming_keeps_to_the_end_of_the_queue(place, works, monkeypatch):
    monkeypatch.setattr(queue, "MAX_QUEUED", 2)
    async with running(place, works.kinds) as jobs:
        first = await jobs.submit("held", "thing:1", {})
        await jobs.cancel(first)
        second = await jobs.submit("held", "thing:2", {})
        await jobs.submit("held", "thing:3", {})
        with pytest.raises(QueueFull):
            await jobs.resume(first)
        assert (await jobs.get(first)).status == "cancelled"
        assert (await jobs.resume(second)).status in ("queued", "running")  # it is, and needs no place


async def test_resuming_is_refused_if_an_equal_job_was_submitted_since(place, works):
    async with running(place, works.kinds) as jobs:
        first = await jobs.submit("held", "thing:1", {"b": 1, "a": None})
        await jobs.cancel(first)
        second = await jobs.submit("held", "thing:1", {"a": None, "b": 1})
        with pytest.raises(Conflict, match=second):
            await jobs.resume(first)
        works.go.set()
        await jobs.wait(second)
        assert (await jobs.resume(first)).status in ("queued", "running", "done")


async def test_a_job_is_queued_even_if_its_submitter_is_cancelled(place, works):
    async with running(place, works.kinds) as jobs:
        asking = asyncio.create_task(jobs.submit("quick", "thing:1", {}))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        asking.cancel()
        await until(lambda: works.begun)
        assert (await jobs.wait(works.begun[0])).status == "done"


async def test_before_start_and_after_stop_nothing_is_taken(place, works):
    jobs = JobQueue(place, works.kinds)
    with pytest.raises(ShuttingDown):
        await jobs.submit("quick", "thing:1", {})
    await jobs.start()
    await jobs.stop()
    await jobs.stop()
    with pytest.raises(ShuttingDown):
        await jobs.list()
