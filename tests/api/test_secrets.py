"""The key of Stash goes to Stash alone, and neither it nor the secret is told to anybody, whatever fails."""

import threading
from dataclasses import replace

import pytest
from pydantic import SecretStr

from fakes.stash import Hold, StashStandIn, Status
from stash_sense.runtime import stash_status

from .conftest import API_KEY
from .galleries import SHORT, STEADY, begin, ended, fill, reached, varied_photos

WAITS = {"stash_limits": STEADY, "outage_limits": replace(SHORT, at_start_s=0.3, midway_s=0.3)}
PORTRAITS = ("Barack Obama", "Joe Biden")


@pytest.fixture
def stash(samples):
    with StashStandIn(api_key=API_KEY) as stand_in:
        for name in PORTRAITS:
            stand_in.library.add_performer(name, image=min((samples / "people" / name).iterdir()))
        yield stand_in


@pytest.fixture
def other():
    """Another server, which must not see anything."""
    with StashStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def settings(settings_with, stash):
    return settings_with(STASH_URL=stash.url, STASH_API_KEY=SecretStr(API_KEY))


def ask_everything(served, place, images):
    """Everything that goes to Stash; whether it works is others' matter."""
    client = served.client
    for source in ("original", "thumbnail"):
        asked = {"image_id": images[0], "source": source, "force": True}
        client.post("/identify/image", json=asked)
    ended(client, begin(client, place))
    face = client.post("/identify/image", json={"image_id": images[0]}).json().get("faces", [])
    for one in face:
        client.get(f"/faces/{one['face_id']}/crop")


@pytest.fixture
def database_settings(settings_with, stash, without_database):
    return settings_with(DATA_DIR=without_database, STASH_URL=stash.url, STASH_API_KEY=SecretStr(API_KEY))


def test_addresses_of_another_host_lead_to_stash_all_the_same(serve, settings, stash, other, samples):
    stash.external_host = other.url
    place, images = fill(stash, varied_photos(samples, 6))
    with serve(settings, **WAITS) as served:
        ask_everything(served, place, images)
        assert len(served.store.get_gallery_image_fingerprints(place)) == 6
    assert other.record.seen == []
    assert {seen.headers.get("apikey") for seen in stash.record.seen} == {API_KEY}
    assert not any(API_KEY in seen.path + seen.query for seen in stash.record.seen)


def test_portraits_of_another_host_too(serve, database_settings, stash, other):
    stash.external_host = other.url
    with serve(database_settings, **WAITS) as served:
        job_id = served.client.post("/jobs/database", json={}).json()["job_id"]
        assert ended(served.client, job_id)["result"]["people"] == 2
    assert stash.record.counts["portrait"] == 2
    assert other.record.seen == []


@pytest.mark.parametrize("where", ["original", "thumbnail", "graphql", "portrait"])
def test_no_redirect_is_followed(serve, settings, stash, other, samples, where):
    place, images = fill(stash, varied_photos(samples, 3))
    stash.faults.add(Status(302, b"", headers={"location": f"{other.url}/image/1/image"}), where=where)
    with serve(settings, **WAITS) as served:
        ask_everything(served, place, images)
        job_id = served.client.post("/jobs/database", json={"images": True}).json()["job_id"]
        served.client.post(f"/jobs/{job_id}/cancel")
    assert other.record.seen == []


ECHO = f"bad key {API_KEY} in ApiKey: {API_KEY}"
GRAPHQL_ECHO = f'{{"errors": [{{"message": "{ECHO}"}}], "data": null}}'


@pytest.mark.parametrize(
    ("where", "fault"),
    [
        ("", None),
        ("original", Status(500, ECHO.encode())),
        ("original", Status(403, ECHO.encode())),
        ("original", Status(200, ECHO.encode(), "text/html")),
        ("original", Status(302, b"", headers={"location": f"http://x/?apikey={API_KEY}"})),
        ("graphql", Status(500, ECHO.encode())),
        ("graphql", Status(200, GRAPHQL_ECHO.encode(), "application/json")),
        ("graphql", Status(422, GRAPHQL_ECHO.encode(), "application/json")),
    ],
)
def test_no_secret_is_told_or_kept(serve, settings, stash, samples, where, fault, monkeypatch):
    monkeypatch.setattr(stash_status, "STASH_RECHECK_S", 0.2)
    place, images = fill(stash, varied_photos(samples, 4))
    go, late = threading.Event(), {f"/image/{image}/image" for image in images[2:]}
    stash.faults.add(Hold(go), where=lambda seen: seen.path in late)
    with serve(settings, **WAITS) as served:
        client = served.client
        secret = served.sidecar.secret.value
        job_id = begin(client, place)
        reached(client, job_id, 2)
        if fault:
            stash.faults.add(fault, where=where)
            stash.drop_connections()
        go.set()
        job = ended(client, job_id)
        assert job["status"] == "done" or (fault and job["error"])
        answers = (
            client.get(f"/jobs/{job_id}"),
            client.get("/jobs"),
            client.post("/identify/gallery", json={"gallery_id": place, "force": True}),
            client.post("/identify/image", json={"image_id": images[0], "force": True}),
            client.get("/health"),
            client.get("/metrics"),
            client.get("/"),
        )
        said = [answer.text + str(answer.headers) for answer in answers] + served.log.lines
    for text in said:
        assert API_KEY not in text
        assert secret not in text
    kept = [path for path in settings.data_dir.iterdir() if path.is_file()]
    assert {"jobs.db", "stash_sense.db"} <= {path.name for path in kept}
    for path in kept:  # closed by now
        assert API_KEY.encode() not in path.read_bytes(), path
        assert secret.encode() not in path.read_bytes(), path


def test_without_the_secret_nothing_of_a_job_is_told(serve, settings, stash, samples):
    place, _ = fill(stash, varied_photos(samples, 2))
    with serve(settings, **WAITS) as served:
        job_id = begin(served.client, place)
        ended(served.client, job_id)
        for method, call in (
            ("GET", "/jobs"),
            ("GET", f"/jobs/{job_id}"),
            ("POST", f"/jobs/{job_id}/cancel"),
            ("POST", f"/jobs/{job_id}/resume"),
        ):
            for headers in ({}, {"Authorization": f"Bearer {API_KEY}"}, {"Authorization": "Bearer x"}):
                answer = served.stranger.request(method, call, headers=headers)
                assert answer.status_code == 401
                assert job_id not in answer.text
