"""A coroutine on a loop of its own: its result, its errors, and being cancelled at any moment."""

import asyncio
import threading

import pytest

from stash_sense.errors import NoDatabase
from stash_sense.jobs.own_loop import run_on_own_loop

pytestmark = pytest.mark.anyio


async def test_it_runs_on_another_loop_in_another_thread():
    async def where():
        await asyncio.sleep(0)
        return asyncio.get_running_loop(), threading.current_thread().name

    loop, thread = await run_on_own_loop(where, "elsewhere")
    assert loop is not asyncio.get_running_loop()
    assert thread == "elsewhere"


async def test_the_callers_loop_goes_on_while_it_computes():
    go_on = threading.Event()

    async def compute():
        return go_on.wait(60)

    running = asyncio.create_task(run_on_own_loop(compute, "busy"))
    await asyncio.sleep(0)
    go_on.set()  # would never be reached if it computed here
    assert await running is True


async def test_its_error_is_raised_as_it_is():
    error = NoDatabase("Build one.")

    async def fail():
        raise error

    with pytest.raises(NoDatabase) as raised:
        await run_on_own_loop(fail, "failing")
    assert raised.value is error


async def test_cancelling_ends_it_there_before_it_is_raised_here():
    began, ended = threading.Event(), []

    async def last():
        began.set()
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            ended.append(True)

    running = asyncio.create_task(run_on_own_loop(last, "long"))
    await asyncio.to_thread(began.wait, 60)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended == [True]


async def test_cancelled_before_it_began_it_never_begins():
    begun = []

    async def begin():
        begun.append(True)
        await asyncio.sleep(3600)

    running = asyncio.create_task(run_on_own_loop(begin, "never"))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, 60)


async def test_one_that_does_not_mind_being_cancelled_is_waited_for():
    began, go_on = threading.Event(), threading.Event()

    async def stubborn():
        began.set()
        go_on.wait(60)
        return "done"

    running = asyncio.create_task(run_on_own_loop(stubborn, "stubborn"))
    await asyncio.to_thread(began.wait, 60)
    running.cancel()
    await asyncio.sleep(0)
    go_on.set()
    assert await running == "done"
