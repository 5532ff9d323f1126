"""What a user reads when a call of the plugin's backend fails."""

import socket
import threading
import time

import pytest

from fakes.sidecar import Problem

pytestmark = pytest.mark.usefixtures("known")


def test_a_failed_identification_says_the_detail(call):
    assert call("identify_image", image_id="9").error == "Identification failed: Stash has no image 9."


def test_another_failure_says_why(call):
    assert call("job", job_id="x").error == "Request failed: There is no job x."


def test_the_plugins_pages_get_a_problem_with_its_code(call, sidecar):
    done = call("identify_image", image_id="9", problems=True)
    message = "Identification failed: Stash has no image 9."
    assert done.output == {"problem": {"code": "not-in-stash", "message": message}}
    assert ("e", message) in done.log
    sidecar.down()
    assert call("health", problems=True).output["problem"]["code"] == "connection-refused"
    assert call("job", problems=True).output["problem"] == {"code": "", "message": "No job_id provided"}


def test_no_database_says_what_to_do(call, sidecar):
    sidecar.people = None
    assert call("start_gallery", gallery_id="45").error == (
        "Identification failed: There is no face database. Build one."
    )


@pytest.mark.parametrize(
    "body",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops",
        b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.invalid/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + b"[" * 99999,
    ],
    ids=["html", "500", "redirect", "problem", "list", "null", "object", "deep"],
)
def test_something_else_at_the_address_is_told(call, sidecar, body):
    sidecar.faults["/health"] = body
    assert "is not Stash Sense" in call("health").error


@pytest.mark.parametrize(
    "body", [b"SSH-2.0-OpenSSH_9.2\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"]
)
def test_what_is_no_http_is_a_failure(call, sidecar, body):
    sidecar.faults["/health"] = body
    assert call("health").error.startswith("Request failed: ")


NEEDED = [
    ("jobs", "/jobs", {"target": "gallery:45", "whole": True}),
    ("build_database", "/jobs/database", {}),
    ("journal_begin", "/journal", {"target_type": "image", "target_ids": ["1"], "local_id": "7"}),
    ("decide_faces", "/decisions/faces", {"face_ids": ["f1"], "word": "ignored"}),
    ("undecide_all", "/decisions/undo", {"decision_ids": [1]}),
]


@pytest.mark.parametrize(("mode", "path", "args"), NEEDED, ids=[mode for mode, _, _ in NEEDED])
def test_an_answer_without_its_key_is_a_strangers(call, sidecar, mode, path, args):
    sidecar.faults[path] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    assert "is not Stash Sense" in call(mode, **args).error


def test_a_picture_that_is_none_is_refused(call, sidecar):
    sidecar.pictures["f1"] = b"<svg onload=alert(1)>"
    assert "is not Stash Sense" in call("crop", face_id="f1").error


def test_a_failure_is_logged_as_one_line(call, sidecar):
    sidecar.faults["/health"] = Problem(502, "x", "two\nlines " + "y" * 100_000)
    ran = call("health")
    (text,) = [text for level, text in ran.log if level == "e"]
    assert text.startswith("Request failed: two lines y")
    assert len(text) < 64_000


@pytest.mark.parametrize(
    ("mode", "args", "path", "words"),
    [
        ("health", {}, "/health", "Request timed out"),
        ("identify_image", {"image_id": "3"}, "/identify/image", "Request timed out"),
        (
            "identify_gallery",
            {"gallery_id": "45"},
            "/identify/gallery",
            "Gallery identification timed out - gallery may be too large",
        ),
    ],
)
def test_a_call_that_takes_too_long(call, sidecar, hurried, mode, args, path, words):
    sidecar.faults[path] = 3.0
    assert hurried(mode, **args).error == words


@pytest.mark.parametrize(
    "head", [[b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"], [b"HTTP/1.1 200 OK\r\n"]]
)
def test_an_answer_that_trickles_in_is_too_slow_as_a_whole(stash, hurried, head):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stash.library.plugins["stash-sense"]["sidecarUrl"] = f"http://127.0.0.1:{listening.getsockname()[1]}"

        def trickle():
            connection, _ = listening.accept()
            with connection:
                for piece in [*head, *[b"X: y\r\n"] * 400]:
                    try:
                        connection.sendall(piece)
                    except OSError:
                        return
                    time.sleep(0.3)

        thread = threading.Thread(target=trickle)
        thread.start()
        assert hurried("health").error == "Request timed out"
        assert thread.is_alive()  # all of it would take two minutes
        thread.join()
