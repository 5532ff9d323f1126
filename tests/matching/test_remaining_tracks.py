"""What is left of a gallery is taken along by a named person whom it is like; by the steep calibration."""

import numpy as np
import pytest

from stash_sense.matching.verdict import CROWD

from .world import cosine, enrolled, named, names, on, steep

ADA = on(0, {0: 0.8}), on(1, {0: 0.8})
FAR = {0: cosine(-0.5)}
"""At 0.7 from the first person: beyond the asked distance, within the gallery's slack of 0.15."""
SLACK_ENDS = -0.75
"""Decades at 0.75."""


def person_of(face, *seen, **options):
    """Whom the track of one face was named."""
    return next(person for faces, person in names(named(*seen, **options)).items() if face in faces)


def test_a_face_beyond_the_asked_distance_is_taken_along():
    assert names(named(*ADA, on(2, FAR))) == {(0, 1): 0, (2,): 0}


def test_who_is_not_named_takes_nobody_along():
    assert names(named(on(2, FAR))) == {(0,): None}


def test_a_stranger_is_not_taken_along():
    assert person_of(2, *ADA, on(2, {})) is None


@pytest.mark.parametrize(("more", "expected"), [(0.05, 0), (-0.05, None)])
def test_the_slack_is_how_far_by_the_references(more, expected):
    assert person_of(2, *ADA, on(2, {0: cosine(SLACK_ENDS + more)})) == expected


def test_a_pack_without_slack_takes_nobody_along():
    assert person_of(2, *ADA, on(2, FAR), scorer=steep(slack=0.0)) is None


def test_the_mean_of_the_references_counts_too():
    """Each of the person's pictures is too far from the face, and so are the faces here."""
    database = enrolled(person_0=[{0: 0.7, 8: 0.7}, {0: 0.7, 8: -0.7}])
    assert person_of(2, *ADA, on(2, {0: 0.37}), database=database) == 0


def test_a_smaller_asked_distance_takes_fewer_along():
    assert person_of(2, *ADA, on(2, FAR), max_distance=0.5) is None


def test_more_people_enrolled_take_fewer_along():
    assert person_of(2, *ADA, on(2, FAR), database=enrolled(count=10 * CROWD)) is None


def test_a_face_taken_along_is_as_near_as_its_track():
    *_, track = named(*ADA, on(2, {0: cosine(-0.5)}))
    assert track.distances == pytest.approx((steep().distance_at(-0.5),), abs=1e-5)


def test_a_face_taken_along_does_not_bear_the_name_out_alone():
    assert [track.alone for track in named(*ADA, on(2, FAR))] == [2, 0]


TIGHT = on(0, {0: 0.6, 11: 0.6}), on(1, {0: 0.6, 11: 0.6})
"""5.3 decades like one another, and so put together with none that is less than 2.5 like them."""


@pytest.mark.parametrize(("more", "expected"), [(0.05, 0), (-0.05, None)])
def test_the_slack_is_how_far_by_the_named_faces_too(more, expected):
    """Far from the references: what it shares with the named faces is the series."""
    assert person_of(2, *TIGHT, on(2, {11: cosine(SLACK_ENDS + more) / 0.6})) == expected


def test_a_face_taken_along_by_the_named_faces_has_their_distance():
    *_, track = named(*TIGHT, on(2, {11: cosine(0.5) / 0.6}))
    assert track.distances == pytest.approx((steep().distance_at(0.5),), abs=1e-5)


UNEVEN = on(0, {0: 0.8, 11: 0.5}), on(1, {0: 0.8, 12: 0.5})


def bridged(most, mean):
    """Cosines to the first and in the mean to both of the uneven faces, in decades."""
    first, second = cosine(most), 2 * cosine(mean) - cosine(most)
    return {11: first / 0.5, 12: second / 0.5}


@pytest.mark.parametrize(
    ("most", "mean", "expected"),
    [(1.05, -1.4, 0), (0.95, -1.4, None), (1.05, -1.6, None)],
    ids=["bridged", "no pair near enough", "too unlike in the mean"],
)
def test_one_pair_of_faces_alike_bridges_tracks_that_are_less_alike_in_the_mean(most, mean, expected):
    assert person_of(2, *UNEVEN, on(2, bridged(most, mean))) == expected


def test_a_face_that_is_bridged_is_as_near_as_the_pair():
    *_, track = named(*UNEVEN, on(2, bridged(1.2, -1.4)))
    assert track.distances == pytest.approx((steep().distance_at(1.2),), abs=1e-5)


def series(cohesion):
    """Two faces so like one another, half a decade beyond 0.6 from a person, a decade before the next."""
    near, second = cosine(-0.5), cosine(-1.5)
    own = np.sqrt(cosine(cohesion) - near**2 - second**2)
    return [on(image, {0: near, 3: second, 13: own}) for image in (2, 3)]


@pytest.mark.parametrize(("more", "expected"), [(-0.05, 0), (0.05, None)])
def test_a_series_much_more_like_itself_is_not_taken_along(more, expected):
    assert person_of(2, *ADA, *series(2.25 - 0.5 + more)) == expected


def test_such_a_series_is_taken_along_where_one_pair_bridges():
    """Its first face is like one of the named, which its faces are not in the mean."""
    tight = on(2, {0: 0.25, 11: 0.56, 13: 0.7}), on(3, {0: 0.25, 11: 0.4, 13: 0.7})
    assert person_of(2, *UNEVEN, *tight) == 0


def test_nobody_is_taken_along_on_a_picture_of_the_person():
    assert person_of(2, *ADA, on(1, FAR)) is None


def test_of_two_on_one_picture_the_nearer_is_taken_along():
    tracks = named(*ADA, on(2, {0: cosine(-0.6)}), on(2, {0: cosine(-0.4)}))
    assert names(tracks) == {(0, 1): 0, (2,): None, (3,): 0}


@pytest.mark.parametrize(("more", "expected"), [(-0.05, 0), (0.05, None)])
def test_nobody_else_may_be_nearer_to_what_is_taken_along(more, expected):
    assert person_of(2, *ADA, on(2, {0: cosine(-0.5), 3: cosine(-0.3 + more)})) == expected


def test_of_two_named_people_the_nearer_takes_a_face_along():
    grace = on(2, {1: 0.8}), on(3, {1: 0.8})
    assert person_of(4, *ADA, *grace, on(4, {0: cosine(-0.6), 1: cosine(-0.5)})) == 1


def test_a_face_that_rejects_the_person_is_not_taken_along():
    assert person_of(2, *ADA, on(2, FAR, rejected=frozenset({0}))) is None


def test_a_face_that_is_apart_is_not_taken_along():
    assert person_of(2, *ADA, on(2, FAR, apart=True)) is None


def test_a_question_is_settled_by_a_person_who_takes_it_along():
    """Alone it is between two people, one of whom is in the gallery."""
    torn = on(2, {0: 0.5, 3: 0.49})
    assert (person_of(0, torn), person_of(2, *ADA, torn)) == (None, 0)


def test_who_takes_a_face_along_comes_first_of_its_candidates():
    """Even where they do not stand among so few as were asked for."""
    tight = on(0, {3: 0.6, 11: 0.6}), on(1, {3: 0.6, 11: 0.6})
    *_, track = named(*tight, on(2, {0: 0.1, 1: 0.1, 11: 0.7}), top_k=2)
    assert (track.person, track.candidates[0].person) == (3, 3)
