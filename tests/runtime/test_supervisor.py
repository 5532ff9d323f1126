"""What a running sidecar holds: opened in the background, retried, swapped and closed at any moment."""

import asyncio
import errno
import traceback
from itertools import pairwise

import pytest

from stash_sense.domain.progress import NoProgress
from stash_sense.errors import (
    DiskFull,
    NoDatabase,
    ShuttingDown,
    Starting,
    StashSenseError,
    StateError,
    Unavailable,
)
from stash_sense.facedb.database import current_version
from stash_sense.jobs.background import BackgroundJobs
from stash_sense.runtime import from_settings, supervisor
from stash_sense.runtime.sidecar import supervised_jobs, supervised_recognition
from stash_sense.runtime.supervisor import Supervised
from stash_sense.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch):
    monkeypatch.setattr(supervisor, "FIRST_RETRY_S", 0.01)


class Door:
    """Opens to the values of `results` one after another, or raises them; the last one again and again."""

    def __init__(self, *results):
        self.results = list(results)
        self.moments = []
        self.closed = []

    @property
    def attempts(self):
        return len(self.moments)

    async def open(self, _current):
        self.moments.append(asyncio.get_running_loop().time())
        result = self.results.pop(0) if len(self.results) > 1 else self.results[0]
        if isinstance(result, Exception):
            raise result
        return result

    async def close(self, value):
        self.closed.append(value)


@pytest.fixture
async def supervise():
    """Supervises a door; closed at the end."""
    made = []

    def supervise(door, **settings):
        defaults = {"failure": StateError, "wait_s": 5.0, "retry_s": 0.05, "problem": Starting("Opening.")}
        made.append(Supervised("the door", door.open, door.close, **{**defaults, **settings}))
        made[-1].start()
        return made[-1]

    yield supervise
    for supervised in made:
        await supervised.close()


async def until(fact):
    async with asyncio.timeout(60):
        while not fact():  # noqa: ASYNC110 - facts are of any kind
            await asyncio.sleep(0.005)


async def test_what_opens_is_ready_and_closed_once(supervise):
    door = Door("open")
    supervised = supervise(door)
    assert await supervised.ready() == supervised.require() == supervised.current == "open"
    assert supervised.problem is None
    await supervised.close()
    assert (door.attempts, door.closed, supervised.current) == (1, ["open"], None)
    with pytest.raises(Unavailable, match="being stopped") as raised:
        await supervised.ready()
    assert raised.value.code == ShuttingDown.code


async def test_a_failure_is_raised_with_its_own_code_and_retried(supervise):
    door = Door(DiskFull("Free some space."), DiskFull("Free some space."), "open")
    supervised = supervise(door)
    with pytest.raises(Unavailable, match=r"Free some space\.") as raised:
        await supervised.ready()
    assert raised.value.code == "disk-full"
    await until(lambda: supervised.current)
    assert supervised.problem is None


async def test_an_unexpected_exception_is_a_problem_logged_once_and_retried(supervise, caplog):
    door = Door(*[RuntimeError("a library with a fault")] * 3, "open")
    supervised = supervise(door)
    with pytest.raises(Unavailable, match="Cannot open the door: unexpected RuntimeError") as raised:
        await supervised.ready()
    assert raised.value.code == "state"
    await until(lambda: supervised.current)
    assert caplog.text.count("Traceback") == 1
    assert "a library with a fault" in caplog.text


async def test_raised_many_times_a_problem_does_not_grow(supervise):
    supervised = supervise(Door(DiskFull("Free some space.")))
    await supervised.first_attempt.wait()
    depths = set()
    for _ in range(50):
        with pytest.raises(Unavailable) as raised:
            supervised.require()
        depths.add(len(traceback.extract_tb(raised.value.__traceback__)))
        assert raised.value.__context__ is None
    assert len(depths) == 1
    assert supervised.problem.__traceback__ is None


async def test_the_pauses_between_attempts_grow(supervise, monkeypatch):
    monkeypatch.setattr(supervisor, "FIRST_RETRY_S", 0.05)
    door = Door(DiskFull("Free some space."))
    supervise(door, retry_s=10.0)
    await until(lambda: door.attempts == 4)
    pauses = [later - earlier for earlier, later in pairwise(door.moments)]
    assert [pause >= least for pause, least in zip(pauses, (0.05, 0.1, 0.2), strict=True)] == [True] * 3


async def test_what_is_open_stays_while_a_newer_one_fails(supervise):
    door = Door("old", NoDatabase("Build one."), "new")
    supervised = supervise(door)
    await supervised.ready()
    await supervised.refresh()
    assert (supervised.current, supervised.problem.code) == ("old", "no-database")
    await supervised.refresh()
    assert (supervised.current, supervised.problem, door.closed) == ("new", None, ["old"])


async def test_a_replaced_value_is_closed_when_its_last_lease_ends(supervise):
    door = Door("old", "new")
    supervised = supervise(door)
    async with supervised.lease() as first:
        async with supervised.lease() as second:
            await supervised.refresh()
            assert (first, second, supervised.current, door.closed) == ("old", "old", "new", [])
        assert door.closed == []
    assert door.closed == ["old"]


async def test_a_value_that_fails_to_close_stops_nothing(supervise, caplog):
    async def broken(_value):
        raise OSError("a disk that is gone")

    door = Door("old", "new")
    door.close = broken
    supervised = supervise(door)
    await supervised.ready()
    await supervised.refresh()
    assert supervised.current == "new"
    assert "cannot close the door" in caplog.text


