"""Stash's performers become a database: each once, incrementally, and saying what was left out."""

import asyncio
import io
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fakes.stash import Delay, Drop, StashStandIn, Status, Truncate
from stash_sense.facedb import FaceDatabase, WriteFailed, spool
from stash_sense.facedb.database import current_version
from stash_sense.faces.types import Quality
from stash_sense.jobs import WorkPool
from stash_sense.stash import KeyRefused, Limits, StashClient, StashError, StashUnreachable
from stash_sense.workflows import stash_write
from stash_sense.workflows.pictures import reference_id, reference_picture
from stash_sense.workflows.recognizer import FaceRecognizer
from stash_sense.workflows.stash_build import NobodyToEnrol, build_from_stash
from stash_sense.workflows.stash_pictures import IMAGES_A_PERSON
from stash_sense.workflows.stash_write import COPY
from stash_sense.workflows.versions import new_version

STASHDB, FANSDB = "https://stashdb.org/graphql", "https://fansdb.cc/graphql"
QUICK = Limits(connect_s=1, stall_s=0.5, total_s=3, retry_s=0.3, pause_s=0.01, longest_pause_s=0.05)
RED, GREEN, BLUE, BLACK = (255, 30, 30), (30, 255, 30), (30, 30, 255), (0, 0, 0)


