"""Who was deleted is not enrolled again, from whatever source, until that is lifted."""

from stash_sense.domain.identity import Person
from stash_sense.enrolment.forgotten import ForgottenPeople


def test_a_build_does_not_bring_a_person_back_and_looks_at_none_of_their_photos(
    build, people, place, enrolled, colours
):
    ForgottenPeople().adding(["Green"], ["Green"]).write(place)
    before = colours.engine.pictures
    report = build(people)
    assert set(enrolled()) == {"Blue", "Red"}
    assert colours.engine.pictures - before == sum(enrolled().values())
    assert "Green" not in (*report.faceless, *report.gone)


def test_a_folder_with_the_name_of_a_deleted_performer_stays_out(build, people, place, enrolled):
    ForgottenPeople().adding(["stashdb.org:x", "local:1"], ["Green"]).write(place)
    build(people)
    assert set(enrolled()) == {"Blue", "Red"}


def test_once_lifted_the_person_comes_back(build, people, place, enrolled):
    listed = ForgottenPeople().adding(["Green"], ["Green"])
    listed.write(place)
    build(people)
    listed.without(listed.people[0]).write(place)
    build(people)
    assert set(enrolled()) == {"Blue", "Green", "Red"}


def test_a_person_is_known_by_every_key_and_a_namesake_with_another_key_is_not():
    listed = ForgottenPeople().adding(["stashdb.org:x", "local:1"], ["Jane"])
    assert listed.covers(Person("fansdb.cc:y", "Other", aliases=("stashdb.org:x",)))
    assert listed.covers(Person("local:1", "Jane", local_id="1"))
    assert not listed.covers(Person("local:2", "Jane", local_id="2"))
    assert listed.covers_key("local:1")
    assert not listed.covers_key("local:2")


def test_the_file_holds_no_name_and_no_key(place):
    ForgottenPeople().adding(["stashdb.org:x"], ["Jane Doe"]).write(place)
    content = (place / "forgotten.json").read_text()
    assert "Jane" not in content
    assert "stashdb" not in content
    assert ForgottenPeople.read(place).people[0].entry_id in content
