"""People of the library by the pictures that a stash-box has of them."""

import uuid

import pytest

from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment.forgotten import ForgottenPeople
from stash_sense.enrolment.remove_source import remove_source
from stash_sense.enrolment.stash import build_from_stash
from stash_sense.errors import NobodyToEnrol
from stash_sense.facedb.database import FaceDatabase
from stash_sense.stash.client import StashClient

from .conftest import BLUE, GREEN, RED, STEADY, picture, shades


async def test_people_of_the_library_come_with_up_to_five_pictures_and_nobody_else(
    enrol, box, tag, stash, people_of
):
    ann = box.add_performer("Ann", images=shades(7))
    box.add_performer("Stranger", images=[picture(BLUE)])
    tag("Ann of Stash", ann)
    stash.library.add_performer("Bea")
    report = await enrol()
    assert {name: faces for name, (_, faces) in people_of().items()} == {"Ann of Stash": 5}
    assert (report.added, report.updated, report.build.faces) == (1, 0, 5)
    person = people_of()["Ann of Stash"][0]
    assert person.key == f"127.0.0.1:{ann}"
    assert (person.local_id, person.stash_ids) == ("1", ((box.endpoint, ann),))


async def test_the_photos_name_their_source(enrol, box, tag, place):
    ann = box.add_performer("Ann", images=shades(1))
    tag("Ann", ann)
    await enrol()
    with FaceDatabase.open(place) as database:
        assert database.manifest.sources == ("stash-box:127.0.0.1",)
        assert [photo.path for photo in database.photos()] == [
            f"stash-box:127.0.0.1/{box.performers[ann].images[0]}"
        ]


async def test_nothing_but_ids_of_people_leaves_the_library(enrol, box, tag, stash):
    tag("Secret Name", box.add_performer("Ann", images=shades(1)), image=picture(RED))
    box.bodies.clear()
    await enrol()
    assert all(b"Secret" not in body for body in box.bodies)
    assert max(map(len, box.bodies)) < 2000  # no picture


async def test_a_picture_is_fetched_once(enrol, box, tag, colours):
    ann = box.add_performer("Ann", images=shades(2))
    tag("Ann", ann)
    await enrol()
    box.edit(ann, name="Anne")
    seen = colours.engine.pictures
    report = await enrol()
    assert box.record.counts["box image"] == 2
    assert colours.engine.pictures == seen
    assert (report.added, report.updated, report.build.analyzed) == (0, 0, 0)


async def test_a_build_without_changes_keeps_the_version(enrol, box, tag):
    tag("Ann", box.add_performer("Ann", images=shades(2)))
    tag("Without", box.add_performer("Without"))
    first = await enrol()
    assert (await enrol()).build.version == first.build.version


async def test_a_new_picture_is_an_update_and_a_removed_one_goes(enrol, box, tag, people_of):
    ann = box.add_performer("Ann", images=shades(2))
    tag("Ann", ann)
    await enrol()
    kept = box.performers[ann].images[1]
    box.edit(ann, images=[kept, box.add_image(picture((255, 60, 60)))])
    report = await enrol()
    assert (report.added, report.updated) == (0, 1)
    assert people_of()["Ann"][1] == 2
    assert box.record.counts["box image"] == 3


async def test_a_merged_entry_stays_one_person_with_the_former_id_as_alias(enrol, box, tag, people_of):
    old, new = box.add_performer("Ann", images=shades(1)), box.add_performer("Ann Lee", images=shades(2))
    tag("Ann", old)
    await enrol()
    box.merge(old, into=new)
    report = await enrol()
    person, faces = people_of()["Ann"]
    assert person.key == f"127.0.0.1:{new}"
    assert f"127.0.0.1:{old}" in person.aliases
    assert person.stash_ids == ((box.endpoint, new),)
    assert faces == 2
    assert [each.key for each in report.merged] == [f"127.0.0.1:{old}"]
    assert report.build.gone == ()


async def test_a_chain_of_merges_is_followed(enrol, box, tag, people_of):
    first, second, third = (box.add_performer(name, images=shades(1)) for name in "abc")
    tag("Ann", first)
    box.merge(first, into=second)
    box.performers[first].merged_into = second  # as a box that does not move redirects
    box.performers[second].deleted, box.performers[second].merged_into = True, third
    await enrol()
    assert people_of()["Ann"][0].key == f"127.0.0.1:{third}"


async def test_a_ring_of_merges_is_a_deleted_person(enrol, box, tag):
    tag("Bea", box.add_performer("Bea", images=shades(1)))
    one, two = box.add_performer("a"), box.add_performer("b")
    tag("Ann", one)
    for performer, into in ((one, two), (two, one)):
        box.performers[performer].deleted, box.performers[performer].merged_into = True, into
    report = await enrol()
    assert [each.name for each in report.deleted] == ["Ann"]


