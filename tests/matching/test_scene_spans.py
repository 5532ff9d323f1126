"""When a person is on screen, from the frames that were looked at."""

import pytest

from stash_sense.matching.scene_spans import BRIDGE_S, EDGE_S, spans_of

EVERY_SECOND = [float(second) for second in range(11)]


@pytest.mark.parametrize(
    ("seen", "spans"),
    [
        ([], ()),
        ([3, 4, 5], ((2.5, 5.5),)),
        ([1, 5], ((0.5, 1.5), (4.5, 5.5))),
        ([5, 1, 1], ((0.5, 1.5), (4.5, 5.5))),
        ([0], ((0.0, 0.5),)),
        ([10], ((9.5, 10.4),)),
        (range(11), ((0.0, 10.4),)),
    ],
)
def test_a_span_ends_half_way_to_the_next_frame_without_the_person(seen, spans):
    assert spans_of(seen, EVERY_SECOND, 10.4) == spans


def test_a_span_ends_soon_where_the_next_frame_is_far():
    assert spans_of([1], [0.0, 100.0, 200.0], 200.0) == ((100.0 - EDGE_S, 100.0 + EDGE_S),)


def test_a_person_is_not_on_screen_in_a_long_gap_between_two_frames():
    gap = BRIDGE_S + 1
    assert spans_of([0, 1], [20.0, 20.0 + gap], 60.0) == (
        (20.0 - EDGE_S, 20.0 + EDGE_S),
        (20.0 + gap - EDGE_S, 20.0 + gap + EDGE_S),
    )


def test_a_scene_of_unknown_length_ends_with_its_last_frame():
    assert spans_of([1], [0.0, 4.0], None) == ((2.0, 4.0),)


def test_frames_beyond_the_stated_length_count():
    assert spans_of([0, 1], [0.0, 4.0], 3.0) == ((0.0, 4.0),)
