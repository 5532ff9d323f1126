"""POST /identify/image over HTTP: who is on an image of Stash, kept, used again, and every way to fail."""

import contextlib
import itertools
import sqlite3
import threading
import time

import cv2
import numpy as np
import pytest
from pydantic import SecretStr

from fakes.stash import Delay, Drop, StashStandIn, Status, Truncate
from stash_sense.workflows import state_in_use
from stash_sense.workflows.library import Patience

from .conftest import API_KEY
from .galleries import QUICK, WAITS, begin, ended, fetched, fill, job_of, varied_photos
from .test_failures import problem

NUMBERS = itertools.count(1)


@pytest.fixture
def put(stash, photo):
    """Puts a photo into Stash, the enrolled person's if no other is given, as a picture of its own."""

    def put(content=photo, **image):
        stash.record.forget()
        return str(stash.library.add_image(content + bytes(f"#{next(NUMBERS)}", "ascii"), **image))

    return put


@pytest.fixture
def look(words):
    def look(image_id, served=words, **asked):
        answer = served.client.post("/identify/image", json={"image_id": image_id, **asked})
        assert answer.status_code == 200, answer.text
        return answer.json()

    return look


def test_all_of_an_image(words, stash, put, look, photo):
    image = put()
    height, width = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    said = look(image)
    assert set(said) == {"image_id", "width", "height", "stored", "reused", "faces", "face_count"}
    assert (said["image_id"], said["width"], said["height"]) == (image, width, height)
    assert (said["stored"], said["reused"], said["face_count"]) == (True, False, 1)
    (face,) = said["faces"]
    assert set(face) == {"face_id", "box", "quality", "verdict", "reason", "matches"}
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
    assert words.client.get(f"/references/{best['reference_id']}").headers["content-type"] == "image/jpeg"
    assert words.client.get(f"/faces/{face['face_id']}/crop").headers["content-type"] == "image/jpeg"
    assert fetched(stash)[image] == 2  # of which one for the crop


def test_it_is_stored_as_the_contract_has_it(words, put, look):
    image = put()
    said = look(image)
    store, box = words.sidecar.store, said["faces"][0]["box"]
    assert store.get_image_fingerprint(image)["faces_detected"] == 1
    (kept,) = store.get_image_fingerprint_faces(image)
    best = said["faces"][0]["matches"][0]
    assert kept["performer_id"] == "Barack Obama"
    assert kept["distance"] == pytest.approx(best["distance"], abs=1e-3)
    assert kept["bbox_x"] == pytest.approx(box["x"] / said["width"], abs=1e-3)
    assert kept["bbox_h"] == pytest.approx(box["height"] / said["height"], abs=1e-3)


def test_the_same_photo_handed_over_gives_the_same_faces(words, put, look, photo):
    ours = look(put())["faces"][0]
    theirs = words.client.post("/identify", files={"file": photo}).json()["faces"][0]
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


def test_other_knobs_are_answered_without_a_fetch(stash, put, look):
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
def test_a_rejected_person_is_not_named_again(words, put, look, force):
    image = put()
    face = look(image)["faces"][0]
    asked = {"face_id": face["face_id"], "performer_id": "Barack Obama", "word": "rejected"}
    assert words.client.post("/decisions", json=asked).status_code == 200
    again = look(image, force=force)["faces"][0]
    assert again["verdict"] != "match"
    assert "Barack Obama" not in [match["name"] for match in again["matches"]]


@pytest.mark.parametrize("force", [False, True])
def test_a_confirmed_person_is_the_match(words, put, look, force):
    image = put()
    face = look(image)["faces"][0]
    asked = {"face_id": face["face_id"], "performer_id": "Joe Biden", "word": "confirmed"}
    assert words.client.post("/decisions", json=asked).status_code == 200
    again = look(image, force=force)["faces"][0]
    assert (again["verdict"], again["matches"][0]["performer_id"]) == ("match", "Joe Biden")


def test_a_decision_taken_back_counts_no_more(words, put, look):
    image = put()
    first = look(image)["faces"]
    asked = {"face_id": first[0]["face_id"], "word": "ignored"}
    decision = words.client.post("/decisions", json=asked).json()
    assert look(image)["faces"] != first
    words.client.delete(f"/decisions/{decision['decision_id']}")
    assert look(image)["faces"] == first


