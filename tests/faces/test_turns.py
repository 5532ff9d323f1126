"""Which faces are looked at again, in how many calls, and when a turn is believed."""

import numpy as np
import pytest

from stash_sense.domain.faces import Detection
from stash_sense.faces.turns import GLANCE_SIDE, LOOK_SIDE, FaceTurner

OPERATING_POINT, TURNED_SCORE = 0.75, 0.85
UPSIDE_DOWN = 4


class ScoresCuts:
    """Finds a face in each cut: with `glance` at the quarter turns, with `look` as it is and turned."""

    def __init__(self, detection, glance, look):
        self.detection = detection
        self.glance, self.look = glance, look
        self.sheets = []

    def find(self, image, floor):
        height, width = image.shape[:2]
        self.sheets.append((height, width))
        if width == height:
            return [self.detection(width / 4, width / 4, width / 2, score=0.93)]
        side = GLANCE_SIDE if width == 4 * GLANCE_SIDE else LOOK_SIDE
        scores = self.glance if side == GLANCE_SIDE else self.look
        return [
            self.detection(side * (column + 0.25), side * (row + 0.25), side / 2, score=score)
            for row in range(height // side)
            for column, score in enumerate(scores)
            if score >= floor
        ]


@pytest.fixture
def picture():
    return np.zeros((600, 800, 3), np.uint8)


@pytest.fixture
def doubtful(detection):
    return detection(300, 200, 100, score=0.85)


def turner(network):
    return FaceTurner(network, TURNED_SCORE, OPERATING_POINT)


def turn_of(network, picture, face):
    (turned,) = turner(network).set_upright(picture, [face], OPERATING_POINT)
    return turned.eighths


@pytest.mark.parametrize(
    ("as_it_is", "turned", "eighths"),
    [
        (0.6, 0.84, 0),  # not sure enough, whatever it gains
        (0.84, 0.897, 0),  # a baby that looks up, upright
        (0.79, 0.876, 0),  # a small face of a crowd, upright
        (0.87, 0.92, UPSIDE_DOWN),
        (0.6, 0.86, UPSIDE_DOWN),
    ],
)
def test_a_turn_is_believed_if_it_leaves_much_less_doubt(
    detection, picture, doubtful, as_it_is, turned, eighths
):
    network = ScoresCuts(detection, [0.6, 0, 0.9, 0], [as_it_is, turned])
    assert turn_of(network, picture, doubtful) == eighths


def test_what_is_no_face_as_it_is_needs_to_gain_less(detection, picture):
    network = ScoresCuts(detection, [0.5, 0, 0.9, 0], [0.75, 0.87])
    assert turn_of(network, picture, detection(300, 200, 100, score=0.5)) == UPSIDE_DOWN


def test_all_doubtful_faces_of_a_picture_are_glanced_at_in_one_call(detection, picture):
    network = ScoresCuts(detection, [0.9, 0.4, 0.4, 0.4], [])
    faces = [detection(100 * number, 200, 60, score=0.85) for number in range(5)]
    assert len(turner(network).set_upright(picture, faces, OPERATING_POINT)) == 5
    assert network.sheets == [(5 * GLANCE_SIDE, 4 * GLANCE_SIDE)]


def test_a_narrow_box_is_a_profile_and_is_not_looked_at_again(picture, detection):
    network = ScoresCuts(detection, [0, 0, 0.9, 0], [0, 0.93])
    profile = Detection(np.array([100, 100, 160, 200], np.float32), 0.85, np.zeros((5, 2), np.float32))
    assert turn_of(network, picture, profile) == 0
    assert network.sheets == []


@pytest.mark.parametrize(
    "box", [(-900, -900, -800, -800), (1e6, 0, 1e6 + 100, 100), (0, 0, np.inf, 100), (0, 0, 1e30, 1e30)]
)
def test_a_box_that_the_picture_does_not_show_is_left_as_it_is(picture, box):
    class SeesNothing:
        def find(self, image, floor):
            assert not image.any()
            return []

    face = Detection(np.array(box, np.float32), 0.85, np.zeros((5, 2), np.float32))
    assert turn_of(SeesNothing(), picture, face) == 0
