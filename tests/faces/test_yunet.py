"""YuNet's outputs read right: cells, strides, scores, overlaps; and pictures of any size fed right."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stash_sense.faces.boxes import iou, suppress_overlaps
from stash_sense.faces.yunet import InputBuffers, YuNet, decode_detections, to_input

HEIGHT, WIDTH = 64, 96


def outputs(*cells, height=HEIGHT, width=WIDTH):
    """YuNet's twelve arrays, silent but for `cells`: (stride, column, row, cls, obj, box, points)."""
    arrays = {}
    for stride in (8, 16, 32):
        count = (height // stride) * (width // stride)
        for name, numbers in {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}.items():
            arrays[f"{name}_{stride}"] = np.zeros((1, count, numbers), np.float32)
    for stride, column, row, cls, obj, box, points in cells:
        place = row * (width // stride) + column
        arrays[f"cls_{stride}"][0, place] = cls
        arrays[f"obj_{stride}"][0, place] = obj
        arrays[f"bbox_{stride}"][0, place] = box
        arrays[f"kps_{stride}"][0, place] = np.ravel(points)
    return arrays


NO_POINTS = np.zeros(10)


def test_a_cell_becomes_a_box_around_its_offset_centre():
    (found,) = decode_detections(
        outputs((16, 2, 1, 1, 1, [0.5, 0.25, np.log(2), np.log(3)], NO_POINTS)), WIDTH, 0.5
    )
    assert found.box.tolist() == pytest.approx([40 - 16, 20 - 24, 40 + 16, 20 + 24])


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_points_are_offsets_from_the_cell_in_strides(stride):
    points = np.array([[0, 0], [1, 0], [0.5, 0.5], [0, 1], [-1, 2]])
    (found,) = decode_detections(outputs((stride, 1, 1, 1, 1, np.zeros(4), points)), WIDTH, 0.5)
    assert found.landmarks == pytest.approx((points + 1) * stride)


def test_the_score_is_the_root_of_class_times_objectness():
    (found,) = decode_detections(outputs((8, 0, 0, 0.8, 0.5, np.zeros(4), NO_POINTS)), WIDTH, 0.5)
    assert found.score == pytest.approx(np.sqrt(0.4))


def test_scores_beyond_one_count_as_one():
    (found,) = decode_detections(outputs((8, 0, 0, 1.5, 1.2, np.zeros(4), NO_POINTS)), WIDTH, 0.5)
    assert found.score == 1.0


def test_what_scores_below_the_floor_is_left_out():
    assert decode_detections(outputs((8, 0, 0, 0.6, 0.6, np.zeros(4), NO_POINTS)), WIDTH, 0.61) == []


def test_of_overlapping_candidates_the_best_stays():
    near = [(8, column, 2, score, 1, [0, 0, 1.5, 1.5], NO_POINTS) for column, score in ((2, 0.7), (3, 0.9))]
    found = decode_detections(outputs(*near), WIDTH, 0.5)
    assert [round(face.score, 3) for face in found] == [round(np.sqrt(0.9), 3)]


def test_faces_apart_come_best_first_across_strides():
    cells = [
        (8, 0, 0, 0.6, 1, np.zeros(4), NO_POINTS),
        (32, 2, 1, 0.9, 1, np.zeros(4), NO_POINTS),
        (16, 3, 0, 0.7, 1, np.zeros(4), NO_POINTS),
    ]
    assert [round(face.score**2, 1) for face in decode_detections(outputs(*cells), WIDTH, 0.5)] == [
        0.9,
        0.7,
        0.6,
    ]


@pytest.mark.parametrize(
    ("other", "overlap"),
    [([0, 0, 10, 10], 1), ([5, 0, 15, 10], 1 / 3), ([10, 0, 20, 10], 0), ([2, 2, 4, 4], 0.04)],
)
def test_overlap_is_intersection_over_union(other, overlap):
    box = np.array([0, 0, 10, 10], np.float32)
    assert iou(box, np.array([other], np.float32))[0] == pytest.approx(overlap)


def test_two_boxes_without_area_do_not_overlap():
    assert iou(np.zeros(4, np.float32), np.zeros((1, 4), np.float32)) == [0]


BOXES = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(1, 30), st.integers(1, 30)), max_size=25
)


@settings(deadline=None)
@given(BOXES, st.randoms())
def test_suppression_keeps_the_best_of_every_heap_and_only_what_lies_apart(boxes, random):
    array = np.array([[x, y, x + w, y + h] for x, y, w, h in boxes], np.float32).reshape(-1, 4)
    scores = np.array([1 - random.random() for _ in boxes], np.float32)
    kept = suppress_overlaps(array, scores, 0.3)
    assert list(scores[kept]) == sorted(scores[kept], reverse=True)
    for position, index in enumerate(kept):
        assert (iou(array[index], array[kept[position + 1 :]]) <= 0.3).all()
    for index in set(range(len(boxes))) - set(kept):
        better = [one for one in kept if scores[one] >= scores[index]]
        assert iou(array[index], array[better]).max() > 0.3


def test_a_second_picture_finds_nothing_of_the_first():
    memory = InputBuffers()
    to_input(np.full((64, 64, 3), 255, np.uint8), memory)
    assert to_input(np.ones((33, 40, 3), np.uint8), memory).max() == 1


def test_the_input_is_planes_of_the_pixels_padded_with_black_to_multiples_of_32():
    picture = np.random.default_rng(0).integers(1, 256, (33, 40, 3), np.uint8)
    blob = to_input(picture, InputBuffers())
    assert blob.shape == (1, 3, 64, 64)
    assert (blob[0, :, :33, :40] == picture.transpose(2, 0, 1)).all()
    assert blob[0, :, 33:].max() == blob[0, :, :, 40:].max() == 0


def test_the_width_of_the_padded_input_decides_the_cells(fake_session):
    """100 px are padded to 128: 16 cells of 8 px a row, not 12."""
    session = fake_session(
        lambda blob: outputs(
            (8, 3, 2, 1, 1, np.zeros(4), NO_POINTS), height=blob.shape[2], width=blob.shape[3]
        )
    )
    (found,) = YuNet(session).find(np.zeros((100, 100, 3), np.uint8), 0.5)
    assert found.box.tolist() == [20, 12, 28, 20]
