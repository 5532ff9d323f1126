"""One database of several sources: a build of one leaves the others as they are."""

import pytest

from stash_sense.enrolment.remove_source import remove_source
from stash_sense.errors import BadInput
from stash_sense.facedb.database import FaceDatabase, current_version

from .conftest import BLUE, RED, STASHDB, enrolled, picture


@pytest.fixture
def folder(tmp_path, photo):
    """A folder of people: Ann as in Stash, in other letters, and Dora whom Stash does not know."""
    photo(tmp_path / "folder" / "ANN" / "1.png", (250, 60, 60))
    photo(tmp_path / "folder" / "Dora" / "1.png", "blue")
    return tmp_path / "folder"


@pytest.fixture
def person_of(place):
    """The person of this name in the database, and the photos of the references."""

    def person_of(name):
        with FaceDatabase.open(place) as database:
            everybody = map(database.person, range(database.people))
            ((index, person),) = [pair for pair in enumerate(everybody) if pair[1].name == name]
            return person, [database.reference(row).photo for row in database.rows(index)]

    return person_of


async def test_a_build_from_stash_and_one_from_folders_keep_each_others_people(
    enrol, three, build, folder, place
):
    await enrol()
    build(folder)
    after_folder = enrolled(place)
    await enrol()
    assert after_folder == enrolled(place) == {"Ann": 2, "Bea": 1, "Dora": 1}
    with FaceDatabase.open(place) as database:
        assert database.manifest.sources == ("stash", str(folder))


async def test_what_is_carried_over_costs_no_picture_and_no_analysis(
    enrol, three, stash, build, folder, colours
):
    await enrol()
    build(folder)
    stash.record.forget()
    before = colours.engine.pictures
    (folder / "Dora" / "1.png").unlink()
    (folder / "Dora").rmdir()
    build(folder)
    assert (stash.record.counts["portrait"], colours.engine.pictures) == (0, before)


async def test_vectors_crops_and_references_are_carried_over_as_they_are(enrol, three, build, folder, place):
    def contents():
        with FaceDatabase.open(place) as database:
            return {
                repr(database.reference(row)): (database.row_vector(row).tobytes(), database.crop(row))
                for row in range(database.manifest.faces)
                if database.reference(row).photo.startswith("stash:")
            }

    await enrol()
    before = contents()
    build(folder)
    assert contents() == before != {}


async def test_a_folders_person_is_the_one_performer_of_that_name(enrol, three, build, folder, person_of):
    await enrol()
    report = build(folder)
    person, photos = person_of("Ann")
    assert person.key == "fansdb.cc:u2"
    assert "ANN" in person.aliases
    assert photos == ["stash:performer/1", str(folder / "ANN" / "1.png")]
    assert [(one.code, one.name, one.person.name) for one in report.conflicts] == [
        ("same-name", "ANN", "Ann")
    ]


async def test_a_performers_alias_is_a_name_too(enrol, stash, build, folder, place):
    stash.library.add_performer("Theodora", alias_list=["dora"], image=picture(BLUE))
    await enrol()
    build(folder)
    assert enrolled(place) == {"Theodora": 2, "ANN": 1}


async def test_of_two_namesakes_neither_is_taken_and_it_is_listed(enrol, stash, build, folder, place):
    for note in ("1980", "1990"):
        stash.library.add_performer("Ann", disambiguation=note, image=picture(RED))
    await enrol()
    report = build(folder)
    assert enrolled(place) == {"Ann": 1, "ANN": 1, "Dora": 1}
    assert [(one.code, one.name) for one in report.conflicts] == [("namesakes", "ANN")]


async def test_a_performer_without_a_portrait_is_known_by_a_folders_face(
    enrol, stash, build, folder, place, person_of
):
    build(folder)
    stash.library.add_performer("Dora", stash_ids=[(STASHDB, "u7")])
    stash.library.add_performer("Eva", image=picture(RED))
    report = await enrol()
    person, photos = person_of("Dora")
    assert (person.key, person.local_id, len(photos)) == ("stashdb.org:u7", "1", 1)
    assert report.without_portrait == 1


async def test_a_performer_who_is_gone_leaves_a_folders_person_under_the_folders_name(
    enrol, three, stash, build, folder, place, person_of
):
    await enrol()
    build(folder)
    del stash.library.performers[1]
    await enrol()
    person, photos = person_of("ANN")
    assert (person.key, person.local_id, person.stash_ids) == ("ANN", None, ())
    assert photos == [str(folder / "ANN" / "1.png")]


async def test_a_build_that_changes_nothing_writes_no_version_whichever_source(
    enrol, three, build, folder, place
):
    await enrol()
    build(folder)
    before = current_version(place)
    await enrol()
    build(folder)
    assert current_version(place) == before


async def test_a_removed_source_leaves_the_others(enrol, three, build, folder, place):
    await enrol()
    build(folder)
    removal = remove_source(place, "stash")
    assert enrolled(place) == {"ANN": 1, "Dora": 1}
    assert (removal.gone, removal.faces, removal.sources) == (("Bea",), 2, (str(folder),))
    with FaceDatabase.open(place) as database:
        assert {photo.path for photo in database.photos()} == {
            str(folder / "ANN" / "1.png"),
            str(folder / "Dora" / "1.png"),
        }


async def test_an_unknown_source_is_refused_with_those_there_are(enrol, three, place):
    await enrol()
    with pytest.raises(BadInput, match=r"/nowhere: not a source.*Its sources: stash\."):
        remove_source(place, "/nowhere")


async def test_an_embedding_of_another_pack_is_not_carried_over_and_it_is_said(
    enrol, three, build, folder, place, make_pack
):
    build(folder)
    report = await enrol(pack=make_pack("colours-2"))
    assert enrolled(place) == {"Ann": 1, "Bea": 1}
    assert [str(folder) in problem and "another model pack" in problem for problem in report.problems] == [
        True
    ]
