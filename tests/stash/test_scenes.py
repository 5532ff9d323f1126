"""Scenes: what Stash says of one, its video in parts, and the cells of its sprite."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from fakes.stash import Drop, StashStandIn, Status
from stash_sense.domain.identity import StashId
from stash_sense.errors import (
    Cancelled,
    NotInStash,
    NoVideo,
    OutageTooLong,
    StashAnsweredWrongly,
    StashKeyRefused,
    StashSenseError,
    VideoChanged,
)
from stash_sense.stash.client import StashClient
from stash_sense.stash.outage import OutageLimits, ResilientStash
from stash_sense.stash.scene_stream import BLOCK, MOST_BLOCKS, SceneStream
from stash_sense.stash.scenes import SpriteCell, sprite_cells

VIDEO = bytes(range(256)) * (5 * BLOCK // 256) + b"the end"
SHORT = OutageLimits(at_start_s=1, midway_s=1.5, first_pause_s=0.02, longest_pause_s=0.1)
VTT = """WEBVTT

00:00:00.000 --> 00:00:05.000
abc_sprite.jpg#xywh=0,0,160,90

00:00:05.000 --> 00:00:10.000
abc_sprite.jpg#xywh=160,0,160,90

01:02:03.500 --> 01:02:08.000
abc_sprite.jpg#xywh=0,90,160,90
"""


@pytest.fixture
def scene(stash: StashStandIn) -> str:
    return str(stash.library.add_scene("Film", content=VIDEO, size=(1920, 1080), duration=12.5))


@pytest.fixture
def resilient(client: StashClient) -> ResilientStash:
    return ResilientStash(client, SHORT, lambda _: None)


Read = Callable[[SceneStream, int, int], Awaitable[bytes]]


@pytest.fixture
def read() -> Read:
    """Reads in a thread, as the reader of videos does."""
    return lambda stream, offset, count: asyncio.to_thread(stream.read_at, offset, count)


async def test_a_scene_has_its_files_and_the_ids_of_its_performers(stash, client):
    ann = stash.library.add_performer("Ann", stash_ids=[("https://stashdb.org/graphql", "u-1")])
    scene = stash.library.add_scene("Film", content=VIDEO, performers=[ann], size=(1920, 1080), duration=12.5)
    found = await client.get_scene(str(scene))
    (file,) = found.files
    (performer,) = found.performers
    assert (found.id, found.title, file.size, file.width, file.height) == (
        "1",
        "Film",
        len(VIDEO),
        1920,
        1080,
    )
    assert (file.duration, file.fingerprints[0].type) == (12.5, "oshash")
    assert (performer.id, performer.stash_ids) == ("1", (StashId("https://stashdb.org/graphql", "u-1"),))


@pytest.mark.parametrize("scene_id", ["99", "1; x", "", "1" * 30])
async def test_a_scene_that_is_not_there_is_said_to_be_missing(client, scene_id):
    with pytest.raises(NotInStash, match="scene"):
        await client.get_scene(scene_id)


async def test_any_part_of_a_video_arrives_as_it_is_in_the_file(resilient, scene, read):
    stream = await SceneStream.open(resilient, scene)
    for offset, count in ((0, 10), (BLOCK - 3, 9), (3 * BLOCK, 2 * BLOCK), (len(VIDEO) - 4, 100), (7, BLOCK)):
        assert await read(stream, offset, count) == VIDEO[offset : offset + count]
    assert await read(stream, len(VIDEO), 5) == b""
    assert (stream.size, stream.bytes_read) == (len(VIDEO), len(VIDEO) - BLOCK)  # each once, but for block 2


async def test_a_frame_here_and_there_costs_a_block_each(stash, resilient, read):
    video = bytes(40 * BLOCK)
    scene = str(stash.library.add_scene("Long", content=video))
    stream = await SceneStream.open(resilient, scene)
    for block in (30, 10, 20):
        await read(stream, block * BLOCK + 5, 1000)
    assert stream.bytes_read == 4 * BLOCK


async def test_a_video_that_is_read_through_arrives_in_larger_pieces(stash, resilient, read):
    scene = str(stash.library.add_scene("Long", content=bytes(40 * BLOCK)))
    stream = await SceneStream.open(resilient, scene)
    stash.record.forget()
    for at in range(0, 40 * BLOCK, BLOCK // 2):
        await read(stream, at, BLOCK // 2)
    assert stash.record.counts["stream"] <= 40 / MOST_BLOCKS + 5
    assert stream.bytes_read == 40 * BLOCK


async def test_the_key_goes_into_a_header_and_never_into_the_address(stash, resilient, scene, key):
    await SceneStream.open(resilient, scene)
    (seen,) = [seen for seen in stash.record.seen if seen.kind == "stream"]
    assert (seen.headers["apikey"], seen.query) == (key, "")


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        (Status(404), NoVideo, "cannot find its file"),
        (Status(500, b"open /data/x.mp4: no such file or directory"), NoVideo, "cannot find its file"),
        (Status(302, b"", headers={"Location": "/login"}), StashKeyRefused, "requires a login"),
        (Status(302, b"", headers={"Location": "http://elsewhere/"}), StashAnsweredWrongly, "redirect"),
        (Status(200, b"<html>", "text/html"), StashAnsweredWrongly, "HTML page"),
        (Status(206, b"<html>", "text/html"), StashAnsweredWrongly, "HTML page"),
        (Status(200, b"x" * 100, "video/mp4"), StashAnsweredWrongly, "removes the Range header"),
        (Status(206, b"x" * 100, "video/mp4"), StashAnsweredWrongly, "others arrived"),
        (
            Status(206, b"x" * 10, "video/mp4", {"Content-Range": "bytes 5-14/100"}),
            StashAnsweredWrongly,
            "others arrived",
        ),
        (Status(416), NoVideo, "0 bytes"),
        (Status(401), StashKeyRefused, "API key"),
    ],
)
async def test_what_is_no_part_of_a_video_is_refused_with_the_cause(stash, client, scene, fault, error, says):
    stash.faults.add(fault, where="stream")
    with pytest.raises(error, match=says) as refusal:
        await client.video_part(scene, 0, 1000)
    assert "/data/x.mp4" not in str(refusal.value)


@pytest.mark.parametrize("left", [VIDEO + b"more", VIDEO[: 3 * BLOCK], VIDEO[:BLOCK]])
async def test_a_file_that_changes_while_it_is_read_is_noticed(stash, resilient, scene, read, left):
    stream = await SceneStream.open(resilient, scene)
    stash.library.replace_video(int(scene), left)
    with pytest.raises(VideoChanged, match="scanned"):
        await read(stream, 4 * BLOCK, 10)


async def test_a_file_without_a_byte_is_no_video(stash, resilient):
    with pytest.raises(NoVideo, match="0 bytes"):
        await SceneStream.open(resilient, str(stash.library.add_scene("Empty", content=b"")))


async def test_a_connection_that_breaks_once_costs_nothing(stash, resilient, scene, read):
    stream = await SceneStream.open(resilient, scene)
    stash.faults.add(Drop(), where="stream", times=1)
    assert await read(stream, 2 * BLOCK, 10) == VIDEO[2 * BLOCK : 2 * BLOCK + 10]


async def test_a_read_waits_for_a_stash_that_comes_back(stash, client, scene, read):
    waiting = threading.Event()
    resilient = ResilientStash(client, OutageLimits(first_pause_s=0.02), lambda _: waiting.set())
    stream = await SceneStream.open(resilient, scene)
    stash.down()
    reading = asyncio.create_task(read(stream, 2 * BLOCK, 10))
    await asyncio.to_thread(waiting.wait)
    stash.up()
    assert await reading == VIDEO[2 * BLOCK : 2 * BLOCK + 10]


async def test_a_stash_that_stays_away_ends_the_reading(stash, resilient, scene, read):
    stream = await SceneStream.open(resilient, scene)
    stash.down()
    with pytest.raises(OutageTooLong, match="Gave up"):
        await read(stream, 2 * BLOCK, 10)


async def test_closing_ends_a_read_that_waits_and_every_later_one(stash, client, scene, read):
    waiting = threading.Event()
    resilient = ResilientStash(client, OutageLimits(), lambda _: waiting.set())
    stream = await SceneStream.open(resilient, scene)
    stash.down()
    reading = asyncio.create_task(read(stream, 2 * BLOCK, 10))
    await asyncio.to_thread(waiting.wait)
    stream.close()
    with pytest.raises(Cancelled):
        await reading
    with pytest.raises(Cancelled):
        await read(stream, 3 * BLOCK, 10)


def test_the_cells_of_a_sprite_are_read_from_its_list():
    assert sprite_cells(VTT) == (
        SpriteCell(0.0, 0, 0, 160, 90),
        SpriteCell(5.0, 160, 0, 160, 90),
        SpriteCell(3723.5, 0, 90, 160, 90),
    )
    assert sprite_cells(VTT.replace("\n", "\r\n")) == sprite_cells(VTT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "WEBVTT",
        "00:00:00.000 --> 00:00:05.000\nabc.jpg",
        "00:00:00.000 --> 00:00:05.000\nabc.jpg#xywh=0,0,0,90",
        "aa:00:00.000 --> 00:00:05.000\nabc.jpg#xywh=0,0,160,90",
        "<html>#xywh=1,2,3,4",
    ],
)
def test_a_list_without_a_cell_has_none(text):
    assert sprite_cells(text) == ()


async def test_a_sprite_comes_with_its_cells(stash, client, jpeg):
    media = {"sprite": jpeg((320, 180)), "vtt": VTT.encode()}
    scene = await client.get_scene(str(stash.library.add_scene("Film", content=VIDEO, media=media)))
    sheet, cells = await client.sprite(scene)
    assert (sheet.data, cells) == (media["sprite"], sprite_cells(VTT))


async def test_a_scene_without_a_sprite_is_told_from_one_that_fails(stash, client, scene):
    found = await client.get_scene(scene)
    with pytest.raises(NoVideo, match="generated none"):
        await client.sprite(found)
    stash.faults.add(Status(500), where="scene")
    with pytest.raises(StashSenseError, match="500") as error:
        await client.sprite(found)
    assert not isinstance(error.value, NoVideo)
