"""POST /jobs/database: Stash's performers become the face database, in use without a restart."""

import threading

import pytest

from fakes.stash import Hold, StashStandIn
from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment.remove_source import remove_source
from stash_sense.runtime import from_settings, rematcher
from stash_sense.runtime.from_settings import database_dir, enrol, open_pack
from waiting import until

from .galleries import WAITS, begin, ended, fetched, fill, job_of, reached, varied_photos
from .test_failures import problem

STASHDB = "https://stashdb.org/graphql"
OBAMA = "0a0b0c0d-0000-4000-8000-000000000001"


@pytest.fixture
def stash(samples):
    """Its own, with two performers: Barack Obama, whom stashdb.org knows, and Joe Biden."""
    with StashStandIn() as stand_in:
        stand_in.library.stash_boxes.append((STASHDB, "StashDB", "k"))
        stand_in.library.add_performer(
            "B. Obama", image=portrait(samples, "Barack Obama"), country="US", stash_ids=[(STASHDB, OBAMA)]
        )
        stand_in.library.add_performer("Joe", image=portrait(samples, "Joe Biden"))
        yield stand_in


def portrait(samples, name):
    return min((samples / "people" / name).iterdir())


@pytest.fixture
def served(serve, settings_with, stash, without_database):
    with serve(settings_with(DATA_DIR=without_database, STASH_URL=stash.url), **WAITS) as served:
        yield served


@pytest.fixture
def build(served):
    """Runs the job to its end."""

    def build(**asked):
        answer = served.client.post("/jobs/database", json=asked)
        assert answer.status_code == 202, answer.text
        return ended(served.client, answer.json()["job_id"])

    return build


def named(served, photo):
    return served.client.post("/identify", files={"file": photo}).json()["faces"][0]["matches"]


def test_it_is_built_and_in_use_at_once(served, build, photo):
    problem(served.client.post("/identify", files={"file": photo}), 503, "no-database")
    assert "jobs-database" in until(lambda: _features(served, "jobs-database"))
    job = build()
    assert (job["kind"], job["target"], job["status"]) == ("database", "database", "done")
    assert (job["done"], job["total"], job["people"], job["faces"]) == (2, 2, 2, 2)
    assert (job["result"]["people"], job["result"]["embedded"]) == (2, 2)
    best = named(served, photo)[0]
    assert (best["performer_id"], best["name"]) == (f"stashdb.org:{OBAMA}", "B. Obama")
    assert (best["stashdb_id"], best["local_id"], best["country"]) == (OBAMA, "1", "US")
    assert best["stash_ids"] == [{"endpoint": STASHDB, "stash_id": OBAMA}]
    health = served.client.get("/health").json()
    assert (health["status"], health["loaded"]["database"]["people"]) == ("ok", 2)
    assert "identify-gallery" in health["features"]


def _features(served, wanted):
    features = served.client.get("/health").json()["features"]
    return features if wanted in features else None


def test_built_again_only_what_is_new_is_looked_at(served, stash, build, samples):
    build()
    before = served.client.get("/database/info").json()
    assert build()["result"]["embedded"] == 0
    stash.library.add_performer("Eileen", image=portrait(samples, "Eileen Collins"))
    job = build()
    assert (job["result"]["embedded"], job["result"]["reused"]) == (1, 2)
    after = served.client.get("/database/info").json()
    assert (before["people"], after["people"]) == (2, 3)
    assert before["version"] != after["version"]


def test_what_is_newer_in_stash_and_who_was_not_learned(served, stash, build, samples):
    stash.library.add_performer("Nobody")
    built = build()["result"]
    changes = served.client.get("/database/changes").json()
    assert (changes["version"], changes["from_stash"]) == (built["version"], True)
    assert [changes[name] for name in ("new", "changed", "removed")] == [0, 0, 0]
    assert served.client.get("/database/unlearned").json() == {
        "performers": [{"local_id": "3", "code": "no-portrait", "reason": "no portrait in Stash"}],
        "total": 1,
        "counts": {"no-portrait": 1},
    }
    stash.library.add_image(portrait(samples, "Eileen Collins"), performers=[3])
    stash.library.add_performer("Eileen", image=portrait(samples, "Eileen Collins"))
    assert served.client.get("/database/changes").json()["new"] == 1
    assert build(images=["1", "4"])["result"]["people"] == 3  # the one without a face was not named
    assert build(images=["3"])["result"]["people"] == 4
    assert build()["result"]["people"] == 4  # stays learned
    assert served.client.get("/database/unlearned").json()["total"] == 0


