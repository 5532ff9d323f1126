"""Swapping the face database while a gallery job runs and 16 clients ask: nothing fails, nothing is mixed."""

import shutil
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


def test_no_request_fails_and_no_result_is_mixed(served, stash, samples, photo, torture, tmp_path):
    """Each version has names and references of its own: every answer is what one version alone gives."""
    place = database_dir(served.sidecar.settings)
    first = shutil.copytree(place, tmp_path / "first")
    gallery, _ = fill(stash, varied_photos(samples, 24 if torture else 12, seed=5))
    stop, answers = threading.Event(), []

    def identify():
        return served.client.post("/identify", files={"file": photo}, data={"max_distance": "2"})

    def ask():
        while not stop.is_set():
            answers.append(identify())

    def swap(number):
        version = write_version(place, SOME if number % 2 else None, source=first, mark=number)
        until(lambda: served.client.get("/database/info").json()["version"] == version)
        alone[number] = people(identify().json()["faces"])
        marks[version] = number

    alone, marks = {}, {}
    swap(0)
    job = begin(served.client, gallery)
    clients = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for number in range(1, 50 if torture else 6):
        swap(number)
    stop.set()
    for client in clients:
        client.join()
    assert answers
    assert {answer.status_code for answer in answers} == {200}
    assert len(set(map(str, alone.values()))) == len(alone)
    for answer in answers:
        faces = answer.json()["faces"]
        assert people(faces) == alone[mark_of(faces[0]["name"])]
    done = ended(served.client, job)
    assert done["status"] == "done"
    assert done["result"]["errors"] == []
    offered = [near for track in done["result"]["unknown"] for near in track["nearest"]]
    names = {person["name"] for person in [*done["result"]["performers"], *offered]}
    assert set(map(mark_of, names)) == {marks[done["result"]["db_version"]]}


def people(faces):
    """Name and distance of everybody whom the answer offers for its one face."""
    (face,) = faces
    return [(match["name"], match["distance"]) for match in face["matches"]]


def mark_of(name):
    """The number that the names of a version end with."""
    return int(name.rpartition(" ")[2])
