"""How much a face can be trusted, and why not more."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stash_sense.faces.quality import assess_quality, estimate_blur, estimate_yaw

SHARP = np.random.default_rng(0).integers(0, 256, (112, 112, 3), np.uint8)
FLAT = np.full((112, 112, 3), 128, np.uint8)


@pytest.fixture
def profile(template):
    points = template.copy()
    points[2, 0] = points[1, 0]
    return points


def test_a_large_sharp_frontal_face_is_trusted_fully(template):
    quality = assess_quality(200, template, SHARP)
    assert quality.score > 0.97
    assert quality.reason == ""


def test_a_small_face_is_told_with_its_size(template):
    assert assess_quality(15, template, SHARP).reason == "small (15 px)"


def test_a_blurred_face_is_told(template):
    assert assess_quality(50, template, FLAT).reason == "blurred"


def test_a_profile_is_told(profile):
    assert assess_quality(35, profile, SHARP).reason == "small (35 px), in profile"


def test_all_that_is_wrong_is_told(profile):
    assert assess_quality(15, profile, FLAT).reason == "small (15 px), blurred, in profile"


def test_the_score_falls_with_the_size(template):
    scores = [assess_quality(size, template, SHARP).score for size in (10, 20, 40, 80, 160)]
    assert scores == sorted(scores)
    assert scores[0] == 0


@pytest.mark.parametrize("size", [0.0, 5.0, 1e4])
@pytest.mark.parametrize("crop", [SHARP, FLAT])
def test_the_score_is_between_0_and_1(profile, size, crop):
    assert 0 <= assess_quality(size, profile, crop).score <= 1


def test_a_nose_between_the_eyes_is_frontal(template):
    points = template.copy()
    points[0, 1] = points[1, 1]
    points[2] = points[:2].mean(axis=0) + np.array([0, 20])
    assert estimate_yaw(points) == pytest.approx(0, abs=1e-6)


def test_a_nose_at_an_eye_is_a_profile(profile):
    assert estimate_yaw(profile) == pytest.approx(1, abs=0.02)


@given(st.floats(-np.pi, np.pi))
def test_a_tilted_head_is_not_taken_for_a_turned_one(template, angle):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert estimate_yaw((template @ turn).astype(np.float32)) == pytest.approx(
        estimate_yaw(template), abs=1e-3
    )


def test_eyes_in_one_place_are_a_profile(template):
    points = template.copy()
    points[0] = points[1]
    assert estimate_yaw(points) == 1


def test_no_detail_is_wholly_blurred():
    assert estimate_blur(FLAT) == 1


def test_much_detail_is_sharp():
    assert estimate_blur(SHARP) == 0
