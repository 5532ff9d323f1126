"""Never more requests in any minute than allowed: counted where they arrive, with a clock to turn."""

import random
import struct
from pathlib import Path

import pytest

from fakes.stash_box import TurnedClock
from stash_sense.stashbox.rate import RequestRate

SENDS = 400


def most_in_a_minute(times: list[float]) -> int:
    return max(sum(start <= each <= start + 60 for each in times) for start in times)


async def send(
    rate: RequestRate, clock: TurnedClock, arrivals: list[float], times: int = 1, latency=lambda: 0.0
):
    for _ in range(times):
        async with rate.turn():
            clock.turn(latency())  # on its way
            arrivals.append(clock.time())
            clock.turn(latency())  # the answer


@pytest.mark.parametrize("per_minute", [1, 7, 120])
async def test_no_minute_has_more_than_allowed_however_long_requests_are_on_their_way(
    tmp_path: Path, clock: TurnedClock, per_minute: int
):
    dice, arrivals = random.Random(per_minute), []
    rate = RequestRate(per_minute, tmp_path / "rate", clock)
    slow = lambda: dice.choice((0.0, 0.01, 0.3, 4.0, 25.0)) if dice.random() < 0.2 else 0.0  # noqa: E731
    await send(rate, clock, arrivals, SENDS if per_minute > 1 else 20, slow)
    assert most_in_a_minute(arrivals) <= per_minute


async def test_the_allowed_requests_are_not_held_back(tmp_path: Path, clock: TurnedClock):
    arrivals: list[float] = []
    await send(RequestRate(120, tmp_path / "rate", clock), clock, arrivals, 360)
    assert clock.time() - arrivals[0] < 2.1 * 60


async def test_a_restart_and_a_second_process_share_the_minute(tmp_path: Path, clock: TurnedClock):
    arrivals: list[float] = []
    for number in range(30):
        await send(RequestRate(10, tmp_path / "rate", clock), clock, arrivals, 1 + number % 4)
    assert most_in_a_minute(arrivals) <= 10


async def test_a_lower_limit_counts_what_was_sent_under_a_higher_one(tmp_path: Path, clock: TurnedClock):
    arrivals: list[float] = []
    for per_minute in (10, 3, 10, 3, 10):
        await send(RequestRate(per_minute, tmp_path / "rate", clock), clock, arrivals, 10)
    assert most_in_a_minute(arrivals) <= 10


async def test_a_request_that_fails_counts(tmp_path: Path, clock: TurnedClock):
    rate, began = RequestRate(1, tmp_path / "rate", clock), clock.time()
    with pytest.raises(ValueError, match="failed"):
        async with rate.turn():
            raise ValueError("failed")
    await send(rate, clock, [])
    assert clock.time() - began > 60


async def test_a_clock_that_is_set_back_costs_a_minute_at_most(tmp_path: Path, clock: TurnedClock):
    rate = RequestRate(1, tmp_path / "rate", clock)
    await send(rate, clock, [])
    clock.turn(-86_400)
    began = clock.time()
    await send(rate, clock, [])
    assert clock.time() - began < 62


@pytest.mark.parametrize("damage", [b"", b"abc", struct.pack("<d", float("nan")) * 3, b"\xff" * 1001])
async def test_a_damaged_file_is_no_obstacle(tmp_path: Path, clock: TurnedClock, damage: bytes):
    (tmp_path / "rate").write_bytes(damage)
    arrivals: list[float] = []
    await send(RequestRate(2, tmp_path / "rate", clock), clock, arrivals, 6)
    assert most_in_a_minute(arrivals) <= 2
