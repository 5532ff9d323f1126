"""Faces that lie, stand on their heads or lean, alone and beside upright ones, by the real networks."""

import cv2
import numpy as np
import pytest

from stash_sense.media.photo import load_image

SMALL = 500
"""Longer side of the portraits, pixels."""


@pytest.fixture(scope="module")
def portraits(samples):
    """Three people, each alone and upright."""
    paths = (
        "people/Barack Obama/obama.jpg",
        "people/Eileen Collins/astronaut.png",
        "people/Joe Biden/biden.jpg",
    )
    portraits = []
    for path in paths:
        pixels = load_image(samples / path).pixels
        scale = SMALL / max(pixels.shape)
        portraits.append(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    return portraits


@pytest.fixture(scope="module")
def upright(pack, portraits):
    """The embeddings of the three, upright."""
    return [pack.engine.analyze([portrait])[0][0].embeddings for portrait in portraits]


def turned(image, degrees):
    """The picture turned counter-clockwise by so many degrees, enlarged so that nothing is cut off."""
    if degrees % 90 == 0:
        return np.ascontiguousarray(np.rot90(image, degrees // 90))
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    sides = np.abs(turn[:, :2]) @ [width, height]
    turn[:, 2] = turn[:, 2] + (sides - [width, height]) / 2
    return cv2.warpAffine(image, turn, tuple(np.ceil(sides).astype(int).tolist()))


def side_by_side(*pictures):
    height = max(picture.shape[0] for picture in pictures)
    filled = [
        cv2.copyMakeBorder(picture, 0, height - picture.shape[0], 0, 0, cv2.BORDER_REPLICATE)
        for picture in pictures
    ]
    return np.concatenate(filled, axis=1)


def likeness(face, other):
    return float(face["arcface"] @ other["arcface"])


@pytest.mark.parametrize("degrees", [90, 180, 270, 45, 135, 315])
def test_a_turned_face_is_embedded_as_the_upright_one(pack, portraits, upright, degrees):
    pictures = [turned(portrait, degrees) for portrait in portraits]
    for faces, same in zip(pack.engine.analyze(pictures), upright, strict=True):
        assert len(faces) == 1
        assert likeness(faces[0].embeddings, same) > 0.8


def test_each_face_of_a_picture_is_turned_by_itself(pack, portraits, upright):
    picture = side_by_side(portraits[0], turned(portraits[1], 180), turned(portraits[2], 90))
    (faces,) = pack.engine.analyze([picture])
    in_place = sorted(faces, key=lambda face: face.box[0])
    assert [likeness(face.embeddings, same) > 0.8 for face, same in zip(in_place, upright, strict=True)] == [
        True
    ] * 3


def test_a_portrait_upside_down_is_enrolled_as_the_upright_one(pack, portraits):
    flat, on_its_head = (
        pack.engine.analyze([picture], reference=True)[0][0]
        for picture in (portraits[0], turned(portraits[0], 180))
    )
    assert likeness(flat.embeddings, on_its_head.embeddings) > 0.9


@pytest.mark.parametrize("degrees", [45, 90, 135, 180])
def test_box_and_landmarks_lie_where_the_turned_face_is(pack, portraits, degrees):
    portrait = portraits[0]
    ((face,),) = pack.engine.analyze([portrait])
    ((lying,),) = pack.engine.analyze([turned(portrait, degrees)])
    height, width = portrait.shape[:2]
    turned_height, turned_width = turned(portrait, degrees).shape[:2]
    angle = np.deg2rad(degrees)
    back = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    landmarks = (lying.landmarks - [turned_width / 2, turned_height / 2]) @ back.T + [width / 2, height / 2]
    assert landmarks == pytest.approx(face.landmarks, abs=0.06 * face.quality.size)
    assert (lying.landmarks > lying.box[:2]).all()
    assert (lying.landmarks < lying.box[2:]).all()
    assert lying.quality.size == pytest.approx(face.quality.size, rel=0.25)
