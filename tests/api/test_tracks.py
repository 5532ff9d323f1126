"""Over HTTP: a gallery's tracks, and that no face, row and image ever names different people."""

import cv2
import numpy as np
import pytest

from .galleries import WAITS, ended, fill


@pytest.fixture
def tiles(samples):
    """Squares with a face, cut from the sample photos by name."""

    def tile(name, side=320, brightness=1.0):
        photo = cv2.imread(str(samples / "gallery" / f"{name}.jpg"))
        height, width = photo.shape[:2]
        least = min(height, width)
        top, left = (height - least) // 2 if name != "obama3" else 0, (width - least) // 2
        cut = cv2.resize(
            photo[top : top + least, left : left + least], (side, side), interpolation=cv2.INTER_AREA
        )
        return np.clip(cut.astype(np.float32) * brightness, 0, 255).astype(np.uint8)

    return tile


def jpeg(pixels):
    return cv2.imencode(".jpg", pixels)[1].tobytes()


def sheet(rows):
    """Tiles side by side and below one another."""
    return jpeg(np.vstack([np.hstack(row) for row in rows]))


@pytest.fixture
def identify(stash_app):
    def identify(gallery, served=stash_app):
        answer = served.client.post("/identify/gallery", json={"gallery_id": gallery})
        assert answer.status_code == 200, answer.text
        return answer.json()

    return identify


def agree(answer, look, images):
    """Each person's row has just the images on which a face carries their key, and each face its own name."""
    faces = {image: look(image)["faces"] for image in images}
    for person in answer["performers"]:
        carried = [
            image
            for image in images
            if any(face["performer_id"] == person["performer_id"] for face in faces[image])
        ]
        assert carried == person["image_ids"]
    named = {person["performer_id"]: person["name"] for person in answer["performers"]}
    for face in (face for own in faces.values() for face in own):
        assert (face["performer_id"] is None) == (face["verdict"] != "match")
        assert face["name"] == named.get(face["performer_id"])
        if face["performer_id"]:
            assert face["performer_id"] in [match["performer_id"] for match in face["matches"]]
    return [face for own in faces.values() for face in own]


def test_a_contact_sheet_of_one_person_is_that_person_nine_times(stash, identify, look, tiles):
    rows = [[tiles("obama2", brightness=0.7 + 0.05 * (3 * row + at)) for at in range(3)] for row in range(3)]
    gallery, images = fill(stash, [sheet(rows)])
    answer = identify(gallery)
    assert [(one["name"], one["image_count"], one["face_count"]) for one in answer["performers"]] == [
        ("Barack Obama", 1, 9)
    ]
    faces = agree(answer, look, images)
    assert [face["name"] for face in faces] == ["Barack Obama"] * 9


def test_a_face_whose_nearest_is_taken_is_offered_and_not_named(stash, identify, look, tiles):
    gallery, images = fill(stash, [sheet([[tiles("obama2"), tiles("obama3")]])])
    answer = identify(gallery)
    faces = agree(answer, look, images)
    assert sorted(face["verdict"] for face in faces) == ["ambiguous", "match"]
    (left,) = answer["unknown"]
    assert (left["verdict"], left["nearest"][0]["name"]) == ("ambiguous", "Barack Obama")
    assert left["reason_code"] == "taken"
    assert set(left["nearest"][0]) == set(faces[0]["matches"][0])


def test_people_and_strangers_of_a_gallery(gallery, identify, look):
    number, images = gallery(12)
    answer = identify(number)
    faces = agree(answer, look, images)
    assert len(faces) == answer["faces_detected"]
    (stranger,) = answer["unknown"]
    assert (stranger["image_count"], stranger["verdict"], stranger["nearest"]) == (2, "unknown", [])
    shown = [face["face_id"] for image in stranger["image_ids"] for face in look(image)["faces"]]
    assert sorted(stranger["face_ids"]) == sorted(shown)
    assert dict(zip(stranger["face_ids"], stranger["face_image_ids"], strict=True)).keys() == set(shown)


def test_a_whole_track_is_named_by_hand_and_taken_back(stash_app, gallery, identify):
    def revision():
        query = {"gallery_id": number}
        return stash_app.client.get("/decisions/revision", params=query).json()["revision"]

    number, _ = gallery(12)
    first = identify(number)
    (stranger,) = first["unknown"]
    said = {
        "face_ids": stranger["face_ids"],
        "performer_id": "local:900",
        "name": "Grace",
        "word": "confirmed",
    }
    decided = stash_app.client.post("/decisions/faces", json=said).json()
    assert first["decisions_revision"] == "0.0" != revision()
    answer = identify(number)
    assert answer["decisions_revision"] == revision()
    (grace,) = [one for one in answer["performers"] if one["name"] == "Grace"]
    assert (grace["performer_id"], grace["confirmed"], grace["face_count"]) == ("local:900", True, 2)
    assert answer["unknown"] == []
    stash_app.client.post("/decisions/undo", json={"decision_ids": decided["decision_ids"]})
    assert revision() == first["decisions_revision"]
    assert [one["face_ids"] for one in identify(number)["unknown"]] == [stranger["face_ids"]]


@pytest.fixture(scope="module")
def twins(serve, settings_with, stash, samples):
    """A sidecar in whose library two performers have one portrait."""
    portrait = (samples / "people" / "Barack Obama" / "obama.jpg").read_bytes()
    people = [stash.library.add_performer(name, image=portrait) for name in ("Ann", "Zoe")]
    with serve(settings_with(STASH_URL=stash.url), **WAITS) as served:
        job = served.client.post("/jobs/database", json={}).json()["job_id"]
        assert ended(served.client, job)["status"] == "done"
        yield served
    for person in people:
        del stash.library.performers[person]


def test_two_equally_near_people_are_both_offered(stash, twins, identify, look, tiles):
    gallery, images = fill(stash, [jpeg(tiles("obama2"))])
    answer = identify(gallery, twins)
    assert answer["performers"] == []
    (left,) = answer["unknown"]
    assert left["verdict"] == "ambiguous"
    assert {one["name"] for one in left["nearest"][:2]} == {"Ann", "Zoe"}
    (face,) = look(images[0], twins)["faces"]
    assert (face["verdict"], face["performer_id"]) == ("ambiguous", None)
    assert {match["name"] for match in face["matches"][:2]} == {"Ann", "Zoe"}


def test_one_confirmed_face_settles_a_tie_for_its_track(stash, twins, identify, look, tiles):
    photos = [jpeg(tiles("obama2")), jpeg(tiles("obama3")), jpeg(tiles("obama2", brightness=0.8))]
    gallery, images = fill(stash, photos)
    (left,) = identify(gallery, twins)["unknown"]
    zoe = next(one for one in left["nearest"] if one["name"] == "Zoe")
    said = {"face_id": left["face_ids"][0], "performer_id": zoe["performer_id"], "word": "confirmed"}
    assert twins.client.post("/decisions", json=said).status_code == 200
    answer = identify(gallery, twins)
    assert [(one["name"], one["image_ids"]) for one in answer["performers"]] == [("Zoe", images)]
    assert answer["unknown"] == []
    for image in images:
        (face,) = look(image, twins)["faces"]
        assert (face["verdict"], face["name"]) == ("match", "Zoe")
