"""Faces that stay known: of performers who lost their portrait, and of those known by images alone."""

import pytest

from stash_sense.errors import PeopleVanished
from stash_sense.facedb.database import FaceDatabase, current_version

from .conftest import BLACK, BLUE, GREEN, RED, STASHDB, enrolled, picture

YELLOW = (255, 255, 30)


def edit(stash, performer_id, **fields):
    performer = stash.library.performers[performer_id]
    for name, value in fields.items():
        setattr(performer, name, value)
    performer.updated_at = stash.library.now()


def keys(place):
    with FaceDatabase.open(place) as database:
        return {database.person(i).name: database.person(i).key for i in range(database.people)}


async def test_a_performer_who_loses_the_portrait_keeps_the_face(enrol, three, stash, place, colours):
    first = await enrol()
    edit(stash, 2, image=None)
    for _ in range(2):
        await enrol()
        assert enrolled(place) == {"Ann": 1, "Bea": 1}
    assert colours.engine.pictures == first.analyzed


async def test_a_merge_that_takes_the_stash_id_over_keeps_the_face(enrol, three, stash, place):
    await enrol()
    del stash.library.performers[1]
    edit(stash, 3, stash_ids=[(STASHDB, "u1")])
    for _ in range(2):
        assert (await enrol()).gone == ()
        assert enrolled(place) == {"Bea": 1, "Cleo": 1}
        assert keys(place)["Cleo"] == "stashdb.org:u1"


@pytest.mark.parametrize("fields", [{"name": "ann"}, {"alias_list": ["Someone", "Ann"]}])
async def test_a_merge_that_takes_only_the_name_over_keeps_the_face(enrol, three, stash, place, fields):
    await enrol()
    del stash.library.performers[1]
    edit(stash, 3, **fields)
    for _ in range(2):
        await enrol()
        assert sorted(enrolled(place).values()) == [1, 1]
        assert keys(place)[stash.library.performers[3].name] == "local:3"


async def test_a_portrait_given_after_a_merge_takes_the_place_of_the_kept_face(enrol, three, stash, place):
    await enrol()
    del stash.library.performers[1]
    edit(stash, 3, alias_list=["Ann"])
    await enrol()
    edit(stash, 3, image=picture(YELLOW))
    await enrol()
    with FaceDatabase.open(place) as database:
        paths = {database.reference(row).photo for row in range(database.manifest.faces)}
    assert paths == {"stash:performer/2", "stash:performer/3"}


async def test_the_face_of_a_namesake_who_is_still_there_is_not_taken(enrol, three, stash, place):
    await enrol()
    edit(stash, 3, alias_list=["Ann"])
    await enrol()
    assert enrolled(place) == {"Ann": 1, "Bea": 1}


async def test_of_two_deleted_namesakes_nobody_is_guessed(enrol, three, stash, place):
    stash.library.add_performer("Ann", image=picture(BLUE), disambiguation="other")
    await enrol()
    del stash.library.performers[1], stash.library.performers[4]
    edit(stash, 3, alias_list=["Ann"])
    await enrol(allow_empty=True)
    assert enrolled(place) == {"Bea": 1}


async def test_a_portrait_that_became_another_performers_stays_there(enrol, stash, place):
    stash.library.add_performer("Ann", stash_ids=[(STASHDB, "u1")])
    stash.library.add_performer("Anna", image=picture(RED), stash_ids=[(STASHDB, "u1")])
    await enrol()
    assert enrolled(place) == {"Ann": 1}
    edit(stash, 2, stash_ids=[])
    await enrol()
    assert enrolled(place) == {"Anna": 1}


async def test_only_those_without_a_face_are_learned_from_images(enrol, three, stash, place):
    stash.library.add_performer("Dora", image=picture(BLACK))
    for performer in (1, 3, 4):
        stash.library.add_image(picture((60 * performer, 30, 250)), performers=[performer])
    await enrol(with_images="unlearned")
    assert enrolled(place) == {"Ann": 1, "Bea": 1, "Cleo": 1, "Dora": 1}
    assert stash.record.counts["original"] == 2


async def test_those_known_by_images_alone_stay_known(enrol, three, stash, place, colours):
    stash.library.add_image(picture(BLUE), performers=[3])
    await enrol(with_images="unlearned")
    before = colours.engine.pictures
    await enrol()
    assert enrolled(place) == {"Ann": 1, "Bea": 1, "Cleo": 1}
    assert colours.engine.pictures == before


async def test_an_untagged_image_teaches_nobody_any_more(enrol, three, stash, place):
    image = stash.library.add_image(picture(BLUE), performers=[3])
    await enrol(with_images="unlearned")
    stash.library.images[image].performers.clear()
    await enrol()
    assert enrolled(place) == {"Ann": 1, "Bea": 1}


async def test_a_stash_with_less_than_half_of_its_people_is_refused_unless_allowed(enrol, stash, place):
    for number in range(5):
        stash.library.add_performer(f"P{number}", image=picture((255, 40 * number + 30, 30)))
    first = await enrol()
    for number in (1, 2, 3):
        del stash.library.performers[number]
    with pytest.raises(PeopleVanished, match=r"stash: holds 2 people, and the face database has 5"):
        await enrol()
    assert current_version(place) == first.version
    done = await enrol(allow_empty=True)
    assert (set(done.gone), done.people) == ({"P0", "P1", "P2"}, 2)


async def test_a_portrait_that_was_missing_once_is_learned_later(enrol, three, stash, place):
    await enrol()
    stash.library.performers[3].image = picture(GREEN)  # with the time of its last edit, as after a restore
    await enrol()
    assert enrolled(place) == {"Ann": 1, "Bea": 1, "Cleo": 1}
