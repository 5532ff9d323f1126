"""Bodies packed with gzip are counted while they are inflated, and nothing packed twice is unpacked."""

import gzip
import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import pytest

from fakes.stash import StashStandIn, Status
from stash_sense.errors import MediaTooLarge, StashAnsweredWrongly, StashError
from stash_sense.stash.client import StashClient
from stash_sense.stash.transport import StashLimits

LIMIT = 2_000_000
STATUS = json.dumps(
    {
        "data": {
            "version": {"version": "v0.30.1", "hash": ""},
            "systemStatus": {"status": "OK", "databaseSchema": 1},
        }
    }
).encode()
PACKED = gzip.compress(STATUS)


@pytest.fixture
def packed(stash: StashStandIn) -> Callable[..., None]:
    """Make Stash answer with this body and Content-Encoding."""

    def packed(body: bytes, encoding: str, code: int = 200, kind: str = "application/json") -> None:
        stash.faults.add(Status(code, body, kind, {"Content-Encoding": encoding}))

    return packed


@pytest.fixture
def small(client: StashClient, limits: StashLimits) -> StashClient:
    return client.with_limits(replace(limits, answer_bytes=LIMIT, media_bytes=LIMIT, attempts=1, retry_s=0))


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """100 MB of zeros, packed."""
    return gzip.compress(bytes(100_000_000), 9)


async def test_a_body_packed_once_is_unpacked(packed, small):
    packed(PACKED, "gzip")
    assert (await small.status()).version == "v0.30.1"


@pytest.mark.parametrize("encoding", ["gzip, gzip", "GZIP,gzip", "gzip, identity, deflate", "br", "zstd"])
async def test_a_body_packed_otherwise_is_refused_unread(packed, small, encoding):
    packed(gzip.compress(PACKED), encoding)
    with pytest.raises(StashAnsweredWrongly, match="which was not asked for"):
        await small.status()


@pytest.mark.parametrize("code", [200, 500])
async def test_a_bomb_takes_no_more_memory_than_the_limit(packed, small, bomb, code):
    packed(bomb, "gzip", code)
    tracemalloc.start()
    try:
        with pytest.raises(StashError):
            await small.status()
        assert tracemalloc.get_traced_memory()[1] < 4 * LIMIT
    finally:
        tracemalloc.stop()


async def test_a_packed_picture_is_counted_as_it_will_be(stash, packed, small, bomb):
    stash.library.add_image(b"x")
    image = await small.get_image_by_id("1")
    packed(bomb, "gzip", kind="image/jpeg")
    with pytest.raises(MediaTooLarge, match=r"Image 1: .* at most 2\.0 MB"):
        await small.original(image)


@pytest.mark.parametrize(
    "body", [b"not packed at all", PACKED + b"more", PACKED[:-9]], ids=["not packed", "more", "cut short"]
)
async def test_a_body_that_is_not_packed_as_said_is_an_error(packed, small, body):
    packed(body, "gzip")
    with pytest.raises(StashError, match="FindStatus"):
        await small.status()
