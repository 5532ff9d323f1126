"""People folders as several sources of one face database."""

from stash_sense.enrolment.remove_source import remove_source
from stash_sense.facedb.database import FaceDatabase


def test_folders_whose_names_begin_alike_are_sources_apart(build, tmp_path, photo, enrolled):
    photo(tmp_path / "a" / "Ann" / "1.png")
    photo(tmp_path / "ab" / "Bea" / "1.png", "green")
    build(tmp_path / "a")
    build(tmp_path / "ab")
    build(tmp_path / "a")
    assert enrolled() == {"Ann": 1, "Bea": 1}


def test_a_folder_takes_over_the_sources_inside_it(build, people, place, photo):
    photo(people / "Red" / "Deep" / "1.png", "blue")
    build(people / "Red")
    build(people)
    with FaceDatabase.open(place) as database:
        assert database.manifest.sources == (str(people),)


def test_the_only_source_can_be_taken_out_and_come_back(build, people, place, enrolled):
    build(people)
    assert remove_source(place, str(people)).sources == ()
    assert enrolled() == {}
    build(people)
    assert enrolled() == {"Red": 2, "Green": 1, "Blue": 1}
