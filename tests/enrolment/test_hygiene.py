"""References that seem wrong are listed, set aside and brought back by an id that outlives builds."""

import json

import pytest

from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment.hygiene import inspect_references
from stash_sense.enrolment.quarantine_list import (
    QUARANTINE,
    QuarantineList,
    photo_id,
    restore_references,
    set_references_aside,
)
from stash_sense.errors import BadDatabase, NoSuchReference
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import Photo


@pytest.fixture
def inspect(place, colours):
    def inspect():
        with FaceDatabase.open(place) as database:
            return inspect_references(database, colours, NoProgress())

    return inspect


def listed(report):
    return [(finding.photo, finding.code, finding.in_use) for finding in report.findings]


def test_what_a_build_set_aside_is_listed_and_can_be_restored_for_the_next_build(
    build, people, photo, place, enrolled, inspect, colours
):
    wrong = photo(people / "Red" / "3.png", (60, 250, 60))
    build(people)
    (finding,) = inspect().findings
    assert listed(inspect()) == [(str(wrong), "other-person", False)]
    assert finding.person.name == "Red"
    (restored,) = restore_references(place, [finding.reference])
    assert restored.path == str(wrong)
    before = colours.engine.pictures
    build(people)
    assert enrolled()["Red"] == 3
    assert colours.engine.pictures == before
    assert listed(inspect()) == [(str(wrong), "other-person", True)]


def test_a_reference_set_aside_is_gone_at_once_and_in_every_later_build(
    build, people, place, enrolled, inspect, photo, colours
):
    build(people)
    path = min((people / "Red").iterdir())
    with FaceDatabase.open(place) as database:
        (reference,) = [photo_id(each) for each in database.photos() if each.path == str(path)]
    set_references_aside(place, [reference])
    assert enrolled() == {"Blue": 1, "Green": 1, "Red": 1}
    assert listed(inspect()) == [(str(path), "by-hand", False)]
    photo(people / "Blue" / "new.png", (60, 60, 250))
    before = colours.engine.pictures
    report = build(people)
    assert colours.engine.pictures == before + 1
    assert enrolled() == {"Blue": 2, "Green": 1, "Red": 1}
    assert [(each.path, each.reason) for each in report.quarantined] == [(str(path), "set aside by hand")]
    restore_references(place, [reference])
    build(people)
    assert enrolled()["Red"] == 2
    assert colours.engine.pictures == before + 1


def test_another_picture_in_the_same_place_is_another_reference():
    before = Photo("/people/a/1.jpg", "2:100-5", "a")
    assert photo_id(before) == photo_id(Photo("/people/a/1.jpg", "3:100-5", "b", "skipped"))
    assert photo_id(before) != photo_id(Photo("/people/a/1.jpg", "2:101-5", "a"))
    assert photo_id(Photo("stash:performer/1", "2026-01-01|abc", "a")) == photo_id(
        Photo("stash:performer/1", "2026-02-02|abc", "a")
    )


def test_of_two_pictures_that_do_not_agree_the_poorer_one_is_listed_and_stays_in_use(
    build, tmp_path, photo, inspect, enrolled
):
    for name, colour in (("Odd/1.png", (255, 0, 0)), ("Odd/2.png", (0, 0, 255)), ("Green/1.png", "green")):
        photo(tmp_path / "odd" / name, colour)
    build(tmp_path / "odd")
    assert enrolled() == {"Green": 1, "Odd": 2}
    ((_, code, in_use),) = listed(inspect())
    assert (code, in_use) == ("other-person", True)
    assert "one shows another person" in inspect().findings[0].reason


def test_people_who_look_alike_are_listed_as_a_pair(build, people, photo, inspect):
    photo(people / "Rouge" / "1.png", (252, 34, 34))
    build(people)
    (pair,) = inspect().look_alikes
    assert {person.name for person in pair.people} == {"Red", "Rouge"}
    assert pair.distance <= 0.6


def test_a_clean_database_has_nothing_to_list(build, people, inspect):
    build(people)
    report = inspect()
    assert (report.findings, report.look_alikes, report.references) == ((), (), 4)


def test_an_id_of_nothing_changes_nothing(build, people, place):
    build(people)
    for change in (set_references_aside, restore_references):
        with pytest.raises(NoSuchReference, match="database hygiene"):
            change(place, ["0123456789abcdef"])
    assert not (place / QUARANTINE).exists()


def test_a_damaged_list_is_told(place):
    place.mkdir()
    (place / QUARANTINE).write_text(json.dumps({"set_aside": 5}))
    with pytest.raises(BadDatabase, match="Bring it back from a backup"):
        QuarantineList.read(place)
