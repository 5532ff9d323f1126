"""A release is imported whole, updated by the next, and changed by a delta; people of other sources stay."""

import numpy as np
import pytest

from fakes.releases import zipped
from stash_sense.domain.identity import Person
from stash_sense.enrolment.forgotten import ForgottenPeople
from stash_sense.errors import PeopleVanished
from stash_sense.facedb.layout import Reference, Slot
from stash_sense.facedb.records import PersonPart
from stash_sense.facedb.writer import DatabaseWriter

from .conftest import ONE_NETWORK, PACK, face, uid


@pytest.fixture
def from_stash(place):
    """A database with one person of Stash, whom the releases may know too."""

    def build(key="", name="Ada"):
        slots = [Slot(name=slot, dimension=size) for slot, size in PACK.dimensions.items()]
        person = Person(key or uid(0), name, local_id="7")
        with DatabaseWriter(place, pack=PACK.id, pack_fingerprint="f1", slots=slots) as writer:
            vector = np.ones((1, 14), np.float32)
            parts = [PersonPart("stash", person, 1)]
            writer.add_person(person, [Reference("stash:performer/7", (0, 0, 9, 9), 1)], vector, parts=parts)
            writer.commit(["stash"])

    return build


def test_everybody_is_enrolled_with_their_faces(release, imported, people):
    report = imported(release([0, 1, 0, 2, 1, 0]))
    assert people() == {"Person 0": 3, "Person 1": 2, "Person 2": 1}
    assert (report.people, report.faces, report.added, report.source) == (3, 6, 3, "public:stash-sense-data")


def test_vectors_are_unit_vectors_of_the_right_person(release, imported, opened):
    imported(release([0, 1, 0, 2]))
    with opened() as database:
        (index,) = database.find([uid(0)]).values()
        vectors = database.vectors(database.rows(index))
        assert database.reference(database.rows(index)[1]).photo == "public:stash-sense-data/2"
    for slot, size in PACK.dimensions.items():
        assert vectors[slot] == pytest.approx(np.stack([face(0, size), face(2, size)]) / 3, abs=1e-6)


def test_a_person_has_the_key_and_stash_id_of_the_release(release, imported, opened):
    imported(
        release([0], {uid(0): {"name": "Ada", "country": "GB", "image_url": "https://example.org/a.jpg"}})
    )
    with opened() as database:
        person = database.person(0)
    assert (person.key, person.name, person.country) == (uid(0), "Ada", "GB")
    assert person.image_url == "https://example.org/a.jpg"
    assert person.stash_ids == (("https://stashdb.org/graphql", uid(0).partition(":")[2]),)


def test_a_zip_file_is_the_same_with_a_folder_inside_or_without(release, imported, people, place):
    folder = release([0, 1])
    imported(zipped(folder, "release/"))
    assert people() == {"Person 0": 1, "Person 1": 1}
    assert not imported(zipped(folder)).changed
    assert not list(place.glob(".building*"))


def test_the_living_kind_is_imported_by_the_keys_of_its_index(living, imported, people, opened):
    report = imported(living({7: 0, 3: 1, 9: 0}), ONE_NETWORK)
    assert people() == {"Person 0": 2, "Person 1": 1}
    assert report.source == "public:stash-sense2-data"
    with opened() as database:
        (index,) = database.find([uid(1)]).values()
        assert database.row_vector(database.rows(index)[0]) == pytest.approx(face(3, 8) / 3, abs=1e-6)


def test_linked_ids_are_one_person_and_former_ids_lead_to_the_current(living, imported, people, opened):
    former = uid(50)
    report = imported(
        living({1: 0, 2: 1}, links={uid(0): [uid(1)]}, aliases={former: uid(0), uid(0): ["Countess"]}),
        ONE_NETWORK,
    )
    assert people() == {"Person 0": 2}
    assert report.people == 1
    with opened() as database:
        assert database.find([former, uid(1)]) == {former: 0, uid(1): 0}
        assert database.parts(0)[0].names == ("Countess",)


def test_merged_people_are_followed(release, imported, people, opened):
    imported(release([0, 1, 2], merged={uid(1): uid(0)}))
    assert people() == {"Person 0": 2, "Person 2": 1}
    with opened() as database:
        assert database.find([uid(1)]) == {uid(1): 0}


