"""Jobs of galleries while they wait and run: cancelled, resumed, asked for twice, next to other requests."""

import threading
import time

import httpx
import pytest

from fakes.stash import Delay
from stash_sense.jobs import queue
from waiting import PATIENCE_S, until

from .galleries import begin, ended, fetched, job_of, reached, varied_photos
from .test_failures import problem


def test_cancelled_it_keeps_what_it_did_and_resumed_it_does_the_rest(
    stash_app, stash, gallery, awaited, hold
):
    place, images = gallery(20)
    (another, (other,)) = gallery(1)
    go = hold(images[8:])
    job_id = begin(stash_app.client, place)
    reached(stash_app.client, job_id, 8)
    cancelled = stash_app.client.post(f"/jobs/{job_id}/cancel").json()
    assert cancelled["status"] == "cancelled"
    assert cancelled["ended_at"]
    done = cancelled["result"]["images_processed"]
    assert done == 8
    before = fetched(stash)
    go.set()
    awaited(another)
    assert fetched(stash) == before | {other: 1}  # it really has stopped
    kept = {image for image in images if stash_app.store.get_image_fingerprint(image)}
    assert len(kept) >= done
    stash.record.forget()
    assert stash_app.client.post(f"/jobs/{job_id}/resume").json()["status"] in {"queued", "running"}
    again = ended(stash_app.client, job_id)
    assert (again["status"], again["done"], again["error"]) == ("done", 20, None)
    assert again["result"]["images_processed"] == 20
    assert set(fetched(stash)) == set(images) - kept
    assert set(fetched(stash).values()) == {1}


def test_paused_it_rests_and_resumed_it_does_the_rest(stash_app, stash, gallery, awaited, hold):
    place, images = gallery(12)
    go = hold(images[6:])
    job_id = begin(stash_app.client, place)
    reached(stash_app.client, job_id, 6)
    paused = stash_app.client.post(f"/jobs/{job_id}/pause").json()
    assert (paused["status"], paused["paused"], paused["done"]) == ("queued", True, 6)
    assert paused["result"]["images_processed"] == 6
    go.set()
    awaited(gallery(1)[0])  # the others go on
    assert job_of(stash_app.client, job_id)["paused"]
    stash.record.forget()
    assert not stash_app.client.post(f"/jobs/{job_id}/resume").json()["paused"]
    assert ended(stash_app.client, job_id)["result"]["images_processed"] == 12
    assert set(fetched(stash)) == set(images[6:])
    assert stash_app.client.post(f"/jobs/{job_id}/pause").status_code == 409


def test_cancelled_while_awaited_it_is_503(stash_app, gallery, hold):
    place, images = gallery(3)
    hold(images[1:])
    answers = []
    waiting = threading.Thread(
        target=lambda: answers.append(stash_app.client.post("/identify/gallery", json={"gallery_id": place}))
    )
    waiting.start()
    (job,) = until(
        lambda: stash_app.client.get("/jobs", params={"target": f"gallery:{place}"}).json()["jobs"]
    )
    reached(stash_app.client, job["job_id"], 1)
    stash_app.client.post(f"/jobs/{job['job_id']}/cancel")
    waiting.join(PATIENCE_S)
    assert job["job_id"] in problem(answers[0], 503, "cancelled")


def test_a_queued_job_is_cancelled_before_it_begins(stash_app, stash, gallery, hold):
    (first, before), (second, images) = gallery(2), gallery(3)
    go = hold(before)
    running, queued = begin(stash_app.client, first), begin(stash_app.client, second)
    assert job_of(stash_app.client, queued)["status"] == "queued"
    assert stash_app.client.post(f"/jobs/{queued}/cancel").json()["status"] == "cancelled"
    go.set()
    assert ended(stash_app.client, running)["status"] == "done"
    assert job_of(stash_app.client, queued)["status"] == "cancelled"
    assert not set(images) & set(fetched(stash))


