"""Where a face is, and when it is the same face."""

import math
from typing import Any

import pytest

from stash_sense.domain.faces import Box, pair_boxes, same_face_index
from stash_sense.errors import BadInput


@pytest.mark.parametrize(
    "box",
    [(-0.1, 0, 0.5, 0.5), (0.6, 0, 0.5, 0.5), (0, 0, 0, 0.5), (0, 0, 1.5, 0.5), (math.nan, 0, 0.5, 0.5),
     (0, math.inf, 0.5, 0.5), ("0", 0, 0.5, 0.5), (None, 0, 0.5, 0.5), (True, 0, 0.5, 0.5)],
)  # fmt: skip
def test_a_box_outside_the_image_is_refused(box: tuple[Any, ...]) -> None:
    with pytest.raises(BadInput):
        Box(*box)


def test_the_last_digits_of_a_rounded_box_are_forgiven() -> None:
    assert Box(-1e-9, 0, 1.0000001, 1).w == 1
    assert Box(0.7, 0.7, 0.3000001, 0.3000001).x == 0.7


def test_overlap_is_intersection_over_union() -> None:
    assert Box(0, 0, 0.5, 0.5).overlap(Box(0, 0, 0.5, 0.5)) == 1
    assert Box(0, 0, 0.4, 0.5).overlap(Box(0.2, 0, 0.4, 0.5)) == pytest.approx(1 / 3)
    assert Box(0, 0, 0.5, 0.5).overlap(Box(0.5, 0.5, 0.5, 0.5)) == 0


def test_the_largest_overlaps_are_paired_first_and_each_face_once() -> None:
    old = [Box(0.1, 0.1, 0.2, 0.2), Box(0.15, 0.1, 0.2, 0.2)]
    new = [Box(0.14, 0.1, 0.2, 0.2), Box(0.1, 0.1, 0.2, 0.2), Box(0.7, 0.7, 0.2, 0.2)]
    assert pair_boxes(new, old) == {1: 0, 0: 1}


def test_exactly_half_an_overlap_is_the_same_face() -> None:
    assert pair_boxes([Box(0, 0, 0.5, 0.5)], [Box(0, 0, 0.25, 0.5)]) == {0: 0}
    assert same_face_index(Box(0, 0, 0.25, 0.5), [Box(0.5, 0, 0.5, 0.5), Box(0, 0, 0.5, 0.5)]) == 1
    assert same_face_index(Box(0, 0, 0.24, 0.5), [Box(0, 0, 0.5, 0.5)]) is None
    assert same_face_index(Box(0, 0, 1, 1), []) is None
