"""Between which frames of a scene to look next."""

import pytest

from stash_sense.matching.scene_people import SceneEvidence
from stash_sense.recognition.scene_gaps import (
    CHANGE_GAP_S,
    HOPELESS_MOMENTS,
    OPEN_GAP_S,
    SETTLED_MOMENTS,
    WIDEST_GAP_S,
    is_settled,
    wanted_gaps,
)

from .scenes import track_of

NOBODY = SceneEvidence((), ())


def gaps(times, duration_s, *tracks):
    wanted = wanted_gaps(times, duration_s, SceneEvidence(tracks, ()))
    return [(gap.from_s, gap.to_s, gap.is_open) for gap in wanted]


def test_a_wide_gap_is_wanted_with_or_without_faces():
    assert gaps([0, WIDEST_GAP_S, 2 * WIDEST_GAP_S + 1], 2 * WIDEST_GAP_S + 2) == [(8, 17, False)]


def test_the_end_of_a_scene_is_a_gap():
    assert gaps([0], WIDEST_GAP_S + 1) == [(0, 9, False)]


def test_a_gap_in_which_faces_change_is_wanted():
    seen = track_of([(0, 0), (1, 0)])
    assert gaps([0, 4, 8], 8, seen) == [(4, 8, True)]


def test_changes_are_followed_no_closer_than_that():
    assert gaps([0, CHANGE_GAP_S], CHANGE_GAP_S, track_of([(0, 0)])) == []


def test_gaps_around_a_track_that_is_not_settled_are_wanted():
    unsettled = track_of([(1, 0), (2, 0)], moments=1)
    assert gaps([0, 1.5, 3, 4.5, 6], 6, unsettled) == [(0, 1.5, True), (1.5, 3, True), (3, 4.5, True)]
    assert gaps([0, OPEN_GAP_S], 1, track_of([(0, 0)], moments=1)) == []


def test_the_widest_gap_comes_first_and_open_ones_before():
    seen = track_of([(0, 0)])
    assert gaps([0, 6, 15], 15, seen) == [(0, 6, True), (6, 15, False)]


def test_the_last_frame_may_lie_beyond_the_stated_end():
    assert gaps([0, 12], 10) == [(0, 12, False)]


@pytest.mark.parametrize(
    ("status", "moments", "matches", "settled"),
    [
        ("match", SETTLED_MOMENTS, ("a",), True),
        ("match", SETTLED_MOMENTS - 1, ("a",), False),
        ("unknown", SETTLED_MOMENTS, (), True),
        ("unknown", SETTLED_MOMENTS, ("a",), False),
        ("ambiguous", SETTLED_MOMENTS, ("a",), False),
        ("ambiguous", HOPELESS_MOMENTS, ("a",), True),
    ],
)
def test_a_track_is_settled_once_more_moments_would_hardly_change_it(status, moments, matches, settled):
    assert is_settled(track_of([(0, 0)], status, moments, matches)) is settled


def test_a_gap_that_begins_with_the_open_track_says_so():
    tracks = SceneEvidence((track_of([(1, 0)], moments=1),), ())
    wanted = {gap.from_s: gap.begins_open for gap in wanted_gaps([0, 4, 8], 8, tracks)}
    assert wanted == {0: False, 4: True}
