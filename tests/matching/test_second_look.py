"""Faces nearer to another person of the gallery leave their track; fragments are judged together."""

import pytest

from stash_sense.matching.naming import SECOND_LOOK

from .world import cosine, enrolled, named, names, on, steep

SERIES = on(0, {0: 0.7, 10: 0.5}), on(1, {0: 0.7, 10: 0.5})
STRAY = {0: 0.5, 1: 0.6, 10: 0.5}
"""Put together with the series, and 1.7 decades nearer to the second person."""
GRACE = on(3, {1: 0.8}), on(4, {1: 0.8})


def stray(lead, to_ada=1.0):
    """Put together with the series, and nearer to the second person by so many decades."""
    return on(2, {0: cosine(to_ada), 1: cosine(to_ada + lead), 10: 0.55})


def test_a_face_nearer_to_another_named_person_goes_to_that_one():
    assert names(named(*SERIES, on(2, STRAY), *GRACE)) == {(0, 1): 0, (2,): 1, (3, 4): 1}


def test_it_stays_where_the_other_is_not_named_here():
    assert names(named(*SERIES, on(2, STRAY))) == {(0, 1, 2): 0}


@pytest.mark.parametrize(("more", "expected"), [(-0.05, 0), (0.05, 1)])
def test_how_much_nearer_it_must_be(more, expected):
    tracks = names(named(*SERIES, stray(SECOND_LOOK + more), *GRACE))
    assert next(person for faces, person in tracks.items() if 2 in faces) == expected


def test_a_face_far_from_everybody_stays():
    """1.2 decades nearer to the second person, and beyond the gallery's slack from them too."""
    far = on(2, {0: cosine(-2.5), 1: cosine(-1.3), 10: 0.82})
    assert names(named(*SERIES, far, *GRACE)) == {(0, 1, 2): 0, (3, 4): 1}


def test_a_track_all_of_whose_faces_are_nearer_to_another_stays_whole():
    """The mean of the first person's pictures names it; each is less like them than the second person is."""
    database = enrolled(person_0=[{0: 0.7, 8: 0.7}, {0: 0.7, 8: -0.7}])
    faces = [on(at, {0: 0.7, 1: 0.56}) for at in range(2)]
    assert names(named(*faces, *GRACE, database=database)) == {(0, 1): 0, (2, 3): 1}


def test_a_confirmed_track_keeps_its_faces():
    ada = on(0, {0: 0.7, 10: 0.5}, confirmed=0), SERIES[1]
    assert names(named(*ada, on(2, STRAY), *GRACE)) == {(0, 1, 2): 0, (3, 4): 1}


def test_a_face_whose_person_is_on_its_picture_comes_back():
    """It leaves, finds the second person taken there, and is taken along by the first."""
    assert names(named(*SERIES, on(2, STRAY), on(2, {1: 0.8}), GRACE[1])) == {(0, 1): 0, (2,): 0, (3, 4): 1}


def test_the_faces_that_stay_keep_their_name():
    """By themselves they would be a look-alike."""
    stay = [on(at, {0: cosine(-0.3), 10: 0.75}) for at in range(2)]
    assert names(named(*stay)) == {(0, 1): None}
    leaves = on(2, {0: 0.55, 1: 0.62, 10: 0.5})
    assert names(named(*stay, leaves, *GRACE)) == {(0, 1): 0, (2,): 1, (3, 4): 1}


FRAGMENT = {0: 0.38, 10: 0.2}
"""At 0.67 from the person, and 3.6 decades short of its likes: no two are put together."""


def fragments(*cosines):
    return [on(image, each) for image, each in enumerate(cosines)]


def test_tracks_of_one_person_that_none_bears_out_alone_are_judged_together():
    assert names(named(*fragments(FRAGMENT, FRAGMENT))) == {(0,): 0, (1,): 0}


def test_one_fragment_is_not_named():
    assert names(named(*fragments(FRAGMENT))) == {(0,): None}


