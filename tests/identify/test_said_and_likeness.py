"""Facts that do not hold yet. Whoever mends one moves its test to those of its subject."""

import pytest

from stash_sense.identify.candidates import Candidate
from stash_sense.identify.evidence import SeenFace, plain

from .world import PLAIN, faces_of, named, names, on, scorer_of

SERIES = on(0, {10: 0.75}), on(1, {10: 0.75})
"""Two pictures of somebody who is not enrolled."""


@pytest.mark.parametrize("person", [0, -1])
def test_a_face_apart_and_confirmed_does_not_take_along_those_it_was_parted_from(person):
    """A person split it off, and said who it is; the others were never that person."""
    parted = on(2, {0: 0.6, 10: 0.7}, apart=True, confirmed=person)
    assert names(named(*SERIES, parted)) == {(0, 1): None, (2,): person}


def test_a_face_apart_and_named_does_not_take_along_those_it_was_parted_from():
    parted = on(2, {0: 0.6, 10: 0.7}, apart=True)
    assert names(named(*SERIES, parted)) == {(0, 1): None, (2,): 0}


def test_a_face_that_is_apart_is_no_fragment_of_a_person():
    fragment = {0: 0.38, 10: 0.2}
    assert names(named(on(0, fragment, apart=True), on(1, fragment))) == {(0,): None, (1,): None}


GRACE = on(3, {1: 0.8}), on(4, {1: 0.8})


def test_a_face_does_not_leave_its_track_for_a_person_whom_the_track_rejects():
    """One rejected on a face is no candidate for the whole track."""
    series = on(0, {0: 0.7, 10: 0.5}), on(1, {0: 0.7, 10: 0.5}, rejected=frozenset({1}))
    assert names(named(*series, on(2, {0: 0.5, 1: 0.6, 10: 0.5}), *GRACE)) == {(0, 1, 2): 0, (3, 4): 1}


def test_a_face_does_not_lose_its_name_for_being_near_a_person_whom_it_rejects():
    """It leaves its track for the second person, may not be them, and nobody takes it along."""
    face = on(2, {0: 0.31, 1: 0.37, 10: 0.37}, rejected=frozenset({1}))
    assert names(named(on(0, {0: 0.7, 10: 0.3}), face, *GRACE)) == {(0, 1): 0, (2, 3): 1}


def test_a_picture_of_two_look_alikes_and_its_copy_are_one_image():
    """Each twin of the first picture stands on the second again; both have the same best match."""
    twins = faces_of(*[on(image, {}, own=40 + twin) for image in (0, 1) for twin in (0, 1)])
    seen = [SeenFace(face, [Candidate(7, 0.5, 0.5, 0.5, 7)]) for face in twins]
    assert plain(seen, scorer_of(PLAIN, 0.2), 100, 0.6) == []


def test_the_person_of_what_is_taken_along_is_the_first_of_its_candidates():
    """Among so few as were asked for they do not stand."""
    tight = on(0, {3: 0.6, 11: 0.6}), on(1, {3: 0.6, 11: 0.6})
    *_, track = named(*tight, on(2, {0: 0.1, 1: 0.1, 11: 0.7}), top_k=2)
    assert [track.person, track.candidates[0].person] == [3, 3]
