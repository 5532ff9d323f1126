"""The plain rule: each face for itself, by its best match. A decade is 0.2 of distance, and 0.6 is zero.

A face at 0.5 with nobody else near bears a name out alone by 5 decades; at 0.6 by 4.1, which is too little.
"""

import pytest

from stash_sense.domain.faces import Candidate
from stash_sense.domain.identity import Person
from stash_sense.matching.gallery_people import SURE_EVIDENCE, plain_people
from stash_sense.matching.tracks import TrackFace
from stash_sense.matching.verdict import judge_face

from .world import embedding


@pytest.fixture
def seen(candidate):
    """A face on an image with candidates by their distances: seen(0, {3: 0.5, 4: 0.6}).

    No two are alike, but those with the same `own`, 0 to 3, which are copies.
    """
    made = iter(range(1, 60))

    def seen(image, distances, own=None, **decided):
        near = sorted(
            (candidate(who, distance) for who, distance in distances.items()), key=lambda c: c.combined
        )
        face = embedding({}, 60 + own if own is not None else next(made))
        return TrackFace(image, face, **decided), near

    return seen


@pytest.fixture
def listed(scorer):
    def listed(*faces, people=100, max_distance=0.6):
        return plain_people(
            [face for face, _ in faces],
            [near for _, near in faces],
            scorer,
            people,
            max_distance,
            lambda index: Person(str(index), str(index)),
        )

    return listed


def people(present):
    return [one.index for one in present]


def test_no_faces_are_nobody(listed):
    assert listed() == []


def test_a_face_without_candidates_is_nobody(seen, listed):
    assert listed(seen(0, {}), max_distance=2.0) == []


def test_a_face_that_is_no_number_is_nobody(seen, listed):
    assert listed(seen(0, {7: float("nan")}), seen(1, {7: float("nan")})) == []


def test_beyond_the_asked_distance_nothing_counts(seen, listed):
    assert listed(seen(0, {7: 0.51}), seen(1, {7: 0.51}), max_distance=0.5) == []


def test_a_smaller_asked_distance_rules_the_sure_distance_too(seen, listed):
    assert listed(seen(0, {7: 0.3}), max_distance=0.2) == []


def test_one_image_below_the_sure_distance_lists_a_person(seen, listed):
    assert people(listed(seen(0, {7: 0.39}))) == [7]


def test_one_image_at_the_sure_distance_does_not(seen, listed):
    assert listed(seen(0, {7: 0.4})) == []


def test_two_images_list_a_person(seen, listed):
    assert people(listed(seen(0, {7: 0.5}), seen(3, {7: 0.5}))) == [7]


def test_at_the_asked_distance_itself_a_face_counts(seen, listed):
    (one,) = listed(seen(0, {7: 0.5}), seen(3, {7: 0.6}))
    assert one.images == [0, 3]


def test_on_two_images_one_of_the_faces_must_bear_the_name_out_alone(seen, listed):
    assert listed(seen(0, {7: 0.6}), seen(1, {7: 0.6})) == []


def test_which_of_the_faces_bears_it_out_does_not_matter(seen, listed):
    assert people(listed(seen(0, {7: 0.6}), seen(1, {7: 0.5}))) == [7]


def test_below_the_sure_distance_too_the_face_must_bear_the_name_out(seen, listed):
    """With another person a decade behind it is 4.1."""
    assert listed(seen(0, {7: 0.35, 8: 0.55})) == []


@pytest.mark.parametrize(("short", "expected"), [(-0.02, [7]), (0.02, [])])
def test_how_much_one_face_must_bear_out(seen, listed, short, expected):
    """At 0.38: 1.1 decades near and 1.2 from the second network; the lead makes up the rest."""
    lead = SURE_EVIDENCE - 2.3 - short
    assert people(listed(seen(0, {7: 0.38, 8: 0.38 + 0.2 * lead}))) == expected


def test_more_people_enrolled_ask_for_more(seen, listed):
    faces = seen(0, {7: 0.5}), seen(1, {7: 0.5})
    assert (people(listed(*faces, people=3333)), people(listed(*faces, people=33_330))) == ([7], [])


def test_a_face_counts_whatever_its_verdict(seen, scorer, listed):
    """The first face alone is ambiguous between two people."""
    torn, clear = seen(0, {7: 0.3, 8: 0.32}), seen(1, {7: 0.5})
    assert judge_face(torn[1], scorer, 100, 0.6, lambda at: Person(str(at), str(at))).status == "ambiguous"
    assert listed(torn, clear)[0].images == [0, 1]


def test_only_the_best_candidate_of_a_face_counts(seen, listed):
    faces = seen(0, {7: 0.2, 8: 0.21}), seen(1, {7: 0.2, 8: 0.21}), seen(2, {7: 0.2})
    assert people(listed(*faces)) == [7]