async def test_two_performers_whose_entries_were_merged_are_one_person(enrol, box, tag, people_of):
    old, new = box.add_performer("Ann", images=shades(1)), box.add_performer("Ann Lee", images=shades(1))
    tag("Ann", old)
    tag("Ann Lee", new)
    box.merge(old, into=new)
    await enrol()
    ((person, _),) = people_of().values()
    assert {f"127.0.0.1:{old}", "local:1", "local:2"} <= set(person.aliases)


async def test_deleted_and_unknown_people_are_listed_and_go(enrol, box, tag, people_of):
    ann, bea = (
        box.add_performer(name, images=shades(1, colour)) for name, colour in (("Ann", RED), ("Bea", GREEN))
    )
    tag("Ann", ann)
    tag("Bea", bea)
    tag("Cleo", str(uuid.uuid4()))
    await enrol()
    box.delete(ann)
    report = await enrol()
    assert people_of().keys() == {"Bea"}
    assert [person.name for person in report.deleted] == ["Ann"]
    assert [person.name for person in report.unknown] == ["Cleo"]
    assert report.build.gone == ("Ann",)


async def test_ids_of_other_boxes_and_other_texts_are_not_sent(enrol, box, tag, stash):
    tag("Ann", box.add_performer("Ann", images=shades(1)))
    stash.library.add_performer("Bea", stash_ids=[("https://other.example/graphql", str(uuid.uuid4()))])
    tag("Cleo", "http://somewhere/else?x=1")
    box.bodies.clear()
    await enrol()
    assert sum(b"id1" in body or b"else" in body for body in box.bodies) == 0


async def test_somebody_who_was_deleted_for_good_is_neither_asked_for_nor_enrolled(
    enrol, box, tag, place, people_of
):
    ann, bea = (
        box.add_performer(name, images=shades(1, colour)) for name, colour in (("A", RED), ("B", GREEN))
    )
    for each in (ann, bea):
        tag(box.performers[each].name, each)
    ForgottenPeople().adding([f"127.0.0.1:{ann}"], ["A"]).write(place)
    for whole in (False, True):
        await enrol(whole=whole)
        assert people_of().keys() == {"B"}
        assert not any(ann in body.decode() for body in box.bodies)
    assert box.record.counts["box image"] == 1


async def test_a_picture_of_two_people_teaches_neither(enrol, box, tag, people_of):
    ann, bea = (
        box.add_performer(name, images=shades(1, colour)) for name, colour in (("A", RED), ("B", GREEN))
    )
    both = box.add_image(picture(BLUE))
    for each in (ann, bea):
        box.edit(each, images=[both, *box.performers[each].images])
        tag(box.performers[each].name, each)
    report = await enrol()
    assert {name: faces for name, (_, faces) in people_of().items()} == {"A": 1, "B": 1}
    assert [(photo.person.name, photo.code) for photo in report.build.skipped] == [
        ("A", "several-faces"),
        ("B", "several-faces"),
    ]
    assert box.record.counts["box image"] == 2
    assert (await enrol()).build.version == report.build.version


async def test_stash_and_a_stash_box_add_up_to_one_person(
    enrol, box, tag, stash, place, colours, pool, people_of
):
    old, new = box.add_performer("Ann", images=shades(2)), box.add_performer("Ann Lee", images=shades(1))
    tag("Ann", old, image=picture(RED, (90, 90)))
    async with StashClient(stash.url, "", STEADY) as client:
        await build_from_stash(client, place, colours, NoProgress(), pool=pool)
    await enrol()
    assert people_of()["Ann"][1] == 3
    box.merge(old, into=new)
    await enrol()
    person, faces = people_of()["Ann"]
    assert (person.key, faces) == (f"127.0.0.1:{old}", 2)  # Stash leads
    assert f"127.0.0.1:{new}" in person.aliases
    async with StashClient(stash.url, "", STEADY) as client:
        await build_from_stash(client, place, colours, NoProgress(), pool=pool)
    assert people_of()["Ann"][1] == 2
    remove_source(place, "stash-box:127.0.0.1")
    assert people_of()["Ann"][1] == 1


async def test_nobody_with_an_id_of_the_box_is_said_with_what_to_do(enrol, stash, box):
    stash.library.add_performer("Ann")
    with pytest.raises(NobodyToEnrol, match=r"id of 127\.0\.0\.1.*--all"):
        await enrol()
    assert box.record.seen == []


async def test_progress_counts_people_and_faces(enrol, box, tag, watch):
    tag("Ann", box.add_performer("Ann", images=shades(2)))
    tag("Bea", box.add_performer("Bea"))
    await enrol()
    assert watch.stages == [("Asking 127.0.0.1", 0), ("Enrolling", 2)]
    assert watch.steps[-1] == (2, 2, 1)
