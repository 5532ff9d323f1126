"""What a person said of a face outweighs how like it is to others and to other people."""

import pytest

from .world import named, names, on

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
