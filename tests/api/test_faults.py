"""Whatever Stash does while a gallery runs, the job ends and says truthfully what became of it."""

import threading
import time
from dataclasses import replace

import pytest
from pydantic import SecretStr

from fakes.stash import Chunked, Delay, Dribble, Drop, Hold, StashStandIn, Status, Truncate
from stash_sense.runtime import stash_status
from waiting import PATIENCE_S, until

from .conftest import API_KEY, NUMBERS
from .galleries import (
    HASTY,
    SHORT,
    STEADY,
    WAITS,
    begin,
    ended,
    fetched,
    fill,
    job_of,
    plain_photos,
    reached,
)
from .test_failures import problem
from .test_state_and_stash import missing

PHOTOS, AT_ONCE = 24, 8


@pytest.fixture(scope="module")
def hasty_app(serve, settings_with, stash):
    """Like `stash_app`, and does not wait long for an answer."""
    with serve(settings_with(STASH_URL=stash.url), stash_limits=HASTY, outage_limits=SHORT) as served:
        yield served


@pytest.fixture
def app_for(stash_app, hasty_app):
    """The sidecar to meet a fault with."""
    return lambda fault: hasty_app if isinstance(fault, Delay | Dribble) else stash_app


@pytest.fixture
def gallery(stash):
    """Puts so many new pictures into a new gallery: (its id, its images' ids)."""

    def gallery(count):
        made = fill(stash, plain_photos(count, next(NUMBERS)))
        stash.record.forget()
        return made

    return gallery


@pytest.fixture
def midway(stash_app, stash, gallery, hold):
    """Begins a gallery's job and does something when some are done: (job id, gallery id, image ids)."""

    def midway(do, served=stash_app):
        place, images = gallery(PHOTOS)
        go = hold(images[AT_ONCE:])
        job_id = begin(served.client, place)
        assert reached(served.client, job_id, AT_ONCE)["done"] == AT_ONCE
        do(images)
        go.set()
        return job_id, place, images

    return midway


def test_an_image_that_dribbles_in_gives_its_place_back_in_time(stash_app, stash, gallery, monkeypatch):
    monkeypatch.setattr("stash_sense.recognition.image.LONGEST_S", 0.5)
    _, images = gallery(1)
    stash.faults.add(Dribble(size=50, pause_s=0.1), where="original")
    answer = stash_app.client.post("/identify/image", json={"image_id": images[0]}, timeout=60)
    assert "within 0.5 s" in problem(answer, 504, "stash-too-slow")
    until(lambda: stash_app.sidecar.pool.admitted == 0)


def whole(job, images):
    assert (job["status"], job["error"]) == ("done", None)
    result = job["result"]
    assert (result["total_images"], result["images_processed"], result["error_count"]) == (
        *(len(images), len(images)),
        0,
    )
    return result


def test_down_when_the_sidecar_starts_it_says_so_and_works_later(
    serve, settings_with, stash, gallery, monkeypatch
):
    monkeypatch.setattr(stash_status, "STASH_RETRY_S", 0.1)
    place, images = gallery(6)
    stash.down()
    with serve(settings_with(STASH_URL=stash.url), **WAITS) as served:
        assert until(lambda: missing(served, "stash"))["code"] == "stash-unreachable"
        assert served.client.get("/health").json()["status"] == "degraded"
        problem(served.client.post("/identify/image", json={"image_id": images[0]}), 502, "stash-unreachable")
        said = problem(
            served.client.post("/identify/gallery", json={"gallery_id": place}), 502, "stash-unreachable"
        )
        assert "try again when Stash is back" in said
        (job,) = served.client.get("/jobs").json()["jobs"]
        assert (job["status"], job["error_code"]) == ("failed", "stash-unreachable")
        stash.up()
        until(lambda: missing(served, "stash") is None)
        assert "identify-gallery" in served.client.get("/health").json()["features"]
        served.client.post(f"/jobs/{job['job_id']}/resume")
        whole(ended(served.client, job["job_id"]), images)