def test_faces_of_nobody_and_of_people_without_a_name_are_counted(release, imported, people):
    report = imported(release([0, None, 1, 2], {uid(1): {"name": None}, uid(2): "no fields"}))
    assert people() == {"Person 0": 1}
    assert report.refused == {
        "faces of nobody": 1,
        "faces of people whom the release does not name": 1,
        "people without a name": 1,
    }


def test_a_newer_release_takes_the_place_of_the_one_before(release, imported, people):
    imported(release([0, 1, 2, 2]))
    report = imported(release([0, 2, 2, 3], seed=5, version="2"))
    assert people() == {"Person 0": 1, "Person 2": 2, "Person 3": 1}
    assert (report.added, report.updated, report.gone) == (1, 2, ("Person 1",))


def test_people_who_are_the_same_in_a_newer_release_are_not_updated(release, imported):
    imported(release([0, 1]))
    report = imported(release([0, 1, 2], version="2"))
    assert (report.added, report.updated, report.gone) == (1, 0, ())


def test_the_same_release_again_writes_nothing(release, imported, place):
    path = release([0, 1])
    first = imported(path)
    again = imported(path)
    assert (again.changed, again.version, again.people) == (False, first.version, 2)


def test_a_delta_changes_adds_and_removes_people(release, imported, people):
    imported(release([0, 1, 2, 3]))
    report = imported(release([1, 1, 4], seed=3, version="2", base="1", removed=[uid(2)]))
    assert people() == {"Person 0": 1, "Person 1": 2, "Person 3": 1, "Person 4": 1}
    assert (report.added, report.updated, report.gone) == (1, 1, ("Person 2",))


def test_deltas_follow_one_another(release, imported, people):
    imported(release([0, 1, 2, 3]))
    imported(release([1], seed=1, version="2", base="1"))
    imported(release([5], seed=2, version="3", base="2", removed=[uid(1)]))
    assert people() == {"Person 0": 1, "Person 2": 1, "Person 3": 1, "Person 5": 1}


def test_a_delta_that_only_removes(release, imported, people):
    imported(release([0, 1, 2]))
    imported(release([], version="2", base="1", removed=[uid(1)]))
    assert people() == {"Person 0": 1, "Person 2": 1}


def test_a_delta_follows_a_merge(release, imported, people, opened):
    imported(release([0, 1, 2]))
    imported(release([0, 0], version="2", base="1", merged={uid(1): uid(0)}))
    assert people() == {"Person 0": 2, "Person 2": 1}
    with opened() as database:
        assert uid(1) in database.find([uid(1)])


def test_people_of_other_sources_stay_and_those_both_know_are_one(
    from_stash, release, imported, people, opened
):
    from_stash()
    report = imported(release([0, 1, 0]))
    assert people() == {"Ada": 3, "Person 1": 1}
    assert [(each.source, each.people) for each in report.carried] == [("stash", 1)]
    with opened() as database:
        assert database.manifest.sources == ("stash", "public:stash-sense-data")
        assert [part.source for part in database.parts(0)] == ["stash", "public:stash-sense-data"]


def test_a_delta_leaves_other_sources_alone(from_stash, release, imported, people):
    from_stash()
    imported(release([0, 1, 2]))
    imported(release([1], seed=1, version="2", base="1", removed=[uid(0)]))
    assert people() == {"Ada": 1, "Person 1": 1, "Person 2": 1}


def test_people_who_were_deleted_for_good_are_not_brought_back(release, imported, people, place):
    ForgottenPeople().adding([uid(1)], ["Person 1"]).write(place)
    report = imported(release([0, 1, 2]))
    assert people() == {"Person 0": 1, "Person 2": 1}
    assert report.refused == {"people who were deleted for good": 1}


def test_a_release_that_lost_most_people_needs_a_word(release, imported, people):
    imported(release(range(9)))
    small = release([0, 1], version="2")
    with pytest.raises(PeopleVanished, match="2 people, and the face database has 9"):
        imported(small)
    assert len(people()) == 9
    imported(small, allow_empty=True)
    assert len(people()) == 2
