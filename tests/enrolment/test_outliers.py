"""References that are not of whom they were given for."""

import numpy as np
import pytest

from stash_sense.enrolment.quarantine import (
    SAME_PERSON_DISTANCE,
    UNLIKE_DISTANCE,
    Doubt,
    belongs_elsewhere,
    find_doubtful,
    trusted_references,
)
from stash_sense.matching.calibration import ANCHORS


def within(*pairs, count):
    """Distances among `count` references: 1.3, but for the pairs given as (i, j, distance)."""
    distances = np.full((count, count), 1.3)
    np.fill_diagonal(distances, 0)
    for i, j, distance in pairs:
        distances[i, j] = distances[j, i] = distance
    return distances


def test_the_thresholds_are_the_calibrations_own():
    assert (3e-5, SAME_PERSON_DISTANCE) in ANCHORS
    assert (1e-2, UNLIKE_DISTANCE) in ANCHORS


def test_one_reference_alone_is_not_doubtful():
    assert find_doubtful(within(count=1)) == []


def test_references_that_agree_are_not_doubtful():
    assert find_doubtful(within((0, 1, 0.5), (1, 2, 0.6), count=3)) == []


def test_one_that_is_far_from_two_that_agree_is_far():
    assert find_doubtful(within((0, 1, 0.3), count=3)) == [Doubt(2, 1.3, far=True)]


def test_the_portrait_too_can_be_the_wrong_one():
    assert find_doubtful(within((1, 2, 0.3), count=3)) == [Doubt(0, 1.3, far=True)]


def test_where_none_agree_none_is_far():
    assert {doubt.far for doubt in find_doubtful(within(count=3))} == {False}


def test_copies_of_one_picture_are_one_witness():
    assert find_doubtful(within((0, 1, 0.0), count=3)) == [Doubt(2, 1.3, far=False)]
    copies_and_another = within((0, 1, 0.02), (0, 2, 0.3), (1, 2, 0.3), count=4)
    assert find_doubtful(copies_and_another) == [Doubt(3, 1.3, far=True)]


def test_one_in_between_is_doubtful_but_not_far():
    assert find_doubtful(within((0, 1, 0.3), (1, 2, 1.0), count=3)) == [Doubt(2, 1.0, far=False)]


def test_doubtful_ones_bear_no_witness_but_the_portrait_does():
    assert trusted_references(within((1, 2, 0.3), count=4)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("other", "own", "elsewhere"), [(0.3, 0.7, True), (0.7, 0.9, False), (0.6, 0.61, True), (2.0, 1.3, False)]
)
def test_only_one_that_is_near_somebody_else_belongs_there(other, own, elsewhere):
    assert belongs_elsewhere(Doubt(0, own, far=False), other) is elsewhere