async def test_closed_while_opening_it_is_closed_once_open(supervise):
    opening, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Door):
        async def open(self, current):
            opening.set()
            await go_on.wait()
            return await super().open(current)

    door = Slow("open")
    supervised = supervise(door)
    await opening.wait()
    closing = asyncio.create_task(supervised.close())
    await asyncio.sleep(0)
    go_on.set()
    await closing
    assert door.closed == ["open"]


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (
            PermissionError(errno.EACCES, "Permission denied", "/data/a"),
            "/data/a: permission denied. Let the user",
        ),
        (OSError(errno.EMFILE, "Too many open files"), "ulimit -n"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "/data/a"), "/data/a: is a folder"),
        (OSError("a share"), "a share"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_an_error_of_the_system_is_a_problem_with_what_to_do_and_is_retried(supervise, error, advice):
    door = Door(error, error, "open")
    supervised = supervise(door)
    with pytest.raises(Unavailable, match=r"Cannot open the door\. .* keeps trying\.") as raised:
        await supervised.ready()
    assert advice in str(raised.value)
    assert raised.value.code == StateError.code
    await until(lambda: supervised.current)


async def test_what_takes_long_to_open_is_no_longer_said_to_be_there_in_a_moment(supervise):
    go_on = asyncio.Event()

    class Slow(Door):
        async def open(self, current):
            await go_on.wait()
            return await super().open(current)

    supervised = supervise(Slow("open"), wait_s=0.01)
    await until(lambda: not isinstance(supervised.problem, Starting))
    assert "no other program holds" in str(supervised.problem)
    with pytest.raises(Unavailable) as raised:
        await supervised.ready()
    assert raised.value.code == StateError.code
    go_on.set()
    await until(lambda: supervised.current)
    assert supervised.problem is None


async def test_a_failure_to_look_for_changes_does_not_end_the_attempts(supervise, caplog):
    async def broken():
        raise OSError("a disk that is gone")

    door = Door(NoDatabase("Build one."), NoDatabase("Build one."), "open")
    supervised = supervise(door, changed=broken)
    await until(lambda: supervised.current)
    assert "cannot tell whether the door has changed" in caplog.text


def subclasses(kind):
    return [kind, *(below for each in kind.__subclasses__() for below in subclasses(each))]


@pytest.mark.parametrize("kind", subclasses(StashSenseError), ids=lambda kind: kind.__name__)
async def test_every_error_is_raised_for_what_it_is_without_being_made_again(supervise, kind):
    error = kind.__new__(kind, "what to do")  # whatever its constructor asks for
    Exception.__init__(error, "what to do")
    supervised = supervise(Door(error))
    with pytest.raises(Unavailable, match="what to do") as raised:
        await supervised.ready()
    assert (raised.value.code, raised.value.kind) == (error.code, error.kind)


@pytest.fixture
def settings(tmp_path, pack_dir, pack):
    (tmp_path / "models").symlink_to(pack_dir / "models")
    return Settings(DATA_DIR=tmp_path)


async def test_a_refresh_that_is_cancelled_loses_no_new_database(settings, samples, pack):
    recognition = supervised_recognition(from_settings.Engine(settings))
    place = from_settings.database_dir(settings)
    await recognition.refresh()
    assert recognition.current is None
    for person in sorted((samples / "people").iterdir()):
        folder = settings.data_dir / person.name
        folder.mkdir()
        (folder / person.name).symlink_to(person)
        await asyncio.to_thread(from_settings.enrol, settings, [folder], place, pack, NoProgress())
        refreshing = asyncio.create_task(recognition.refresh())
        while not recognition._attempt_lock.locked():  # noqa: ASYNC110 - a lock knows no event
            await asyncio.sleep(0)
        await asyncio.sleep(0.001)  # its thread is at work
        refreshing.cancel()
        await asyncio.wait({refreshing})
        await recognition.refresh()
        assert recognition.current.database.manifest.version == current_version(place)
    await recognition.close()


async def test_an_unchanged_database_is_not_opened_again(settings, samples, pack):
    recognition = supervised_recognition(from_settings.Engine(settings))
    place = from_settings.database_dir(settings)
    await asyncio.to_thread(from_settings.enrol, settings, [samples / "people"], place, pack, NoProgress())
    await recognition.refresh()
    before = recognition.current
    await recognition.refresh()
    assert recognition.current is before
    await recognition.close()


async def test_jobs_that_cannot_be_opened_for_an_unknown_reason_are_told_at_once(tmp_path):
    jobs = supervised_jobs(tmp_path / "with\0nul", {}, BackgroundJobs(frozenset()), lambda: None)
    jobs.start()
    with pytest.raises(Unavailable, match="log has the details") as raised:
        await asyncio.wait_for(jobs.ready(), 60)
    assert raised.value.code == StateError.code
    await jobs.close()


@pytest.mark.parametrize("steps", range(6))
async def test_whoever_is_cancelled_while_waiting_for_what_is_open_is_cancelled(steps):
    async def opened(_):
        return "open"

    supervised = Supervised("it", opened, problem=None, failure=StateError, wait_s=60, retry_s=60)
    await supervised.refresh()

    async def use_again_and_again():
        for _ in range(100):
            await supervised.ready()
            await asyncio.sleep(0)

    using = asyncio.create_task(use_again_and_again())
    for _ in range(steps):
        await asyncio.sleep(0)
    using.cancel()
    await asyncio.wait({using})
    assert using.cancelled()
    await supervised.close()