@contextlib.contextmanager
def written_by_another(served):
    with contextlib.closing(sqlite3.connect(served.sidecar.state.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def test_a_result_that_cannot_be_stored_is_an_answer_all_the_same(
    serve, settings_with, stash, put, look, monkeypatch
):
    monkeypatch.setattr(state_in_use, "BUSY_S", 0.2)
    image = put()
    with serve(settings_with(STASH_URL=stash.url)) as served:
        with written_by_another(served):
            said = look(image, served)
        assert (said["stored"], said["faces"][0]["matches"][0]["name"]) == (False, "Barack Obama")
        assert any(f"image {image} was not stored" in line for line in served.log.lines)
        problem(served.client.get(f"/faces/{said['faces'][0]['face_id']}/crop"), 404, "not-stored")
        again = look(image, served)
        assert (again["stored"], again["reused"]) == (True, False)


@pytest.mark.parametrize("patience_s", [20.0, 0.5])
def test_a_gallery_waits_for_a_state_that_another_process_holds(
    serve, settings_with, stash, samples, monkeypatch, patience_s
):
    monkeypatch.setattr(state_in_use, "BUSY_S", 0.2)
    photos = varied_photos(samples, 2, seed=int(patience_s) + 900)
    first, again = fill(stash, photos)[0], fill(stash, photos)[0]
    with serve(settings_with(STASH_URL=stash.url), patience=Patience(state_s=patience_s)) as served:
        assert ended(served.client, begin(served.client, first))["status"] == "done"
        stash.record.forget()
        with written_by_another(served):
            job_id = begin(served.client, again)  # its pictures are known, and their results to be adopted
            if patience_s < 1:
                assert ended(served.client, job_id)["status"] == "failed"
            else:
                time.sleep(1)
                assert job_of(served.client, job_id)["status"] == "running"
        job = ended(served.client, job_id)
        if patience_s < 1:
            assert (job["error_code"], "another process" in job["error"]) == ("busy", True)
            assert served.client.post(f"/jobs/{job_id}/resume").status_code == 200
            job = ended(served.client, job_id)
        assert (job["status"], job["result"]["images_processed"], job["result"]["error_count"]) == (
            "done",
            2,
            0,
        )
        assert not fetched(stash)


def test_ten_at_once_for_one_image_agree(words, put, look):
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


CALLS = {
    "/identify/image": {"image_id": "1"},
    "/identify/gallery": {"gallery_id": "1"},
    "/jobs/gallery": {"gallery_id": "1"},
}


@pytest.mark.parametrize("call", [*CALLS, "/jobs/database"])
def test_without_a_stash_it_is_400(app, call):
    assert "STASH_URL" in problem(
        app.client.post(call, json=CALLS.get(call, {})), 400, "stash-not-configured"
    )


@pytest.mark.parametrize("call", [*CALLS, "/jobs/database"])
def test_without_the_secret_it_is_401(locked, call):
    problem(locked.stranger.post(call, json=CALLS.get(call, {})), 401, "unauthorized")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "wrong",
    [
        {"top_k": 0}, {"top_k": 21}, {"top_k": "5"}, {"max_distance": 2.1}, {"max_distance": -1},
        {"min_face_confidence": 1.1}, {"force": "yes"}, {"source": "preview"}, {"knobs": {}},
        {"image_id": "abc", "gallery_id": "abc"}, {"image_id": "", "gallery_id": ""},
        {"image_id": None, "gallery_id": None}, {"image_id": -1, "gallery_id": -1},
        {"image_id": 1.5, "gallery_id": 1.5}, {"image_id": "9" * 19, "gallery_id": "9" * 19},
    ],
)  # fmt: skip
def test_a_bad_parameter_is_422(words, call, wrong):
    (name,) = CALLS[call]
    wrong = {key: value for key, value in wrong.items() if key == name or not key.endswith("_id")}
    problem(words.client.post(call, json={**CALLS[call], **wrong}), 422, "bad-parameter")


@pytest.mark.parametrize("call", [*CALLS, "/jobs/database"])
def test_no_json_is_422_and_another_type_415(words, call):
    headers = {"content-type": "application/json"}
    problem(words.client.post(call, content=b"{", headers=headers), 422, "bad-parameter")
    problem(words.client.post(call, data={"image_id": "1"}), 415, "unknown-content-type")
    problem(words.client.post(call, content=b" " * 2_000_000, headers=headers), 413, "body-too-large")


@pytest.fixture
def refused(words):
    def refused(image, status, code, served=words):
        return problem(served.client.post("/identify/image", json={"image_id": image}), status, code)

    return refused


def test_an_unknown_image_is_404(refused):
    assert "999999" in refused("999999", 404, "not-in-stash")


def test_an_image_without_a_file_is_400(refused, stash, put):
    image = put()
    stash.library.images[int(image)].files.clear()
    assert "Rescan" in refused(image, 400, "no-picture")


def test_an_image_whose_file_is_gone_is_400(refused, stash, put):
    image = put()
    stash.library.lose_file(int(image))
    assert "Rescan" in refused(image, 400, "no-picture")


@pytest.mark.parametrize("video", [{"video": True}, {"path": "/data/moving.gif", "video": True}])
def test_a_video_is_415(refused, stash, put, video):
    refused(put(**video), 415, "not-a-picture")
    assert not fetched(stash)


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"no picture at all", 415, "not-an-image"),
        (b"\xff\xd8\xff\xe0 half a JPEG", 422, "unreadable-image"),
        (b"\x89PNG\r\n\x1a\n half a PNG", 422, "unreadable-image"),
    ],
)
def test_what_cannot_be_read_is_said(refused, put, content, status, code):
    refused(put(content), status, code)


