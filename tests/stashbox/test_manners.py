"""How a stash-box is asked that is busy, away or slow, and how often."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from fakes.stash import Status
from fakes.stash.faults import Drop, Hold
from fakes.stash_box import StashBoxStandIn
from stash_sense.errors import (
    StashBoxError,
    StashBoxLimited,
    StashBoxTooSlow,
    StashBoxUnreachable,
)
from stash_sense.stashbox.client import StashBoxClient, StashBoxLimits
from stash_sense.stashbox.types import BoxImage


async def test_what_a_box_asks_to_wait_is_waited(client: StashBoxClient, box: StashBoxStandIn, clock, told):
    box.faults.add(Status(429, b"", headers={"Retry-After": "90"}), times=2)
    await client.performers_page(1)
    assert clock.slept == [90, 90]
    assert len(told) == 2


async def test_while_a_box_asks_to_wait_nothing_else_is_sent(connect, box: StashBoxStandIn, clock):
    paused, go_on = asyncio.Event(), asyncio.Event()

    async def sleep(_: float) -> None:
        paused.set()
        await go_on.wait()

    clock.sleep = sleep
    box.faults.add(Status(429, b"", headers={"Retry-After": "90"}), times=1)
    async with connect() as client, connect() as other:
        asking = [asyncio.create_task(client.performers_page(page)) for page in (1, 2)]
        await paused.wait()
        await other.performers_page(3)  # as long as the second would take
        assert len(box.arrivals) == 2
        go_on.set()
        await asyncio.gather(*asking)
    assert len(box.arrivals) == 4


async def test_a_date_in_retry_after_is_waited_for(client: StashBoxClient, box: StashBoxStandIn, clock):
    far = {"Retry-After": "Fri, 31 Dec 2199 23:59:59 GMT"}
    box.faults.add(Status(503, b"", headers=far), times=1)
    with pytest.raises(StashBoxLimited, match=r"asks to come back in [\d,]+ h"):
        await client.performers_page(1)


@pytest.mark.parametrize(
    "text", ["soon", "-5", "", "1e9", "Fri, 99 Foo 2025 99:99:99 +99999999999", "9" * 400]
)
async def test_a_retry_after_that_is_no_time_is_a_minute_or_the_end(
    client: StashBoxClient, box: StashBoxStandIn, clock, text: str
):
    box.faults.add(Status(429, b"", headers={"Retry-After": text}), times=1)
    if text.isdigit():
        with pytest.raises(StashBoxLimited):
            await client.performers_page(1)
    else:
        await client.performers_page(1)
        assert clock.slept == [60]


async def test_a_box_that_is_full_is_left_alone_for_a_minute_and_not_for_ever(
    client: StashBoxClient, box: StashBoxStandIn, clock
):
    box.faults.add(Status(429, b'{"errors":[{"message":"Too Many Attempts."}]}', "application/json"))
    with pytest.raises(StashBoxLimited, match="fewer requests"):
        await client.performers_page(1)
    assert set(clock.slept) == {60}
    assert len(box.record.seen) == 11


async def test_a_failure_that_passes_is_not_noticed(client: StashBoxClient, box: StashBoxStandIn):
    box.faults.add(Drop(), times=1)
    box.faults.add(Status(502), times=1)
    assert (await client.performers_page(1)).count == 0


async def test_a_failure_that_stays_ends_after_three_attempts(client: StashBoxClient, box: StashBoxStandIn):
    box.faults.add(Status(500, b"oops"))
    with pytest.raises(StashBoxError, match="oops"):
        await client.performers_page(1)
    assert len(box.record.seen) == 3


async def test_a_box_that_is_away_is_waited_for_and_then_said(
    client: StashBoxClient, box: StashBoxStandIn, clock
):
    box.down()
    began = clock.time()
    with pytest.raises(StashBoxUnreachable, match="what was fetched is kept"):
        await client.performers_page(1)
    assert 200 < clock.time() - began < 400
    box.up()


async def test_a_box_that_does_not_answer_in_time_is_said(connect, box: StashBoxStandIn):
    go = threading.Event()
    box.faults.add(Hold(go))
    async with connect(limits=StashBoxLimits(total_s=0.05, attempts=2)) as client:
        with pytest.raises(StashBoxTooSlow, match=r"not done after 0\.05 s"):
            await client.performers_page(1)
    go.set()


async def test_retries_and_pictures_count_and_one_connection_is_used(
    connect, box: StashBoxStandIn, png: Callable[..., bytes]
):
    box.latencies = (0.0, 0.2, 3.0, 0.0, 0.1)
    box.reset_latencies()
    box.faults.add(Status(500), where="box image", first=1)
    images = [box.add_image(png((6, 8))) for _ in range(60)]
    async with connect(per_minute=20) as client:
        for image in images:
            await client.image(BoxImage(image))
    assert len(box.arrivals) == 120
    assert box.most_in_a_minute <= 20
    assert box.most_at_once == 1
