"""Reference faces by the ids of older face databases."""

import io
import shutil

import pytest
from PIL import Image

from stash_sense.errors import NoSuchReference
from stash_sense.facedb.database import FaceDatabase
from stash_sense.recognition.crops import reference_crop, reference_id


@pytest.fixture
def ids(place):
    """Name -> id of the first reference in the current version."""

    def ids():
        with FaceDatabase.open(place) as database:
            return {
                database.person(index).name: reference_id(database, database.rows(index)[0])
                for index in range(database.people)
            }

    return ids


@pytest.fixture
def colour_of(place):
    """The colour at the middle of a reference, by its id, as the current version answers."""

    def colour_of(name, performer_id=None):
        with FaceDatabase.open(place) as database:
            image = Image.open(io.BytesIO(reference_crop(database, name, performer_id)))
        return image.getpixel((image.width // 2, image.height // 2))

    return colour_of


def test_an_older_id_shows_the_newest_reference_of_the_same_person(build, people, photo, ids, colour_of):
    build(people)
    older = ids()["Red"]
    photo(people / "Ann" / "1.png", (30, 250, 250))  # comes before Red: its rows move
    photo(people / "Red" / "1.png", (200, 20, 20))
    build(people)
    assert colour_of(older)[0] == pytest.approx(200, abs=12)


def test_a_deleted_person_is_shown_as_stored(build, people, ids, colour_of):
    build(people)
    older = ids()["Green"]
    shutil.rmtree(people / "Green")
    build(people)
    assert colour_of(older)[1] > 200


def test_of_a_version_that_is_gone_the_person_is_still_shown(build, people, photo, ids, colour_of):
    build(people)
    older = ids()["Green"]
    for number in range(3):
        photo(people / "Blue" / f"{number + 2}.png", (30, 30, 240 - 5 * number))
        build(people)
    with pytest.raises(NoSuchReference):
        colour_of(older)
    assert colour_of(older, "Green")[1] > 200


def test_a_deleted_person_of_a_version_that_is_gone_has_no_reference(build, people, photo, ids, colour_of):
    build(people)
    older = ids()["Green"]
    shutil.rmtree(people / "Green")
    for number in range(3):
        photo(people / "Blue" / f"{number + 2}.png", (30, 30, 240 - 5 * number))
        build(people)
    with pytest.raises(NoSuchReference):
        colour_of(older, "Green")


@pytest.mark.parametrize(
    "name", ["../database.0", ".building-1.0", "20260101-000000-abcdef.0", "{version}.99", ".0"]
)
def test_no_other_file_is_opened(build, people, ids, colour_of, name):
    build(people)
    version = ids()["Red"].rpartition(".")[0]
    with pytest.raises(NoSuchReference):
        colour_of(name.format(version=version))