def test_the_same_gallery_asked_at_once_runs_once(stash_app, stash, gallery, hold, monkeypatch):
    place, images = gallery(8)
    go = hold(images)
    ids, answers, submitted = [], [], []
    submit = queue.JobQueue.submit

    async def counted(*given):
        submitted.append(await submit(*given))
        return submitted[-1]

    monkeypatch.setattr(queue.JobQueue, "submit", counted)

    def ask():
        ids.append(begin(stash_app.client, place))

    def wait():
        answers.append(stash_app.client.post("/identify/gallery", json={"gallery_id": int(place)}).json())

    asking = [threading.Thread(target=one) for one in (ask, wait) * 4]
    for one in asking:
        one.start()
    until(lambda: len(submitted) == len(asking))
    go.set()
    for one in asking:
        one.join(PATIENCE_S)
    assert len(set(submitted)) == len(set(ids)) == 1
    result = ended(stash_app.client, ids[0])["result"]
    assert answers == [result] * 4
    assert fetched(stash) == dict.fromkeys(images, 1)
    assert len(stash_app.client.get("/jobs", params={"target": f"gallery:{place}"}).json()["jobs"]) == 1


def test_images_and_health_are_answered_while_a_gallery_runs(
    stash_app, stash, gallery, samples, hold, torture
):
    """That an image's work goes before a gallery's is shown in tests/recognition/library/test_gallery.py."""
    place, images = gallery(60 if torture else 8)
    go = hold(images[-1:])
    job_id = begin(stash_app.client, place)
    reached(stash_app.client, job_id, 1)
    image_s, health_s = [], []
    for photo in varied_photos(samples, 8 if torture else 2, seed=7):
        image = str(stash.library.add_image(photo))
        began = time.monotonic()
        assert stash_app.client.post("/identify/image", json={"image_id": image}).json()["face_count"] == 1
        image_s.append(time.monotonic() - began)
        began = time.monotonic()
        assert stash_app.client.get("/health").status_code == 200
        health_s.append(time.monotonic() - began)
    assert job_of(stash_app.client, job_id)["status"] == "running"
    if torture:  # on a machine that does nothing else
        assert max(image_s) < 2
        assert sorted(health_s)[len(health_s) // 2] < 0.1
    go.set()
    assert ended(stash_app.client, job_id)["status"] == "done"


def test_nobody_waits_any_longer_and_the_work_goes_on(stash_app, stash, gallery, hold):
    place, images = gallery(4)
    go = hold(images)
    with pytest.raises(httpx.ReadTimeout):
        stash_app.client.post("/identify/gallery", json={"gallery_id": place}, timeout=0.5)
    (job,) = until(
        lambda: stash_app.client.get("/jobs", params={"target": f"gallery:{place}"}).json()["jobs"]
    )
    assert job["status"] in {"queued", "running"}
    go.set()
    assert ended(stash_app.client, job["job_id"])["result"]["images_processed"] == 4
    assert fetched(stash) == dict.fromkeys(images, 1)


def test_an_image_deleted_midway_is_one_error(stash_app, stash, gallery):
    place, images = gallery(12)
    last = int(images[-1])

    def delete_the_last(seen):
        """As the third is fetched, long before the last."""
        if seen.path.startswith(f"/image/{images[2]}/") and last in stash.library.images:
            stash.library.delete_image(last)
        return False

    stash.faults.add(Delay(0), where=delete_the_last)
    job = ended(stash_app.client, begin(stash_app.client, place))
    assert (job["status"], job["done"], job["result"]["error_count"]) == ("done", 12, 1)
    assert job["result"]["images_processed"] == 11
    assert job["result"]["errors"][0].startswith(f"Image {images[-1]}: ")


def test_jobs_are_on_the_status_page(stash_app, gallery, awaited):
    place, _ = gallery(2)
    awaited(place)
    (job,) = stash_app.client.get("/jobs", params={"target": f"gallery:{place}"}).json()["jobs"]
    page = stash_app.client.get("/").text
    assert f"gallery {place}" in page
    assert f'href="jobs/{job["job_id"]}"' in page
    assert "2 of 2" in page


def test_too_many_jobs_are_429(stash_app, gallery, hold, monkeypatch):
    monkeypatch.setattr(queue, "MAX_QUEUED", 2)
    galleries = [gallery(1) for _ in range(3)]
    places = [place for place, _ in galleries]
    go = hold([image for _, (image,) in galleries])
    ids = [begin(stash_app.client, place) for place in places[:2]]
    answer = stash_app.client.post("/jobs/gallery", json={"gallery_id": places[2]})
    problem(answer, 429, "full")
    assert int(answer.headers["retry-after"]) > 0
    go.set()
    for job_id in ids:
        ended(stash_app.client, job_id)
    assert ended(stash_app.client, begin(stash_app.client, places[2]))["status"] == "done"