def picture(colour, size=(80, 72)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


class Watch:
    """What a build reports."""

    def __init__(self):
        self.steps, self.problems = [], []
        self._wanted, self._reached = None, asyncio.Event()

    def progress(self, done, total, *, faces=0, people=0):
        self.steps.append((done, total, faces, people))
        if done == self._wanted:
            self._reached.set()

    async def reaches(self, done):
        """Wait until so many people are dealt with."""
        self._wanted = done
        await asyncio.wait_for(self._reached.wait(), 20)

    def problem(self, text):
        self.problems.append(text)


@pytest.fixture
def stash():
    with StashStandIn() as stand_in:
        stand_in.library.stash_boxes += [(FANSDB, "FansDB", "k"), (STASHDB, "StashDB", "k")]
        yield stand_in


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
def pool():
    pool = WorkPool(2, 1)
    yield pool
    pool.close(5)


@pytest.fixture
def enrol(stash, place, colours, watch, pool):
    """Build the database from the stand-in."""

    async def enrol(pack=colours, key="", limits=QUICK, **options):
        async with StashClient(stash.url, key, limits) as client:
            return await build_from_stash(client, place, pack, watch, pool=pool, **options)

    return enrol


@pytest.fixture
def three(stash):
    """Ann is red and known to two stash-boxes, Bea is green, Cleo has a placeholder."""
    stash.library.add_performer(
        "Ann", image=picture(RED), country="SE", stash_ids=[(STASHDB, "u1"), (FANSDB, "u2")]
    )
    stash.library.add_performer("Bea", image=picture(GREEN))
    stash.library.add_performer("Cleo")


def enrolled(place):
    with FaceDatabase.open(place) as database:
        return {database.person(i).name: len(database.rows(i)) for i in range(database.people)}


async def test_everybody_with_a_portrait_is_enrolled_once(enrol, three, place):
    done = await enrol()
    assert enrolled(place) == {"Ann": 1, "Bea": 1}
    assert (done.people, done.faces, done.embedded, done.reused) == (2, 2, 2, 0)
    assert (done.without_portrait, done.not_enrolled, done.skipped) == (1, 0, ())


async def test_a_match_carries_what_stash_knows(enrol, three, place, colours):
    await enrol()
    with FaceDatabase.open(place) as database:
        recognizer = FaceRecognizer(colours, database)
        pixels = np.full((60, 60, 3), (30, 30, 255), np.uint8)
        match = recognizer.recognize_image(pixels)[0].matches[0]
    assert (match.performer_id, match.name, match.local_id) == ("fansdb.cc:u2", "Ann", "1")
    assert (match.stashdb_id, match.country) == ("u1", "SE")
    assert match.stash_ids == ((FANSDB, "u2"), (STASHDB, "u1"))
    assert match.image_url.endswith("/performer/1/image")


async def test_the_source_stands_in_the_manifest(enrol, three, place):
    await enrol()
    with FaceDatabase.open(place) as database:
        assert database.manifest.sources == ("stash",)


async def test_a_placeholder_is_never_fetched(enrol, three, stash):
    await enrol()
    assert stash.record.counts["portrait"] == 2


async def test_a_reference_can_be_shown_without_stash(enrol, three, stash, place):
    await enrol()
    stash.down()
    with FaceDatabase.open(place) as database:
        crop = reference_picture(database, reference_id(database, 0))
    shown = Image.open(io.BytesIO(crop))
    assert shown.format == "JPEG"
    assert shown.getpixel((5, 5))[0] > 200


async def test_two_performers_with_one_stash_id_are_one_person_with_both_portraits(enrol, stash, place):
    for colour in (RED, (250, 60, 60)):
        stash.library.add_performer("Ann", image=picture(colour), stash_ids=[(STASHDB, "u1")])
    await enrol()
    with FaceDatabase.open(place) as database:
        assert (database.people, len(database.rows(0))) == (1, 2)
        assert database.person(0).aliases == ("local:1", "local:2")


async def test_the_same_portrait_twice_is_one_witness(enrol, stash, place):
    for _ in range(2):
        stash.library.add_performer("Ann", image=picture(RED), stash_ids=[(STASHDB, "u1")])
    done = await enrol()
    assert enrolled(place) == {"Ann": 1}
    assert [(one.picture, one.why) for one in done.skipped] == [("performer/2", COPY)]


async def test_a_second_build_fetches_nothing_and_writes_nothing(enrol, three, stash, place, colours):
    first = await enrol()
    stash.record.forget()
    again = await enrol()
    assert stash.record.counts["portrait"] == 0
    assert (again.embedded, again.reused, again.version) == (0, 2, first.version)
    assert colours.engine.pictures == 2


async def test_an_edit_of_something_else_fetches_and_embeds_nothing_anew(enrol, three, stash, colours):
    first = await enrol()
    with stash.library.lock:
        stash.library.performers[1].updated_at = stash.library.now()
    stash.record.forget()
    again = await enrol()
    assert stash.record.counts["portrait"] == 1
    assert (again.embedded, again.version) == (0, first.version)


async def test_a_changed_portrait_alone_is_embedded_again(enrol, three, stash, place, colours):
    await enrol()
    with stash.library.lock:
        stash.library.performers[2].image = picture(BLUE)
        stash.library.performers[2].updated_at = stash.library.now()
    done = await enrol()
    assert (done.embedded, colours.engine.pictures) == (1, 3)
    with FaceDatabase.open(place) as database:
        row = database.rows(1)
        assert int(database.vectors(row)["arcface"][0].argmax()) == 0  # blue comes first in BGR


async def test_a_renamed_performer_is_renamed_without_embedding(enrol, three, stash, place):
    await enrol()
    stash.library.performers[1].name = "Anna"
    done = await enrol()
    assert done.embedded == 0
    assert set(enrolled(place)) == {"Anna", "Bea"}


async def test_a_stash_id_given_later_keeps_the_embedding(enrol, three, stash, place):
    await enrol()
    stash.library.performers[2].stash_ids = [(STASHDB, "u9")]
    done = await enrol()
    assert done.embedded == 0
    with FaceDatabase.open(place) as database:
        assert database.person(1).key == "stashdb.org:u9"


async def test_a_deleted_performer_is_gone(enrol, three, stash, place):
    await enrol()
    del stash.library.performers[1]
    await enrol()
    assert enrolled(place) == {"Bea": 1}


async def test_another_pack_embeds_everything_again(enrol, three, make_pack):
    await enrol()
    assert (await enrol(pack=make_pack("colours-2"))).embedded == 2


async def test_a_portrait_without_a_face_is_listed_and_not_looked_at_again(enrol, three, stash, colours):
    stash.library.add_performer("Dora", image=picture(BLACK))
    done = await enrol()
    ((one),) = done.skipped
    assert (one.name, one.picture, one.why, one.local_id) == ("Dora", "performer/4", "no face found", "4")
    assert done.not_enrolled == 1
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
    assert [one.why for one in done.skipped] == ["the face is small (12 px), blurred"]


async def test_a_damaged_portrait_is_one_line(enrol, three, stash, place):
    stash.library.add_performer("Dora", image=b"\x89PNG\r\n\x1a\n damaged")
    stash.library.add_performer("Else", image=b"")
    done = await enrol()
    assert enrolled(place) == {"Ann": 1, "Bea": 1}
    assert {one.name for one in done.skipped} == {"Dora"}


@pytest.mark.parametrize(
    "fault", [Status(500), Status(404), Drop(), Truncate(0.5), Status(200, b"<p>", "text/html")]
)
async def test_one_failing_portrait_is_one_line_and_tried_again(enrol, three, stash, watch, place, fault):
    stash.faults.add(fault, where=lambda seen: seen.path == "/performer/2/image")
    done = await enrol()
    assert enrolled(place) == {"Ann": 1}
    assert [one.name for one in done.skipped] == ["Bea"]
    assert len(watch.problems) == 1
    assert watch.problems[0].startswith("Bea: ")
    stash.faults.clear()
    assert (await enrol()).embedded == 1
    assert enrolled(place) == {"Ann": 1, "Bea": 1}


async def test_a_changed_portrait_that_cannot_be_had_leaves_the_known_face(enrol, three, stash, place):
    await enrol()
    stash.library.performers[2].updated_at = stash.library.now()
    stash.faults.add(Status(500), where=lambda seen: seen.path == "/performer/2/image")
    done = await enrol()
    assert [one.name for one in done.skipped] == ["Bea"]
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
    assert (done.people, done.embedded) == (30, 30 - before)
    assert not list(place.glob(".looked-at-*"))


async def test_stash_away_for_a_moment_is_waited_for(enrol, three, stash, place):
    stash.down()
    job = asyncio.create_task(enrol(limits=replace(QUICK, retry_s=5, total_s=10)))
    await asyncio.sleep(0.5)
    stash.up()
    await job
    assert enrolled(place) == {"Ann": 1, "Bea": 1}


async def test_a_wrong_key_is_said(enrol, three, stash):
    stash.api_key = "right"
    with pytest.raises(KeyRefused, match="refused the API key"):
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
    enrol, three, stash, place, watch, colours
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
    before = colours.engine.pictures
    done = await enrol()
    assert done.people == 42
    assert colours.engine.pictures - before == done.embedded <= 42 - 15


async def test_cancelling_while_it_is_written_leaves_the_old_database(
    enrol, three, stash, place, monkeypatch
):
    writing = asyncio.Event()
    loop = asyncio.get_running_loop()
    real = stash_write._write_person

    def slow(*arguments):
        loop.call_soon_threadsafe(writing.set)
        time.sleep(0.2)
        real(*arguments)

    monkeypatch.setattr(stash_write, "_write_person", slow)
    job = asyncio.create_task(enrol())
    await writing.wait()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert current_version(place) is None
    assert not list(place.glob(".building-*"))


async def test_two_builds_at_once_both_end_well(enrol, three, place):
    done = await asyncio.gather(enrol(), enrol())
    assert sorted(one.embedded for one in done) == [0, 2]
    assert done[0].version == done[1].version


async def test_a_build_that_waits_for_another_can_be_cancelled(enrol, three, place, colours):
    with new_version(place, colours):
        job = asyncio.create_task(enrol())
        await asyncio.sleep(0.7)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
    assert (await enrol()).people == 2


async def test_a_full_disk_is_said_and_the_old_database_whole(enrol, three, stash, place, monkeypatch):
    first = await enrol()
    stash.library.add_performer("Dora", image=picture(BLUE))

    monkeypatch.setattr(spool, "_packed", lambda _: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(WriteFailed, match="no space left"):
        await enrol()
    assert current_version(place) == first.version


async def test_progress_tells_people_faces_and_the_end(enrol, three, watch):
    await enrol()
    assert watch.steps[0] == (0, 2, 0, 0)
    assert watch.steps[-1] == (2, 2, 2, 2)


async def test_a_damaged_database_is_built_anew(enrol, three, place):
    await enrol()
    (place / current_version(place) / "crops.bin").write_bytes(b"cut")
    assert (await enrol()).embedded == 2
    assert enrolled(place) == {"Ann": 1, "Bea": 1}


async def test_a_database_of_folders_is_replaced(enrol, three, build, people, place):
    build(people)
    await enrol()
    assert enrolled(place) == {"Ann": 1, "Bea": 1}


class TestImages:
    """With images on which one person alone is tagged."""

    async def test_only_images_with_this_performer_alone_are_taken(self, enrol, three, stash, place):
        stash.library.add_image(picture((250, 60, 60)), performers=[1])
        stash.library.add_image(picture((240, 60, 60)), performers=[1, 2])
        stash.library.add_image(picture((230, 60, 60)))
        stash.library.add_image(b"mp4", performers=[1], video=True, size=(10, 10))
        done = await enrol(with_images=True)
        assert enrolled(place) == {"Ann": 2, "Bea": 1}
        assert stash.record.counts["original"] == 1
        assert done.embedded == 3

    async def test_without_being_asked_none_is_looked_at(self, enrol, three, stash):
        stash.library.add_image(picture(RED), performers=[1])
        await enrol()
        assert stash.record.counts["original"] == 0
        assert stash.record.counts["FindImages"] == 0

    async def test_somebody_without_a_portrait_is_known_by_images(self, enrol, three, stash, place):
        stash.library.add_image(picture(BLUE), performers=[3])
        await enrol(with_images=True)
        assert enrolled(place) == {"Ann": 1, "Bea": 1, "Cleo": 1}

    async def test_no_more_than_so_many_a_person(self, enrol, three, stash):
        for number in range(IMAGES_A_PERSON + 5):
            stash.library.add_image(picture((255, 30, 30 + number)), performers=[1])
        await enrol(with_images=True)
        assert stash.record.counts["original"] == IMAGES_A_PERSON

    async def test_tagging_other_things_fetches_nothing_again(self, enrol, three, stash):
        image = stash.library.add_image(picture((250, 60, 60)), performers=[1])
        first = await enrol(with_images=True)
        with stash.library.lock:
            stash.library.images[image].updated_at = stash.library.now()
        stash.record.forget()
        again = await enrol(with_images=True)
        assert stash.record.counts["original"] == 0
        assert again.version == first.version

    async def test_a_wrong_tag_is_quarantined_and_comes_back_when_things_change(
        self, enrol, three, stash, place, colours
    ):
        for colour in (RED, (250, 60, 60)):
            stash.library.add_image(picture((colour[0], colour[1], 45)), performers=[1])
        wrong = stash.library.add_image(picture((60, 250, 60)), performers=[1])
        done = await enrol(with_images=True)
        assert [(one.name, one.picture) for one in done.quarantined] == [("Ann", f"image/{wrong}")]
        assert "nearer to Bea" in done.quarantined[0].why
        assert enrolled(place) == {"Ann": 3, "Bea": 1}

        again = await enrol(with_images=True)
        assert again.quarantined == done.quarantined
        assert (again.embedded, again.version) == (0, done.version)

        del stash.library.performers[2]
        stash.record.forget()
        last = await enrol(with_images=True)
        assert stash.record.counts["original"] == 0
        assert last.quarantined == ()
        assert enrolled(place) == {"Ann": 4}

    async def test_an_uncalibrated_pack_judges_nobody(self, enrol, three, stash, make_pack):
        stash.library.add_image(picture((60, 250, 60)), performers=[1])
        done = await enrol(pack=make_pack(calibrated=False), with_images=True)
        assert done.quarantined == ()

    async def test_the_result_is_json_and_can_be_cut(self, enrol, three, stash):
        stash.library.add_performer("Dora", image=picture(BLACK))
        stash.library.add_performer("Else", image=picture(BLACK))
        done = (await enrol()).as_json(1)
        assert (len(done["skipped"]), done["skipped_count"]) == (1, 2)
        assert done["skipped"][0]["why"] == "no face found"
