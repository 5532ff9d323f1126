"""Stash is down, slow, busy or broken, or another server answers."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from fakes.stash import Delay, Drop, StashStandIn, Status
from stash_sense.errors import (
    StashAnsweredWrongly,
    StashKeyRefused,
    StashRefused,
    StashTooSlow,
    StashUnreachable,
)
from stash_sense.stash.client import StashClient
from stash_sense.stash.transport import StashLimits

Reply = Callable[..., Status]


async def test_stash_that_is_down_is_named_with_its_address(
    stash: StashStandIn, client: StashClient, limits: StashLimits
):
    stash.down()
    with pytest.raises(StashUnreachable, match=f"127.0.0.1:{stash.port}.*STASH_URL"):
        await client.with_limits(replace(limits, retry_s=0.1)).status()


async def test_a_host_that_does_not_exist_is_unreachable(limits: StashLimits):
    async with StashClient("http://stash.invalid:9999", "", replace(limits, retry_s=0.1)) as client:
        with pytest.raises(StashUnreachable, match=r"stash\.invalid"):
            await client.status()


async def test_stash_that_comes_back_in_time_is_not_missed(
    stash: StashStandIn, client: StashClient, limits: StashLimits
):
    stash.down()
    waiting = asyncio.create_task(client.with_limits(replace(limits, retry_s=60)).status())
    await asyncio.sleep(0.3)
    await asyncio.to_thread(stash.up)
    assert (await waiting).status == "OK"


async def test_waiting_for_stash_has_an_end(stash: StashStandIn, client: StashClient, limits: StashLimits):
    stash.down()
    async with asyncio.timeout(60):
        with pytest.raises(StashUnreachable):
            await client.with_limits(replace(limits, retry_s=0.3)).status()


async def test_an_answer_that_never_comes_is_given_up(
    stash: StashStandIn, client: StashClient, limits: StashLimits
):
    stash.faults.add(Delay(30), where="FindStatus")
    with pytest.raises(StashTooSlow, match="FindStatus"):
        await client.with_limits(replace(limits, stall_s=0.2, retry_s=0.1)).status()


async def test_the_total_time_counts_over_all_attempts(
    stash: StashStandIn, client: StashClient, limits: StashLimits
):
    stash.faults.add(Delay(120), where="FindStatus")
    async with asyncio.timeout(60):
        with pytest.raises(StashTooSlow, match=r"0\.5 s"):
            await client.with_limits(replace(limits, stall_s=90, total_s=0.5)).status()


async def test_a_query_whose_connection_dropped_is_retried(stash: StashStandIn, client: StashClient):
    stash.faults.add(Drop(), where="FindStatus", times=1)
    await client.status()
    assert stash.record.counts["FindStatus"] == 2


async def test_a_query_is_sent_three_times_at_most(stash: StashStandIn, client: StashClient):
    stash.faults.add(Drop(), where="FindStatus")
    with pytest.raises(StashUnreachable, match="broke"):
        await client.status()
    assert stash.record.counts["FindStatus"] == 3


@pytest.fixture
def tagging(stash: StashStandIn, client: StashClient) -> Callable[[], object]:
    stash.library.add_image(performers=[])
    stash.library.add_performer("Ann")
    patient = client.with_limits(replace(client.limits, retry_s=60))
    return lambda: patient.add_performers("image", ["1"], ["1"])


@pytest.mark.parametrize("fault", [Drop(), Status(502), Status(503), Delay(30)])
async def test_a_write_is_never_sent_twice(
    stash: StashStandIn, client: StashClient, limits: StashLimits, fault: Drop | Status | Delay
):
    stash.library.add_image(performers=[])
    stash.library.add_performer("Ann")
    stash.faults.add(fault, where="BulkImageUpdate")
    with pytest.raises((StashUnreachable, StashAnsweredWrongly, StashTooSlow)):
        await client.with_limits(replace(limits, stall_s=0.5)).add_performers("image", ["1"], ["1"])
    assert stash.record.counts["BulkImageUpdate"] == 1


async def test_a_write_without_an_answer_says_that_it_may_have_happened(
    stash: StashStandIn, tagging: Callable
):
    stash.faults.add(Drop(), where="BulkImageUpdate")
    with pytest.raises(StashUnreachable, match="not known whether"):
        await tagging()


async def test_a_write_that_did_not_reach_stash_is_sent_again(stash: StashStandIn, tagging: Callable):
    stash.down()
    waiting = asyncio.create_task(tagging())
    await asyncio.sleep(0.2)
    await asyncio.to_thread(stash.up)
    assert await waiting == ("1",)


async def test_a_busy_server_says_how_long_to_wait(stash: StashStandIn, client: StashClient):
    stash.faults.add(Status(429, b"", headers={"Retry-After": "1"}), where="FindStatus", times=1)
    started = time.monotonic()
    await client.status()
    assert time.monotonic() - started >= 1


async def test_a_wrong_key_is_named_with_the_place_of_the_right_one(stash: StashStandIn, limits: StashLimits):
    async with StashClient(stash.url, "wrong", limits) as client:
        with pytest.raises(StashKeyRefused, match="STASH_API_KEY"):
            await client.status()


async def test_a_request_with_a_wrong_key_is_sent_once(stash: StashStandIn, limits: StashLimits):
    async with StashClient(stash.url, "wrong", limits) as client:
        with pytest.raises(StashKeyRefused):
            await client.status()
    assert stash.record.counts["graphql"] == 1


async def test_a_key_is_refused_where_stash_has_no_login(stash: StashStandIn, client: StashClient):
    stash.api_key = ""
    with pytest.raises(StashKeyRefused, match="no login"):
        await client.status()


async def test_a_missing_key_is_named(stash: StashStandIn, limits: StashLimits):
    async with StashClient(stash.url, "", limits) as client:
        with pytest.raises(StashKeyRefused, match="no API key is set"):
            await client.status()


async def test_the_login_page_instead_of_a_picture_means_a_missing_key(
    stash: StashStandIn, client: StashClient, limits: StashLimits
):
    stash.library.add_image(b"x")
    image = await client.get_image_by_id("1")
    async with StashClient(stash.url, "", limits) as nobody:
        with pytest.raises(StashKeyRefused, match="no API key is set"):
            await nobody.original(image)
    assert stash.record.counts["login"] == 0


async def test_a_redirect_is_named_and_not_followed(stash: StashStandIn, client: StashClient):
    moved = Status(301, b"", headers={"Location": "https://new.example/graphql?apikey=x"})
    stash.faults.add(moved, where="FindStatus")
    with pytest.raises(StashAnsweredWrongly, match=r"https://new\.example/graphql, which"):
        await client.status()


async def test_another_server_is_not_taken_for_stash(stash: StashStandIn, client: StashClient):
    stash.faults.add(Status(200, b"<html>It works!", "text/html"), where="FindStatus")
    with pytest.raises(StashAnsweredWrongly, match="is not Stash"):
        await client.status()


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b'{"data": null}', b"[" * 100_000, b"\xff\xfe"])
async def test_a_strange_answer_is_an_error(stash: StashStandIn, client: StashClient, body: bytes):
    stash.faults.add(Status(200, body, "application/json"), where="FindStatus")
    with pytest.raises(StashAnsweredWrongly):
        await client.status()


async def test_a_page_that_does_not_exist_names_stash_url(stash: StashStandIn, client: StashClient):
    stash.faults.add(Status(404, b"<html>", "text/html"), where="FindStatus")
    with pytest.raises(StashAnsweredWrongly, match=r"404 Not Found and a page of HTML.*STASH_URL"):
        await client.status()


async def test_an_answer_above_the_limit_is_not_read(
    stash: StashStandIn, client: StashClient, limits: StashLimits
):
    stash.faults.add(Status(200, b" " * 2000, "application/json"), where="FindStatus")
    with pytest.raises(StashAnsweredWrongly, match="FindStatus"):
        await client.with_limits(replace(limits, answer_bytes=1999)).status()


async def test_an_error_about_an_unknown_field_is_passed_on_in_stashs_words(
    stash: StashStandIn, client: StashClient
):
    said = b'{"errors": [{"message": "Cannot query field \\"x\\" on type \\"Image\\"."}], "data": null}'
    stash.faults.add(Status(422, said, "application/json"), where="FindStatus")
    with pytest.raises(StashRefused, match='Cannot query field "x"'):
        await client.status()


async def test_a_refused_query_is_not_retried(stash: StashStandIn, client: StashClient):
    stash.faults.add(Status(422, b'{"errors": [{"message": "no"}]}', "application/json"), where="FindStatus")
    with pytest.raises(StashRefused):
        await client.status()
    assert stash.record.counts["FindStatus"] == 1


async def test_a_cancelled_request_ends_at_once(stash: StashStandIn, client: StashClient):
    stash.faults.add(Delay(30), where="FindStatus")
    waiting = asyncio.create_task(client.status())
    await asyncio.sleep(0.1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
