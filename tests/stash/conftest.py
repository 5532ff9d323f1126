"""A stand-in for Stash with a key, and a client of it."""

import io
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace

import pytest
from PIL import Image

from fakes.stash import StashStandIn
from stash_sense.stash.client import StashClient
from stash_sense.stash.transport import StashLimits

KEY = "eyJ-the-api-key"

# For tests of faults: what waits in them waits for a fault.
QUICK = StashLimits(connect_s=1, stall_s=0.5, total_s=3, retry_s=2, pause_s=0.01, longest_pause_s=0.05)

# For all other tests: a busy machine answers late.
PATIENT = replace(QUICK, connect_s=30, stall_s=60, total_s=60)


@pytest.fixture
def key() -> str:
    return KEY


@pytest.fixture
def limits() -> StashLimits:
    return QUICK


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
