"""A stand-in for Stash with a key, and a client of it."""

import io
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from PIL import Image

from fakes.stash import StashStandIn
from stash_sense.stash.client import StashClient
from stash_sense.stash.transport import StashLimits

KEY = "eyJ-the-api-key"

# A busy machine answers late; tests of what is too slow set the limit that they mean.
PATIENT = StashLimits(connect_s=60, stall_s=60, total_s=120, retry_s=2, pause_s=0.01, longest_pause_s=0.05)


@pytest.fixture
def key() -> str:
    return KEY


@pytest.fixture
def limits() -> StashLimits:
    return PATIENT


@pytest.fixture
def stash() -> Iterator[StashStandIn]:
    with StashStandIn(api_key=KEY) as stand_in:
        yield stand_in


@pytest.fixture
async def client(stash: StashStandIn) -> AsyncIterator[StashClient]:
    async with StashClient(stash.url, KEY, PATIENT) as client:
        yield client


@pytest.fixture
def jpeg() -> Callable[..., bytes]:
    """A picture of one colour, (width, height) pixels."""

    def jpeg(size: tuple[int, int] = (800, 600), colour: str = "red") -> bytes:
        out = io.BytesIO()
        Image.new("RGB", size, colour).save(out, "JPEG")
        return out.getvalue()

    return jpeg
