"""A disk that fills up during a gallery: who waits is told, and the job ends by itself once there is room."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from jobs.test_full_disk import fill as fill_up
from stash_sense.jobs import queue
from waiting import until

from .galleries import WAITS, ended, job_of


@pytest.fixture
def on_small_disk(small_disk, api_data, settings_with, serve, stash, monkeypatch):
    """A sidecar whose state and jobs lie on a disk of 2 MB."""
    monkeypatch.setattr(queue, "RETRY_S", 0.1)
    for name in ("models", "database"):
        (small_disk / name).symlink_to(api_data / name)
    with serve(settings_with(DATA_DIR=small_disk, STASH_URL=stash.url), **WAITS) as served:
        yield served


def test_a_gallery_on_a_full_disk_is_answered_with_503_and_ends_when_there_is_room(
    on_small_disk, small_disk, gallery, hold
):
    client = on_small_disk.client
    place, images = gallery(2)
    go = hold(images)
    with ThreadPoolExecutor(1) as caller:
        waiting = caller.submit(client.post, "/identify/gallery", json={"gallery_id": place})
        job_id = until(lambda: next((job["job_id"] for job in client.get("/jobs").json()["jobs"]), None))
        until(lambda: job_of(client, job_id)["total"] == 2)
        filler = fill_up(small_disk)
        go.set()
        answer = waiting.result()
    assert (answer.status_code, answer.json()["code"]) == (503, "disk-full")
    job = job_of(client, job_id)
    assert (job["status"], job["error_code"]) == ("running", "disk-full")
    filler.unlink()
    job = ended(client, job_id)
    assert (job["status"], job["done"], job["error"]) == ("done", 2, None)
