"""Pictures: from where, of what kind, how large, how whole."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from fakes.stash import Chunked, Dribble, StashStandIn, Status, Truncate
from stash_sense.errors import (
    MediaError,
    MediaTooLarge,
    NoPicture,
    NotAPicture,
    NotInStash,
    StashAnsweredWrongly,
    StashTooSlow,
    StashUnreachable,
)
from stash_sense.stash.client import StashClient
from stash_sense.stash.transport import StashLimits

Jpeg = Callable[..., bytes]


@pytest.fixture
def picture(stash: StashStandIn, jpeg: Jpeg) -> bytes:
    """The bytes of image 1."""
    data = jpeg()
    stash.library.add_image(data)
    return data


async def original(client: StashClient) -> bytes:
    return (await client.original(await client.get_image_by_id("1"))).data


async def test_an_original_is_the_file(client: StashClient, picture: bytes):
    media = await client.original(await client.get_image_by_id("1"))
    assert (media.data, media.content_type) == (picture, "image/jpeg")


async def test_a_thumbnail_is_fetched_from_its_own_url(
    stash: StashStandIn, client: StashClient, picture: bytes
):
    await client.thumbnail(await client.get_image_by_id("1"))
    assert (stash.record.counts["thumbnail"], stash.record.counts["original"]) == (1, 0)


async def test_a_portrait_is_the_performers(stash: StashStandIn, client: StashClient, jpeg: Jpeg):
    stash.library.add_performer("Ann", image=jpeg())
    (ann,) = await client.performers()
    assert (await client.portrait(ann)).data == jpeg()


async def test_a_placeholder_is_never_fetched(stash: StashStandIn, client: StashClient):
    stash.library.add_performer("Ann")
    (ann,) = await client.performers()
    with pytest.raises(NoPicture, match="performer 1"):
        await client.portrait(ann)
    assert stash.record.counts["portrait"] == 0


async def test_a_wrong_host_in_a_url_of_stash_is_not_contacted(
    stash: StashStandIn, client: StashClient, picture: bytes
):
    stash.external_host = "http://203.0.113.7:9"
    assert await original(client) == picture


@pytest.fixture
async def below_a_prefix(key: str, limits: StashLimits) -> AsyncIterator[tuple[StashStandIn, StashClient]]:
    with StashStandIn(api_key=key, prefix="/stash") as stash:
        async with StashClient(stash.url, key, limits) as client:
            yield stash, client


@pytest.mark.parametrize("external_host", ["", "https://home.example", "https://home.example/other"])
async def test_a_prefix_of_stash_url_is_kept(
    below_a_prefix: tuple[StashStandIn, StashClient], jpeg: Jpeg, external_host: str
):
    stash, client = below_a_prefix
    stash.external_host = external_host
    stash.library.add_image(jpeg())
    assert await original(client) == jpeg()


async def test_an_image_without_an_address_has_no_picture(client: StashClient, picture: bytes):
    image = replace(await client.get_image_by_id("1"), image_url=None)
    with pytest.raises(NoPicture, match="Image 1"):
        await client.original(image)


async def test_a_clip_is_refused_as_a_video(stash: StashStandIn, client: StashClient):
    stash.library.add_image(b"moving", video=True)
    with pytest.raises(NotAPicture, match="video/mp4"):
        await original(client)


async def test_a_gif_that_stash_calls_a_video_is_accepted(stash: StashStandIn, client: StashClient):
    stash.library.add_image(b"GIF89a", video=True, path="/data/a.gif")
    assert await original(client) == b"GIF89a"


async def test_a_kind_that_stash_does_not_know_is_left_to_the_decoder(
    stash: StashStandIn, client: StashClient
):
    stash.library.add_image(b"....ftypheic", path="/data/a.unknown")
    assert await original(client) == b"....ftypheic"


@pytest.mark.parametrize(
    ("content_type", "said", "error"),
    [("text/html", "HTML", MediaError), ("application/json", "application/json", NotAPicture)],
)
async def test_what_is_not_an_image_is_refused(
    stash: StashStandIn, client: StashClient, picture: bytes, content_type: str, said: str, error: type
):
    stash.faults.add(Status(200, b"<html>", content_type), where="original")
    with pytest.raises(error, match=said) as refused:
        await original(client)
    assert type(refused.value) is error  # a login page is no clip, which is only skipped


async def test_a_missing_file_is_named_and_not_retried(
    stash: StashStandIn, client: StashClient, picture: bytes
):
    stash.library.lose_file(1)
    with pytest.raises(NoPicture, match="disk") as lost:
        await original(client)
    assert "/data" not in str(lost.value)
    assert stash.record.counts["original"] == 1


async def test_the_drawing_for_a_lost_file_is_no_thumbnail(
    stash: StashStandIn, client: StashClient, picture: bytes
):
    stash.library.lose_file(1)
    with pytest.raises(NoPicture, match="placeholder"):
        await client.thumbnail(await client.get_image_by_id("1"))


async def test_an_image_deleted_meanwhile_is_not_in_stash(
    stash: StashStandIn, client: StashClient, picture: bytes
):
    image = await client.get_image_by_id("1")
    stash.library.delete_image(1)
    with pytest.raises(NotInStash, match="Image 1"):
        await client.original(image)


async def test_an_empty_file_is_no_picture(stash: StashStandIn, client: StashClient):
    stash.library.add_image(b"")
    with pytest.raises(NoPicture, match="0 bytes"):
        await original(client)


async def test_a_picture_of_the_largest_size_is_read(
    client: StashClient, limits: StashLimits, picture: bytes
):
    assert await original(client.with_limits(replace(limits, media_bytes=len(picture)))) == picture


async def test_a_larger_picture_is_refused_before_it_is_read(
    stash: StashStandIn, client: StashClient, limits: StashLimits, picture: bytes
):
    stash.faults.add(Dribble(size=10, pause_s=1), where="original")
    with pytest.raises(MediaTooLarge, match="Image 1"):
        await original(client.with_limits(replace(limits, media_bytes=len(picture) - 1)))


async def test_a_body_of_unknown_length_is_cut_off_at_the_limit(
    stash: StashStandIn, client: StashClient, limits: StashLimits, picture: bytes
):
    stash.faults.add(Chunked(), where="original")
    with pytest.raises(MediaTooLarge, match="Image 1"):
        await original(client.with_limits(replace(limits, media_bytes=len(picture) - 1)))


async def test_a_body_of_unknown_length_is_read_to_its_end(
    stash: StashStandIn, client: StashClient, picture: bytes
):
    stash.faults.add(Chunked(), where="original")
    assert await original(client) == picture


async def test_a_body_cut_short_once_is_fetched_again(
    stash: StashStandIn, client: StashClient, picture: bytes
):
    stash.faults.add(Truncate(0.5), where="original", times=1)
    assert await original(client) == picture


async def test_a_body_always_cut_short_is_an_error(stash: StashStandIn, client: StashClient, picture: bytes):
    stash.faults.add(Truncate(0.5), where="original")
    with pytest.raises(StashUnreachable, match="Image 1"):
        await original(client)


async def test_a_body_that_dribbles_is_given_up(
    stash: StashStandIn, client: StashClient, limits: StashLimits, picture: bytes
):
    stash.faults.add(Dribble(size=10, pause_s=0.05), where="original")
    with pytest.raises(StashTooSlow, match="Image 1"):
        await original(client.with_limits(replace(limits, total_s=0.5)))


async def test_a_failing_picture_is_tried_a_few_times(
    stash: StashStandIn, client: StashClient, picture: bytes
):
    stash.faults.add(Status(500, b"ffmpeg exited"), where="original")
    with pytest.raises(StashAnsweredWrongly, match="500 Internal Server Error: ffmpeg exited"):
        await original(client)
    assert stash.record.counts["original"] == 3


async def test_a_picture_that_fails_once_is_fetched(stash: StashStandIn, client: StashClient, picture: bytes):
    stash.faults.add(Status(503, b"busy"), where="original", first=1)
    assert await original(client) == picture
