"""An address that sends wrong secrets is slowed down, then refused, whatever the number of addresses."""

import asyncio
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from stash_sense.api import clients
from stash_sense.api.clients import WrongSecrets, address_group
from stash_sense.errors import TooManyAttempts

NEIGHBOUR = "10.0.0.8"
STRANGER = "10.0.0.9"


class Clock:
    at = 0.0

    def __call__(self):
        return self.at


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pauses(monkeypatch):
    """The pauses that were made, in no time."""
    made = []

    async def sleep(seconds):
        made.append(seconds)

    monkeypatch.setattr(clients, "asyncio", SimpleNamespace(sleep=sleep))
    return made


@pytest.fixture
def wrong(clock, pauses):
    return WrongSecrets(clock)


async def attempts(wrong, count, client=STRANGER):
    """How many of so many wrong secrets were answered as wrong, before the address was refused."""
    for number in range(count):
        try:
            wrong.check(client)
            await wrong.slow_down(client)
        except TooManyAttempts:
            return number
    return count


async def test_the_first_wrong_secrets_cost_no_time(wrong, pauses):
    assert await attempts(wrong, 20) == 20
    assert pauses == []


async def test_more_are_slowed_and_then_refused(wrong, pauses, clock):
    assert await attempts(wrong, 1000) == 100
    assert sum(pauses) >= 50
    clock.at += 60
    assert await attempts(wrong, 1000) == 20


async def test_a_guesser_gets_no_more_than_one_attempt_in_three_seconds(wrong, clock):
    await attempts(wrong, 1000)
    heard = 0
    for _ in range(3600):
        clock.at += 1
        heard += await attempts(wrong, 5)
    assert heard <= 3600 / 3 + 1


async def test_another_address_is_not_affected(wrong):
    await attempts(wrong, 1000)
    wrong.check(NEIGHBOUR)
    assert await attempts(wrong, 20, NEIGHBOUR) == 20


async def test_the_right_secret_is_heard_beside_a_program_gone_astray(wrong, clock):
    wrong.note_right(STRANGER)
    await attempts(wrong, 1000)
    with pytest.raises(TooManyAttempts):
        await wrong.slow_down(STRANGER)
    wrong.check(STRANGER)
    clock.at += 3601
    await attempts(wrong, 1000)
    with pytest.raises(TooManyAttempts):
        wrong.check(STRANGER)


async def test_the_memory_does_not_grow_with_the_addresses(wrong, torture):
    for number in range(1_000_000 if torture else 5_000):
        await wrong.slow_down(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert wrong.remembered == 512


async def test_few_answers_are_held_back_at_a_time(clock):
    wrong = WrongSecrets(clock)
    for _ in range(20):
        await wrong.slow_down(STRANGER)
    waiting = [asyncio.ensure_future(wrong.slow_down(STRANGER)) for _ in range(30)]
    await asyncio.sleep(0)
    refused = [task for task in waiting if task.done()]
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert len(refused) == 14


@pytest.mark.parametrize(
    ("host", "group"),
    [
        ("192.168.1.4", "192.168.1.4"),
        ("::ffff:192.168.1.4", "192.168.1.4"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_an_address_stands_for_what_one_host_can_use(host, group):
    assert address_group(host) == group


def test_guesses_over_http_end_with_too_many_attempts(serve, settings_with, pauses):
    with serve(settings_with(token=SecretStr("the-right-secret-of-it"))) as served:
        statuses = []
        while 429 not in statuses:
            guess = {"Authorization": f"Bearer {len(statuses)}"}
            statuses.append(served.stranger.get("/jobs", headers=guess).status_code)
        assert statuses[:100] == [401] * 100
        refused = served.stranger.get("/jobs", headers={"Authorization": "Bearer 1"})
        assert (refused.json()["code"], int(refused.headers["retry-after"]) > 0) == (
            "too-many-attempts",
            True,
        )
        assert served.stranger.get("/health").json()["status"] in {"ok", "degraded"}
        assert served.stranger.get("/jobs").status_code == 401  # no secret is no wrong one
        assert len([line for line in served.log.lines if "wrong secrets keep coming" in line]) == 1