def test_their_faces_are_as_near_as_all_of_them_together():
    one, other = named(*fragments(FRAGMENT, FRAGMENT))
    together = 0.38 / ((1 + 0.38**2 + 0.2**2) / 2) ** 0.5
    expected = steep().distance_at((together - 0.4) / 0.06)
    assert [*one.distances, *other.distances] == pytest.approx([expected] * 2, abs=1e-5)


def test_none_of_their_faces_bears_the_name_out_alone():
    assert [track.alone for track in named(*fragments(FRAGMENT, FRAGMENT))] == [0, 0]


@pytest.mark.parametrize(("decades", "expected"), [(-0.75, 0), (-0.85, None)])
def test_how_near_each_fragment_must_be(decades, expected):
    each = {0: cosine(decades), 10: 0.22}
    assert set(names(named(*fragments(each, each))).values()) == {expected}


@pytest.mark.parametrize(("decades", "expected"), [(-3.9, 0), (-4.1, None)])
def test_how_like_one_another_fragments_must_be(decades, expected):
    left, right = ({0: 0.37, 10: 0.4, 11: sign * 0.2} for sign in (1, -1))
    shared = cosine(decades) - 0.37**2 + 0.04
    left[10] = right[10] = abs(shared) ** 0.5
    assert set(names(named(*fragments(left, right))).values()) == {expected}


def test_fragments_of_one_picture_are_two_people():
    assert names(named(on(0, FRAGMENT), on(0, FRAGMENT))) == {(0,): None, (1,): None}


def test_a_fragment_on_the_picture_of_another_does_not_keep_a_third_out():
    seen = on(0, {0: 0.39, 10: 0.2}), on(0, FRAGMENT), on(1, FRAGMENT)
    assert names(named(*seen)) == {(0,): 0, (1,): None, (2,): 0}


def test_fragments_with_a_rival_are_not_named():
    torn = {0: 0.38, 1: 0.37}
    assert set(names(named(*fragments(torn, torn))).values()) == {None}


def test_a_question_between_two_people_is_no_fragment():
    """With the fragment it would be the first person's."""
    assert names(named(*fragments({0: 0.5, 1: 0.49}, FRAGMENT))) == {(0,): None, (1,): None}


def test_fragments_that_are_nearer_to_another_together_are_not_named():
    """Each is nearest to another picture of the first person; what they share is the second."""
    database = enrolled(person_0=[{0: 1.0}, {8: 1.0}])
    seen = fragments({0: 0.46, 1: 0.42}, {8: 0.46, 1: 0.42})
    assert set(names(named(*seen, database=database)).values()) == {None}


def test_fragments_on_the_pictures_of_a_named_person_are_not_theirs():
    ada = on(0, {0: 0.8}), on(1, {0: 0.8})
    assert names(named(*ada, *fragments(FRAGMENT, FRAGMENT))) == {(0, 1): 0, (2,): None, (3,): None}


def test_fragments_nearest_to_two_people_are_not_judged_together():
    assert names(named(*fragments({0: 0.38}, {1: 0.38}))) == {(0,): None, (1,): None}


@pytest.mark.parametrize(("series", "expected"), [(0.3, 0), (0.47, None)])
def test_fragments_more_like_one_another_need_more_evidence(series, expected):
    """At the asked distance 0.9 each is 2.3 decades beyond 0.6."""
    each = {0: 0.264, 1: 0.1, 10: series}
    assert set(names(named(*fragments(each, each), max_distance=0.9)).values()) == {expected}


def test_whom_a_fragment_rejects_none_of_them_is_together():
    seen = on(0, FRAGMENT), on(1, FRAGMENT, rejected=frozenset({0}))
    assert names(named(*seen)) == {(0,): None, (1,): None}


def test_fragments_of_two_people_are_named_beside_each_other():
    seen = fragments(FRAGMENT, FRAGMENT, {1: 0.38, 11: 0.2}, {1: 0.38, 11: 0.2})
    assert names(named(*seen)) == {(0,): 0, (1,): 0, (2,): 1, (3,): 1}