def test_down_for_a_while_midway_costs_no_image(serve, settings_with, stash, midway, torture):
    limits = replace(SHORT, midway_s=PATIENCE_S)
    with serve(settings_with(STASH_URL=stash.url), stash_limits=STEADY, outage_limits=limits) as served:
        job_id, _, images = midway(lambda _: stash.down(), served)
        until(lambda: "Waiting up to" in str(job_of(served.client, job_id)["all_errors"]))
        time.sleep(20 if torture else 0)
        stash.up()
        whole(ended(served.client, job_id), images)


def test_down_for_longer_fails_and_resumed_it_fetches_only_the_rest(stash_app, stash, midway):
    job_id, _, images = midway(lambda _: stash.down())
    job = ended(stash_app.client, job_id)
    assert (job["status"], job["error_code"]) == ("failed", "stash-unreachable")
    kept = {image for image in images if stash_app.store.get_image_fingerprint(image)}
    assert job["result"]["images_processed"] == len(kept) == job["done"]
    assert AT_ONCE <= len(kept) < PHOTOS
    stash.up()
    stash.record.forget()
    stash_app.client.post(f"/jobs/{job_id}/resume")
    again = ended(stash_app.client, job_id)
    whole(again, images)
    assert fetched(stash) == dict.fromkeys(set(images) - kept, 1)


