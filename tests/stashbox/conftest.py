"""A stand-in for a stash-box with a clock to turn, and a client of it."""

import io
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from PIL import Image

from fakes.stash_box import KEY, StashBoxStandIn, TurnedClock
from stash_sense.stashbox.client import StashBoxClient, StashBoxLimits
from stash_sense.stashbox.rate import RequestRate

PATIENT = StashBoxLimits(connect_s=60, stall_s=60, total_s=120)
"""A busy machine answers late; pauses are the turned clock's and cost nothing."""


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def box(clock: TurnedClock) -> Iterator[StashBoxStandIn]:
    with StashBoxStandIn(clock=clock) as stand_in:
        yield stand_in


@pytest.fixture
def told() -> list[str]:
    """What was said of long pauses."""
    return []


@pytest.fixture
def connect(
    box: StashBoxStandIn, clock: TurnedClock, tmp_path: Path, told: list[str]
) -> Callable[..., AbstractAsyncContextManager[StashBoxClient]]:
    """A client: of the stand-in by default, at so many requests a minute."""

    def connect(endpoint: str = "", key: str = KEY, per_minute: int = 120, limits: StashBoxLimits = PATIENT):
        rate = RequestRate(per_minute, tmp_path / "rates" / "box", clock)
        return StashBoxClient(endpoint or box.endpoint, key, rate, limits, told.append)

    return connect


@pytest.fixture
async def client(
    connect: Callable[..., AbstractAsyncContextManager[StashBoxClient]],
) -> AsyncIterator[StashBoxClient]:
    async with connect() as client:
        yield client


@pytest.fixture
def png() -> Callable[..., bytes]:
    """A picture of one colour, (width, height) pixels."""

    def png(size: tuple[int, int] = (60, 80), colour: str = "red") -> bytes:
        out = io.BytesIO()
        Image.new("RGB", size, colour).save(out, "PNG")
        return out.getvalue()

    return png
