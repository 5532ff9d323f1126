"""What the sidecar says and does when the state or Stash cannot be had; it serves at once all the same."""

import asyncio
import contextlib
import re
import sqlite3
import threading

import pytest
from pydantic import SecretStr

from fakes.stash import Delay, StashStandIn, Status
from stash_sense.errors import DiskFull, Unavailable
from stash_sense.runtime import from_settings, services, sidecar, stash_status, supervisor
from stash_sense.runtime.sidecar import build_sidecar
from stash_sense.store.database import RecommendationsDB
from waiting import PATIENCE_S, until

from .conftest import API_KEY
from .test_failures import problem as told


def missing(served, what):
    said = served.client.get("/health").json()
    return next((one for one in said["missing"] if one["what"] == what), None)


@pytest.fixture
def own(tmp_path, api_data):
    """A data folder of one's own, with the models and the database of the session's."""
    for name in ("models", "database"):
        (tmp_path / name).symlink_to(api_data / name)
    return tmp_path


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(services, "BUSY_S", 0.5)
    monkeypatch.setattr(supervisor, "FIRST_RETRY_S", 0.1)
    monkeypatch.setattr(sidecar, "RECOGNITION_RETRY_S", 0.1)
    monkeypatch.setattr(sidecar, "STATE_RETRY_S", 0.1)
    monkeypatch.setattr(sidecar, "STATE_WAIT_S", 60.0)
    monkeypatch.setattr(stash_status, "STASH_RETRY_S", 0.1)
    monkeypatch.setattr(stash_status, "STASH_RECHECK_S", 0.1)


def newer(path):
    with contextlib.closing(sqlite3.connect(path)) as made:
        made.executescript(
            "CREATE TABLE schema_version (version INTEGER); INSERT INTO schema_version VALUES (7)"
        )


def damaged(path):
    RecommendationsDB(path).close()
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"\xff" * 8092 + whole[8192:])


def a_folder(path):
    path.mkdir()


def unwritable(path):
    path.symlink_to("/proc/nowhere/stash_sense.db")  # where not even root may write


def anothers(path):
    with contextlib.closing(sqlite3.connect(path)) as made:
        made.execute("CREATE TABLE songs (title TEXT)")


@pytest.mark.parametrize(
    ("spoil", "code", "advice"),
    [
        (newer, "state-newer", "start the program that wrote it"),
        (damaged, "state-damaged", "state restore"),
        (a_folder, "state-not-ours", "own path"),
        (anothers, "state-not-ours", "state restore"),
        (unwritable, "state-unwritable", "writable by this user"),
    ],
)
def test_a_state_that_cannot_be_opened_is_told_and_the_rest_works(
    serve, settings_with, own, photo, spoil, code, advice
):
    path = own / "stash_sense.db"
    spoil(path)
    with serve(settings_with(DATA_DIR=own)) as served:
        said = served.client.get("/health").json()
        assert said["status"] == "degraded"
        problem = missing(served, "state")
        assert problem["code"] == code
        assert advice in problem["detail"]
        assert served.client.post("/identify", files={"file": photo}).json()["face_count"] == 1
        decision = {"face_id": "1", "word": "ignored"}
        tag = {"target_type": "image", "target_ids": ["1"], "local_id": "2"}
        for answer in (
            served.client.post("/decisions", json=decision),
            served.client.delete("/decisions/1"),
            served.client.post("/journal", json=tag),
            served.client.patch("/journal/1", json={"status": "failed"}),
            served.client.get("/journal"),
            served.client.post("/journal/1/undone"),
        ):
            assert told(answer, 503, code) == problem["detail"]
        assert not {"decisions", "journal", "face-crops"} & set(said["features"])
        with pytest.raises(Unavailable, match=re.escape(str(path))):
            assert served.store


def test_a_state_that_is_mended_is_opened_by_itself(serve, settings_with, own):
    path = own / "stash_sense.db"
    newer(path)
    with serve(settings_with(DATA_DIR=own)) as served:
        assert missing(served, "state")
        path.unlink()
        until(lambda: missing(served, "state") is None)
        assert served.client.get("/health").json()["status"] == "ok"
        assert served.store.journal_entries() == []


def test_stopping_closes_the_state(serve, settings_with, own):
    with serve(settings_with(DATA_DIR=own)) as served:
        served.store.journal_begin("image", ["1"], "2")
    assert not (own / "stash_sense.db-wal").exists()  # the last connection folds it in
    with RecommendationsDB(own / "stash_sense.db") as again:
        assert len(again.journal_entries()) == 1


