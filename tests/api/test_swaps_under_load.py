"""Swapping the face database while a gallery job runs and 16 clients ask: nothing fails, nothing is mixed."""

import threading

import pytest

from stash_sense.runtime import from_settings
from stash_sense.runtime.from_settings import database_dir
from waiting import until

from .databases import write_version
from .galleries import WAITS, begin, ended, fill, varied_photos

CLIENTS = 16
SOME = ["Barack Obama"]


@pytest.fixture
def served(serve, settings_with, stash, monkeypatch):
    monkeypatch.setattr(from_settings, "DATABASE_POLL_S", 0.02)
    with serve(settings_with(STASH_URL=stash.url, queue=64), **WAITS) as served:
        yield served


def test_no_request_fails_and_no_result_is_mixed(served, stash, samples, photo, torture):
    place = database_dir(served.sidecar.settings)
    gallery, _ = fill(stash, varied_photos(samples, 24 if torture else 12, seed=5))
    job = begin(served.client, gallery)
    stop, answers = threading.Event(), []

    def ask():
        while not stop.is_set():
            answers.append(served.client.post("/identify", files={"file": photo}))

    clients = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    versions = {served.client.get("/database/info").json()["version"]}
    for number in range(50 if torture else 6):
        version = (
            write_version(place, None if number % 2 else SOME, source=place)
            if number
            else (write_version(place))
        )
        until(lambda wanted=version: served.client.get("/database/info").json()["version"] == wanted)
        versions.add(version)
    stop.set()
    for client in clients:
        client.join()
    assert answers
    assert {answer.status_code for answer in answers} == {200}
    for answer in answers:
        (face,) = answer.json()["faces"]
        assert face["name"] == "Barack Obama"
    done = ended(served.client, job)
    assert done["status"] == "done"
    assert done["result"]["errors"] == []
    assert done["result"]["db_version"] in versions
