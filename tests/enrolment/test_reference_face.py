"""Which face a portrait is of, and when none is taken."""

import dataclasses
import math

import numpy as np
import pytest

from stash_sense.domain.faces import EmbeddedFace, Quality
from stash_sense.enrolment.references import only_face, portrait_face, rival_count
from stash_sense.enrolment.set_aside import NO_FACE, UPSIDE_DOWN


def face(x1, y1, x2, y2, fault=""):
    box = np.array([x1, y1, x2, y2], np.float32)
    return EmbeddedFace(box, 0.9, np.zeros((5, 2), np.float32), Quality(0.9, 60, 0, 0, fault), {})


MIDDLE, SPECK = face(300, 300, 600, 600), face(20, 20, 60, 60)


@pytest.mark.parametrize("faces", [[MIDDLE], [MIDDLE, SPECK], [SPECK, MIDDLE]])
def test_the_face_that_stands_out_is_the_portraits(faces):
    assert portrait_face(faces, 900, 900) is MIDDLE


def test_a_face_nearly_as_prominent_makes_the_choice_a_guess_and_a_passer_by_does_not():
    left, right = face(100, 300, 400, 600), face(500, 300, 750, 550)
    assert rival_count([left, right], 900, 900) == 1
    assert rival_count([MIDDLE, SPECK], 900, 900) == 0


@pytest.mark.parametrize(("degrees", "taken"), [(0, True), (45, True), (90, True), (-90, True), (180, False)])
def test_a_face_upside_down_is_not_taken(degrees, taken):
    angle = math.radians(degrees)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    points = np.array([[-20, -20], [20, -20], [0, 0], [-15, 20], [15, 20]]) @ turn + 450
    turned = dataclasses.replace(MIDDLE, landmarks=points.astype(np.float32))
    assert (portrait_face([turned], 900, 900) is turned) == taken
    assert taken or portrait_face([turned], 900, 900) == UPSIDE_DOWN


def test_a_poor_face_is_not_taken_and_the_reason_said():
    assert portrait_face([face(300, 300, 330, 330, "small (30 px), blurred")], 900, 900) == (
        "the face is small (30 px), blurred"
    )


def test_no_face():
    assert portrait_face([], 900, 900) == only_face([], 900, 900) == NO_FACE


def test_an_image_must_show_one_face_only():
    assert only_face([MIDDLE], 900, 900) is MIDDLE
    assert only_face([MIDDLE, SPECK], 900, 900) == "2 faces, and one person tagged"


def test_what_only_half_looks_like_a_face_does_not_stand_in_the_way():
    belly = dataclasses.replace(
        face(408, 425, 567, 624), confidence=0.61, quality=Quality(0.4, 178, 0, 1.0, "")
    )
    real = dataclasses.replace(face(425, 91, 562, 277), quality=Quality(1.0, 160, 0, 0.1, ""))
    assert portrait_face([belly, real], 960, 960) is real
    assert rival_count([belly, real], 960, 960) == 0
