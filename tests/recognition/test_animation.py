"""An animation whose first frame shows no face is looked at further on; its faces know their frame."""

import base64
import re

import cv2
import numpy as np
import pytest
from PIL import Image

from stash_sense.cli.contact_sheet import contact_sheet
from stash_sense.domain.progress import NoProgress
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition.analysis import analyze_photos
from stash_sense.recognition.folder import identify_photos

DARK = [(n, 0, 0) for n in range(20)]
"""Frames without a face; no two alike, or they would be stored as one."""


@pytest.fixture
def animation(tmp_path):
    def animation(*colours, kind="gif"):
        first, *others = [Image.new("RGB", (80, 60), colour) for colour in colours]
        path = tmp_path / f"moving.{kind}"
        options = {"lossless": True} if kind == "webp" else {}
        first.save(path, save_all=True, append_images=others, duration=100, **options)
        return path

    return animation


def analyzed(path, colours, **options):
    (photo,) = analyze_photos([path], colours.engine, min_confidence=0.5, **options)
    return photo


@pytest.mark.parametrize("kind", ["gif", "png", "webp"])
def test_a_face_that_appears_later_is_found_in_its_frame(animation, colours, kind):
    photo = analyzed(animation(*DARK, *[(200 + n, 0, 0) for n in range(5)], kind=kind), colours)
    (face,) = photo.faces
    assert face.frame in range(20, 25)
    assert face.box.tolist() == [0, 0, 80, 60]


def test_a_face_in_the_first_frame_costs_no_other_frame(animation, colours):
    photo = analyzed(animation("red", "blue", "blue"), colours)
    assert [face.frame for face in photo.faces] == [0]
    assert colours.engine.pictures == 1


def test_no_more_than_eight_frames_are_looked_at_besides_the_first(animation, colours):
    shades = [(n % 20, 0, n // 20) for n in range(100)]  # all too dark for a face, and no two alike
    assert analyzed(animation(*shades), colours).faces == []
    assert colours.engine.pictures == 9


def test_a_reference_is_taken_from_the_first_frame_alone(animation, colours):
    assert not analyzed(animation("black", "red"), colours, reference=True).faces


def test_an_animation_with_a_damaged_rest_is_a_picture_without_faces(animation, colours):
    path = animation(*DARK, "red")
    path.write_bytes(path.read_bytes()[:-60])
    photo = analyzed(path, colours)
    assert (photo.error, photo.width, list(photo.faces)) == ("", 80, [])


def test_the_contact_sheet_shows_the_frame_with_the_face(animation, sees_colours):
    result = identify_photos([animation("black", "black", "red")], sees_colours, MatchOptions(), NoProgress())
    sheet = contact_sheet(result, (), NoProgress()).decode()
    pictures = [base64.b64decode(each) for each in re.findall(r"data:image/jpeg;base64,([^\"']+)", sheet)]
    shown = [cv2.imdecode(np.frombuffer(each, np.uint8), cv2.IMREAD_COLOR) for each in pictures]
    assert shown
    assert all(picture[..., 2].mean() > 200 for picture in shown)
