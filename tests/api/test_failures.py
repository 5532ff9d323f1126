"""Every failure that can be reached: its status, its code, and a detail that a person can act on."""

import http.client
import json
import socket
from dataclasses import replace

import cv2
import numpy as np
import pytest

from stash_sense.errors import NoDatabase


def problem(answer, status, code):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert (said["status"], said["code"]) == (status, code)
    assert said["title"]
    assert said["detail"].endswith((".", "MB", ")", "`"))
    assert said["request_id"] == answer.headers["x-request-id"]
    return said["detail"]


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({}, "image_url or image_base64"),
        ({"image_base64": "QUJD", "image_url": "https://example.org/"}, "one of the two"),
        ({"image_base64": ""}, "image_base64"),
        ({"image_base64": 7}, "image_base64"),
        ({"image_base64": "***"}, "base64"),
        ({"image_base64": "data:image/jpeg,abc"}, "data:"),
        ({"image_base64": "QUJD", "top_k": 0}, "top_k"),
        ({"image_base64": "QUJD", "top_k": 21}, "top_k"),
        ({"image_base64": "QUJD", "top_k": "5"}, "top_k"),
        ({"image_base64": "QUJD", "top_k": True}, "top_k"),
        ({"image_base64": "QUJD", "max_distance": 2.1}, "max_distance"),
        ({"image_base64": "QUJD", "max_distance": -0.1}, "max_distance"),
        ({"image_base64": "QUJD", "min_face_confidence": 1.1}, "min_face_confidence"),
        ({"image_base64": "QUJD", "max_distanse": 1}, "max_distanse"),
        ([], ""),
    ],
)
def test_a_bad_field_is_named(app, asked, named):
    assert named in problem(app.client.post("/identify", json=asked), 422, "bad-parameter")


@pytest.mark.parametrize("body", [b"", b"{", b"nul", b"[" * 100_000, b'{"image_url": "\xff"}', b"NaN"])
def test_broken_json_is_refused(app, body):
    headers = {"content-type": "application/json"}
    problem(app.client.post("/identify", content=body, headers=headers), 422, "bad-parameter")


@pytest.mark.parametrize(
    "body", [b"", b"--b\r\n", b"--b\r\n\r\nx", b"--b--\r\n", b"--b\r\n" + b"a: b\r\n" * 5000, b"--b\r\n" * 99]
)
def test_a_broken_form_is_refused(app, body):
    headers = {"content-type": "multipart/form-data; boundary=b"}
    problem(app.client.post("/identify", content=body, headers=headers), 422, "bad-parameter")


def test_a_form_without_a_file_is_refused(app):
    problem(app.client.post("/identify", files={"photo": b"x"}), 422, "bad-parameter")


def test_a_form_with_a_bad_option_is_refused(app, photo):
    asked = {"files": {"file": photo}, "data": {"top_k": "99"}}
    assert "top_k" in problem(app.client.post("/identify", **asked), 422, "bad-parameter")


def test_another_content_type_is_refused(app, photo):
    answer = app.client.post("/identify", content=photo, headers={"content-type": "image/jpeg"})
    problem(answer, 415, "unknown-content-type")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 415, "not-an-image"),
        (b"%PDF-1.7 ....", 415, "not-an-image"),
        (b"<html></html>", 415, "not-an-image"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 100, 422, "unreadable-image"),
    ],
)
def test_what_is_no_picture_is_refused(app, content, status, code):
    problem(app.client.post("/identify", files={"file": content}), status, code)


def test_a_cut_picture_is_refused(app, photo):
    problem(app.client.post("/identify", files={"file": photo[:5000]}), 422, "unreadable-image")


def test_a_tiny_picture_is_refused(app):
    dot = b"BM" + bytes([58, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 24])
    problem(app.client.post("/identify", files={"file": dot + bytes(30)}), 422, "image-too-small")


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/identify/", 404), ("/..%2f", 404)])
def test_an_unknown_call(app, path, status):
    problem(app.client.get(path), status, "not-found")


def test_a_wrong_method_names_the_right_one(app):
    answer = app.client.get("/identify")
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "which", ["x", "1", "{version}.3", "{version}.-1", "{version}.99999999999", "{version}."]
)
def test_an_unknown_reference(app, which):
    version = app.client.get("/database/info").json()["version"]
    problem(app.client.get(f"/references/{which.format(version=version)}"), 404, "no-reference")


def test_a_declared_body_that_is_too_large(web_app):
    answer = web_app.client.post("/identify", files={"file": b"x" * 600_000})
    assert "0.5 MB" in problem(answer, 413, "body-too-large")


