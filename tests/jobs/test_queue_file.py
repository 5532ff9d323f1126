"""Stops, kills, and files that are damaged, full, locked, or somebody else's."""

import asyncio
import json
import random
import resource
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from fakes.works import running, until
from stash_sense.errors import DiskFull, NewerState, NotAStateFile, ShuttingDown, StateBusy, StateUnwritable
from stash_sense.jobs import queue
from stash_sense.jobs.queue import JobQueue
from stash_sense.store.repositories import jobs as job_list

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parent / "scripts" / "work_until_killed.py"
ENDING = Path(__file__).parent / "scripts" / "end_at_a_job.py"


async def test_a_stopped_job_is_the_first_to_go_on(place, works):
    async with running(place, works.kinds) as jobs:
        asked = [await jobs.submit("held", f"thing:{n}", {"n": n}) for n in range(3)]
        await until(lambda: works.begun)
        waiting = asyncio.create_task(jobs.wait(asked[0]))
        await asyncio.sleep(0)
        await jobs.stop()
        with pytest.raises(ShuttingDown):
            await waiting
        assert works.at_work == 0
    with closing(sqlite3.connect(place)) as connection:
        assert connection.execute("SELECT status, done FROM jobs").fetchall() == [
            ("queued", 1),
            ("queued", 0),
            ("queued", 0),
        ]
    works.go.set()
    async with running(place, works.kinds) as jobs:
        assert [(await jobs.wait(job_id)).result for job_id in asked] == [
            {"asked": {"n": n}} for n in range(3)
        ]
        assert works.begun == [asked[0], *asked]


async def test_the_same_queue_can_be_started_again(place, works):
    jobs = JobQueue(place, works.kinds)
    for _ in range(3):
        await jobs.start()
        assert (await jobs.wait(await jobs.submit("quick", "thing:1", {}))).status == "done"
        await jobs.stop()


