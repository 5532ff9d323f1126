"""Faces are grouped into tracks by similarity, with the steep calibration: 0.06 of cosine a decade."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stash_sense.matching.tracks import FaceSimilarity, group_faces

from .world import alike, cosine, faces_of, on, steep

JOINED, PARTED = -1.45, -1.55
"""Decades on either side of distance 0.9, up to which two tracks are joined."""
A_COPY, NO_COPY = 7.8, 7.7
"""And of distance 0.1, from which on two faces show one moment."""


def moments(*seen, scorer=None):
    """The tracks of faces described by `on`, each with its moments' faces as they are given."""
    faces = faces_of(*seen)
    return group_faces(faces, FaceSimilarity(faces, scorer or steep()))


def tracks(*seen):
    """The tracks as sets of faces."""
    return {frozenset(face for moment in track for face in moment) for track in moments(*seen)}


def sets(*faces):
    return {frozenset(each) for each in faces}


def test_no_faces_are_no_tracks():
    assert group_faces([], None) == []


def test_one_face_is_one_track():
    assert moments(on(0, alike(3))) == [[[0]]]


def test_faces_alike_are_one_track():
    assert tracks(on(0, alike(JOINED)), on(1, alike(JOINED))) == sets({0, 1})


def test_faces_less_alike_are_two():
    assert tracks(on(0, alike(PARTED)), on(1, alike(PARTED))) == sets({0}, {1})


def test_faces_of_two_people_are_two_tracks():
    one, other = alike(2, 10), alike(2, 11)
    assert tracks(on(0, one), on(0, other), on(1, other), on(1, one)) == sets({0, 3}, {1, 2})


def test_two_tracks_are_joined_by_the_mean_of_their_faces_not_by_the_nearest():
    """The last is alike enough to the second, and in the mean not to both."""
    middle = {10: 0.8, 11: 0.5}
    assert tracks(on(0, {10: 0.8}), on(1, middle), on(2, {11: 0.8})) == sets({0, 1}, {2})


def test_each_face_of_a_track_counts_as_much():
    """A fourth is 0.35, 0.3 and 0.25 like three that are alike: 0.30 in the mean, and 0.31 is asked for."""
    three = [on(at, {10: 0.62, 11 + at: 0.6}) for at in range(3)]
    own = {11: 0.58, 12: 0.5, 13: 0.42}
    assert tracks(*three, on(3, own)) == sets({0, 1, 2}, {3})
    assert tracks(*three, on(3, {10: 0.02, **own})) == sets({0, 1, 2, 3})


def test_copies_are_one_moment():
    assert moments(on(0, alike(3), own=40), on(1, alike(3), own=40)) == [[[0, 1]]]


@pytest.mark.parametrize(("decades", "expected"), [(A_COPY, 1), (NO_COPY, 2)])
def test_faces_nearer_than_copies_are_one_moment(decades, expected):
    (track,) = moments(on(0, alike(decades)), on(1, alike(decades)))
    assert len(track) == expected


def test_the_best_face_stands_for_its_moment():
    (track,) = moments(on(0, alike(3), own=40, quality=0.3), on(1, alike(3), own=40, quality=0.9))
    assert track == [[1, 0]]


def test_a_moment_is_measured_from_its_best_face():
    """Each is a copy of the best; the other two are no copies of one another."""
    best, left, right = {10: 1.0}, {10: 0.87, 11: 0.49}, {10: 0.87, 12: 0.49}
    (track,) = moments(on(0, left, quality=0.5), on(1, best, quality=0.9), on(2, right, quality=0.5))
    assert sorted(track[0]) == [0, 1, 2]


def test_two_faces_of_one_picture_are_two_people_however_alike():
    assert tracks(on(0, alike(NO_COPY)), on(0, alike(NO_COPY))) == sets({0}, {1})


def test_copies_on_one_picture_are_one_person():
    assert tracks(on(0, alike(3), own=40), on(0, alike(3), own=40)) == sets({0, 1})


def test_a_third_face_goes_to_the_nearer_of_two_on_one_picture():
    near, far, third = {10: 0.8}, {10: 0.7}, {10: 0.9}
    assert tracks(on(0, far), on(0, near), on(1, third)) == sets({0}, {1, 2})


def test_tracks_that_meet_on_a_picture_are_not_joined():
    """The last is like the first, and stands on a picture with one of those that the first is more like."""
    seen = on(0, {10: 0.75, 11: 0.5}), on(1, {10: 0.8}), on(2, {10: 0.8}), on(2, {10: 0.3, 11: 0.5})
    assert tracks(*seen) == sets({0, 1, 2}, {3})


