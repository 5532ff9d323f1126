"""Stash's performers become people: each once, with all they are known by."""

import pytest

from stash_sense.domain.identity import StashId
from stash_sense.enrolment.performers import group_performers
from stash_sense.stash.types import Performer

pytestmark = pytest.mark.slow

STASHDB, FANSDB, OTHER = "https://stashdb.org/graphql", "https://fansdb.cc/graphql", "https://tpdb.example/g"
BOXES = [FANSDB, STASHDB]


def performer(number, *stash_ids, name="", country=None, portrait=True):
    url = f"http://stash:9999/performer/{number}/image?t=17"
    ids = tuple(StashId(*each) for each in stash_ids)
    return Performer(
        str(number), name or f"P{number}", "", (), None, country, ids, url if portrait else None, "now"
    )


def test_a_performer_without_stash_ids_is_known_by_the_local_id():
    (one,) = group_performers([performer(7)], BOXES)
    assert (one.person.key, one.person.local_id, one.person.aliases) == ("local:7", "7", ())


def test_the_first_stash_box_in_stashs_order_gives_the_key_and_the_others_are_aliases():
    (one,) = group_performers([performer(7, (STASHDB, "u1"), (OTHER, "u3"), (FANSDB, "u2"))], BOXES)
    assert one.person.key == "fansdb.cc:u2"
    assert one.person.aliases == ("stashdb.org:u1", "tpdb.example:u3", "local:7")
    assert one.person.stash_ids == ((FANSDB, "u2"), (STASHDB, "u1"), (OTHER, "u3"))


def test_two_performers_with_one_stash_id_are_one_person_with_both_local_ids():
    (one,) = group_performers([performer(9, (STASHDB, "u1")), performer(4, (STASHDB, "u1"))], BOXES)
    assert one.person.local_id == "4"
    assert one.person.aliases == ("local:4", "local:9")
    assert [each.id for each in one.performers] == ["4", "9"]


def test_sharing_goes_through_a_third_performer():
    three = [
        performer(1, (STASHDB, "u1")),
        performer(2, (FANSDB, "u2")),
        performer(3, (STASHDB, "u1"), (FANSDB, "u2")),
    ]
    (one,) = group_performers(three, BOXES)
    assert [each.id for each in one.performers] == ["1", "2", "3"]
    assert one.person.key == "fansdb.cc:u2"


def test_a_uuid_in_capitals_is_the_same_person():
    uuid = "50459d16-787c-47c9-8ce9-a4cac9404324"
    assert (
        len(group_performers([performer(1, (STASHDB, uuid)), performer(2, (STASHDB, uuid.upper()))], BOXES))
        == 1
    )


def test_the_same_name_is_not_the_same_person():
    assert len(group_performers([performer(1, name="Ann"), performer(2, name="Ann")], BOXES)) == 2


def test_a_stash_id_that_looks_like_a_local_one_never_makes_two_people_of_one_key():
    people = group_performers([performer(1, ("local", "2")), performer(2)], BOXES)
    assert len({one.person.key for one in people}) == len(people)


def test_country_and_portrait_come_from_the_first_that_has_them():
    pair = [
        performer(1, (STASHDB, "u1"), portrait=False),
        performer(2, (STASHDB, "u1"), country="SE"),
    ]
    (one,) = group_performers(pair, BOXES)
    assert (one.person.country, one.person.image_url) == ("SE", "http://stash:9999/performer/2/image")
    assert [each.id for each in one.portraits] == ["2"]


@pytest.mark.parametrize("count", [0, 2, 20_000])
def test_any_number_of_performers_keeps_its_order(count):
    people = group_performers([performer(number + 1) for number in range(count)], BOXES)
    assert [one.person.local_id for one in people] == [str(number + 1) for number in range(count)]
