"""POST /identify/image over HTTP: who is on an image of Stash, kept and used again."""

import contextlib
import sqlite3
import threading
import time

import cv2
import numpy as np
import pytest

from stash_sense.runtime import services
from stash_sense.stash.outage import OutageLimits

from .galleries import begin, ended, fetched, fill, job_of, varied_photos
from .test_failures import problem


def test_all_of_an_image(stash_app, stash, put, look, photo):
    image = put()
    height, width = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    said = look(image)
    assert set(said) == {"image_id", "width", "height", "stored", "reused", "faces", "face_count"}
    assert (said["image_id"], said["width"], said["height"]) == (image, width, height)
    assert (said["stored"], said["reused"], said["face_count"]) == (True, False, 1)
    (face,) = said["faces"]
    assert set(face) == {
        *("face_id", "box", "quality", "verdict", "performer_id", "name", "matches"),
        *("reason", "reason_code", "reason_people", "reason_count", "decisions"),
    }
    assert face["verdict"] == "match"
    assert face["reason"]
    box = face["box"]
    assert set(box) == {"x", "y", "width", "height", "confidence"}
    assert 0 <= box["x"] < box["x"] + box["width"] <= width
    assert 0 <= box["y"] < box["y"] + box["height"] <= height
    best = face["matches"][0]
    assert set(best) == {
        *("performer_id", "stashdb_id", "stash_ids", "local_id", "name", "confidence", "distance"),
        *("facenet_distance", "arcface_distance", "country", "image_url", "reference_id", "support"),
    }
    assert (best["performer_id"], best["name"], best["stashdb_id"]) == ("Barack Obama", "Barack Obama", None)
    assert best["confidence"] == pytest.approx(1 - best["distance"], abs=1e-3)
    assert stash_app.client.get(f"/references/{best['reference_id']}").headers["content-type"] == "image/jpeg"
    assert stash_app.client.get(f"/faces/{face['face_id']}/crop").headers["content-type"] == "image/jpeg"
    assert fetched(stash)[image] == 2  # of which one for the crop


def test_it_is_stored_as_the_contract_has_it(stash_app, put, look):
    image = put()
    said = look(image)
    store, box = stash_app.store, said["faces"][0]["box"]
    assert store.get_image_fingerprint(image)["faces_detected"] == 1
    (kept,) = store.get_image_fingerprint_faces(image)
    best = said["faces"][0]["matches"][0]
    assert kept["performer_id"] == "Barack Obama"
    assert kept["distance"] == pytest.approx(best["distance"], abs=1e-3)
    assert kept["bbox_x"] == pytest.approx(box["x"] / said["width"], abs=1e-3)
    assert kept["bbox_h"] == pytest.approx(box["height"] / said["height"], abs=1e-3)


def test_the_same_photo_handed_over_gives_the_same_faces(stash_app, put, look, photo):
    ours = look(put())["faces"][0]
    theirs = stash_app.client.post("/identify", files={"file": photo}).json()["faces"][0]
    assert ours["box"] == pytest.approx(theirs["box"], abs=0.11)
    ours, theirs = ours["matches"][0], theirs["matches"][0]
    assert ours["distance"] == pytest.approx(theirs["distance"], abs=2e-3)
    assert ours["performer_id"] == theirs["performer_id"]


def test_asked_again_nothing_is_fetched(stash, put, look):
    image = put()
    first = look(image)
    stash.record.forget()
    again = look(int(image))  # scripts send numbers
    assert not fetched(stash)
    assert (first["reused"], again["reused"]) == (False, True)
    assert {**first, "reused": True} == again


def test_tagged_and_touched_nothing_is_fetched(stash, put, look):
    image = put()
    first = look(image)
    tagged = stash.library.images[int(image)]
    tagged.performers.append(stash.library.add_performer("Anna"))
    tagged.updated_at = stash.library.now()
    stash.record.forget()
    assert look(image)["faces"] == first["faces"]
    assert not fetched(stash)


def test_another_picture_under_the_same_id_is_looked_at(stash, put, look, samples):
    image = put()
    look(image)
    stash.library.replace_file(int(image), (samples / "gallery" / "coffee.png").read_bytes())
    said = look(image)
    assert (said["face_count"], said["reused"]) == (0, False)


def test_force_looks_again(stash, put, look):
    image = put()
    first = look(image)
    stash.record.forget()
    again = look(image, force=True)
    assert fetched(stash)[image] == 1
    assert (again["reused"], again["stored"]) == (False, True)
    assert again["faces"][0]["matches"] == first["faces"][0]["matches"]


def test_a_thumbnail_is_enough_and_its_boxes_are_in_the_full_picture(stash, put, look, photo):
    large = cv2.resize(cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR), (1500, 1000))
    image = put(cv2.imencode(".jpg", large)[1].tobytes())
    small = look(image, source="thumbnail")
    assert stash.record.counts["original"] == 0
    assert stash.record.counts["thumbnail"] == 1
    full = look(image)
    assert stash.record.counts["original"] == 1  # a thumbnail's result is not good enough for this
    assert (small["width"], small["height"]) == (full["width"], full["height"]) == (1500, 1000)
    assert overlap(small["faces"][0]["box"], full["faces"][0]["box"]) > 0.5
    stash.record.forget()
    assert look(image, source="thumbnail")["reused"]  # but the other way round
    assert not fetched(stash)


def overlap(one, other):
    """Of two boxes, the share of what both cover in what either covers."""
    wide, tall = (
        min(one[at] + one[size], other[at] + other[size]) - max(one[at], other[at])
        for at, size in (("x", "width"), ("y", "height"))
    )
    both = max(0, wide) * max(0, tall)
    return both / (one["width"] * one["height"] + other["width"] * other["height"] - both)


