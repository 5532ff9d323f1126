"""64 clients with slow pictures do not keep a person in Stash from having an image identified."""

import contextlib
import socket
import threading

import pytest

from waiting import PATIENCE_S, until

from .galleries import WAITS


@pytest.fixture(scope="module")
def fair(serve, settings_with, stash):
    with serve(settings_with(STASH_URL=stash.url, queue=16), **WAITS) as served:
        yield served


@pytest.fixture
def slow_uploads(fair):
    """64 connections that begin to send a picture, and do not end."""
    head = b"POST /identify HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    head += b"Content-Length: 100000\r\n\r\n--b\r\n"
    with contextlib.ExitStack() as stack:
        for _ in range(64):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", fair.port), PATIENCE_S))
            connection.sendall(head)
        until(lambda: fair.sidecar.pool.admitted > 0)
        yield


def test_slow_uploads_leave_places_for_the_library(fair, put, slow_uploads, tell):
    statuses = [fair.client.post("/identify/image", json={"image_id": put()}).status_code for _ in range(12)]
    tell(f"64 slow uploads: {statuses.count(200)} of {len(statuses)} images identified")
    assert statuses == [200] * 12


def test_slow_decoding_leaves_places_and_the_turn(fair, put, photo, monkeypatch):
    """As long as a decoder is at work it cannot be interrupted: each holds a worker and a place."""
    go, begun = threading.Event(), threading.Semaphore(0)

    def slow(*_):
        begun.release()
        go.wait(PATIENCE_S)
        raise RuntimeError("given up")

    monkeypatch.setattr("stash_sense.api.routes.identify.identify_picture", slow)
    uploads = [
        threading.Thread(target=fair.client.post, args=("/identify",), kwargs={"files": {"file": photo}})
        for _ in range(10)
    ]
    for upload in uploads:
        upload.start()
    assert begun.acquire(timeout=PATIENCE_S)
    asked = []
    image = {"image_id": put()}
    person = threading.Thread(target=lambda: asked.append(fair.client.post("/identify/image", json=image)))
    person.start()
    until(lambda: fair.sidecar.pool.admitted > 2)
    go.set()
    person.join(PATIENCE_S)
    for upload in uploads:
        upload.join(PATIENCE_S)
    assert asked[0].status_code == 200
