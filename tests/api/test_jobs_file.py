"""The list of jobs outlives a stop, belongs to one sidecar, and is begun afresh where it is damaged."""

import contextlib
import sqlite3

import pytest

from stash_sense.jobs import queue
from stash_sense.recognition.image_batches import FETCHERS
from stash_sense.runtime import sidecar
from stash_sense.store.repositories import jobs
from waiting import until

from .galleries import WAITS, begin, ended, fetched, reached
from .test_failures import problem
from .test_state_and_stash import missing


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(sidecar, "JOBS_RETRY_S", 0.1)
    monkeypatch.setattr(jobs, "_OWNER_WAIT_S", 0.3)


def test_a_stopped_sidecar_goes_on_at_its_next_start(serve, settings_with, stash, gallery, hold, fresh_data):
    place, images = gallery(20)
    settings = settings_with(STASH_URL=stash.url, DATA_DIR=fresh_data())
    go = hold(images[5:])
    with serve(settings, **WAITS) as served:
        job_id = begin(served.client, place)
        reached(served.client, job_id, 5)
    go.set()
    with serve(settings, **WAITS) as served:
        job = ended(served.client, job_id)
        assert (job["status"], job["done"]) == ("done", 20)
        assert job["result"]["images_processed"] == 20
        history = served.client.get("/jobs").json()["jobs"]
        assert [one["job_id"] for one in history] == [job_id]
    twice = [image for image, times in fetched(stash).items() if times > 1]
    assert not set(images[:5]) & set(twice)
    assert len(twice) <= FETCHERS  # what was in flight when it was stopped
    assert set(fetched(stash)) == set(images)


def test_a_second_sidecar_on_the_same_data_says_so_and_harms_nothing(
    serve, settings_with, stash, gallery, hold, fresh_data
):
    place, images = gallery(8)
    settings = settings_with(STASH_URL=stash.url, DATA_DIR=fresh_data())
    go = hold(images[1:])
    with serve(settings, **WAITS) as first:
        job_id = begin(first.client, place)
        with serve(settings, **WAITS) as second:
            said = missing(second, "jobs")
            assert (said["what"], said["code"]) == ("jobs", "busy")
            assert "another Stash Sense" in said["detail"]
            assert not {"jobs", "identify-gallery"} & set(second.client.get("/health").json()["features"])
            for answer in (
                second.client.post("/jobs/gallery", json={"gallery_id": place}),
                second.client.post("/identify/gallery", json={"gallery_id": place}),
                second.client.post("/jobs/database", json={}),
                second.client.get("/jobs"),
                second.client.get(f"/jobs/{job_id}"),
                second.client.post(f"/jobs/{job_id}/cancel"),
            ):
                assert problem(answer, 503, "busy") == said["detail"]
            assert said["detail"] in second.client.get("/").text
            image = second.client.post("/identify/image", json={"image_id": images[0]})
            assert image.json()["face_count"] == 1  # nothing of this needs the jobs
        go.set()
        job = ended(first.client, job_id)
        assert (job["status"], job["result"]["images_processed"]) == ("done", 8)


def test_the_second_takes_over_when_the_first_has_ended(serve, settings_with, stash, fresh_data):
    settings = settings_with(STASH_URL=stash.url, DATA_DIR=fresh_data())
    with contextlib.ExitStack() as later:
        with serve(settings):
            second = later.enter_context(serve(settings))
            assert missing(second, "jobs")
        until(lambda: missing(second, "jobs") is None)
        assert second.client.get("/jobs").json() == {"jobs": []}


@pytest.mark.parametrize("how", ["header", "pages", "cut"])
def test_a_damaged_list_of_jobs_is_begun_anew_and_kept_aside(
    serve, settings_with, stash, gallery, fresh_data, how
):
    folder = fresh_data()
    place, _ = gallery(2)
    settings = settings_with(STASH_URL=stash.url, DATA_DIR=folder)
    with serve(settings) as served:
        before = served.client.post("/identify/gallery", json={"gallery_id": place}).json()
    whole = (folder / "jobs.db").read_bytes()
    damaged = {
        "header": b"\xff" * 100 + whole[100:],
        "pages": whole[:4096] + b"\xff" * (len(whole) - 4096),
        "cut": whole[:5000],
    }[how]
    (folder / "jobs.db").write_bytes(damaged)
    stash.record.forget()
    with serve(settings) as served:
        assert missing(served, "jobs") is None
        assert served.client.get("/jobs").json() == {"jobs": []}
        assert served.client.post("/identify/gallery", json={"gallery_id": place}).json() == before
        assert not fetched(stash)  # what was found lies elsewhere
        assert any("damaged" in line for line in served.log.lines)
    kept = [path.read_bytes() for path in folder.glob("jobs.db.damaged-*")]
    assert damaged in kept


def test_a_list_of_jobs_of_another_program_is_left_alone_and_told(serve, settings_with, stash, fresh_data):
    folder = fresh_data()
    with contextlib.closing(sqlite3.connect(folder / "jobs.db")) as made:
        made.execute("CREATE TABLE songs (title TEXT)")
    before = (folder / "jobs.db").read_bytes()
    with serve(settings_with(STASH_URL=stash.url, DATA_DIR=folder)) as served:
        said = problem(served.client.get("/jobs"), 503, "state-not-ours")
        assert str(folder / "jobs.db") in said
        assert missing(served, "jobs")["detail"] == said
    assert (folder / "jobs.db").read_bytes() == before


def test_a_list_of_jobs_that_nobody_foresaw_is_told_and_tried_again(serve, settings_with, stash, monkeypatch):
    """Otherwise every call would be told for ever that it is being opened."""

    def broken(path):
        raise RuntimeError("a library with a fault")

    with monkeypatch.context() as patched:
        patched.setattr(queue, "JobsFile", broken)
        with serve(settings_with(STASH_URL=stash.url)) as served:
            problem(served.client.get("/jobs"), 503, "state")
            assert any("a library with a fault" in line for line in served.log.lines)
            patched.undo()
            until(lambda: missing(served, "jobs") is None)
