"""Job functions that raise, hang, or report nonsense; and the result asked for while running."""

import asyncio
import logging
import threading

import pytest

from fakes.works import running, until
from stash_sense.errors import BadInput, ShuttingDown
from stash_sense.jobs import run


async def one(place, work, **kinds):
    async with running(place, {"one": work, **kinds}) as jobs:
        return await jobs.wait(await jobs.submit("one", "thing:1", {}))


async def test_a_job_keeps_our_own_error_with_its_code(place):
    async def work(progress, parameters):
        progress.start("Working", 5)
        progress.update(2)
        progress.problem("Image 3: gone")
        progress.set_live_result(lambda: {"n": 2})
        raise BadInput("Give another gallery.\ud800")

    job = await one(place, work)
    assert (job.status, job.error, job.error_code) == ("failed", "Give another gallery.?", "bad-input")
    assert (job.done, job.all_errors, job.result) == (2, ("Image 3: gone",), {"n": 2})


async def test_an_unexpected_error_is_logged_with_its_traceback_and_kept_as_a_sentence(place, caplog):
    async def work(progress, parameters):
        raise ValueError("inner words")

    job = await one(place, work)
    assert (job.status, job.error_code) == ("failed", "internal")
    assert "ValueError" in job.error
    assert "inner words" not in job.error
    [record] = [record for record in caplog.records if record.exc_info]
    assert str(record.exc_info[1]) == "inner words"


async def test_a_failed_job_can_be_resumed_without_its_old_errors(place):
    tries = []

    async def work(progress, parameters):
        tries.append(progress.job_id)
        progress.problem(f"try {len(tries)}")
        if len(tries) == 1:
            raise BadInput("Not yet.")
        return {}

    async with running(place, {"one": work}) as jobs:
        job_id = await jobs.submit("one", "thing:1", {})
        assert (await jobs.wait(job_id)).status == "failed"
        await jobs.resume(job_id)
        job = await jobs.wait(job_id)
    assert (job.status, job.error, job.error_code, job.all_errors) == ("done", None, None, ("try 2",))
    assert tries == [job_id, job_id]


async def test_lists_hold_the_first_errors_of_each_job_and_their_number(place, works):
    async def work(progress, parameters):
        for number in range(25):
            progress.problem(f'Image {number}: "\U0001f600 gone"')
        await works.go.wait()
        return {}

    async with running(place, {"one": work}) as jobs:
        job_id = await jobs.submit("one", "thing:1", {})
        await until(lambda: jobs._run)
        for _ in range(2):  # while it runs, and from the file
            [listed], whole = await jobs.list(), await jobs.get(job_id)
            assert (listed.error_count, whole.error_count, len(whole.all_errors)) == (25, 25, 25)
            assert listed.all_errors == whole.all_errors[:10]
            assert whole.all_errors[24] == 'Image 24: "\U0001f600 gone"'
            works.go.set()
            assert (await jobs.wait(job_id)).status == "done"


@pytest.mark.parametrize(
    "nonsense", [None, 7, "text", [], {"a": object()}, {"a": float("nan")}, {1: 2, "1": 3}]
)
async def test_a_result_that_is_no_json_object_fails_the_job_alone(place, nonsense):
    async def work(progress, parameters):
        return nonsense

    async def fine(progress, parameters):
        return {}

    async with running(place, {"one": work, "fine": fine}) as jobs:
        job = await jobs.wait(await jobs.submit("one", "thing:1", {}))
        assert (job.status, job.result, job.error_code) == ("failed", None, "internal")
        assert (await jobs.wait(await jobs.submit("fine", "thing:1", {}))).status == "done"


async def test_no_coroutine_at_all_fails(place):
    assert (await one(place, lambda progress, parameters: {})).status == "failed"


async def test_a_job_that_raises_cancelled_error_itself_has_failed(place):
    async def work(progress, parameters):
        raise asyncio.CancelledError

    assert (await one(place, work)).status == "failed"


async def test_progress_out_of_bounds_is_brought_within(place):
    async def work(progress, parameters):
        for done, total in [(-3, 10), (11, 10), (5, 0), (2, -1), (0, 0), (2**70, 2**70)]:
            progress.start("Working", total)
            progress.update(done, faces=-1, people=-1)
            await asyncio.sleep(0)
        progress.start("Working", 4)
        progress.update(3)
        return {}

    job = await one(place, work)
    assert (job.status, job.done, job.total, job.faces) == ("done", 3, 4, 0)