def test_a_picture_that_is_too_large_is_413(serve, settings_with, stash, put, refused):
    image = put(bytes(200_000))
    with serve(settings_with(STASH_URL=stash.url, STASH_SENSE_MAX_BYTES=100_000)) as served:
        refused(image, 413, "media-too-large", served)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (Status(500), 502, "stash-answered-wrongly"),
        (Status(200, b"<html>", "text/html"), 502, "stash-answered-wrongly"),
        (Status(200, b"{}", "application/json"), 502, "stash-answered-wrongly"),
        (Status(302, b"", headers={"location": "http://127.0.0.1:1/"}), 502, "stash-answered-wrongly"),
        (Status(401), 502, "stash-key-refused"),
        (Drop(), 502, "stash-unreachable"),
        (Truncate(), 502, "stash-unreachable"),
        (Delay(10), 504, "stash-too-slow"),
    ],
)
@pytest.mark.parametrize("where", ["graphql", "original"])
def test_a_stash_that_fails_is_a_problem_in_time(refused, stash, put, fault, status, code, where):
    if where == "original" and fault == Status(200, b"<html>", "text/html"):
        status, code = 415, "not-a-picture"
    if where == "original" and fault == Status(200, b"{}", "application/json"):
        status, code = 415, "not-a-picture"
    image = put()
    stash.faults.add(fault, where=where)
    began = time.monotonic()
    refused(image, status, code)
    assert time.monotonic() - began < QUICK.total_s + 2


def test_a_stash_that_is_down_is_502_and_back_it_works(refused, stash, put, look):
    image = put()
    stash.down()
    refused(image, 502, "stash-unreachable")
    stash.up()
    assert look(image)["face_count"] == 1


def test_a_wrong_key_is_502(serve, settings_with, photo, refused):
    with StashStandIn(api_key="another") as stash:
        image = str(stash.library.add_image(photo))
        settings = settings_with(STASH_URL=stash.url, STASH_API_KEY=SecretStr(API_KEY))
        with serve(settings, **WAITS) as served:
            said = refused(image, 502, "stash-key-refused", served)
            assert API_KEY not in said


def test_full_is_429_with_when_to_come_back(serve, settings_with, stash, put):
    image = put()
    stash.faults.add(Delay(1), where="FindImage")
    settings = settings_with(STASH_URL=stash.url, STASH_SENSE_WORKERS=1, STASH_SENSE_QUEUE=1)
    with serve(settings) as served:

        def ask():
            answers.append(served.client.post("/identify/image", json={"image_id": image}))

        answers = []
        asking = [threading.Thread(target=ask) for _ in range(5)]
        for one in asking:
            one.start()
        for one in asking:
            one.join(30)
        assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429, 429]
        for answer in answers:
            if answer.status_code == 429:
                problem(answer, 429, "full")
                assert 1 <= int(answer.headers["retry-after"]) <= 30


def test_without_a_face_database_it_is_503(serve, settings_with, stash, without_database):
    with serve(settings_with(DATA_DIR=without_database, STASH_URL=stash.url)) as served:
        for call, asked in CALLS.items():
            assert "database build" in problem(served.client.post(call, json=asked), 503, "no-database")


def test_without_the_state_it_is_503(serve, settings_with, stash, fresh_data, monkeypatch):
    monkeypatch.setattr(state_in_use, "PATIENCE_S", 0.5)
    folder = fresh_data()
    (folder / "stash_sense.db").mkdir()
    with serve(settings_with(DATA_DIR=folder, STASH_URL=stash.url)) as served:
        for call, asked in CALLS.items():
            problem(served.client.post(call, json=asked), 503, "state-not-ours")
