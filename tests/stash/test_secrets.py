"""The API key goes to Stash and nowhere else."""

import logging
import traceback
from collections.abc import Callable
from dataclasses import replace

import pytest

from fakes.stash import Drop, StashStandIn, Status
from stash_sense.errors import StashError, StashKeyRefused
from stash_sense.stash.client import StashClient
from stash_sense.stash.transport import StashLimits

Jpeg = Callable[..., bytes]


async def ask_everything(stash: StashStandIn, client: StashClient, jpeg: Jpeg) -> None:
    stash.library.add_image(jpeg())
    stash.library.add_performer("Ann", image=jpeg())
    image = await client.get_image_by_id("1")
    await client.original(image)
    await client.thumbnail(image)
    (ann,) = await client.performers()
    await client.portrait(ann)


async def test_every_request_carries_the_key_in_its_header(
    stash: StashStandIn, client: StashClient, jpeg: Jpeg, key: str
):
    await ask_everything(stash, client, jpeg)
    assert {seen.headers.get("apikey") for seen in stash.record.seen} == {key}


async def test_no_address_carries_the_key(stash: StashStandIn, client: StashClient, jpeg: Jpeg, key: str):
    await ask_everything(stash, client, jpeg)
    assert not any(key in seen.path + seen.query for seen in stash.record.seen)


async def test_a_key_that_stash_puts_into_an_address_is_taken_out(
    stash: StashStandIn, client: StashClient, key: str
):
    stash.library.add_image()
    path = f"http://x/image/1/image?t=1&apikey={key}"
    body = {"id": "1", "title": None, "updated_at": "", "visual_files": [], "performers": []}
    text = f'{{"data": {{"findImage": {body | {"paths": {"image": path, "thumbnail": None}}}}}}}'
    answer = text.replace("'", '"').replace("None", "null").encode()
    stash.faults.add(Status(200, answer, "application/json"), where="FindImage")
    assert (await client.get_image_by_id("1")).image_url == "http://x/image/1/image?t=1"


async def test_another_host_never_sees_the_key(
    stash: StashStandIn, client: StashClient, jpeg: Jpeg, key: str
):
    with StashStandIn() as other:
        stash.external_host = other.url
        await ask_everything(stash, client, jpeg)
        assert other.record.seen == []


async def test_a_redirect_to_another_host_is_not_followed(
    stash: StashStandIn, client: StashClient, jpeg: Jpeg
):
    with StashStandIn() as other:
        elsewhere = {"Location": f"{other.url}/image/1/image"}
        stash.faults.add(Status(302, b"", headers=elsewhere), where="original")
        with pytest.raises(StashError):
            await ask_everything(stash, client, jpeg)
        assert other.record.seen == []


async def test_a_proxy_of_the_environment_never_sees_the_key(
    stash: StashStandIn, limits: StashLimits, key: str, monkeypatch: pytest.MonkeyPatch
):
    with StashStandIn() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        async with StashClient(stash.url, key, limits) as client:
            await client.status()
        assert proxy.record.seen == []


@pytest.mark.parametrize(
    "fault",
    [None, Drop(), Status(500, b"oops"), Status(401), Status(302, headers={"Location": "/login"})],
    ids=lambda fault: type(fault).__name__,
)
async def test_no_error_and_no_log_shows_the_key(
    stash: StashStandIn,
    client: StashClient,
    limits: StashLimits,
    key: str,
    caplog: pytest.LogCaptureFixture,
    fault: Drop | Status | None,
):
    caplog.set_level(logging.DEBUG)
    if fault is None:
        stash.down()
    else:
        stash.faults.add(fault)
    with pytest.raises(StashError) as failed:
        await client.with_limits(replace(limits, retry_s=0.1)).status()
    shown = "".join(traceback.format_exception(failed.value)) + caplog.text + repr(client)
    assert key not in shown


@pytest.mark.parametrize("code", [200, 403, 422, 500])
@pytest.mark.parametrize("form", ["no such key: {}", '{{"errors": [{{"message": "no such key: {}"}}]}}'])
@pytest.mark.parametrize("before", [0, 290])
async def test_a_key_that_the_server_quotes_is_not_passed_on(
    stash: StashStandIn,
    client: StashClient,
    limits: StashLimits,
    key: str,
    caplog: pytest.LogCaptureFixture,
    code: int,
    form: str,
    before: int,
):
    """before: so much text that the quotation would end within the key."""
    caplog.set_level(logging.DEBUG)
    stash.faults.add(Status(code, form.format(" " * (before > 0) + "x" * before + key).encode()))
    with pytest.raises(StashError) as failed:
        await client.with_limits(replace(limits, retry_s=0.1)).status()
    shown = "".join(traceback.format_exception(failed.value)) + caplog.text
    assert key[:4] not in shown.replace("key: ", "")


@pytest.mark.parametrize("bad", ["two words", "línea", "a\nb"])
def test_a_key_that_no_header_can_carry_is_refused_unseen(bad: str):
    with pytest.raises(StashKeyRefused) as refused:
        StashClient("http://nas:9999", bad)
    assert bad not in "".join(traceback.format_exception(refused.value))


async def test_blanks_around_a_key_are_forgiven(stash: StashStandIn, limits: StashLimits, key: str):
    async with StashClient(stash.url, f" {key}\n", limits) as client:
        assert (await client.status()).status == "OK"


async def test_the_keys_of_stash_boxes_are_never_requested(stash: StashStandIn, client: StashClient):
    stash.library.stash_boxes.append(("https://stashdb.org/graphql", "StashDB", "box-key"))
    assert "box-key" not in repr(await client.stash_boxes())