async def test_numbers_too_large_for_the_file_do_not_stop_the_queue(place):
    async def work(progress, parameters):
        progress.start("Working", 2**70)
        progress.update(2**70)
        return {}

    async with asyncio.timeout(60):
        assert (await one(place, work)).status == "done"


async def test_errors_are_kept_up_to_a_bound_and_counted(place):
    async def work(progress, parameters):
        for number in range(2500):
            progress.problem(f"{number} " + "x" * 5000)
        progress.problem("\ud800")
        return {}

    job = await one(place, work)
    assert len(job.all_errors) == run.PROBLEMS_KEPT + 1
    assert job.all_errors[-1] == "... and 1,501 more."
    assert max(map(len, job.all_errors)) == run.PROBLEM_LENGTH


async def test_a_job_that_does_not_stop_is_abandoned(place, works, monkeypatch, caplog):
    monkeypatch.setattr(run, "GRACE_S", 0.2)
    async with running(place, works.kinds) as jobs:
        job_id = await jobs.submit("deaf", "thing:1", {})
        await until(lambda: works.begun)
        async with asyncio.timeout(60):
            assert (await jobs.cancel(job_id)).status == "cancelled"
            assert (await jobs.wait(await jobs.submit("quick", "thing:2", {}))).status == "done"
        assert "did not stop" in caplog.text
        works.progresses[0].update(9)
        assert (await jobs.get(job_id)).done == 0
        works.go.set()


async def test_stop_does_not_wait_for_a_job_that_hangs(place, works, monkeypatch):
    monkeypatch.setattr(run, "GRACE_S", 0.2)
    async with running(place, works.kinds) as jobs:
        job_id = await jobs.submit("deaf", "thing:1", {})
        await until(lambda: works.begun)
        async with asyncio.timeout(60):
            await jobs.stop()  # the job goes on only afterwards
    works.go.set()
    async with running(place, works.kinds) as jobs:
        assert (await jobs.wait(job_id)).status == "done"
        assert works.begun == [job_id, job_id]


async def test_a_pool_that_was_closed_first_parks_the_job(place):
    tries = []

    async def work(progress, parameters):
        tries.append(1)
        raise ShuttingDown("Stash Sense was stopped before this was done.")

    async with running(place, {"one": work}) as jobs:
        job_id = await jobs.submit("one", "thing:1", {})
        await until(lambda: tries)
        await asyncio.sleep(0.1)
        assert (await jobs.get(job_id)).status == "queued"
        assert tries == [1]


async def test_a_slow_live_result_blocks_neither_the_loop_nor_the_caller(place):
    calls, go, slow = [], threading.Event(), threading.Event()

    async def work(progress, parameters):
        def make():
            calls.append(threading.current_thread())
            if len(calls) > 1:
                slow.wait(60)
            return {"call": len(calls)}

        progress.set_live_result(make)
        await asyncio.to_thread(go.wait, 60)
        return {"end": True}

    async with running(place, {"one": work}) as jobs:
        job_id = await jobs.submit("one", "thing:1", {})
        async with asyncio.timeout(60):
            while (await jobs.get(job_id)).result != {"call": 1}:  # noqa: ASYNC110 - as a browser asks
                await asyncio.sleep(0.01)
        await asyncio.sleep(run.LIVE_RESULT_EVERY_S)
        found = await asyncio.gather(*(jobs.get(job_id) for _ in range(50)))
        assert not slow.is_set()  # nobody waited for the second
        assert {str(job.result) for job in found} == {"{'call': 1}"}
        assert len(calls) == 2
        assert threading.main_thread() not in calls
        slow.set()
        go.set()
        assert (await jobs.wait(job_id)).result == {"end": True}


async def test_a_live_result_that_cannot_be_made_harms_nothing(place, caplog):
    go = asyncio.Event()

    async def work(progress, parameters):
        progress.set_live_result(lambda: 1 / 0)
        await go.wait()
        return {"end": True}

    caplog.set_level(logging.ERROR)
    async with running(place, {"one": work}) as jobs:
        job_id = await jobs.submit("one", "thing:1", {})
        async with asyncio.timeout(60):
            while "could not be made" not in caplog.text:
                assert (await jobs.get(job_id)).result is None
                await asyncio.sleep(0.01)
        go.set()
        assert (await jobs.wait(job_id)).result == {"end": True}
