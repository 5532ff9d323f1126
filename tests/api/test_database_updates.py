"""The database kept up to date: asked for, on a schedule, and after Stash said that performers changed."""

import threading
import time

import pytest

from fakes.stash import Hold, StashStandIn
from stash_sense.domain.progress import NoProgress
from stash_sense.runtime import database_updates
from stash_sense.runtime.from_settings import database_dir, enrol, open_pack
from waiting import until

from .galleries import WAITS, ended
from .test_failures import problem

FAR = 10_000.0


def portrait(samples, name):
    return min((samples / "people" / name).iterdir())


@pytest.fixture
def stash(samples):
    """Its own, with one performer."""
    with StashStandIn() as stand_in:
        stand_in.library.add_performer("Joe", image=portrait(samples, "Joe Biden"))
        yield stand_in


@pytest.fixture
def open_sidecar(serve, settings_with, stash, without_database):
    def open_sidecar(**given):
        return serve(settings_with(DATA_DIR=without_database, STASH_URL=stash.url, **given), **WAITS)

    return open_sidecar


@pytest.fixture
def served(open_sidecar):
    """A sidecar with a database of the performer."""
    with open_sidecar() as served:
        built(served)
        yield served


def built(served):
    assert ended(served.client, served.client.post("/jobs/database", json={}).json()["job_id"])


def jobs_of(served):
    return served.client.get("/jobs", params={"target": "database"}).json()["jobs"]


def people(served):
    return served.client.get("/database/info").json()["people"]


def test_a_thousand_changes_in_stash_lead_to_one_update(served, stash, samples, monkeypatch):
    monkeypatch.setattr(database_updates, "QUIET_S", FAR)
    stash.library.add_performer("Eileen", image=portrait(samples, "Eileen Collins"))
    for _ in range(1000):
        assert served.client.post("/database/stale").json()["update_at"]
    assert served.client.get("/database/info").json()["next_update"]
    assert len(jobs_of(served)) == 1
    monkeypatch.setattr(database_updates, "QUIET_S", 0.0)
    served.client.post("/database/stale")
    until(lambda: people(served) == 2)
    until(lambda: [job["status"] for job in jobs_of(served)] == ["done", "done"])
    assert served.client.get("/database/info").json()["next_update"] is None


def test_where_changes_never_end_the_update_comes_all_the_same(served, monkeypatch):
    monkeypatch.setattr(database_updates, "QUIET_S", FAR)
    monkeypatch.setattr(database_updates, "LONGEST_QUIET_S", 0.0)
    served.client.post("/database/stale")
    until(lambda: len(jobs_of(served)) == 2)


def test_a_change_during_a_build_is_learned_after_it(served, stash, samples, monkeypatch):
    monkeypatch.setattr(database_updates, "QUIET_S", 0.0)
    monkeypatch.setattr(database_updates, "RETRY_S", 0.05)
    go = threading.Event()
    stash.faults.add(Hold(go), where="portrait")
    stash.library.add_performer("Eileen", image=portrait(samples, "Eileen Collins"))
    served.client.post("/database/stale")
    until(lambda: jobs_of(served)[0]["status"] == "running" and jobs_of(served)[0]["total"])
    stash.library.add_performer("Barack", image=portrait(samples, "Barack Obama"))
    served.client.post("/database/stale")
    go.set()
    until(lambda: people(served) == 3)


def test_told_not_to_follow_it_does_not(open_sidecar):
    with open_sidecar(follow_library=False) as served:
        built(served)
        assert served.client.post("/database/stale").json() == {"update_at": None}
        assert served.client.get("/database/info").json()["next_update"] is None


def test_without_a_database_of_stash_a_change_is_nothing_to_it(open_sidecar, samples):
    with open_sidecar() as served:
        assert served.client.post("/database/stale").json() == {"update_at": None}
        problem(served.client.post("/database/update"), 503, "no-database")


