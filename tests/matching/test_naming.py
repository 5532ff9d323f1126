"""Each track of a gallery is named, offered as a question or unknown; by the steep calibration."""

import numpy as np
import pytest

from stash_sense.matching.track_judge import TrackJudge
from stash_sense.matching.tracks import FaceSimilarity, group_faces
from stash_sense.matching.verdict import CROWD, NAME_ALONE, OFFER_ALONE, evidence_for

from .world import FakeGallery, cosine, enrolled, faces_of, named, names, on, steep

ADA = {0: 0.8}
LOOK_ALIKE = {0: 0.45, 10: 0.8}
"""0.8 decades like the first person, and 7.4 like the other pictures of the series."""


def outcomes(tracks):
    return [(track.status, track.person, track.why) for track in tracks]


def test_no_faces_are_no_tracks():
    assert named() == []


def test_nobody_enrolled_leaves_faces_unknown():
    assert outcomes(named(on(0, ADA), on(1, ADA), database=FakeGallery([]))) == [("unknown", None, "")]


def test_faces_of_a_person_are_named():
    assert outcomes(named(on(0, ADA), on(1, ADA))) == [("match", 0, "")]


def test_a_face_alone_is_named():
    assert outcomes(named(on(0, ADA))) == [("match", 0, "")]


def test_the_only_person_enrolled_is_named():
    assert outcomes(named(on(0, ADA), database=enrolled(1))) == [("match", 0, "")]


def test_two_people_of_a_gallery_are_named():
    seen = on(0, ADA), on(0, {1: 0.8}), on(1, {1: 0.8}), on(1, ADA)
    assert names(named(*seen)) == {(0, 3): 0, (1, 2): 1}


def test_the_track_with_the_earliest_face_comes_first():
    tracks = named(on(0, {1: 0.6}), on(1, {2: 0.9}), on(2, {1: 0.6}), on(3, {0: 0.9}))
    assert [track.faces for track in tracks] == [(0, 2), (1,), (3,)]


@pytest.mark.parametrize("pictures", [1, 2])
def test_two_people_as_near_are_a_question_with_both(pictures):
    (track,) = named(*[on(at, {0: 0.69, 1: 0.67}) for at in range(pictures)])
    assert outcomes([track]) == [("ambiguous", None, "rival")]
    assert [each.person for each in track.candidates[:2]] == [0, 1]


def test_a_rival_that_is_rejected_is_none():
    (track,) = named(on(0, {0: 0.69, 1: 0.67}, rejected=frozenset({1})))
    assert track.person == 0


def test_a_series_more_like_itself_than_like_the_person_is_a_look_alike():
    assert outcomes(named(on(0, LOOK_ALIKE), on(1, LOOK_ALIKE))) == [("ambiguous", None, "look-alike")]


def test_one_picture_of_the_same_is_named():
    """What a face alone is like cannot tell a look-alike."""
    assert outcomes(named(on(0, LOOK_ALIKE))) == [("match", 0, "")]


def test_a_series_as_like_the_person_as_itself_is_named():
    assert outcomes(named(on(0, {0: 0.65, 10: 0.4}), on(1, {0: 0.65, 10: 0.4}))) == [("match", 0, "")]


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (OFFER_ALONE - 0.02, ("unknown", None, "weak")),
        (OFFER_ALONE + 0.02, ("ambiguous", None, "weak")),
        (NAME_ALONE - 0.02, ("ambiguous", None, "weak")),
        (NAME_ALONE + 0.02, ("match", 0, "")),
    ],
)
def test_the_evidence_that_a_face_alone_needs(evidence, expected):
    """0.2 decades near and 0.525 from the second network: the rest is the lead."""
    lead = evidence - 0.725
    assert outcomes(named(on(0, {0: cosine(0.2), 1: cosine(0.2 - lead)}))) == [expected]


@pytest.mark.parametrize(
    ("cohesion", "expected"),
    [(-1.4, ("match", 0, "")), (1.0, ("ambiguous", None, "weak")), (4.0, ("unknown", None, "weak"))],
)
def test_a_track_needs_the_more_the_more_its_faces_are_like_one_another(cohesion, expected):
    """All of them are half a decade beyond 0.6 from the person, and another is a decade behind."""
    face = {0: 0.37, 1: 0.306}
    face[10] = np.sqrt(cosine(cohesion) - 0.37**2 - 0.306**2)
    assert outcomes(named(on(0, face), on(1, face))) == [expected]


@pytest.mark.parametrize(("to_ada", "series", "counted"), [(0.5, 0.6083, -2.0), (0.7, 0.2, 0.94)])
def test_being_nearer_to_the_references_counts_up_to_a_bound(to_ada, series, counted):
    """The gaps are -2 decades and 2.8: further away counts in full."""
    faces = faces_of(*[on(at, {0: to_ada, 10: series}) for at in range(2)])
    similarity = FaceSimilarity(faces, steep())
    (track,) = TrackJudge(faces, similarity, enrolled(), steep(), 0.6, 5).assess(
        group_faces(faces, similarity)
    )
    alone = evidence_for(track.template.candidates, steep())
    assert track.evidence - alone == pytest.approx(0.65 * counted, abs=1e-3)


