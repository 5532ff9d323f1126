"""Strips and contact sheets, from their bytes to their faces, by the real networks."""

import cv2
import numpy as np
import pytest

from stash_sense.domain.pictures import FINE_PIXELS, fine_side
from stash_sense.errors import ImageTooLarge
from stash_sense.media.photo import load_image
from stash_sense.recognition.analysis import analyze_pictures
from stash_sense.recognition.large_pictures import decoded_to_search

GREY = 90


@pytest.fixture(scope="module")
def panel(pack, samples):
    """A square of `side` px with one face, whose box's longer side is `face` px, in its middle."""
    paths = ("people/Barack Obama/obama.jpg", "people/Eileen Collins/astronaut.png")
    photos = [load_image(samples / path).pixels for path in paths]
    boxes = [pack.engine.analyze([photo])[0][0].box for photo in photos]

    def panel(number, side, face):
        photo, box = photos[number % 2], boxes[number % 2]
        scale = face / max(box[2:] - box[:2])
        shift = side / 2 - (box[:2] + box[2:]) / 2 * scale
        transform = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
        small = cv2.GaussianBlur(photo, None, 0.4 / scale) if scale < 0.5 else photo
        return cv2.warpAffine(small, transform, (side, side), borderValue=(GREY,) * 3)

    return panel


def faces_of(pack, pixels):
    data = cv2.imencode(".jpg", pixels)[1].tobytes()
    (picture,) = analyze_pictures([data], pack.engine, min_confidence=0.5)
    return picture.faces


@pytest.mark.parametrize("lies", [False, True], ids=["strip", "panorama"])
def test_every_face_of_a_long_picture_is_found_once(pack, panel, torture, lies):
    count = 40 if torture else 8
    panels = [panel(number, 600, 300) for number in range(count)]
    # Repeated plain panels make it as long as the real ones: 40:1.
    plain = [np.full_like(panels[0], GREY)] * (40 - count)
    faces = faces_of(pack, np.concatenate(panels + plain, axis=int(lies)))
    along = sorted(float(face.box[[0, 2] if lies else [1, 3]].mean()) for face in faces)
    assert along == pytest.approx([600 * number + 300 for number in range(count)], abs=40)


def test_small_faces_of_a_long_picture_are_found_at_their_own_size(pack, panel):
    row = np.concatenate([panel(number, 120, 60) for number in range(4)], axis=1)
    plain = np.full((9000, *row.shape[1:]), GREY, np.uint8)
    faces = faces_of(pack, np.concatenate([plain, row, plain]))
    assert len(faces) == 4
    assert all(face.quality.size > 40 for face in faces)


def test_faces_of_30_px_of_a_strip_as_wide_as_a_photo_are_found_as_in_one(pack, panel):
    # A strip of 2,000 x 40,000 px, whose faces have 60 px, is halved to this when it is decoded.
    row = np.concatenate([panel(number, 200, 30) for number in range(5)], axis=1)
    plain = np.full((2000, *row.shape[1:]), GREY, np.uint8)
    assert len(faces_of(pack, np.concatenate([plain, row, plain, row]))) == 10


def test_faces_of_60_px_of_a_contact_sheet_are_found_in_a_finer_picture(pack, panel):
    sheet = np.full((6400, 6400, 3), GREY, np.uint8)
    for number in range(16):
        row, column = divmod(number, 4)
        sheet[1600 * row : 1600 * row + 200, 1600 * column : 1600 * column + 200] = panel(number, 200, 60)
    assert len(faces_of(pack, sheet)) == 16


def test_the_side_of_a_fine_picture_keeps_its_pixels_within_their_limit():
    assert fine_side(600, 24_000) == 24_000
    assert fine_side(8000, 8000) == 8000
    assert fine_side(12_000, 8000) == 6000
    assert 2000 * 100_000 / (100_000 / fine_side(2000, 100_000)) ** 2 <= FINE_PIXELS


def test_a_strip_too_large_to_be_decoded_finely_is_looked_at_as_usual(panel):
    strip = cv2.imencode(".jpg", np.concatenate([panel(0, 200, 100)] * 20))[1].tobytes()
    usual = load_image(strip)

    class Decoding:
        def __init__(self, side):
            self.side = side

        def __enter__(self):
            if self.side:
                raise ImageTooLarge("picture: too much memory")
            return usual

        def __exit__(self, *error):
            return None

    with decoded_to_search(lambda wanted_side=0: Decoding(wanted_side)) as image:
        assert image is usual
