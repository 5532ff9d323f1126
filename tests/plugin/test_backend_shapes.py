"""Answers of a wrong form end in one sentence; only pictures become `data:` URLs; no NaN leaves as JSON."""

import base64
import json
import struct

import cv2
import numpy as np
import pytest

from .conftest import JPEG, run_backend

pytestmark = pytest.mark.usefixtures("known")


def picture(ending=".jpg", width=40, height=30):
    return cv2.imencode(ending, np.zeros((height, width, 3), np.uint8))[1].tobytes()


def http(body, kind="application/json"):
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


WRONG = [
    ("health", {}, "/health", {"status": 1}),
    ("identify_image", {"image_id": "3"}, "/identify/image", {"faces": "x"}),
    ("identify_gallery", {"gallery_id": "45"}, "/identify/gallery", {"performers": {}}),
    ("start_gallery", {"gallery_id": "45"}, "/jobs/gallery", {"job_id": 5}),
    ("build_database", {}, "/jobs/database", {"job_id": None}),
    ("job", {"job_id": "7"}, "/jobs/7", {"status": ["done"]}),
    ("jobs", {"whole": True}, "/jobs", {"jobs": {"0": 1}}),
    ("cancel_job", {"job_id": "7"}, "/jobs/7/cancel", {"status": True}),
    ("decide_faces", {"face_ids": ["f1"], "word": "ignored"}, "/decisions/faces", {"decision_ids": 1}),
    ("undecide_all", {"decision_ids": [1]}, "/decisions/undo", {"undone": True}),
    ("decisions_revision", {"gallery_id": "5"}, "/decisions/revision", {"revision": 1}),
    (
        "journal_begin",
        {"target_type": "image", "target_ids": ["1"], "local_id": "7"},
        "/journal",
        {"entry_id": "x"},
    ),
]


@pytest.mark.parametrize(("mode", "args", "path", "answer"), WRONG, ids=[mode for mode, *_ in WRONG])
def test_an_answer_of_the_wrong_type_is_one_sentence(call, sidecar, mode, args, path, answer):
    sidecar.faults[path] = http(json.dumps(answer).encode())
    ran = call(mode, **args)
    assert "is not Stash Sense" in ran.error
    assert len([level for level, _ in ran.log if level == "e"]) == 1


@pytest.mark.parametrize("jobs", [[1], ["x"], [None], [[]]])
def test_jobs_that_are_none_are_one_sentence(call, sidecar, jobs):
    sidecar.faults["/jobs"] = http(json.dumps({"jobs": jobs}).encode())
    assert "is not Stash Sense" in call("jobs", whole=True).error


@pytest.mark.parametrize(
    "job", [{"total": "x", "done": 1}, {"total": 3, "done": None}, {"total": [], "done": {}}]
)
def test_a_task_whose_progress_is_no_number_goes_on(call, sidecar, job):
    sidecar.faults["/jobs/database"] = http(b'{"job_id": "7"}')
    sidecar.faults["/jobs/7"] = http(json.dumps({**job, "status": "done"}).encode())
    assert call("build_database").output["status"] == "done"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e400"])
def test_no_number_that_is_none_leaves_as_json(call, sidecar, number):
    sidecar.faults["/health"] = http(b'{"status": "ok", "x": [' + number.encode() + b"]}")
    assert "is not Stash Sense" in call("health").error


@pytest.mark.parametrize("stdin", [b'{"args": {"mode": "identify_image", "top_k": NaN}}', b"[" * 100_000])
def test_what_is_no_json_on_stdin_is_one_sentence(stdin):
    assert "stdin is not valid JSON" in run_backend(stdin).error


@pytest.mark.parametrize(
    "settings", [[], "x", {"sidecarUrl": 5}, {"sidecarUrl": ["http://x"]}, {"sidecarToken": {"a": 1}}]
)
def test_settings_of_the_wrong_type_are_one_sentence(call, stash, settings):
    stash.library.plugins["stash-sense"] = settings
    ran = call("health")
    assert "internal error" not in repr(ran.answer)


@pytest.mark.parametrize(
    ("content", "kind"), [(picture(), "image/jpeg"), (picture(".png"), "image/png"), (JPEG, "image/jpeg")]
)
def test_a_picture_becomes_a_data_url_of_its_own_kind(call, sidecar, content, kind):
    sidecar.faults["/faces/f1/crop"] = http(content, kind)
    head, _, data = call("crop", face_id="f1").output["image"].partition(",")
    assert (head, base64.b64decode(data)) == (f"data:{kind};base64", content)


def huge_jpeg():
    data = bytearray(picture())
    place = data.index(b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", 65500, 65500)
    return bytes(data)


def huge_png():
    data = bytearray(picture(".png"))
    data[16:24] = struct.pack(">II", 2**31 - 1, 2**31 - 1)
    return bytes(data)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<svg onload=alert(1)>", "image/svg+xml"),
        (b"<html>", "image/jpeg"),
        (picture(), "text/html"),
        (picture(), "image/png"),
        (picture(".png"), "image/jpeg"),
        (picture()[:-2], "image/jpeg"),
        (picture(".png")[:-4], "image/png"),
        (picture() + b"<script>", "image/jpeg"),
        (b"\xff\xd8\xff" + b"x" * 2_000_000 + b"\xff\xd9", "image/jpeg"),
        (huge_jpeg(), "image/jpeg"),
        (huge_png(), "image/png"),
        (b"GIF89a", "image/gif"),
        (b"", "image/jpeg"),
    ],
)
def test_what_is_no_small_picture_becomes_no_data_url(call, sidecar, content, kind):
    sidecar.faults["/faces/f1/crop"] = http(content, kind)
    assert "is not Stash Sense" in call("crop", face_id="f1").error


def test_the_library_as_a_task_ends_with_its_job_or_while_that_is_paused(call, sidecar):
    sidecar.faults["/jobs/library"] = http(b'{"job_id": "7"}')
    for job in ({"status": "done", "done": 3, "total": 3}, {"status": "queued", "paused": True}):
        sidecar.faults["/jobs/7"] = http(json.dumps(job).encode())
        assert call("identify_library").output == job
    sidecar.faults["/jobs/7"] = http(b'{"status": "failed", "error": "no room"}')
    assert call("identify_library").error == "Request failed: no room"
    assert call("start_library", what=["scenes"]).output == {"job_id": "7"}
    sidecar.faults["/jobs/7/pause"] = http(b'{"status": "queued", "paused": true}')
    assert call("pause_job", job_id="7").output["paused"]