def test_faces_beyond_the_asked_distance_are_far():
    assert outcomes(named(on(0, {0: 0.3, 10: 0.8}), on(1, {0: 0.3, 10: 0.8}))) == [("unknown", None, "far")]


def test_the_mean_of_far_faces_can_be_near():
    """Each alone is at 0.67; what they have in common is the person."""
    (track,) = named(on(0, {0: 0.38, 10: 0.42}), on(1, {0: 0.38, 10: 0.42}))
    assert (track.person, track.alone) == (0, 0)


def test_a_second_track_of_a_person_on_the_same_photo_is_taken():
    assert outcomes(named(on(0, {0: 0.9}), on(0, {0: 0.7}))) == [
        ("match", 0, ""),
        ("ambiguous", None, "taken"),
    ]


def test_a_copy_takes_its_picture_too():
    seen = on(0, {0: 0.9}, own=40), on(1, {0: 0.9}, own=40, quality=0.3), on(1, {0: 0.7})
    assert names(named(*seen)) == {(0, 1): 0, (2,): None}


def test_the_track_with_more_evidence_takes_the_person():
    assert names(named(on(0, {0: 0.7}), on(0, {0: 0.9}))) == {(0,): None, (1,): 0}


def test_two_tracks_of_a_person_on_different_photos_are_both_named():
    """Too unlike one another to be one track, each like the person."""
    seen = on(0, {0: 0.55, 10: 0.8}), on(1, {0: 0.55, 10: -0.8})
    assert names(named(*seen)) == {(0,): 0, (1,): 0}


def test_a_face_is_not_given_to_a_further_person_because_the_nearer_is_on_that_picture():
    """The second face of the first picture is nearest to the first person, and near enough to the second."""
    seen = on(0, {0: 0.9}), on(0, {0: 0.65, 1: 0.5}), on(1, {1: 0.9}), on(2, {1: 0.9})
    assert names(named(*seen)) == {(0,): 0, (1,): None, (2, 3): 1}


@pytest.mark.parametrize(("people", "expected"), [(CROWD, 0), (10 * CROWD, None)])
def test_more_people_enrolled_raise_the_bars(people, expected):
    (track,) = named(on(0, {0: cosine(0.9)}), database=enrolled(count=people))
    assert track.person == expected


@pytest.mark.parametrize(("max_distance", "expected"), [(0.65, 0), (0.6, None), (0.0, None), (2.0, 0)])
def test_the_asked_distance_moves_the_bars(max_distance, expected):
    (track,) = named(on(0, {0: cosine(-0.1)}), max_distance=max_distance)
    assert track.person == expected


@pytest.mark.parametrize(("top_k", "expected"), [(1, [0, 1]), (3, [0, 1, 2]), (20, [0, 1, 2, 3])])
def test_so_many_candidates_as_asked_for_but_at_least_two(top_k, expected):
    (track,) = named(on(0, {0: 0.8, 1: 0.3, 2: 0.2, 3: 0.1}), top_k=top_k)
    assert [each.person for each in track.candidates] == expected


def test_how_many_are_asked_for_does_not_change_the_verdict():
    seen = [on(at, {0: 0.69, 1: 0.67}) for at in range(2)]
    assert outcomes(named(*seen, top_k=1)) == outcomes(named(*seen, top_k=20))


ONE_BEYOND = on(0, {0: 0.75, 10: 0.3}), on(1, {0: 0.75, 10: 0.4}), on(2, {0: cosine(-0.15), 10: 0.7})
"""The third alone is at 0.63, and beyond the asked distance."""


def distance(decades):
    return steep().distance_at(decades)


def test_a_face_within_the_asked_distance_has_its_own():
    (track,) = named(on(0, {0: cosine(4)}), on(1, {0: cosine(5)}))
    assert track.distances == pytest.approx((distance(4), distance(5)), abs=1e-5)


def test_a_face_beyond_the_asked_distance_counts_as_its_track_does():
    (track,) = named(*ONE_BEYOND)
    assert track.distances[2] == pytest.approx(track.candidates[0].combined, abs=1e-6)


def test_how_many_of_the_faces_bear_the_name_out_alone():
    (track,) = named(*ONE_BEYOND)
    assert (track.alone, len(track.faces)) == (2, 3)


def test_of_a_persons_references_each_face_is_as_near_as_to_the_nearest():
    database = enrolled(person_0=[{0: 1.0}, {8: 1.0}])
    tracks = named(on(0, {0: 0.7}), on(1, {8: 0.7}), database=database)
    assert [track.distances for track in tracks] == [pytest.approx((distance(5),), abs=1e-5)] * 2


def test_a_track_without_a_name_has_no_distances():
    assert [track.distances for track in named(on(0, {0: 0.3}))] == [()]
