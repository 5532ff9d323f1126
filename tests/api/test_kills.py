"""A sidecar that is killed at any moment of a gallery goes on by itself, and ends as if nothing had been."""

import json
import random
import time

import httpx
import pytest

from stash_sense.recognition.analysis import PHOTOS_PER_BATCH
from stash_sense.recognition.image_batches import BATCHES_PER_WORKER, FETCHERS
from stash_sense.store.database import RecommendationsDB

from .galleries import begin, ended, fetched, fill, varied_photos

pytestmark = pytest.mark.slow

WORKERS = 2
IN_FLIGHT = WORKERS * BATCHES_PER_WORKER * PHOTOS_PER_BATCH + FETCHERS
"""Pictures that may have been fetched and not yet stored when it is killed."""


@pytest.fixture
def sidecar(started, port, stash):
    """A process that serves, over this data folder: (the process, a client of it)."""
    clients = []

    def sidecar(data_dir):
        process, _ = started(data_dir=data_dir, STASH_URL=stash.url, STASH_SENSE_WORKERS=str(WORKERS))
        clients.append(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False))
        return process, clients[-1]

    yield sidecar
    for client in clients:
        client.close()


@pytest.fixture
def killed(sidecar):
    """Kills it that many seconds after it began to work; the ids of the images that are stored then."""

    def killed(process, data_dir, seconds, images):
        time.sleep(seconds)
        process.kill()
        process.wait(60)
        with RecommendationsDB(data_dir / "stash_sense.db") as state:
            return {image for image in images if state.get_image_result(image)}

    return killed


def test_killed_at_any_moment_it_goes_on_and_the_result_is_the_same(
    sidecar, killed, stash_app, stash, samples, fresh_data, torture, tell
):
    photos = 64 if torture else 24
    place, images = fill(stash, varied_photos(samples, photos, seed=3))
    began = time.monotonic()
    undisturbed = ended(stash_app.client, begin(stash_app.client, place))["result"]
    takes = time.monotonic() - began
    assert (undisturbed["images_processed"], undisturbed["error_count"]) == (photos, 0)
    assert len(undisturbed["performers"]) == 3
    assert fetched(stash) == dict.fromkeys(images, 1)

    moments = random.Random(11)
    told = []
    for kills in [1 + turn % 3 for turn in range(20)] if torture else [1]:
        data_dir = fresh_data()
        stash.record.forget()
        stored, in_flight = set(), []
        process, client = sidecar(data_dir)
        job_id = begin(client, place)
        for _ in range(kills):
            before = stored
            stored = killed(process, data_dir, moments.uniform(0.02, takes / kills), images)
            asked = fetched(stash)
            assert before <= stored
            assert not set(asked) & before
            in_flight.append(len(set(asked) - stored))
            assert in_flight[-1] <= IN_FLIGHT
            stash.record.forget()
            process, client = sidecar(data_dir)
        job = ended(client, job_id)  # nobody asked for it again
        assert (job["status"], job["done"], job["error"]) == ("done", photos, None)
        assert _lasting(job["result"]) == _lasting(undisturbed)
        assert fetched(stash) == dict.fromkeys(set(images) - stored, 1)
        assert [one["job_id"] for one in client.get("/jobs").json()["jobs"]] == [job_id]
        process.terminate()
        process.wait(60)
        told.append(f"{len(stored)} kept (in flight {in_flight})")
    tell(f"killed in a gallery of {photos}, undisturbed {takes:.1f} s: {'; '.join(told)}")


def _lasting(result):
    """Without the ids of faces, which the state gives out as they come."""
    result = json.loads(json.dumps(result))
    for one in (*result["performers"], *result["unknown"]):
        assert len(one.pop("face_ids")) == one["face_count"]
        one["face_image_ids"].sort()
    return result
