"""The pool: order, bounds, errors, cancelling, stopping."""

import asyncio
import contextvars
import queue
import threading
import time

import pytest

from stash_sense.errors import ImageTooLarge, QueueFull, ShuttingDown
from stash_sense.jobs import workers
from stash_sense.jobs.workers import Lane, WorkPool


@pytest.fixture
def pool():
    made = WorkPool(workers=1, queue_length=2)
    yield made
    assert made.close(60)


@pytest.fixture
def held(pool):
    """The only worker is at work until the event is set."""
    go = threading.Event()
    began = threading.Event()
    pool.submit(lambda: (began.set(), go.wait(60)), Lane.BACKGROUND)
    assert began.wait(60)
    yield go
    go.set()


def test_an_interactive_request_waits_for_one_unit_of_a_job_at_most(pool, held):
    done = []
    units = [pool.submit(lambda n=n: done.append(f"job {n}"), Lane.BACKGROUND) for n in range(5)]
    pool.submit(lambda: done.append("person"), Lane.INTERACTIVE)
    held.set()
    units[-1].result(60)
    assert done == ["person", "job 0", "job 1", "job 2", "job 3", "job 4"]


def test_within_a_lane_the_first_comes_first(pool, held):
    done = []
    units = [pool.submit(lambda n=n: done.append(n)) for n in range(20)]
    held.set()
    units[-1].result(60)
    assert done == list(range(20))


def test_places_are_bounded_and_given_back(pool):
    with pool.admit(), pool.admit(), pool.admit():
        with pytest.raises(QueueFull) as refused, pool.admit():
            pass
        assert refused.value.pause_s >= 1
    with pool.admit():
        assert pool.admitted == 1


async def test_a_picture_that_takes_too_long_is_given_up_and_holds_its_place(pool, monkeypatch):
    monkeypatch.setattr(workers, "PICTURE_S", 0.05)
    go = threading.Event()
    with pytest.raises(ImageTooLarge, match=r"within 0\.05 s"), pool.admit("10.0.0.9", upload=True):
        await pool.run(lambda: go.wait(60), Lane.UPLOAD)
    assert (pool.admitted, pool.running) == (1, 1)
    go.set()
    monkeypatch.undo()
    assert await pool.run(lambda: "next") == "next"
    assert pool.admitted == 0


async def test_waiting_for_a_worker_is_no_part_of_the_time(pool, held, monkeypatch):
    monkeypatch.setattr(workers, "PICTURE_S", 5.0)
    real, begun = asyncio.wait, []

    async def wait(things, **options):
        begun.append(held.is_set())
        return await real(things, **options)

    monkeypatch.setattr(asyncio, "wait", wait)
    waiting = asyncio.ensure_future(pool.run(lambda: "done", Lane.UPLOAD))
    for _ in range(10):
        await asyncio.sleep(0)
    held.set()
    assert await waiting == "done"
    assert begun == [True]  # the time runs from then


async def test_a_unit_of_a_job_may_take_longer(pool, monkeypatch):
    monkeypatch.setattr(workers, "PICTURE_S", 0.01)
    assert await pool.run(lambda: time.sleep(0.1) or "done", Lane.BACKGROUND) == "done"


def test_an_image_of_the_library_goes_before_uploads(pool, held):
    done = []
    pool.submit(lambda: done.append("job"), Lane.BACKGROUND)
    uploads = [pool.submit(lambda: done.append("upload"), Lane.UPLOAD) for _ in range(2)]
    pool.submit(lambda: done.append("person"), Lane.INTERACTIVE)
    held.set()
    for upload in uploads:
        upload.result(60)
    assert done[:3] == ["person", "upload", "upload"]


def test_a_failure_is_raised_where_the_result_is_awaited(pool):
    with pytest.raises(ZeroDivisionError):
        pool.submit(lambda: 1 / 0).result(60)
    assert pool.submit(lambda: 7).result(60) == 7


def test_a_coroutine_that_is_cancelled_leaves_the_queue(pool, held):
    done = []

    async def ask():
        asked = asyncio.create_task(pool.run(lambda: done.append("asked")))
        await asyncio.sleep(0.01)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked

    asyncio.run(ask())
    held.set()
    pool.submit(lambda: None).result(60)
    assert done == []


def test_work_knows_the_request_it_is_done_for(pool):
    name = contextvars.ContextVar("name", default="nobody")
    name.set("somebody")
    assert pool.submit(name.get).result(60) == "somebody"


def test_stopping_ends_what_runs_and_turns_away_the_rest():
    pool = WorkPool(1, 2)
    began = threading.Event()
    running = pool.submit(lambda: (began.set(), time.sleep(0.2)))
    waiting = pool.submit(lambda: None)
    began.wait(60)
    assert pool.close(60)
    assert running.done()
    with pytest.raises(ShuttingDown):
        waiting.result(60)
    with pytest.raises(ShuttingDown):
        pool.submit(lambda: None)


def test_stopping_does_not_wait_for_ever():
    pool = WorkPool(1, 1)
    go, at_work = threading.Event(), threading.Event()
    pool.submit(lambda: (at_work.set(), go.wait(60)))
    assert at_work.wait(60)
    assert not pool.close(0.2)  # the work goes on only afterwards
    go.set()


def test_a_pool_without_work_says_so_after_each_spell_of_work(monkeypatch):
    monkeypatch.setattr(workers, "IDLE_S", 0.01)
    idle = queue.Queue()
    pool = WorkPool(4, 1, lambda: idle.put(pool.running))
    for _ in range(3):
        for future in [pool.submit(int) for _ in range(20)]:
            future.result(60)
        assert idle.get(timeout=60) == 0
    assert pool.close(60)