def test_known_images_are_matched_anew_without_a_fetch(served, stash, build, samples):
    build()
    place, images = fill(stash, varied_photos(samples, 6, seed=21))
    first = served.client.post("/identify/gallery", json={"gallery_id": place}).json()
    assert {one["name"] for one in first["performers"]} == {"B. Obama", "Joe"}
    stash.library.add_performer("Eileen", image=portrait(samples, "Eileen Collins"))
    build()
    stash.record.forget()
    again = served.client.post("/identify/gallery", json={"gallery_id": place}).json()
    assert {one["name"] for one in again["performers"]} == {"B. Obama", "Joe", "Eileen"}
    image = served.client.post("/identify/image", json={"image_id": images[4]}).json()
    assert (image["reused"], image["faces"][0]["matches"][0]["name"]) == (True, "Eileen")
    assert not fetched(stash)


def test_with_images_those_who_are_tagged_alone_are_enrolled_too(stash, build, samples):
    eileen = stash.library.add_performer("Eileen")
    stash.library.add_image(portrait(samples, "Eileen Collins"), performers=[eileen])
    assert build()["result"]["people"] == 2
    assert build(images=True)["result"]["people"] == 3


def test_nobody_to_enrol_fails_and_the_old_one_stays_in_use(served, stash, build, photo):
    build()
    before = served.client.get("/database/info").json()
    stash.library.performers.clear()
    job = build()
    assert (job["status"], job["error_code"]) == ("failed", "nobody-to-enrol")
    assert "portrait" in job["error"]
    assert served.client.get("/database/info").json() == before
    assert named(served, photo)[0]["name"] == "B. Obama"


def test_asked_for_twice_it_runs_once_and_cancelled_it_changes_nothing(served, stash, build):
    build()
    before = served.client.get("/database/info").json()
    for performer in stash.library.performers.values():
        performer.updated_at = stash.library.now()  # so that their portraits are fetched again
    go = threading.Event()
    stash.faults.add(Hold(go), where="portrait")
    ids = {served.client.post("/jobs/database", json={}).json()["job_id"] for _ in range(3)}
    assert len(ids) == 1
    job = served.client.post(f"/jobs/{ids.pop()}/cancel").json()
    go.set()
    assert job["status"] == "cancelled"
    assert served.client.get("/database/info").json() == before


@pytest.mark.parametrize("asked", [{"images": "yes"}, {"images": None}, {"image": True}, []])
def test_a_bad_parameter_is_422(served, asked):
    problem(served.client.post("/jobs/database", json=asked), 422, "bad-parameter")


def test_a_running_gallery_keeps_the_database_it_began_with(served, stash, build, samples, monkeypatch):
    monkeypatch.setattr(from_settings, "DATABASE_POLL_S", 0.1)
    monkeypatch.setattr(rematcher, "rematch_stored", _nothing)  # what the job stored stays as it was
    build()
    old = served.client.get("/database/info").json()["version"]
    place, images = fill(stash, varied_photos(samples, 20, seed=22))
    last = f"/image/{images[-1]}/image"
    go = threading.Event()
    stash.faults.add(Hold(go), where=lambda seen: seen.path == last)
    job_id = begin(served.client, place)
    reached(served.client, job_id, 2)
    another = threading.Thread(target=_enrol_folders_alone, args=(served.sidecar.settings, samples))
    another.start()
    until(lambda: "stash" not in served.client.get("/database/info").json()["sources"])
    another.join()
    assert job_of(served.client, job_id)["status"] == "running"
    go.set()
    result = ended(served.client, job_id)["result"]
    assert {one["name"] for one in result["performers"]} == {"B. Obama", "Joe"}
    store = served.store
    assert {store.get_image_fingerprint(image)["db_version"] for image in images} == {old}
    stash.record.forget()
    again = served.client.post("/identify/gallery", json={"gallery_id": place}).json()
    assert {one["name"] for one in again["performers"]} == {"Barack Obama", "Joe Biden", "Eileen Collins"}
    assert not fetched(stash)


async def _nothing(*_):
    pass


def _enrol_folders_alone(settings, samples):
    enrol(settings, [samples / "people"], database_dir(settings), open_pack(settings), NoProgress())
    remove_source(database_dir(settings), "stash")


def test_a_stash_that_is_away_fails_the_job_and_resumed_it_is_done(
    serve, settings_with, stash, without_database, monkeypatch
):
    monkeypatch.setattr("stash_sense.runtime.services.PATIENT", WAITS["stash_limits"])
    settings = settings_with(DATA_DIR=without_database, STASH_URL=stash.url)
    with serve(settings, **WAITS) as served:
        stash.down()
        job_id = served.client.post("/jobs/database", json={}).json()["job_id"]
        job = ended(served.client, job_id)
        assert (job["status"], job["error_code"]) == ("failed", "stash-unreachable")
        stash.up()
        served.client.post(f"/jobs/{job_id}/resume")
        assert ended(served.client, job_id)["status"] == "done"
        assert served.sidecar.recognition.current is not None
