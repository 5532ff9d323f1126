"""When the library's job rests, and when it is submitted by itself."""

import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from fakes.stash import StashStandIn
from fakes.works import Works, running
from stash_sense.jobs.queue import JobQueue
from stash_sense.runtime import library as library_runtime
from stash_sense.runtime.clustering import POLL_S, pause_after
from stash_sense.runtime.library import LIBRARY, LibraryRuns, resumes_at
from stash_sense.settings import Settings
from stash_sense.stash.client import StashClient
from stash_sense.store.repositories.job_rows import Job


@pytest.mark.parametrize(
    ("hours", "now", "until"),
    [
        ("08:00-23:00", "07:59", None),
        ("08:00-23:00", "08:00", "23:00"),
        ("08:00-23:00", "22:59", "23:00"),
        ("08:00-23:00", "23:00", None),
        ("22:00-06:30", "23:15", "06:30"),
        ("22:00-06:30", "05:00", "06:30"),
        ("22:00-06:30", "12:00", None),
        ("", "12:00", None),
    ],
)
def test_it_rests_in_its_quiet_hours_also_over_midnight(tmp_path, hours, now, until):
    settings = Settings(DATA_DIR=tmp_path, quiet_hours=hours)
    moment = datetime.fromisoformat(f"2026-05-04T{now}:00")
    resumes = resumes_at(settings, moment)
    if until is None:
        assert resumes is None
    else:
        end = datetime.fromtimestamp(resumes).astimezone().replace(tzinfo=None)
        assert f"{end:%H:%M}" == until
        assert timedelta(0) < end - moment < timedelta(hours=24)


@pytest.fixture
def berlin(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("evening", "utc_end"),
    [("2026-03-28T23:15", "2026-03-29T04:30"), ("2026-10-24T23:15", "2026-10-25T05:30")],
)
def test_it_goes_on_in_time_where_the_clock_is_put_forward_or_back_meanwhile(
    berlin, tmp_path, evening, utc_end, monkeypatch
):
    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls.fromisoformat(evening)

    monkeypatch.setattr(library_runtime, "datetime", Clock)
    resumes = resumes_at(Settings(DATA_DIR=tmp_path, quiet_hours="22:00-06:30"))
    assert datetime.fromtimestamp(resumes, UTC) == datetime.fromisoformat(f"{utc_end}Z")


HOUR_S = 3600.0


def test_linking_unknown_people_takes_a_small_part_of_the_time_however_large_the_library_is():
    assert pause_after(0.01) == POLL_S
    assert pause_after(3.0) == 60.0


@pytest.fixture
def works() -> Works:
    return Works()


@pytest.fixture
async def queue(tmp_path, works) -> AsyncIterator[JobQueue]:
    """A running queue whose job over the library ends when `works.go` is set."""
    async with running(tmp_path / "jobs.db", {LIBRARY: works.held}) as queue:
        yield queue


@pytest.fixture
def runs(queue, tmp_path) -> Callable[..., LibraryRuns]:
    """What submits the library's job, with these settings; `recognition` is whether the engine is ready."""

    def runs(stash=None, recognition=True, **settings) -> LibraryRuns:
        async def ready() -> JobQueue:
            return queue

        services = SimpleNamespace(
            settings=Settings(DATA_DIR=tmp_path, **settings),
            recognition=SimpleNamespace(current=recognition or None),
            require_stash=lambda: stash,
        )
        return LibraryRuns(services, SimpleNamespace(ready=ready))  # type: ignore[arg-type]

    return runs


@pytest.fixture
async def library(queue, works):
    """The jobs over the library so far, oldest first; the open one ends first if that is asked for."""

    async def library(*, end=False) -> list[Job]:
        jobs = await queue.list(LIBRARY)
        if end:
            works.go.set()
            await queue.wait(jobs[0].job_id)
            works.go.clear()
            jobs = await queue.list(LIBRARY)
        return jobs[::-1]

    return library


def ended(job: Job) -> float:
    assert job.ended_at
    return datetime.fromisoformat(job.ended_at).timestamp()


@pytest.mark.anyio
async def test_the_schedule_counts_from_the_end_of_the_last_job_also_of_one_by_hand(runs, queue, library):
    scheduled = runs(library_every=24)
    await scheduled.look(100 * HOUR_S)
    (first,) = await library(end=True)
    end = ended(first)
    await scheduled.look(end + 23.9 * HOUR_S)
    assert len(await library()) == 1
    await queue.submit(LIBRARY, LIBRARY, {"filter": "by hand"})
    await scheduled.look(end + 1000 * HOUR_S)  # that one still runs
    assert len(await library()) == 2
    by_hand = ended((await library(end=True))[1])
    await scheduled.look(by_hand + 23.9 * HOUR_S)
    assert len(await library()) == 2
    await queue.clear_ended()  # off the list that a person looks at
    await scheduled.look(by_hand + 23.9 * HOUR_S)
    assert len(await library()) == 2
    await scheduled.look(by_hand + 24.1 * HOUR_S)
    assert len(await library()) == 3


@pytest.mark.anyio
async def test_after_a_restart_the_schedule_goes_on_and_a_cancelled_job_counts(runs, queue, library):
    await runs(library_every=24).look(24 * HOUR_S)
    (job,) = await library()
    await queue.cancel(job.job_id)
    (job,) = await library()
    await runs(library_every=24).look(ended(job) + 23.9 * HOUR_S)
    assert len(await library()) == 1
    await runs(library_every=24).look(ended(job) + 24.1 * HOUR_S)
    assert len(await library()) == 2


@pytest.mark.anyio
async def test_a_job_that_a_person_paused_stays_the_only_one(runs, queue, library):
    scheduled = runs(library_every=1)
    await scheduled.look(2 * HOUR_S)
    (job,) = await library()
    await queue.pause(job.job_id)
    await scheduled.look(1e12)
    assert [each.paused for each in await library()] == [True]


@pytest.mark.anyio
async def test_without_the_engine_nothing_is_submitted_yet(runs, library):
    await runs(library_every=1, recognition=False).look(2 * HOUR_S)
    assert await library() == []


@pytest.mark.anyio
async def test_what_is_new_is_followed_once_nothing_newer_comes(runs, library):
    with StashStandIn() as stand_in:
        async with StashClient(stand_in.url) as stash:
            following = runs(stash, follow_new=True)

            async def jobs_after(*looks) -> int:
                for _ in looks:
                    await following.look(0.0)
                return len(await library())

            assert await jobs_after("first") == 0
            assert await jobs_after("unchanged: what came while the sidecar was away") == 1
            await library(end=True)
            assert await jobs_after("again", "and again") == 1
            for add in (stand_in.library.add_gallery, stand_in.library.add_gallery):
                add("New")
                assert await jobs_after("a scan adds") == 1
            assert await jobs_after("the scan is over") == 2
            stand_in.library.add_image(b"new")  # while the job runs, which may have listed the images
            assert await jobs_after("new", "quiet", "quiet") == 2
            await library(end=True)
            assert await jobs_after("its turn") == 3
            await library(end=True)
            assert await jobs_after("nothing new") == 3


@pytest.mark.anyio
async def test_a_stash_that_is_away_costs_one_look(runs, library, caplog):
    with StashStandIn() as stand_in:
        async with StashClient(stand_in.url) as stash:
            following = runs(stash, follow_new=True)
            await following.look(0.0)
            stand_in.down()
            await following.look(0.0)
            assert "could not be started by itself" in caplog.text
            stand_in.up()
            await following.look(0.0)
            assert len(await library()) == 1
