"""Portraits that cannot be taken, a Stash that goes away, and builds that are interrupted."""

import asyncio
import time
from dataclasses import replace

import pytest

from fakes.stash import Delay, Drop, Status, Truncate
from stash_sense.domain.faces import Quality
from stash_sense.enrolment import build
from stash_sense.enrolment.build import database_writer
from stash_sense.enrolment.stash import stash_report_json
from stash_sense.errors import NobodyToEnrol, StashError, StashKeyRefused, StashUnreachable, WriteFailed
from stash_sense.facedb import analyzed_photos
from stash_sense.facedb.database import current_version
from stash_sense.facedb.writer import DatabaseWriter
from waiting import eventually

from .conftest import BLACK, BLUE, QUICK, enrolled, picture


async def test_a_portrait_without_a_face_is_listed_and_not_looked_at_again(enrol, three, stash, colours):
    stash.library.add_performer("Dora", image=picture(BLACK))
    done = await enrol()
    assert stash_report_json(done)["skipped"] == [
        {
            "performer_id": "local:4",
            "name": "Dora",
            "local_id": "4",
            "picture": "performer/4",
            "why": "no face found",
            "code": "no-face",
        }
    ]
    assert done.faceless == ("Dora",)
    before = colours.engine.pictures
    again = await enrol()
    assert colours.engine.pictures == before
    assert again.skipped == done.skipped


async def test_a_small_or_blurred_portrait_is_listed_with_the_reason(enrol, three, colours, monkeypatch):
    real = type(colours.engine)._faces
    poor = Quality(0.1, 12, 0.9, 0, "small (12 px), blurred")
    monkeypatch.setattr(
        type(colours.engine), "_faces",
        lambda self, image: [replace(face, quality=poor) for face in real(self, image)]
        if image[0, 0, 1] > 200 else real(self, image),
    )  # fmt: skip
    done = await enrol()
    assert [photo.reason for photo in done.skipped] == ["the face is small (12 px), blurred"]


async def test_a_damaged_portrait_is_one_line(enrol, three, stash, place):
    stash.library.add_performer("Dora", image=b"\x89PNG\r\n\x1a\n damaged")
    stash.library.add_performer("Else", image=b"")
    done = await enrol()
    assert enrolled(place) == {"Ann": 1, "Bea": 1}
    assert {photo.person.name for photo in done.skipped} == {"Dora"}


@pytest.mark.parametrize(
    "fault", [Status(500), Status(404), Drop(), Truncate(0.5), Status(200, b"<p>", "text/html")]
)
async def test_one_failing_portrait_is_one_line_and_tried_again(enrol, three, stash, watch, place, fault):
    stash.faults.add(fault, where=lambda seen: seen.path == "/performer/2/image")
    done = await enrol()
    assert enrolled(place) == {"Ann": 1}
    assert [photo.person.name for photo in done.skipped] == ["Bea"]
    assert len(watch.problems) == 1
    assert watch.problems[0].startswith("Bea: ")
    stash.faults.clear()
    assert (await enrol()).analyzed == 1
    assert enrolled(place) == {"Ann": 1, "Bea": 1}


async def test_a_changed_portrait_that_cannot_be_had_leaves_the_known_face(enrol, three, stash, place):
    await enrol()
    stash.library.performers[2].updated_at = stash.library.now()
    stash.faults.add(Status(500), where=lambda seen: seen.path == "/performer/2/image")
    done = await enrol()
    assert [photo.person.name for photo in done.skipped] == ["Bea"]
    assert enrolled(place) == {"Ann": 1, "Bea": 1}


async def test_without_stash_the_error_is_clear_and_the_old_database_whole(enrol, three, stash, place):
    first = await enrol()
    stash.down()
    with pytest.raises(StashUnreachable, match=r"127\.0\.0\.1"):
        await enrol()
    assert current_version(place) == first.version


async def test_stash_going_away_midway_ends_it_and_what_was_looked_at_is_not_lost(
    enrol, stash, place, colours
):
    for number in range(30):
        stash.library.add_performer(f"P{number}", image=picture((255, 8 * number, 30)))

    stash.faults.add(Drop(), where=lambda _: stash.record.counts["portrait"] > 12)
    with pytest.raises(StashError):
        await enrol()
    assert current_version(place) is None
    stash.faults.clear()
    before = colours.engine.pictures
    assert before >= 5
    done = await enrol()
    assert (done.people, done.analyzed) == (30, 30 - before)
    assert not list(place.glob(".looked-at-*"))


async def test_stash_away_for_a_moment_is_waited_for(enrol, three, stash, place):
    stash.down()
    job = asyncio.create_task(enrol(limits=replace(QUICK, retry_s=60)))
    await asyncio.sleep(0.5)
    stash.up()
    await job
    assert enrolled(place) == {"Ann": 1, "Bea": 1}