def test_what_changed_while_the_sidecar_was_away_is_learned_at_its_start(
    open_sidecar, stash, samples, monkeypatch
):
    monkeypatch.setattr(database_updates, "QUIET_S", 0.0)
    with open_sidecar() as served:
        built(served)
    stash.library.add_performer("Eileen", image=portrait(samples, "Eileen Collins"))
    with open_sidecar() as served:
        until(lambda: people(served) == 2)


def test_the_same_difference_leads_to_one_update_however_often_it_is_seen(open_sidecar, stash, monkeypatch):
    monkeypatch.setattr(database_updates, "QUIET_S", 0.0)
    monkeypatch.setattr(database_updates, "CHECK_EVERY_S", 0.02)
    with open_sidecar() as served:
        built(served)
        stash.library.performers.clear()  # which an update refuses to follow
        until(lambda: jobs_of(served)[0]["status"] == "failed")
        stash.record.forget()
        until(lambda: stash.record.counts["graphql"] > 10)
        assert [job["status"] for job in jobs_of(served)] == ["failed", "done"]


def test_on_a_schedule_every_source_is_updated(open_sidecar, stash, samples, monkeypatch):
    with open_sidecar(follow_library=False) as served:
        built(served)
    stash.library.add_performer("Eileen", image=portrait(samples, "Eileen Collins"))
    with open_sidecar(follow_library=False, update_every=1.0) as served:
        due = until(lambda: served.client.get("/database/info").json()["next_update"])
        assert due > time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        assert len(jobs_of(served)) == 1
    hour = 3600.0
    real = time.time
    monkeypatch.setattr(database_updates.time, "time", lambda: real() + 2 * hour)
    with open_sidecar(follow_library=False, update_every=1.0) as served:
        until(lambda: people(served) == 2)
        assert jobs_of(served)[0]["asked"]["source"] == "all"


def test_after_a_rollback_nothing_is_updated_by_itself(served, stash, samples, monkeypatch):
    monkeypatch.setattr(database_updates, "QUIET_S", 0.0)
    stash.library.add_performer("Eileen", image=portrait(samples, "Eileen Collins"))
    built(served)
    assert served.client.post("/database/rollback").json()["people"] == 1
    info = served.client.get("/database/info").json()
    assert (info["people"], info["rolled_back"], bool(info["other_version"])) == (1, True, True)
    served.client.post("/database/stale")
    until(lambda: served.client.get("/database/info").json()["next_update"] is None)
    assert (people(served), len(jobs_of(served))) == (1, 2)
    job = ended(served.client, served.client.post("/database/update").json()["job_id"])
    assert [(each["source"], each["outcome"]) for each in job["result"]["sources"]] == [("stash", "updated")]
    assert served.client.get("/database/info").json()["rolled_back"] is False
    assert people(served) == 2


def test_a_folder_is_updated_by_a_job_without_a_stash(
    serve, settings_with, without_database, samples, tmp_path
):
    folder = tmp_path / "folder"
    (folder / "Joe").mkdir(parents=True)
    (folder / "Joe" / "1.jpg").write_bytes(portrait(samples, "Joe Biden").read_bytes())
    settings = settings_with(DATA_DIR=without_database)
    enrol(settings, [folder], database_dir(settings), open_pack(settings), NoProgress())
    with serve(settings) as served:
        (folder / "Eileen").mkdir()
        (folder / "Eileen" / "1.jpg").write_bytes(portrait(samples, "Eileen Collins").read_bytes())
        job = ended(served.client, served.client.post("/database/update").json()["job_id"])
        (update,) = job["result"]["sources"]
        assert (update["outcome"], update["report"]["embedded"], people(served)) == ("updated", 1, 2)
        folder.rename(tmp_path / "away")
        job = ended(served.client, served.client.post("/database/update").json()["job_id"])
        (update,) = job["result"]["sources"]
        assert (update["outcome"], "not there now" in update["detail"], people(served)) == ("kept", True, 2)