def test_kill_9_at_any_moment_loses_and_repeats_no_job(place, torture, tell):
    jobs, rng, began_of_all, asked, ended = 8, random.Random(5), [], {}, []
    kills = 0
    for number in range(100 if torture else 12):
        command = [sys.executable, str(SCRIPT), str(place), "0" if number else str(jobs)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines = []
            word, times = ("ready", 1) if number else ("asked", jobs)
            while times:
                lines.append(process.stdout.readline().split())
                assert lines[-1]  # it has not ended by itself
                times -= lines[-1][0] == word
            time.sleep(rng.uniform(0, 0.08 if torture else 0.15))
            process.kill()
            kills += 1
            lines += [line.split() for line in process.stdout.read().splitlines()]
        for line in lines:
            if line[:1] == ["asked"]:
                asked[line[1]] = line[2]
            if line[:1] == ["begin"]:
                began_of_all.append(line[1])
            if line[:1] == ["end"]:
                ended.append(line[1])
    last = subprocess.run(
        [sys.executable, str(SCRIPT), str(place), "0"], capture_output=True, text=True, timeout=60, check=True
    ).stdout.splitlines()
    assert last[-1] == "all done"
    began_of_all += [line.split()[1] for line in last if line.startswith("begin")]
    ended += [line.split()[1] for line in last if line.startswith("end")]
    assert began_of_all == sorted(began_of_all, key=int)  # order kept
    assert sorted(set(ended), key=int) == [str(n) for n in range(jobs)]  # none lost
    with closing(sqlite3.connect(place)) as connection:
        rows = connection.execute("SELECT job_id, status, result FROM jobs ORDER BY number").fetchall()
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert [(row[0], row[1], json.loads(row[2])) for row in rows] == [
        (asked[str(n)], "done", {"n": n}) for n in range(jobs)
    ]
    tell(f"{kills} kills; {len(began_of_all) - jobs} runs were begun again, none after its end was written")


def worked(place, how):
    """What a process that works through the jobs ends with."""
    command = [sys.executable, str(ENDING), str(place), how]
    return subprocess.run(command, timeout=60, check=False).returncode


async def parked(place):
    """Run the job until it is at work, then stop cleanly."""
    at_work = asyncio.Event()

    async def deadly(progress, parameters):
        at_work.set()
        await asyncio.Event().wait()

    async with running(place, {"deadly": deadly, "fine": deadly}) as jobs:
        if not await jobs.list():
            await jobs.submit("deadly", "thing:1", {})
            await jobs.submit("fine", "thing:2", {})
        await at_work.wait()


def listed(place):
    with closing(job_list.JobsFile(place)) as file:
        return file.list(None, 10)[::-1]


async def test_a_job_that_ends_the_program_is_given_up_and_can_be_resumed(place):
    await parked(place)
    for _ in range(2):
        assert [await asyncio.to_thread(worked, place, "nowhere") for _ in range(4)] == [-9, -9, -9, 0]
        deadly, fine = listed(place)
        assert (deadly.status, deadly.error_code, deadly.done) == ("failed", "crashed", 0)
        assert "ended 3 times while running this job" in deadly.error
        assert "resume it to try again" in deadly.error
        assert deadly.ended_at
        assert fine.status == "done"
        assert listed(place) == [deadly, fine]
        with closing(job_list.JobsFile(place)) as file:
            file.requeue(deadly.job_id, 10)


async def test_a_job_that_gets_on_is_taken_up_after_every_end(place):
    await parked(place)
    place.with_suffix(".steps").write_text(".")
    assert [await asyncio.to_thread(worked, place, "further") for _ in range(6)] == [-9] * 6
    assert [(job.status, job.done) for job in listed(place)] == [("queued", 6), ("queued", 0)]


async def test_a_clean_stop_resets_the_crash_count(place):
    for _ in range(3):
        await parked(place)
        assert [await asyncio.to_thread(worked, place, "nowhere") for _ in range(2)] == [-9, -9]
    assert [job.status for job in listed(place)] == ["queued", "queued"]


@pytest.mark.parametrize("harm", ["noise", "cut", "middle"])
async def test_a_damaged_file_is_moved_aside_and_a_new_one_begun(place, works, harm, caplog):
    async with running(place, works.kinds) as jobs:
        for number in range(200):
            await jobs.submit("quick", f"thing:{number}", {"text": "x" * 300})
        await jobs.wait(await jobs.submit("quick", "last", {}))
    whole = place.read_bytes()
    noise = random.Random(1).randbytes(len(whole))
    place.write_bytes(
        {
            "noise": noise,
            "cut": whole[: len(whole) // 2],
            "middle": whole[:8192] + noise[8192:-8192] + whole[-8192:],
        }[harm]
    )
    harmed = place.read_bytes()
    async with running(place, works.kinds) as jobs:
        assert await jobs.list() == []
        assert (await jobs.wait(await jobs.submit("quick", "thing:1", {}))).status == "done"
    [aside] = place.parent.glob("jobs.db.damaged-*[0-9]")
    assert aside.read_bytes() == harmed
    assert str(aside) in caplog.text


async def test_a_file_cut_short_while_it_was_begun_is_begun_again(place, works):
    place.touch()
    async with running(place, works.kinds) as jobs:
        assert (await jobs.wait(await jobs.submit("quick", "thing:1", {}))).status == "done"


@pytest.mark.parametrize("newer", [True, False])
async def test_a_file_that_is_not_ours_is_not_touched(place, works, newer):
    if newer:
        async with running(place, works.kinds):
            pass
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("PRAGMA user_version = 2" if newer else "CREATE TABLE theirs (a)")
        connection.commit()
    before = place.read_bytes()
    with pytest.raises(NewerState if newer else NotAStateFile):
        await JobQueue(place, works.kinds).start()
    assert place.read_bytes() == before


async def test_a_new_file_is_its_owners_alone(place, works):
    async with running(place, works.kinds):
        assert place.stat().st_mode & 0o077 == 0


async def test_a_place_that_cannot_be_a_file(tmp_path, works):
    (tmp_path / "file").touch()
    with pytest.raises(StateUnwritable):
        await JobQueue(tmp_path / "file" / "jobs.db", works.kinds).start()
    with pytest.raises((StateUnwritable, NotAStateFile)):
        await JobQueue(tmp_path, works.kinds).start()


async def test_a_second_process_is_refused_and_the_first_goes_on(place, works, monkeypatch):
    monkeypatch.setattr(job_list, "_OWNER_WAIT_S", 0.2)
    async with running(place, works.kinds) as jobs:
        with pytest.raises(StateBusy, match="another Stash Sense"):
            await JobQueue(place, works.kinds).start()
        assert (await jobs.wait(await jobs.submit("quick", "thing:1", {}))).status == "done"


async def test_a_file_that_is_locked_for_a_while_delays_and_blocks_nothing(place, works, monkeypatch):
    monkeypatch.setattr(job_list, "_BUSY_S", 0.2)
    monkeypatch.setattr(queue, "RETRY_S", 0.1)
    async with running(place, works.kinds) as jobs:
        held = await jobs.submit("held", "thing:1", {})
        await until(lambda: works.begun)
        with closing(sqlite3.connect(place, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StateBusy):
                await jobs.submit("quick", "thing:2", {})
            works.go.set()
            await asyncio.sleep(0.5)
            assert (await jobs.get(held)).status == "running"
            assert len(await jobs.list()) == 1
            other.execute("ROLLBACK")
        async with asyncio.timeout(60):
            assert (await jobs.wait(held)).status == "done"
        assert works.begun == [held]


async def test_a_full_disk_is_logged_and_the_job_ends_when_there_is_room(place, works, monkeypatch, caplog):
    monkeypatch.setattr(queue, "RETRY_S", 0.1)
    async with running(place, works.kinds) as jobs:
        held = await jobs.submit("held", "thing:1", {})
        await until(lambda: works.begun)
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        size = await asyncio.to_thread(lambda: Path(f"{place}-wal").stat().st_size)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            with pytest.raises((DiskFull, StateUnwritable)):
                await jobs.submit("quick", "thing:2", {"text": "x" * 50_000})
            works.go.set()
            async with asyncio.timeout(60):
                with pytest.raises((DiskFull, StateUnwritable)) as raised:
                    await jobs.wait(held)
            job = await jobs.get(held)
            assert (job.status, job.done) == ("running", 4)
            assert (job.error, job.error_code) == (str(raised.value), raised.value.code)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        await until(lambda: jobs._trouble is None)
        async with asyncio.timeout(60):
            ended = await jobs.wait(held)
        assert (ended.status, ended.error) == ("done", None)
        assert "cannot be saved" in caplog.text
        assert (await jobs.wait(await jobs.submit("quick", "thing:2", {}))).status == "done"


async def test_a_long_history_is_bounded_and_fast(place, works, torture, tell, monkeypatch):
    monkeypatch.setattr(job_list, "KEPT_ENDED_JOBS", 1000 if torture else 100)
    jobs_in_all = job_list.KEPT_ENDED_JOBS + 100
    async with running(place, works.kinds) as jobs:
        await jobs.submit("held", "first", {})
        for start in range(0, jobs_in_all, 100):
            ids = [await jobs.submit("quick", f"thing:{n}", {"n": n}) for n in range(start, start + 100)]
            works.go.set()
            last = await jobs.wait(ids[-1])
        assert last.status == "done"
        listed = await jobs.list(limit=5000)
        assert len(listed) == job_list.KEPT_ENDED_JOBS
        assert listed[0].asked == {"n": jobs_in_all - 1}
        began = time.monotonic()
        for _ in range(20):
            await jobs.list(limit=50)
            await jobs.list(f"thing:{jobs_in_all - 100}")
            await jobs.get(last.job_id)
        spent = (time.monotonic() - began) / 60
    began = time.monotonic()
    async with running(place, works.kinds) as jobs:
        opened = time.monotonic() - began
        assert len(await jobs.list(limit=5000)) == job_list.KEPT_ENDED_JOBS
    if torture:  # on a machine that does nothing else
        assert spent < 0.05
        assert opened < 1
    tell(f"{job_list.KEPT_ENDED_JOBS} jobs: {spent * 1000:.1f} ms a look, opened in {opened * 1000:.0f} ms")


async def test_a_job_of_a_kind_that_is_gone_fails_in_words(place, works):
    async with running(place, works.kinds) as jobs:
        held = await jobs.submit("held", "thing:1", {})
    async with running(place, {"quick": works.quick}) as jobs:
        job = await jobs.wait(held)
    assert (job.status, job.error_code) == ("failed", "bad-input")
    assert "'held'" in job.error
