"""GIFs over real HTTP: Stash calls them videos, and here they are pictures, whose faces know their frame."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

VIDEO = {"video": True, "path": "/data/party.gif"}


@pytest.fixture
def gif(photo):
    """The enrolled person's photo as a GIF, after a number of empty frames."""

    def gif(empty=0, dark=0):
        picture = Image.open(io.BytesIO(photo)).convert("RGB")
        blank = [Image.new("RGB", picture.size, (number, 90, 90)) for number in range(empty)]
        first, *others = [*blank, picture, *[Image.new("RGB", picture.size)] * dark]
        out = io.BytesIO()
        first.save(out, "GIF", save_all=True, append_images=others, duration=100)
        return out.getvalue()

    return gif


def test_a_gif_of_one_frame_is_read_although_stash_calls_it_a_video(look, put, stash, gif):
    image = put(gif(), **VIDEO)
    stash.library.images[int(image)].files[0].duration = 0.0
    assert look(image)["face_count"] == 1


def test_a_gif_in_a_gallery_is_read(stash_app, stash, put, gif):
    gallery = stash.library.add_gallery("Party")
    put(gif(), galleries=[gallery], **VIDEO)
    answer = stash_app.client.post("/identify/gallery", json={"gallery_id": str(gallery)}).json()
    assert (answer["images_processed"], answer["faces_detected"], answer["skipped"]) == (1, 1, [])


def test_the_crop_of_a_face_shows_the_frame_that_it_is_in(stash_app, look, put, gif):
    still = look(put(gif(), **VIDEO))["faces"][0]
    moving = look(put(gif(empty=3, dark=1), **VIDEO))["faces"][0]
    assert moving["box"] == pytest.approx(still["box"], abs=8)
    crops = []
    for face in (still, moving):
        answer = stash_app.client.get(f"/faces/{face['face_id']}/crop")
        assert answer.status_code == 200, answer.text
        crops.append(cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_GRAYSCALE))
    smaller = cv2.resize(crops[1], crops[0].shape[::-1])
    assert np.abs(crops[0].astype(int) - smaller).mean() < 12


def test_a_stored_face_keeps_its_frame_when_it_is_matched_again(stash_app, look, put, gif):
    image = put(gif(empty=3, dark=1), **VIDEO)
    before = look(image)["faces"][0]["face_id"]
    crop = stash_app.client.get(f"/faces/{before}/crop").content
    after = look(image, top_k=2)["faces"][0]["face_id"]
    assert after == before
    assert stash_app.client.get(f"/faces/{after}/crop").content == crop