def test_other_options_are_answered_without_a_fetch(stash, put, look):
    image = put()
    first = look(image)
    stash.record.forget()
    wide = look(image, max_distance=2, top_k=20)["faces"][0]["matches"]
    assert {match["name"] for match in wide} >= {"Barack Obama", "Joe Biden", "Eileen Collins"}
    assert [match["distance"] for match in wide] == sorted(match["distance"] for match in wide)
    assert len(look(image, max_distance=2, top_k=1)["faces"][0]["matches"]) == 1
    none = look(image, max_distance=0)["faces"][0]
    assert (none["verdict"], none["matches"]) == ("unknown", [])
    assert look(image, min_face_confidence=1)["face_count"] == 0
    assert look(image)["faces"] == first["faces"]
    assert not fetched(stash)


def test_less_sure_faces_than_are_kept_need_another_look(stash, put, look):
    image = put()
    look(image)
    stash.record.forget()
    assert look(image, min_face_confidence=0.1)["face_count"] >= 1
    assert fetched(stash)[image] == 1


def test_a_picture_without_faces_is_an_answer(put, look, samples):
    said = look(put((samples / "gallery" / "coffee.png").read_bytes()))
    assert (said["faces"], said["face_count"], said["stored"]) == ([], 0, True)


@pytest.mark.parametrize("force", [False, True])
def test_a_rejected_person_is_not_named_again(stash_app, put, look, force):
    image = put()
    face = look(image)["faces"][0]
    asked = {"face_id": face["face_id"], "performer_id": "Barack Obama", "word": "rejected"}
    assert stash_app.client.post("/decisions", json=asked).status_code == 200
    again = look(image, force=force)["faces"][0]
    assert again["verdict"] != "match"
    assert "Barack Obama" not in [match["name"] for match in again["matches"]]


@pytest.mark.parametrize("force", [False, True])
def test_a_confirmed_person_is_the_match(stash_app, put, look, force):
    image = put()
    face = look(image)["faces"][0]
    asked = {"face_id": face["face_id"], "performer_id": "Joe Biden", "word": "confirmed"}
    assert stash_app.client.post("/decisions", json=asked).status_code == 200
    again = look(image, force=force)["faces"][0]
    assert (again["verdict"], again["matches"][0]["performer_id"]) == ("match", "Joe Biden")


def test_a_decision_taken_back_counts_no_more(stash_app, put, look):
    image = put()
    first = look(image)["faces"]
    asked = {"face_id": first[0]["face_id"], "word": "ignored"}
    decision = stash_app.client.post("/decisions", json=asked).json()
    assert look(image)["faces"] != first
    stash_app.client.delete(f"/decisions/{decision['decision_id']}")
    assert look(image)["faces"] == first


@contextlib.contextmanager
def written_by_another(served):
    with contextlib.closing(sqlite3.connect(served.store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def test_a_result_that_cannot_be_stored_is_an_answer_all_the_same(
    serve, settings_with, stash, put, look, monkeypatch
):
    monkeypatch.setattr(services, "BUSY_S", 0.2)
    image = put()
    with serve(settings_with(STASH_URL=stash.url)) as served:
        with written_by_another(served):
            said = look(image, served)
        assert (said["stored"], said["faces"][0]["matches"][0]["name"]) == (False, "Barack Obama")
        assert any(f"image {image} was not stored" in line for line in served.log.lines)
        problem(served.client.get(f"/faces/{said['faces'][0]['face_id']}/crop"), 404, "not-stored")
        again = look(image, served)
        assert (again["stored"], again["reused"]) == (True, False)


@pytest.mark.parametrize("locked_s", [20.0, 0.5])
def test_a_gallery_waits_for_a_state_that_another_process_holds(
    serve, settings_with, stash, samples, monkeypatch, locked_s
):
    monkeypatch.setattr(services, "BUSY_S", 0.2)
    photos = varied_photos(samples, 2, seed=int(locked_s) + 900)
    first, again = fill(stash, photos)[0], fill(stash, photos)[0]
    with serve(settings_with(STASH_URL=stash.url), outage_limits=OutageLimits(state_s=locked_s)) as served:
        assert ended(served.client, begin(served.client, first))["status"] == "done"
        stash.record.forget()
        with written_by_another(served):
            job_id = begin(served.client, again)  # its pictures are known, and their results to be adopted
            if locked_s < 1:
                assert ended(served.client, job_id)["status"] == "failed"
            else:
                time.sleep(1)
                assert job_of(served.client, job_id)["status"] == "running"
        job = ended(served.client, job_id)
        if locked_s < 1:
            assert (job["error_code"], "another process" in job["error"]) == ("busy", True)
            assert served.client.post(f"/jobs/{job_id}/resume").status_code == 200
            job = ended(served.client, job_id)
        assert (job["status"], job["result"]["images_processed"], job["result"]["error_count"]) == (
            "done",
            2,
            0,
        )
        assert not fetched(stash)


def test_ten_at_once_for_one_image_agree(stash_app, put, look):
    image = put()
    found = []
    asking = [threading.Thread(target=lambda: found.append(look(image))) for _ in range(10)]
    for one in asking:
        one.start()
    for one in asking:
        one.join(60)
    assert len(found) == 10
    assert len({one["faces"][0]["matches"][0]["distance"] for one in found}) == 1
    assert len({one["faces"][0]["face_id"] for one in found}) <= 10
    assert look(image)["reused"]
