"""What cannot be identified: wrong ids or bodies, a failing Stash, nothing to work with."""

import threading

import pytest
from pydantic import SecretStr

from fakes.stash import Delay, Drop, Hold, StashStandIn, Status, Truncate
from stash_sense.runtime import sidecar
from waiting import PATIENCE_S, until

from .conftest import API_KEY
from .galleries import WAITS, fetched
from .test_failures import problem

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
def test_a_bad_parameter_is_422(stash_app, call, wrong):
    (name,) = CALLS[call]
    wrong = {key: value for key, value in wrong.items() if key == name or not key.endswith("_id")}
    problem(stash_app.client.post(call, json={**CALLS[call], **wrong}), 422, "bad-parameter")


@pytest.mark.parametrize("call", [*CALLS, "/jobs/database"])
def test_no_json_is_422_and_another_type_415(stash_app, call):
    headers = {"content-type": "application/json"}
    problem(stash_app.client.post(call, content=b"{", headers=headers), 422, "bad-parameter")
    problem(stash_app.client.post(call, data={"image_id": "1"}), 415, "unknown-content-type")
    problem(stash_app.client.post(call, content=b" " * 2_000_000, headers=headers), 413, "body-too-large")


@pytest.fixture
def refused(stash_app):
    def refused(image, status, code, served=stash_app):
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


@pytest.mark.parametrize("video", [{"video": True}, {"path": "/data/moving.webm", "video": True}])
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
    with serve(settings_with(STASH_URL=stash.url, max_bytes=100_000)) as served:
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
        (Delay(120), 504, "stash-too-slow"),
    ],
)
@pytest.mark.parametrize("where", ["graphql", "original"])
def test_a_stash_that_fails_is_a_problem_in_time(
    refused, stash, put, fault, status, code, where, monkeypatch
):
    if isinstance(fault, Delay):
        monkeypatch.setattr("stash_sense.recognition.image.LONGEST_S", 0.5)
    if where == "original" and fault == Status(200, b"<html>", "text/html"):
        code = "stash-media"
    if where == "original" and fault == Status(200, b"{}", "application/json"):
        status, code = 415, "not-a-picture"
    image = put()
    stash.faults.add(fault, where=where)
    refused(image, status, code)


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
    go = threading.Event()
    stash.faults.add(Hold(go), where="FindImage")
    settings = settings_with(STASH_URL=stash.url, workers=1, queue=1)
    with serve(settings) as served:

        def ask():
            answers.append(served.client.post("/identify/image", json={"image_id": image}))

        answers = []
        asking = [threading.Thread(target=ask) for _ in range(5)]
        for one in asking:
            one.start()
        until(lambda: len(answers) == 3)  # those turned away
        go.set()
        for one in asking:
            one.join(PATIENCE_S)
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
    monkeypatch.setattr(sidecar, "STATE_WAIT_S", 0.5)
    folder = fresh_data()
    (folder / "stash_sense.db").mkdir()
    with serve(settings_with(DATA_DIR=folder, STASH_URL=stash.url)) as served:
        for call, asked in CALLS.items():
            problem(served.client.post(call, json=asked), 503, "state-not-ours")