async def test_a_wrong_key_is_said(enrol, three, stash):
    stash.api_key = "right"
    with pytest.raises(StashKeyRefused, match="refused the API key"):
        await enrol(key="wrong")


async def test_nobody_with_a_portrait_keeps_the_old_database(enrol, three, stash, place):
    first = await enrol()
    for performer in stash.library.performers.values():
        performer.image = None
    with pytest.raises(NobodyToEnrol, match="3 performers"):
        await enrol()
    assert current_version(place) == first.version


async def test_no_face_at_all_keeps_the_old_database(enrol, three, stash, place):
    first = await enrol()
    for performer in stash.library.performers.values():
        performer.image, performer.updated_at = picture(BLACK), stash.library.now()
    with pytest.raises(NobodyToEnrol, match="no face found"):
        await enrol()
    assert current_version(place) == first.version


async def test_cancelling_leaves_the_old_database_and_the_next_build_goes_on(
    enrol, three, stash, place, watch, colours, pool
):
    first = await enrol()
    for number in range(40):
        stash.library.add_performer(f"P{number}", image=picture((255, 6 * number, 30)))
    stash.faults.add(Delay(0.02), where="portrait")
    job = asyncio.create_task(enrol())
    await watch.reaches(15)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert current_version(place) == first.version
    assert not list(place.glob(".building-*"))
    await eventually(lambda: not pool.running)  # a picture that a worker had begun is looked at
    before = colours.engine.pictures
    done = await enrol()
    assert done.people == 42
    assert colours.engine.pictures - before == done.analyzed <= 42 - 15


async def test_cancelling_while_it_begins_leaves_nothing_open(enrol, three, place, monkeypatch):
    first = await enrol()
    opening = asyncio.Event()
    loop = asyncio.get_running_loop()
    opened = []

    class Slow(analyzed_photos.Spool):
        def __init__(self, *arguments):
            loop.call_soon_threadsafe(opening.set)
            time.sleep(0.2)
            super().__init__(*arguments)
            opened.append(self)

    monkeypatch.setattr(build, "Spool", Slow)
    job = asyncio.create_task(enrol())
    await opening.wait()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert [one._file.closed for one in opened] == [True]
    assert (await enrol()).version == first.version


async def test_cancelling_while_it_is_written_leaves_the_old_database(
    enrol, three, stash, place, monkeypatch
):
    writing = asyncio.Event()
    loop = asyncio.get_running_loop()
    real = DatabaseWriter.add_person

    def slow(*arguments):
        loop.call_soon_threadsafe(writing.set)
        time.sleep(0.2)
        real(*arguments)

    monkeypatch.setattr(DatabaseWriter, "add_person", slow)
    job = asyncio.create_task(enrol())
    await writing.wait()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert current_version(place) is None
    assert not list(place.glob(".building-*"))


async def test_two_builds_at_once_both_end_well(enrol, three, place):
    done = await asyncio.gather(enrol(), enrol())
    assert sorted(one.analyzed for one in done) == [0, 2]
    assert done[0].version == done[1].version


async def test_a_build_that_waits_for_another_can_be_cancelled(enrol, three, place, colours):
    with database_writer(place, colours):
        job = asyncio.create_task(enrol())
        await asyncio.sleep(0.7)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
    assert (await enrol()).people == 2


async def test_a_full_disk_is_said_and_the_old_database_whole(enrol, three, stash, place, monkeypatch):
    first = await enrol()
    stash.library.add_performer("Dora", image=picture(BLUE))

    monkeypatch.setattr(
        analyzed_photos, "_pack", lambda _: (_ for _ in ()).throw(OSError(28, "No space left"))
    )
    with pytest.raises(WriteFailed, match="no space left"):
        await enrol()
    assert current_version(place) == first.version


async def test_progress_tells_people_faces_and_the_end(enrol, three, watch):
    await enrol()
    assert watch.steps[0] == (0, 2, 0, 0)
    assert watch.steps[-1] == (2, 2, 2, 2)


async def test_a_damaged_database_is_rebuilt(enrol, three, place):
    await enrol()
    (place / current_version(place) / "crops.bin").write_bytes(b"cut")
    assert (await enrol()).analyzed == 2
    assert enrolled(place) == {"Ann": 1, "Bea": 1}


async def test_the_people_of_folders_stay(enrol, three, build, people, place):
    build(people)
    await enrol()
    assert enrolled(place) == {"Ann": 1, "Bea": 1, "Red": 2, "Green": 1, "Blue": 1}
