"""Two passes merged, turned pictures, and a confidence whose 0.5 means something."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stash_sense.domain.faces import Detection
from stash_sense.faces.detect import LOWEST_MIN_CONFIDENCE, Detector, DetectorSpec, undo_turns

SPEC = DetectorSpec(main_side=1024, close_side=320, close_share=0.1, operating_point=0.75, turned_score=0.8)


WIDTH, HEIGHT = 1600, 600


class FakeNetwork:
    """Finds in each pass what it is told to, in pixels of the whole picture; remembers what it was asked."""

    def __init__(self, main=(), close=()):
        self.answers = {SPEC.main_side: list(main), SPEC.close_side: list(close)}
        self.asked = []

    def find(self, image, floor):
        self.asked.append((image.shape[:2], floor))
        side = max(image.shape[:2])
        return [
            Detection(face.box * (side / WIDTH), face.score, face.landmarks * (side / WIDTH))
            for face in self.answers.get(side, [])
            if face.score >= floor
        ]


class SeesUprightOnly:
    """Finds the one face of a picture when its bright forehead is above its dark chin."""

    def __init__(self, detection):
        self.detection = detection

    def find(self, image, floor):
        ys, xs = np.nonzero(image[..., 0] > 150)
        chin_ys, _ = np.nonzero((image[..., 0] > 50) & (image[..., 0] < 150))
        if ys.mean() + 0.1 * image.shape[0] > chin_ys.mean():
            return []
        return [self.detection(xs.min(), ys.min(), np.ptp(xs) + 1)]


def boxes(found):
    return [[round(float(side), 2) for side in face.box] for face in found]


@pytest.fixture
def picture():
    return np.zeros((HEIGHT, WIDTH, 3), np.uint8)


def test_a_close_up_that_only_the_small_pass_sees_is_found(detection, picture):
    huge = detection(100, 0, 590)
    found = Detector(FakeNetwork(close=[huge]), SPEC).find(picture, 0.5)
    assert boxes(found) == boxes([huge])


def test_a_face_seen_by_both_passes_is_one(detection, picture):
    main, close = detection(100, 100, 300), detection(110, 95, 310, score=0.95)
    found = Detector(FakeNetwork([main], [close]), SPEC).find(picture, 0.5)
    assert boxes(found) == boxes([main])


def test_small_faces_of_the_small_pass_alone_are_noise(detection, picture):
    found = Detector(
        FakeNetwork([detection(900, 0, 80)], close=[detection(100, 100, 0.09 * 1600)]), SPEC
    ).find(picture, 0.5)
    assert boxes(found) == boxes([detection(900, 0, 80)])


def test_the_faces_of_both_passes_come_best_first(detection, picture):
    main, close = detection(0, 0, 200, score=0.85), detection(800, 0, 500, score=0.95)
    found = Detector(FakeNetwork([main], [close]), SPEC).find(picture, 0.5)
    assert [face.score for face in found] == [0.95, 0.85]


def test_a_small_picture_needs_no_second_pass(detection):
    network = FakeNetwork(close=[detection(0, 0, 200, score=0.95)])
    Detector(network, SPEC).find(np.zeros((200, 320, 3), np.uint8), 0.5)
    assert len(network.asked) == 1


def test_a_picture_with_a_sure_upright_face_is_not_turned(detection, picture):
    network = FakeNetwork([detection(0, 0, 200, score=0.95)])
    Detector(network, SPEC).find(picture, 0.5)
    assert [shape for shape, _ in network.asked] == [(384, 1024), (120, 320)]


def test_a_picture_without_a_face_costs_only_small_passes_in_its_turns(picture):
    network = FakeNetwork()
    assert Detector(network, SPEC).find(picture, 0.5) == []
    assert [max(shape) for shape, _ in network.asked].count(SPEC.main_side) == 1


def lying_head(turns):
    """A 400 x 700 px picture whose upright form has a head at (100, 50) to (300, 250), turned."""
    upright = np.zeros((400, 700, 3), np.uint8)
    upright[50:150, 100:300] = 200
    upright[150:250, 100:300] = 100
    return np.ascontiguousarray(np.rot90(upright, -turns))


@pytest.mark.parametrize(
    ("turns", "box"),
    [
        (0, [100, 50, 300, 250]),
        (1, [150, 100, 350, 300]),
        (2, [400, 150, 600, 350]),
        (3, [50, 400, 250, 600]),
    ],
)
def test_a_lying_face_is_found_where_it_lies(detection, turns, box):
    found = Detector(SeesUprightOnly(detection), SPEC).find(lying_head(turns), 0.5)
    assert boxes(found) == [box]


def test_the_landmarks_of_a_face_upside_down_are_in_their_order_as_seen_on_the_face(detection):
    (face,) = Detector(SeesUprightOnly(detection), SPEC).find(lying_head(2), 0.5)
    right_eye, left_eye, nose, right_mouth, left_mouth = face.landmarks
    assert right_eye[0] > nose[0] > left_eye[0]
    assert right_eye[1] > nose[1] > right_mouth[1]
    assert right_mouth[0] > nose[0] > left_mouth[0]


@pytest.mark.parametrize("turns", [0, 1])
def test_boxes_and_points_are_in_pixels_of_the_full_picture(detection, turns):
    upright = np.kron(lying_head(0), np.ones((4, 4, 1), np.uint8))
    given_picture = np.ascontiguousarray(np.rot90(upright, -turns))
    (face,) = Detector(SeesUprightOnly(detection), SPEC).find(given_picture, 0.5)
    assert face.box == pytest.approx([[400, 200, 1200, 1000], [600, 400, 1400, 1200]][turns], abs=8)
    assert (face.landmarks > face.box[:2]).all()
    assert (face.landmarks < face.box[2:]).all()


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 3), st.data())
def test_a_point_of_a_turned_picture_is_turned_back_to_its_pixel(width, height, turns, data):
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    picture = np.zeros((height, width), np.uint8)
    picture[y, x] = 1
    ((row, column),) = np.argwhere(np.rot90(picture, turns))
    middle = np.array([[column + 0.5, row + 0.5]], np.float32)
    assert undo_turns(middle, turns, width, height).tolist() == [[x + 0.5, y + 0.5]]


def test_the_operating_point_is_a_confidence_of_a_half():
    assert SPEC.confidence(SPEC.operating_point) == 0.5


@pytest.mark.parametrize("end", [0.0, 1.0])
def test_the_ends_of_the_score_are_the_ends_of_the_confidence(end):
    assert SPEC.confidence(end) == end


@given(st.floats(0, 1), st.floats(0, 1))
def test_confidence_rises_with_the_score(a, b):
    low, high = sorted((a, b))
    assert SPEC.confidence(low) <= SPEC.confidence(high)


@given(st.floats(0, 1))
def test_a_confidence_leads_back_to_its_score(score):
    assert SPEC.score(SPEC.confidence(score)) == pytest.approx(score, abs=1e-12)


@pytest.mark.parametrize(("min_confidence", "scores"), [(0.8, [0.95]), (0.5, [0.95, 0.8])])
def test_faces_below_the_confidence_asked_for_are_left_out(detection, picture, min_confidence, scores):
    faces = [detection(0, 0, 200, score=0.95), detection(400, 0, 200, score=0.8)]
    found = Detector(FakeNetwork(faces), SPEC).find(picture, min_confidence)
    assert [face.score for face in found] == scores


def test_asked_for_no_confidence_at_all_it_still_asks_for_a_little(detection, picture):
    network = FakeNetwork([detection(0, 0, 200)])
    Detector(network, SPEC).find(picture, 0.0)
    assert network.asked[0][1] == SPEC.score(LOWEST_MIN_CONFIDENCE) > 0


def test_a_face_of_the_small_pass_is_not_lost_to_a_candidate_of_the_main_pass(detection, picture):
    candidate, face = detection(60, 0, 540, score=0.4), detection(100, 0, 590, score=0.95)
    found = Detector(FakeNetwork([candidate], [face]), SPEC).find(picture, 0.5)
    assert boxes(found) == boxes([face])
