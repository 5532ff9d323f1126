"""The job over the whole library: submitted, parked for a click, paused, and after a restart."""

from datetime import UTC, datetime

import pytest

from stash_sense.runtime.library import LIBRARY
from waiting import until

from .galleries import WAITS, begin, ended, fetched, fill, job_of, reached, varied_photos


@pytest.fixture
def library(stash, samples):
    """An empty Stash with so many new photos in a gallery, and in none: the ids of all."""

    def library(in_gallery=0, loose=0):
        for kind in ("images", "galleries", "scenes"):
            getattr(stash.library, kind).clear()
        photos = varied_photos(samples, in_gallery + loose, next(_SEEDS))
        ids = fill(stash, photos[:in_gallery])[1] if in_gallery else []
        ids += [str(stash.library.add_image(photo)) for photo in photos[in_gallery:]]
        stash.record.forget()
        return ids

    return library


_SEEDS = iter(range(1000, 2000))


def start(app, **asked):
    answer = app.client.post("/jobs/library", json=asked)
    assert answer.status_code == 202, answer.text
    return answer.json()["job_id"]


@pytest.fixture
def own_app(serve, settings_with, stash):
    """A sidecar whose state knows nothing of the other tests' images, which have the same ids."""
    with serve(settings_with(STASH_URL=stash.url), **WAITS) as served:
        yield served


def test_the_library_is_identified_and_a_second_run_fetches_nothing(own_app, stash, library):
    ids = library(6, 3)
    job = ended(own_app.client, start(own_app))
    assert (job["status"], job["kind"], job["target"], job["error"]) == ("done", LIBRARY, LIBRARY, None)
    assert (job["done"], job["total"]) == (9, 9)
    assert job["result"]["identified"] == {"images": 9, "galleries": 1, "scenes": 0}
    assert dict(fetched(stash)) == dict.fromkeys(ids, 1)
    assert job["asked"]["what"] == ["images", "galleries", "scenes"]
    again = ended(own_app.client, start(own_app))
    assert again["result"]["identified"] == {"images": 0, "galleries": 0, "scenes": 0}
    assert dict(fetched(stash)) == dict.fromkeys(ids, 1)


def test_a_click_goes_first_and_the_library_goes_on_after_it(own_app, stash, library, samples, hold):
    ids = library(0, 8)
    gallery, clicked = fill(stash, varied_photos(samples, 2, 7))
    go = hold(ids[:2])  # the newest come first
    job_id = start(own_app, what=["images"], filter={"path": "/data/0000"})
    reached(own_app.client, job_id, 0)
    click = ended(own_app.client, begin(own_app.client, gallery))
    assert click["status"] == "done"
    waiting = job_of(own_app.client, job_id)
    assert (waiting["status"], waiting["paused"]) != ("done", True)
    go.set()
    job = ended(own_app.client, job_id)
    assert job["status"] == "done"
    assert job["result"]["listed"]["images"] == 8
    assert {image: fetched(stash)[image] for image in clicked} == dict.fromkeys(clicked, 1)


def test_unknown_people_are_put_together_while_it_runs(own_app, library, hold):
    ids = library(0, 14)
    go = hold(ids[:2])
    job_id = start(own_app)
    until(lambda: own_app.client.get("/unknown").json()["total"])
    assert job_of(own_app.client, job_id)["status"] == "running"
    go.set()
    assert ended(own_app.client, job_id)["result"]["listed"]["images"] == 14


def test_paused_it_rests_and_resumed_it_does_what_is_left(own_app, stash, library, hold):
    ids = library(0, 14)
    go = hold(ids[:2])
    job_id = start(own_app)
    reached(own_app.client, job_id, 6)
    paused = own_app.client.post(f"/jobs/{job_id}/pause").json()
    assert (paused["status"], paused["paused"]) == ("queued", True)
    assert paused["result"]["identified"]["images"] >= 6
    assert start(own_app) == job_id  # which changes nothing
    assert job_of(own_app.client, job_id)["paused"]
    stored = {image for image in ids if own_app.store.get_image_fingerprint(image)}
    go.set()
    stash.record.forget()
    own_app.client.post(f"/jobs/{job_id}/resume")
    assert ended(own_app.client, job_id)["status"] == "done"
    assert set(fetched(stash)) == set(ids) - stored


def test_in_quiet_hours_it_waits_and_says_until_when(serve, settings_with, stash, library):
    library(0, 2)
    with serve(settings_with(STASH_URL=stash.url, quiet_hours="00:00-23:59")) as served:
        job = job_of(served.client, start(served))
        assert (job["status"], job["paused"]) == ("queued", False)
        assert job["starts_at"]


def test_after_a_restart_it_goes_on(serve, settings_with, stash, library, hold):
    ids = library(0, 14)
    settings = settings_with(STASH_URL=stash.url)
    go = hold(ids[:2])
    with serve(settings) as served:
        job_id = start(served)
        reached(served.client, job_id, 6)
    go.set()
    first = fetched(stash)
    with serve(settings) as served:
        job = ended(served.client, job_id)
        assert job["status"] == "done"
        assert all(served.store.get_image_fingerprint(image) for image in ids)
    again = {image for image, count in fetched(stash).items() if count > 1}
    assert len(again) <= len(first) - 6
    assert set(fetched(stash)) == set(ids)


@pytest.mark.parametrize(
    "wrong",
    [
        {"what": []},
        {"what": ["performers"]},
        {"only": "some"},
        {"order": "oldest"},
        {"filter": {"tag_ids": ["x"]}},
        {"filter": {"since": "yesterday"}},
        {"filter": {"since": "0001-01-01T00:00:00+14:00"}},
        {"filter": {"since": 1}},
        {"filter": {"path": "/a\x00"}},
        {"filter": {"anything": 1}},
        {"top_k": 0},
        {"force": True},
    ],
)
def test_wrong_parameters_are_refused(stash_app, wrong):
    answer = stash_app.client.post("/jobs/library", json=wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad-parameter")


@pytest.mark.parametrize("since", ["2026-01-31T12:00:00Z", "2026-01-31T13:00:00.000+01:00"])
def test_what_is_older_than_a_time_is_left_out(own_app, stash, library, since):
    new, old = library(0, 2)
    stash.library.images[int(old)].created_at = datetime(2026, 1, 31, 11, 59, tzinfo=UTC)
    stash.library.images[int(new)].created_at = datetime(2026, 1, 31, 12, 1, tzinfo=UTC)
    job = ended(own_app.client, start(own_app, filter={"since": since}))
    assert (job["status"], job["result"]["listed"]["images"]) == ("done", 1)
    assert set(fetched(stash)) == {new}


def test_the_order_of_what_makes_no_other_job(own_app, library, hold):
    go = hold(library(0, 2))
    assert start(own_app, what=["scenes", "images"]) == start(own_app, what=["images", "scenes", "images"])
    go.set()
