"""Face crops over real HTTP, cut out of what the stand-in of Stash serves."""

import cv2
import numpy as np
import pytest

from fakes.stash import Delay, Drop, Status, Truncate
from stash_sense.recognition import crops

from .conftest import picture_with_a_mark
from .test_failures import problem


def red_share(jpeg):
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).astype(int)
    red = (pixels[..., 2] > 200) & (pixels[..., 1] < 60)
    return red.mean(), pixels.shape[:2], red


def is_the_mark(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"].startswith("private")
    share, size, red = red_share(answer.content)
    assert max(size) <= 320
    assert share == pytest.approx(1 / 1.4**2, abs=0.2)
    assert red[size[0] // 2, size[1] // 2]
    return size


def test_a_large_face_is_cut_out_of_the_thumbnail(stash_app, stash, stored):
    content = picture_with_a_mark(1600, 1200, spot := (0.3, 0.3, 0.3, 0.4))
    _, face_id = stored(content, spot)
    stash.record.forget()
    is_the_mark(stash_app.client.get(f"/faces/{face_id}/crop"))
    assert (stash.record.counts["thumbnail"], stash.record.counts["original"]) == (1, 0)


def test_a_small_face_is_cut_out_of_the_original(stash_app, stash, stored):
    content = picture_with_a_mark(3000, 2000, spot := (0.1, 0.1, 0.06, 0.09))
    _, face_id = stored(content, spot)
    stash.record.forget()
    assert max(is_the_mark(stash_app.client.get(f"/faces/{face_id}/crop"))) > 200
    assert (stash.record.counts["thumbnail"], stash.record.counts["original"]) == (0, 1)


def test_a_thumbnail_that_fails_leaves_the_original(stash_app, stash, stored):
    content = picture_with_a_mark(1500, 1200, spot := (0.3, 0.3, 0.3, 0.4))
    _, face_id = stored(content, spot)
    for fault in (
        Status(200, b"<svg/>", "image/svg+xml"),
        Status(200, b"not a picture", "image/jpeg"),
        Status(404),
    ):
        stash.faults.clear()
        stash.faults.add(fault, where="thumbnail")
        is_the_mark(stash_app.client.get(f"/faces/{face_id}/crop"))
    stash.faults.clear()
    stash.faults.add(Status(200, picture_with_a_mark(600, 600), "image/jpeg"), where="thumbnail")
    is_the_mark(stash_app.client.get(f"/faces/{face_id}/crop"))


def test_the_crop_of_a_turned_photo_is_upright(stash_app, stash, stored):
    upright = picture_with_a_mark(1200, 1600, spot := (0.1, 0.7, 0.3, 0.2))
    pixels = cv2.imdecode(np.frombuffer(upright, np.uint8), cv2.IMREAD_COLOR)
    lying = cv2.imencode(".jpg", cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE))[1].tobytes()
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    turned = lying[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + lying[2:]
    _, face_id = stored(turned, spot)
    is_the_mark(stash_app.client.get(f"/faces/{face_id}/crop"))
    stash.faults.add(Status(404), where="thumbnail")
    is_the_mark(stash_app.client.get(f"/faces/{face_id}/crop"))


def test_a_tag_in_between_changes_nothing(stash_app, stash, stored):
    image_id, face_id = stored(picture_with_a_mark(1400, 1200))
    image = stash.library.images[image_id]
    image.updated_at, image.performers = stash.library.now(), [1]
    is_the_mark(stash_app.client.get(f"/faces/{face_id}/crop"))


def test_an_image_that_changed_or_went_has_no_crop(stash_app, stash, stored):
    image_id, face_id = stored(picture_with_a_mark(1300, 1200))
    place = f"/faces/{face_id}/crop"
    is_the_mark(stash_app.client.get(place))
    before = stash.library.images[image_id].files
    stash.library.replace_file(image_id, picture_with_a_mark(1300, 1100))
    assert "another picture" in problem(stash_app.client.get(place), 404, "no-crop")
    stash.library.images[image_id].files = before
    stash.library.lose_file(image_id)
    problem(stash_app.client.get(place), 404, "no-crop")
    stash.library.images[image_id].files = []
    problem(stash_app.client.get(place), 404, "no-crop")
    stash.library.delete_image(image_id)
    problem(stash_app.client.get(place), 404, "not-in-stash")


def test_a_stash_that_fails(stash_app, stash, stored, monkeypatch):
    _, face_id = stored(picture_with_a_mark(1250, 1200))
    place = f"/faces/{face_id}/crop"
    for fault, status, code in (
        (Status(500), 502, "stash-answered-wrongly"),
        (Status(401), 502, "stash-key-refused"),
        (Drop(), 502, "stash-unreachable"),
        (Truncate(), 502, "stash-unreachable"),
    ):
        stash.faults.clear()
        stash.faults.add(fault)
        problem(stash_app.client.get(place), status, code)
    stash.faults.clear()
    stash.faults.add(Delay(120), where="original")
    monkeypatch.setattr(crops, "LONGEST_S", 0.5)
    problem(stash_app.client.get(place, timeout=60), 504, "stash-too-slow")
    monkeypatch.undo()
    stash.faults.clear()
    stash.down()
    problem(stash_app.client.get(place), 502, "stash-unreachable")
    assert stash_app.client.get("/journal").status_code == 200
    assert stash_app.client.get("/health").status_code == 200


def test_without_stash_a_crop_says_what_to_set(app):
    assert "STASH_URL" in problem(app.client.get("/faces/1/crop"), 400, "stash-not-configured")
