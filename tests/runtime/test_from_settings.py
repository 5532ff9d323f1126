"""Where databases lie, and what one borrows from another."""

import os

import pytest

from stash_sense.domain.progress import NoProgress
from stash_sense.facedb.database import current_version
from stash_sense.runtime import from_settings
from stash_sense.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path / "data")


def test_the_same_folders_have_the_same_place_in_any_order(settings, tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    assert from_settings.people_database_dir(settings, [a, b]) == from_settings.people_database_dir(
        settings, [b, a]
    )


def test_other_folders_have_another_place(settings, tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    assert from_settings.people_database_dir(settings, [a]) != from_settings.people_database_dir(
        settings, [a, b]
    )


def test_a_relative_path_is_the_same_folder(settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    relative = from_settings.people_database_dir(settings, [type(tmp_path)("a")])
    assert relative == from_settings.people_database_dir(settings, [tmp_path / "a"])


def test_a_folder_whose_name_cannot_be_decoded_has_a_place(settings, tmp_path):
    assert from_settings.people_database_dir(settings, [tmp_path / os.fsdecode(b"\xff")])


def test_a_database_of_other_folders_lends_its_embeddings(settings, people, colours, tmp_path):
    first, second = settings.data_dir / "people" / "one", settings.data_dir / "people" / "two"
    from_settings.enrol(settings, [people], first, colours, NoProgress())
    report = from_settings.enrol(settings, [people], second, colours, NoProgress())
    assert (report.analyzed, report.people) == (0, 3)


def test_a_damaged_other_database_is_passed_over(settings, people, colours):
    first, second = settings.data_dir / "people" / "one", settings.data_dir / "people" / "two"
    from_settings.enrol(settings, [people], first, colours, NoProgress())
    (first / current_version(first) / "manifest.json").write_text("{")
    assert from_settings.enrol(settings, [people], second, colours, NoProgress()).analyzed == 4


def test_a_stray_file_among_the_databases_is_passed_over(settings, people, colours):
    place = settings.data_dir / "people" / "one"
    place.parent.mkdir(parents=True)
    (place.parent / "notes.txt").touch()
    assert from_settings.enrol(settings, [people], place, colours, NoProgress()).people == 3


def test_a_recognizer_is_closed_at_the_end(settings, people, colours):
    place = from_settings.database_dir(settings)
    from_settings.enrol(settings, [people], place, colours, NoProgress())
    with from_settings.recognizer(colours, place) as ready:
        database = ready.database
    with pytest.raises(ValueError):
        database.person(0)