def test_a_chunked_body_that_is_too_large(web_app):
    def endless():
        yield b'{"image_base64": "'
        for _ in range(400):
            yield b"A" * 10_000

    answer = web_app.client.post("/identify", content=endless(), headers={"content-type": "application/json"})
    problem(answer, 413, "body-too-large")


def test_a_picture_that_is_too_large_within_a_body_that_is_not(web_app):
    answer = web_app.client.post("/identify", files={"file": b"\xff\xd8\xff" + b"x" * 350_000})
    problem(answer, 413, "image-too-large")


def test_too_many_pixels(serve, settings_with):
    large = cv2.imencode(".jpg", np.zeros((1100, 1100, 3), np.uint8))[1].tobytes()
    with serve(settings_with(max_pixels=1_000_000)) as served:
        problem(served.client.post("/identify", files={"file": large}), 413, "image-too-large")


def test_a_body_that_never_ends_is_given_up(serve, settings_with):
    with serve(settings_with(upload_seconds=0.3)) as served:
        with socket.create_connection(("127.0.0.1", served.port), timeout=60) as raw:
            raw.sendall(
                b"POST /identify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: 100\r\n\r\n{"
            )
            answer = http.client.HTTPResponse(raw)
            answer.begin()
            assert answer.status == 408
            assert json.loads(answer.read())["code"] == "body-too-slow"
        assert served.client.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/gone", 502, "url-answered-wrongly"),
        ("/packed", 502, "url-answered-wrongly"),
        ("/round", 502, "url-answered-wrongly"),
        ("/to/ftp://x/", 502, "url-answered-wrongly"),
        ("/cut", 502, "url-unreachable"),
        ("/page", 415, "not-an-image"),
        ("/lie", 415, "not-an-image"),
        ("/large", 413, "image-too-large"),
        ("/endless", 413, "image-too-large"),
        ("/slow", 504, "url-too-slow"),
    ],
)
def test_a_server_that_does_not_deliver(web_app, path, status, code, monkeypatch):
    if code == "url-too-slow":
        hasty = replace(web_app.sidecar.remote._limits, seconds=0.5)
        monkeypatch.setattr(web_app.sidecar.remote, "_limits", hasty)
    answer = web_app.client.post("/identify/url", params={"url": web_app.web + path})
    problem(answer, status, code)


def test_a_host_that_is_not_there(web_app):
    answer = web_app.client.post("/identify/url", params={"url": "http://nobody.example/"})
    problem(answer, 502, "url-unreachable")


def test_a_server_that_is_down(web_app):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    answer = web_app.client.post("/identify/url", params={"url": f"http://127.0.0.1:{port}/"})
    assert "127.0.0.1" in problem(answer, 502, "url-unreachable")


def test_an_address_without_a_url(app):
    assert "url" in problem(app.client.post("/identify/url"), 422, "bad-parameter")


def test_without_a_database_everything_says_how_to_make_one(serve, settings_with, pack_dir, tmp_path, photo):
    (tmp_path / "models").symlink_to(pack_dir / "models")
    with serve(settings_with(DATA_DIR=tmp_path)) as served:
        for answer in (
            served.client.post("/identify", files={"file": photo}),
            served.client.get("/database/info"),
            served.client.get("/references/x"),
        ):
            assert "stash-sense database build" in problem(answer, 503, "no-database")
        said = served.client.get("/health").json()
        assert said["status"] == "degraded"
        assert said["missing"][0]["code"] == NoDatabase.code
        assert "identify" not in said["features"]


def test_a_failure_of_ours_says_nothing_but_is_logged(serve, settings_with, monkeypatch, photo):
    def fail(*_):
        raise ZeroDivisionError("the inner workings")

    with serve(settings_with()) as served:
        monkeypatch.setattr("stash_sense.api.routes.identify.identify_picture", fail)
        answer = served.client.post("/identify", files={"file": photo})
        detail = problem(answer, 500, "internal")
        assert "inner workings" not in answer.text
        assert answer.json()["request_id"] in detail
        logged = [json.loads(line) for line in served.log.lines]
        (failure,) = [line for line in logged if "inner workings" in line.get("error", "")]
        assert failure["request_id"] == answer.json()["request_id"]


def test_a_full_queue_says_when_to_come_back(serve, settings_with, monkeypatch, photo):
    with serve(settings_with(workers=1, queue=1)) as served:
        pool = served.sidecar.pool
        with pool.admit(), pool.admit():
            answer = served.client.post("/identify", files={"file": photo})
            problem(answer, 429, "full")
            assert int(answer.headers["retry-after"]) >= 1
            assert served.client.get("/health").json()["status"] == "ok"
        assert served.client.post("/identify", files={"file": photo}).status_code == 200
