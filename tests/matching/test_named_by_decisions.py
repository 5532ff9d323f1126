"""A decision on a face decides for its track, and for no other."""

import pytest

from .world import cosine, enrolled, named, names, on, steep

ADA = {0: 0.8}
GRACE = {1: 0.8}


def test_a_confirmed_face_names_its_track():
    (track,) = named(on(0, ADA), on(1, ADA, confirmed=2))
    assert (track.faces, track.status, track.person, track.why) == ((0, 1), "match", 2, "confirmed")


def test_a_confirmed_copy_names_its_track():
    seen = on(0, ADA, own=40), on(1, ADA, own=40, quality=0.2, confirmed=2)
    assert names(named(*seen)) == {(0, 1): 2}


def test_however_few_are_enrolled_a_confirmed_face_is_named():
    assert names(named(on(0, {10: 0.9}, confirmed=0), database=enrolled(count=10**9))) == {(0,): 0}


def test_a_confirmed_face_names_no_other_track():
    seen = on(0, ADA, confirmed=2), on(1, GRACE), on(2, {10: 0.8})
    assert names(named(*seen)) == {(0,): 2, (1,): 1, (2,): None}


def test_a_confirmed_person_takes_along_who_is_like_them():
    """Nobody would be named by the references."""
    assert names(named(on(0, {0: 0.7}, confirmed=0), on(1, {0: cosine(-0.5)}))) == {(0,): 0, (1,): 0}


def test_a_confirmed_look_alike_of_another_is_whom_a_person_said():
    assert named(on(0, ADA, confirmed=1))[0].person == 1


def test_the_confirmed_person_comes_first_of_the_candidates():
    (track,) = named(on(0, {0: 0.8, 1: 0.3, 2: 0.1}, confirmed=1))
    assert [each.person for each in track.candidates] == [1, 0, 2, 3]


def test_a_confirmed_face_has_its_own_distance_however_far():
    (track,) = named(on(0, {0: cosine(-1.4)}, confirmed=0))
    assert (track.distances, track.alone) == (pytest.approx((steep().distance_at(-1.4),), abs=1e-5), 0)


def test_a_face_that_was_not_confirmed_is_no_second_of_the_person_on_the_picture():
    """The other face of the picture is nearer; a decision says which one it is."""
    tracks = named(on(0, {0: 0.6}, confirmed=0), on(0, {0: 0.9, 11: 0.3}))
    assert [(track.person, track.why) for track in tracks] == [(0, "confirmed"), (None, "taken")]


def test_two_faces_of_a_picture_may_be_confirmed_as_one_person():
    assert names(named(on(0, ADA, confirmed=0), on(0, GRACE, confirmed=0))) == {(0,): 0, (1,): 0}


def test_faces_confirmed_as_two_people_are_two_tracks():
    assert names(named(on(0, ADA, confirmed=0), on(1, ADA, confirmed=1))) == {(0,): 0, (1,): 1}


def test_a_person_who_is_not_enrolled_is_named_by_their_index():
    (track,) = named(on(0, {10: 0.8}, confirmed=-1), on(1, {10: 0.8}))
    assert (track.faces, track.status, track.person) == ((0, 1), "match", -1)


def test_the_faces_of_a_person_who_is_not_enrolled_have_no_distance():
    (track,) = named(on(0, {10: 0.8}, confirmed=-1), on(1, {10: 0.8}))
    assert (track.distances, track.alone) == ((0.0, 0.0), 0)


def test_with_nobody_enrolled_a_confirmed_face_is_named():
    assert names(named(on(0, {10: 0.8}, confirmed=-1), database=enrolled(0))) == {(0,): -1}


def test_a_person_who_is_not_enrolled_takes_along_who_is_like_their_faces():
    """Refused by the series for its being so tight."""
    tight = on(0, {10: 0.85}, confirmed=-1), on(1, {10: 0.85})
    like, unlike = on(2, {10: cosine(0) / 0.85}), on(3, {10: cosine(-1) / 0.85, 11: 0.5})
    assert names(named(*tight, like, unlike)) == {(0, 1): -1, (2,): -1, (3,): None}


def test_a_face_like_a_person_who_is_not_enrolled_stays_with_whom_it_is_nearer():
    tight = on(0, {10: 0.85}, confirmed=-1), on(1, {10: 0.85})
    assert names(named(*tight, on(2, {10: 0.47, 0: 0.6}))) == {(0, 1): -1, (2,): 0}


def test_whom_a_face_rejects_its_track_is_not():
    assert names(named(on(0, ADA), on(1, ADA, rejected=frozenset({0})))) == {(0, 1): None}


def test_the_next_may_be_named():
    seen = on(0, {0: 0.7, 1: 0.5}), on(1, {0: 0.7, 1: 0.5}, rejected=frozenset({0}))
    assert names(named(*seen)) == {(0, 1): 1}


def test_whom_a_face_rejects_is_no_candidate():
    (track,) = named(on(0, ADA, rejected=frozenset({0, 2})))
    assert [each.person for each in track.candidates] == [1, 3]


def test_with_everybody_rejected_a_face_is_unknown():
    (track,) = named(on(0, ADA, rejected=frozenset(range(4))))
    assert (track.status, track.candidates) == ("unknown", ())


def test_whom_a_face_rejects_another_track_may_be():
    """Too unlike to be put together, each of them like the first person."""
    seen = on(0, {0: 0.55, 10: 0.8}, rejected=frozenset({0})), on(1, {0: 0.55, 10: -0.8})
    assert names(named(*seen)) == {(0,): None, (1,): 0}


def test_who_is_not_enrolled_may_be_rejected():
    tight = on(0, {10: 0.85}, confirmed=-1), on(1, {10: 0.85})
    assert names(named(*tight, on(2, {10: 0.5}, rejected=frozenset({-1})))) == {(0, 1): -1, (2,): None}


def test_a_face_that_is_apart_is_not_named_by_the_others():
    seen = on(0, ADA), on(1, ADA), on(2, {0: 0.3, 10: 0.9}, apart=True)
    assert names(named(*seen)) == {(0, 1): 0, (2,): None}


def test_a_face_that_is_apart_may_be_named_by_itself():
    seen = on(0, {10: 0.8}), on(1, {10: 0.8}), on(2, {1: 0.7, 10: 0.5}, apart=True)
    assert names(named(*seen))[(2,)] == 1


def test_a_face_that_is_apart_may_be_confirmed():
    seen = on(0, ADA), on(1, ADA), on(2, {0: 0.7, 10: 0.5}, apart=True, confirmed=3)
    assert names(named(*seen)) == {(0, 1): 0, (2,): 3}