def test_two_faces_of_one_image_are_one_image(seen, listed):
    assert listed(seen(0, {7: 0.5}), seen(0, {7: 0.5})) == []


def test_copies_of_one_picture_are_one_image(seen, listed):
    assert listed(seen(0, {7: 0.5}, own=1), seen(1, {7: 0.5}, own=1)) == []


def test_a_copy_does_not_hide_another_picture(seen, listed):
    (one,) = listed(seen(0, {7: 0.5}, own=1), seen(1, {7: 0.5}, own=1), seen(2, {7: 0.5}))
    assert one.images == [0, 1, 2]


def test_a_picture_of_two_look_alikes_and_its_copy_are_one_image(seen, listed):
    """Each twin of the first picture stands on the second again; both have the same best match."""
    assert listed(*[seen(image, {7: 0.5}, own=twin) for image in (0, 1) for twin in (1, 2)]) == []


def test_a_copy_that_lacks_one_of_the_faces_is_no_other_image(seen, listed):
    """What is left of the second picture is the second of the first picture's faces."""
    assert listed(seen(0, {7: 0.5}, own=1), seen(0, {7: 0.5}, own=2), seen(1, {7: 0.5}, own=2)) == []


def test_one_very_near_picture_lists_a_person_however_often_it_is_there(seen, listed):
    (one,) = listed(seen(0, {7: 0.3}, own=1), seen(1, {7: 0.3}, own=1))
    assert one.images == [0, 1]


@pytest.mark.parametrize(("distance", "expected"), [(0.09, []), (0.11, [7])])
def test_faces_nearer_than_copies_are_one_image(seen, candidate, listed, distance, expected):
    near = [candidate(7, 0.5)]
    first = TrackFace(0, embedding({0: 1.0})), near
    other = TrackFace(1, embedding({0: 1 - distance})), near
    assert people(listed(first, other)) == expected


def test_whom_a_person_confirmed_is_listed_however_far(seen, listed):
    (one,) = listed(seen(0, {7: 1.2}, confirmed=7))
    assert (one.index, one.confirmed, one.best_distance) == (7, True, 1.2)


def test_whom_a_person_confirmed_and_nobody_enrolled_is_listed(seen, listed):
    (one,) = listed(seen(0, {7: 0.2}, confirmed=-1))
    assert (one.index, one.best_distance) == (-1, 0.0)


def test_a_confirmed_face_counts_for_nobody_else(seen, listed):
    assert people(listed(seen(0, {7: 0.2}, confirmed=3))) == [3]


def test_a_face_beside_a_confirmed_one_counts_for_the_same_person(seen, listed):
    (one,) = listed(seen(0, {7: 1.2}, confirmed=7), seen(1, {7: 0.6}))
    assert one.images == [0, 1]


def test_nobody_is_confirmed_unless_a_person_said_so(seen, listed):
    assert not listed(seen(0, {7: 0.3}))[0].confirmed


def test_every_face_of_a_listed_person_is_theirs_alone(seen, listed):
    assert listed(seen(0, {7: 0.3}), seen(1, {7: 0.6}))[0].alone == 2


def test_the_average_is_over_the_faces(seen, listed):
    (one,) = listed(seen(0, {7: 0.2}), seen(0, {7: 0.5}), seen(1, {7: 0.5}))
    assert one.avg_distance == pytest.approx(0.4)


def test_the_best_is_the_nearest_face(seen, listed):
    (one,) = listed(seen(0, {7: 0.5}), seen(1, {7: 0.2}), seen(2, {7: 0.3}))
    assert one.best_distance == 0.2


def test_images_are_distinct_and_in_gallery_order(seen, listed):
    (one,) = listed(seen(4, {7: 0.3}), seen(1, {7: 0.3}), seen(4, {7: 0.3}), seen(2, {7: 0.3}))
    assert one.images == [1, 2, 4]


def test_a_persons_face_says_which_of_all_faces_it_is(seen, listed):
    (one,) = listed(seen(0, {8: 0.6}), seen(5, {7: 0.3}))
    assert [(each.face, each.image, each.distance) for each in one.faces] == [(1, 5, 0.3)]


def test_most_images_come_first_then_the_nearest(seen, listed):
    faces = [seen(0, {1: 0.1}), seen(0, {2: 0.3}), seen(1, {2: 0.3}), seen(0, {3: 0.05})]
    assert people(listed(*faces)) == [2, 3, 1]


def test_the_two_networks_need_not_agree_for_a_face_to_count(seen, listed):
    """The second one is far off, and its face bears nothing out alone; the other image's does."""
    far = seen(0, {})[0], [Candidate(7, 0.5, 1.4, 0.1, 7)]
    assert (listed(far), listed(far, seen(1, {7: 0.5}))[0].images) == ([], [0, 1])