def test_cut_connections_cost_no_image(stash_app, stash, midway):
    job_id, _, images = midway(lambda _: stash.drop_connections())
    for share in (2, 3):
        reached(stash_app.client, job_id, PHOTOS * share // 4)
        stash.drop_connections()
    whole(ended(stash_app.client, job_id), images)


@pytest.mark.parametrize("fault", [Status(500), Status(503), Drop(), Truncate(), Truncate(0.0), Delay(6)])
def test_one_failure_of_each_image_costs_none(app_for, stash, gallery, fault):
    client = app_for(fault).client
    place, images = gallery(8)
    stash.faults.add(fault, where="original", first=1)
    job = ended(client, begin(client, place))
    if isinstance(fault, Delay):  # what was too slow once is told, lest one image hold up all
        assert job["result"]["images_processed"] + job["result"]["error_count"] == 8
    else:
        whole(job, images)


@pytest.mark.parametrize(
    "fault", [Status(500), Drop(), Truncate(), Dribble(50, 0.3), Delay(20), Status(200, b"{}", "text/html")]
)
def test_a_few_images_that_fail_for_good_are_told_one_by_one(app_for, stash, gallery, fault):
    client = app_for(fault).client
    place, images = gallery(10)
    bad = {images[3], images[7]}
    stash.faults.add(fault, where=lambda seen: seen.kind == "original" and seen.path.split("/")[2] in bad)
    job = ended(client, begin(client, place))
    result = job["result"]
    assert (job["status"], job["done"], job["total"]) == ("done", 10, 10)
    told = {line.split(":")[0] for line in result["errors"]} | {
        f"Image {one['image_id']}" for one in result["skipped"]
    }
    assert told == {f"Image {image}" for image in bad}
    assert result["images_processed"] == 8
    stash.faults.clear()
    stash.record.forget()
    again = ended(client, begin(client, place))
    whole(again, images)
    assert fetched(stash) == dict.fromkeys(bad, 1)


def test_one_in_twenty_that_fails_is_told_and_nothing_else(stash_app, stash, gallery, torture):
    place, images = gallery(40 if torture else 20)
    bad = images[::20] if torture else images[:1]
    stash.faults.add(
        Status(500), where=lambda seen: seen.kind == "original" and seen.path.split("/")[2] in bad
    )
    job = ended(stash_app.client, begin(stash_app.client, place))
    result = job["result"]
    assert (job["status"], result["error_count"]) == ("done", len(bad))
    assert result["images_processed"] == len(images) - len(bad)
    assert [line.split(":")[0] for line in result["errors"]] == [f"Image {image}" for image in bad]
    assert len(job["all_errors"]) == len(bad)


@pytest.mark.parametrize(
    ("fault", "codes"),
    [
        (Status(500), {"stash-answered-wrongly"}),
        (Drop(), {"stash-unreachable"}),
        (Truncate(), {"stash-unreachable"}),
        (Delay(60), {"stash-too-slow"}),
        (Status(401), {"stash-key-refused"}),
        (Status(200, b"<html>login</html>", "text/html"), {"stash-answered-wrongly"}),
    ],
)
@pytest.mark.parametrize("when", ["at the start", "midway"])
def test_a_stash_that_fails_at_everything_fails_the_job(
    app_for, stash, gallery, midway, torture, fault, codes, when
):
    served = app_for(fault)
    if when == "midway":
        if not torture and isinstance(fault, Drop | Truncate | Delay):
            pytest.skip("the other faults are tried midway, and this one at the start; all with --torture")
        job_id, place, _ = midway(lambda _: stash.faults.add(fault), served)
    else:
        place, _ = gallery(4)
        stash.faults.add(fault)
        job_id = begin(served.client, place)
    job = ended(served.client, job_id)
    if fault.__class__ is Status and fault.code == 200 and when == "midway":
        # Each page of HTML is told of its own image.
        assert job["result"]["images_processed"] < PHOTOS
        assert job["done"] == PHOTOS
    else:
        assert (job["status"], job["error_code"]) == ("failed", *codes)
        assert job["error"].endswith(".")
    stash.faults.clear()
    again = ended(served.client, begin(served.client, place))
    assert (again["status"], again["result"]["error_count"], again["result"]["skipped"]) == ("done", 0, [])


def test_a_body_of_unknown_length_that_is_cut_short_is_told(stash_app, stash, gallery):
    place, images = gallery(4)
    data = stash.library.images[int(images[1])].files[0].content
    stash.library.images[int(images[1])].files[0].content = data[:300]
    stash.faults.add(Chunked(), where="original")
    job = ended(stash_app.client, begin(stash_app.client, place))
    assert (job["result"]["images_processed"], job["result"]["error_count"]) == (3, 1)
    assert job["result"]["errors"][0].startswith(f"Image {images[1]}: ")


@pytest.fixture
def keyed_stash():
    with StashStandIn(api_key=API_KEY) as stash:
        yield stash


def test_a_key_that_is_changed_midway_fails_the_job_and_what_was_done_stays(
    serve, settings_with, keyed_stash
):
    place, images = fill(keyed_stash, plain_photos(PHOTOS, seed=31))
    settings = settings_with(STASH_URL=keyed_stash.url, STASH_API_KEY=SecretStr(API_KEY))
    go = threading.Event()
    late = {f"/image/{image}/image" for image in images[AT_ONCE:]}
    keyed_stash.faults.add(Hold(go), where=lambda seen: seen.path in late)
    with serve(settings, **WAITS) as served:
        job_id = begin(served.client, place)
        reached(served.client, job_id, AT_ONCE)
        keyed_stash.api_key = "another"
        go.set()
        job = ended(served.client, job_id)
        assert (job["status"], job["error_code"]) == ("failed", "stash-key-refused")
        assert "STASH_API_KEY" in job["error"]
        assert AT_ONCE <= job["result"]["images_processed"] < PHOTOS
        keyed_stash.api_key = API_KEY
        served.client.post(f"/jobs/{job_id}/resume")
        whole(ended(served.client, job_id), images)


def test_a_gallery_deleted_midway_ends_too(stash_app, stash, midway):
    def delete(images):
        for image in images:
            stash.library.delete_image(int(image))
        stash.library.galleries.clear()

    job_id, place, _ = midway(delete)
    job = ended(stash_app.client, job_id)
    result = job["result"]
    assert job["status"] == "done"
    assert result["images_processed"] + result["error_count"] == PHOTOS
    assert (len(result["errors"]), len(job["all_errors"])) == (10, result["error_count"])
    assert job_of(stash_app.client, job_id) == job
    problem(stash_app.client.post("/identify/gallery", json={"gallery_id": place}), 404, "not-in-stash")