def test_a_copy_of_a_face_brings_its_picture_along():
    """The copy on the second picture makes the other face there somebody else."""
    first, copy, other = on(0, alike(3), own=40), on(1, alike(3), own=40), on(1, alike(3))
    assert tracks(first, copy, other) == sets({0, 1}, {2})


def test_faces_alike_on_a_contact_sheet_are_one_person():
    assert tracks(*[on(0, alike(0.1))] * 3) == sets({0, 1, 2})


def test_two_faces_alike_are_no_contact_sheet():
    assert tracks(*[on(0, alike(0.1))] * 2) == sets({0}, {1})


def test_faces_further_apart_than_the_usual_distance_are_no_contact_sheet():
    assert len(tracks(*[on(0, alike(-0.1))] * 3)) == 3


@pytest.mark.parametrize(("quality", "expected"), [(0.5, 1), (0.49, 3)])
def test_poor_faces_are_no_contact_sheet(quality, expected):
    assert len(tracks(*[on(0, alike(0.1), quality=quality)] * 3)) == expected


def test_faces_of_a_contact_sheet_that_are_not_alike_are_two_people():
    """The second and third are like the first, and not like one another."""
    sheet = on(0, {10: 0.75, 11: 0.6}), on(0, {10: 0.75}), on(0, {11: 0.75})
    assert tracks(*sheet) == sets({0, 1}, {2})


def test_a_stranger_on_a_contact_sheet_stays_another_person():
    sheet = [on(0, alike(0.1))] * 3
    assert tracks(*sheet, on(0, {10: 0.5})) == sets({0, 1, 2}, {3})


def series(axis, image, inner=6.0, mutual=0.0):
    """Two pictures that are so like one another, and so much like those of another series."""
    own = np.sqrt(cosine(inner) - cosine(mutual))
    return [on(image + at, {10: np.sqrt(cosine(mutual)), axis: own}) for at in range(2)]


def test_two_series_of_look_alikes_stay_apart():
    """Six decades within, three between: a person of both would be as near across."""
    assert tracks(*series(11, 0, mutual=3), *series(12, 2, mutual=3)) == sets({0, 1}, {2, 3})


@pytest.mark.parametrize(("mutual", "expected"), [(3.1, 2), (3.3, 1)])
def test_how_much_less_alike_two_series_of_one_person_may_be(mutual, expected):
    assert len(tracks(*series(11, 0, mutual=mutual), *series(12, 2, mutual=mutual))) == expected


def test_the_looser_of_two_series_decides():
    tight, loose = series(11, 0, inner=6, mutual=2), series(12, 2, inner=3, mutual=2)
    assert tracks(*tight, *loose) == sets({0, 1, 2, 3})


def test_single_faces_are_joined_at_the_same_likeness():
    assert tracks(on(0, alike(2)), on(1, alike(2))) == sets({0, 1})


def test_a_single_face_is_held_against_the_series_too():
    assert tracks(*series(11, 0, mutual=2), on(2, {10: np.sqrt(cosine(2))})) == sets({0, 1}, {2})


def test_a_series_that_has_become_looser_takes_whom_it_refused():
    tight = [on(at, {10: 0.7, 11: 0.55}) for at in (0, 1)]
    loose = [on(at, {10: 0.714, 12: 0.3}) for at in (2, 3)]
    refused = on(4, {10: 0.8, 12: -0.4})
    assert tracks(*tight, refused) == sets({0, 1}, {2})
    assert tracks(*tight, *loose, refused) == sets({0, 1, 2, 3, 4})


WORLD = (
    *series(11, 0, mutual=3),
    *series(12, 2, mutual=3),
    on(0, {10: 0.5}),
    on(3, {11: 0.8}, quality=0.4),
    on(5, {11: 0.8}, own=50),
    on(6, {11: 0.8}, own=50, confirmed=2),
    on(7, {12: 0.8}, rejected=frozenset({2})),
    on(7, {12: 0.7}, apart=True),
    *[on(8, alike(0.1, 14))] * 3,
)


@given(st.permutations(range(len(WORLD))))
def test_the_order_of_the_faces_does_not_matter(order):
    faces = faces_of(*WORLD)
    shuffled = [faces[at] for at in order]
    forward = group_faces(faces, FaceSimilarity(faces, steep()))
    again = group_faces(shuffled, FaceSimilarity(shuffled, steep()))
    assert [[[order[face] for face in moment] for moment in track] for track in again] == forward