def test_serving_begins_while_the_state_is_still_being_opened(serve, settings_with, own, monkeypatch):
    go_on = threading.Event()

    def slow(path, busy_seconds):
        go_on.wait(PATIENCE_S)
        return RecommendationsDB(path, busy_seconds)

    monkeypatch.setattr(services, "RecommendationsDB", slow)
    with serve(settings_with(DATA_DIR=own), wait_for=()) as served:
        assert missing(served, "state")["code"] == "starting"
        assert not go_on.is_set()
        go_on.set()
        until(lambda: missing(served, "state") is None)


def test_stopped_while_the_state_is_being_opened_it_is_closed(settings_with, own, monkeypatch):
    opening, go_on, opened = threading.Event(), threading.Event(), []

    def slow(path, busy_seconds):
        opening.set()
        go_on.wait(PATIENCE_S)
        opened.append(RecommendationsDB(path, busy_seconds))
        return opened[0]

    monkeypatch.setattr(services, "RecommendationsDB", slow)

    async def begun_and_ended():
        begun = build_sidecar(settings_with(DATA_DIR=own))
        await begun.start()
        await asyncio.to_thread(opening.wait, PATIENCE_S)
        stopping = asyncio.create_task(begun.stop())
        await asyncio.sleep(0)
        go_on.set()
        await stopping

    asyncio.run(begun_and_ended())
    with pytest.raises(Exception, match="was closed"):
        opened[0].journal_entries()


def test_no_stash_is_told_and_is_no_fault(serve, settings_with):
    with serve(settings_with(STASH_URL="")) as served:
        assert served.client.get("/health").json()["status"] == "ok"
        said = missing(served, "stash")
        assert said["code"] == "stash-not-configured"
        assert "STASH_URL" in said["detail"]


def test_stash_is_looked_for_in_the_background(serve, settings_with):
    with StashStandIn(api_key=API_KEY) as stash:
        settings = settings_with(STASH_URL=stash.url, STASH_API_KEY=SecretStr(API_KEY))
        with serve(settings) as served:
            status = served.sidecar.stash_status
            until(lambda: status.checked_at)
            assert status.current.version
            assert missing(served, "stash") is None
            assert "face-crops" in served.client.get("/health").json()["features"]
            stash.down()
            assert until(lambda: missing(served, "stash"))["code"] == "stash-unreachable"
            said = served.client.get("/health").json()
            assert said["status"] == "degraded"
            assert "face-crops" not in said["features"]
            assert "journal" in said["features"]
            stash.up()
            until(lambda: missing(served, "stash") is None)
            stash.faults.add(Status(401))
            assert until(lambda: missing(served, "stash"))["code"] == "stash-key-refused"
            assert API_KEY not in served.client.get("/health").text
            assert not any(API_KEY in line for line in served.log.lines)


def test_health_does_not_wait_for_a_slow_stash(serve, settings_with):
    with StashStandIn() as stash:
        stash.faults.add(Delay(120))
        with serve(settings_with(STASH_URL=stash.url)) as served:
            until(lambda: stash.record.counts["graphql"])
            assert served.client.get("/health", timeout=60).status_code == 200


def test_networks_that_fail_unexpectedly_are_a_problem_and_opened_again(
    serve, settings_with, own, photo, monkeypatch
):
    def broken(settings):
        raise RuntimeError("a library with a fault")

    with monkeypatch.context() as patched:
        patched.setattr(from_settings, "open_pack", broken)
        with serve(settings_with(DATA_DIR=own)) as served:
            problem = missing(served, "engine")
            assert problem["code"] == "engine"
            assert served.client.get("/health").json()["status"] == "degraded"
            for _ in range(3):
                answer = served.client.post("/identify", files={"file": photo})
                assert told(answer, 503, "engine") == problem["detail"]
            assert sum("a library with a fault" in line for line in served.log.lines) == 1
            patched.undo()
            until(lambda: missing(served, "engine") is None)
            assert served.client.post("/identify", files={"file": photo}).json()["face_count"] == 1


def test_a_full_disk_keeps_the_state_closed_and_is_told(serve, settings_with, own, monkeypatch):
    def full(path, busy_seconds):
        raise DiskFull(f"{path}: database or disk is full. Nothing half-written stays; free some space.")

    with monkeypatch.context() as patched:
        patched.setattr(services, "RecommendationsDB", full)
        with serve(settings_with(DATA_DIR=own)) as served:
            assert missing(served, "state")["code"] == "disk-full"
            assert "free some space" in told(served.client.get("/journal"), 503, "disk-full")
            patched.undo()
            until(lambda: missing(served, "state") is None)


def test_a_face_that_is_not_stored_is_told_without_waiting_for_stash(serve, settings_with, own):
    with StashStandIn() as stash, serve(settings_with(DATA_DIR=own, STASH_URL=stash.url)) as served:
        stash.faults.add(Delay(120))
        told(served.client.get("/faces/1/crop", timeout=60), 404, "not-stored")
