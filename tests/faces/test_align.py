"""Alignment: five landmarks onto a template, whatever the face's place, size and tilt."""

import contextlib
import warnings

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stash_sense.errors import BadLandmarks
from stash_sense.faces.align import align_face, similarity_transform


def moved(points, angle, scale, shift):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return scale * points @ turn.T + shift


@given(
    st.floats(-np.pi, np.pi),
    st.floats(0.05, 50),
    st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)),
)
def test_a_similarity_is_recovered(template, angle, scale, shift):
    transform = similarity_transform(template, moved(template.astype(float), angle, scale, shift))
    expected = moved(np.eye(2), angle, scale, 0).T
    assert np.allclose(transform, np.column_stack([expected, shift]), atol=1e-6 * scale + 1e-6 * 1e3)


def test_a_mirrored_face_is_not_mirrored_back(template):
    mirrored = template * [-1, 1] + [112, 0]
    assert np.linalg.det(similarity_transform(mirrored, template)[:, :2]) > 0


@pytest.mark.parametrize("value", [0.0, 17.5, 1e6])
def test_landmarks_all_in_one_place_are_refused(template, value):
    with pytest.raises(BadLandmarks, match="all in one place"):
        similarity_transform(np.full((5, 2), value, np.float32), template)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_landmarks_that_are_not_numbers_are_refused(template, value):
    points = template.copy()
    points[3, 1] = value
    with pytest.raises(BadLandmarks, match="not numbers"):
        similarity_transform(points, template)


def test_a_huge_face_wholly_outside_the_picture_is_refused(template):
    with pytest.raises(BadLandmarks, match="outside the picture"):
        align_face(np.zeros((100, 100, 3), np.uint8), template * 10 + 20_000, template, 112)


@pytest.mark.parametrize("angle", [0, 0.5, np.pi / 2, np.pi])
@pytest.mark.parametrize("scale", [0.5, 1, 3, 7])
def test_each_landmark_lands_on_its_place_in_the_template(template, angle, scale):
    landmarks = moved(template - 56, angle, scale, [700, 600]).astype(np.float32)
    for landmark, place in zip(landmarks, template, strict=True):
        picture = np.zeros((1200, 1400, 3), np.uint8)
        cv2.circle(picture, landmark.round().astype(int).tolist(), round(3 * scale), (255, 255, 255), -1)
        ys, xs = np.nonzero(align_face(picture, landmarks, template, 112)[..., 0] > 100)
        assert np.hypot(xs.mean() - place[0], ys.mean() - place[1]) < 1.5


def test_outside_the_picture_is_black(template):
    picture = np.full((112, 112, 3), 255, np.uint8)
    cut = align_face(picture, template + np.array([60, 0], np.float32), template, 112)
    assert cut[20:90, :50].min() == 255
    assert cut[:, 55:].max() == 0


def soft_picture(height, width):
    coarse = np.random.default_rng(1).integers(0, 256, (12, 16, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("scale", [2.5, 4, 10])
def test_a_large_face_shrunk_first_is_cut_like_the_shrunk_picture(template, scale):
    picture = soft_picture(1500, 2000)
    landmarks = moved(template - 56, 0.3, scale, [1000, 750]).astype(np.float32)
    small = cv2.resize(picture, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA)
    plain = align_face(small, (landmarks / scale).astype(np.float32), template, 112)
    assert np.abs(align_face(picture, landmarks, template, 112).astype(int) - plain).mean() < 2.5


def test_a_large_face_is_averaged_not_sampled(template):
    board = np.indices((1200, 1200)).sum(axis=0) % 2 * 255
    picture = np.repeat(board[..., None], 3, axis=2).astype(np.uint8)
    landmarks = moved(template - 56, 0.2, 8, [600, 600]).astype(np.float32)
    assert align_face(picture, landmarks, template, 112)[30:80, 30:80].std() < 10


@pytest.mark.parametrize("shape", [(40, 60_000, 3), (60_000, 40, 3)])
def test_a_face_at_the_end_of_a_very_long_picture_is_cut(template, shape):
    picture = np.zeros(shape, np.uint8)
    height, width = shape[:2]
    picture[-40:, -40:] = 200
    landmarks = (template / 112 * 40 + [width - 40, height - 40]).astype(np.float32)
    assert align_face(picture, landmarks, template, 112)[20:90, 20:90].mean() > 190


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(-1e30, 1e30), min_size=10, max_size=10),
    st.sampled_from([1.0, 1e-10, 1e-25]),
)
def test_any_five_points_give_a_crop_or_are_refused(template, numbers, factor):
    picture = np.zeros((60, 90, 3), np.uint8)
    points = (np.array(numbers).reshape(5, 2) * factor).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with contextlib.suppress(BadLandmarks):
            assert align_face(picture, points, template, 112).shape == (112, 112, 3)
