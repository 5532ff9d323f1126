"""Stash's performers become a database: each once, and incrementally."""

import io

import numpy as np
from PIL import Image

from stash_sense.enrolment.stash import DUPLICATE
from stash_sense.facedb.database import FaceDatabase
from stash_sense.recognition.crops import reference_crop, reference_id
from stash_sense.recognition.recognizer import FaceRecognizer

from .conftest import BLUE, FANSDB, RED, STASHDB, enrolled, picture


async def test_everybody_with_a_portrait_is_enrolled_once(enrol, three, place):
    done = await enrol()
    assert enrolled(place) == {"Ann": 1, "Bea": 1}
    assert (done.people, done.faces, done.analyzed, done.reused) == (2, 2, 2, 0)
    assert (done.without_portrait, done.faceless, done.skipped) == (1, (), ())


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
        crop = reference_crop(database, reference_id(database, 0))
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


async def test_the_same_portrait_twice_is_used_once(enrol, stash, place):
    for _ in range(2):
        stash.library.add_performer("Ann", image=picture(RED), stash_ids=[(STASHDB, "u1")])
    done = await enrol()
    assert enrolled(place) == {"Ann": 1}
    assert [(photo.path, photo.reason) for photo in done.skipped] == [("stash:performer/2", DUPLICATE)]


async def test_a_second_build_fetches_nothing_and_writes_nothing(enrol, three, stash, place, colours):
    first = await enrol()
    stash.record.forget()
    again = await enrol()
    assert stash.record.counts["portrait"] == 0
    assert (again.analyzed, again.reused, again.version) == (0, 2, first.version)
    assert colours.engine.pictures == 2


async def test_an_edit_of_something_else_fetches_and_embeds_nothing_again(enrol, three, stash, colours):
    first = await enrol()
    with stash.library.lock:
        stash.library.performers[1].updated_at = stash.library.now()
    stash.record.forget()
    again = await enrol()
    assert stash.record.counts["portrait"] == 1
    assert (again.analyzed, again.version) == (0, first.version)


async def test_a_changed_portrait_alone_is_embedded_again(enrol, three, stash, place, colours):
    await enrol()
    with stash.library.lock:
        stash.library.performers[2].image = picture(BLUE)
        stash.library.performers[2].updated_at = stash.library.now()
    done = await enrol()
    assert (done.analyzed, colours.engine.pictures) == (1, 3)
    with FaceDatabase.open(place) as database:
        row = database.rows(1)
        assert int(database.vectors(row)["arcface"][0].argmax()) == 0  # blue comes first in BGR


async def test_a_renamed_performer_is_renamed_without_embedding(enrol, three, stash, place):
    await enrol()
    stash.library.performers[1].name = "Anna"
    done = await enrol()
    assert done.analyzed == 0
    assert set(enrolled(place)) == {"Anna", "Bea"}


async def test_a_stash_id_given_later_keeps_the_embedding(enrol, three, stash, place):
    await enrol()
    stash.library.performers[2].stash_ids = [(STASHDB, "u9")]
    done = await enrol()
    assert done.analyzed == 0
    with FaceDatabase.open(place) as database:
        assert database.person(1).key == "stashdb.org:u9"


async def test_a_deleted_performer_is_gone(enrol, three, stash, place):
    await enrol()
    del stash.library.performers[1]
    await enrol()
    assert enrolled(place) == {"Bea": 1}


async def test_another_pack_embeds_everything_again(enrol, three, make_pack):
    await enrol()
    assert (await enrol(pack=make_pack("colours-2"))).analyzed == 2
