"""Pictures that a stash-box refuses, and boxes that fail, lose people or ask to wait."""

import asyncio

import pytest

from fakes.stash import Status
from stash_sense.errors import PeopleVanished, StashBoxError, StashBoxKeyRefused
from stash_sense.facedb.database import current_version

from .conftest import BLACK, GREEN, RED, picture, shades


async def test_what_an_interrupted_build_fetched_is_not_fetched_again(enrol, box, tag, watch):
    for number in range(20):
        tag(f"P{number}", box.add_performer(f"P{number}", images=shades(1, (255, 12 * number, 30))))
    box.faults.add(Status(401), where=lambda seen: seen.kind == "box image" and watch.steps[-1][2] >= 3)
    with pytest.raises(StashBoxKeyRefused):
        await enrol()
    box.faults.clear()
    box.record.forget()
    report = await enrol()
    assert report.build.people == 20
    assert box.record.counts["box image"] <= 17


async def test_refused_pictures_are_listed_and_only_what_may_come_is_asked_again(
    enrol, box, tag, people_of, watch
):
    ann = box.add_performer("Ann", images=shades(1))
    gone, page, black = box.add_image(None), box.add_image(b"<html>no</html>"), box.add_image(picture(BLACK))
    box.edit(ann, images=[*box.performers[ann].images, gone, page, black])
    tag("Ann", ann)
    report = await enrol()
    assert [photo.reason for photo in report.build.skipped] == [
        "127.0.0.1 has no such picture any more.",
        "127.0.0.1 sent a page of HTML instead of a picture.",
        "no face found",
    ]
    assert len(watch.problems) == 2
    box.record.forget()
    again = await enrol()
    assert [photo.reason for photo in again.build.skipped] == [photo.reason for photo in report.build.skipped]
    assert box.record.counts["box image"] == 1  # the page of HTML
    assert people_of()["Ann"][1] == 1
    box.pictures[gone] = box.pictures[page] = picture(RED, (81, 81))
    box.edit(ann)
    await enrol()
    assert people_of()["Ann"][1] == 2  # they are one picture


async def test_a_box_that_fails_at_every_picture_is_left_alone(enrol, box, tag):
    for number in range(10):
        tag(f"P{number}", box.add_performer(f"P{number}", images=shades(5)))
    box.faults.add(Status(200, b"<html>login</html>", "text/html"), where="box image")
    with pytest.raises(StashBoxError, match="HTML"):
        await enrol()
    assert box.record.counts["box image"] <= 20


async def test_a_person_at_whose_entry_the_box_fails_keeps_the_faces(enrol, box, tag, people_of):
    ann = box.add_performer("Ann", images=shades(1))
    tag("Ann", ann)
    tag("Bea", box.add_performer("Bea", images=shades(1, GREEN)))
    await enrol()
    box.broken.add(ann)
    report = await enrol()
    assert people_of().keys() == {"Ann", "Bea"}
    assert [person.name for person, _ in report.failed] == ["Ann"]


async def test_a_box_that_lost_most_people_changes_nothing(enrol, box, tag, place):
    ids = [box.add_performer(f"P{number}", images=shades(1, (255, 60 * number, 30))) for number in range(4)]
    for each in ids:
        tag(f"P{ids.index(each)}", each)
    first = await enrol()
    for each in ids[1:]:
        box.delete(each)
    with pytest.raises(PeopleVanished):
        await enrol()
    assert current_version(place) == first.build.version
    assert (await enrol(allow_empty=True)).build.people == 1


async def test_a_build_that_is_cancelled_while_the_box_asks_to_wait_ends_and_leaves_the_way_free(
    enrol, box, tag, clock, people_of
):
    tag("Ann", box.add_performer("Ann", images=shades(1)))
    paused, real = asyncio.Event(), clock.sleep

    async def sleep(_):
        paused.set()
        await asyncio.Event().wait()

    clock.sleep = sleep
    box.faults.add(Status(429, b"", headers={"Retry-After": "3000"}), where="box image", times=1)
    build = asyncio.create_task(enrol())
    await paused.wait()
    build.cancel()
    with pytest.raises(asyncio.CancelledError):
        await build
    clock.sleep = real
    await enrol()
    assert people_of().keys() == {"Ann"}


async def test_a_build_never_asks_more_often_than_allowed(enrol, box, tag):
    box.latencies = (0.0, 0.4, 0.0, 2.0)
    box.reset_latencies()
    for number in range(45):
        tag(f"P{number}", box.add_performer(f"P{number}", images=shades(2)))
    box.faults.add(Status(429, b"", headers={"Retry-After": "7"}), where="box image", times=3)
    await enrol(per_minute=25)
    assert len(box.arrivals) == 3 + 90 + 3
    assert box.most_in_a_minute <= 25
    assert box.most_at_once == 1
    await enrol(per_minute=25)
    assert box.most_in_a_minute <= 25
