"""A confirmed face becomes a reference where the settings say so, and stops being one when that is undone."""

import pytest

from stash_sense.errors import DiskFull
from stash_sense.jobs.queue import JobQueue
from stash_sense.runtime import database_updates
from waiting import until

from .galleries import WAITS, ended


@pytest.fixture
def open_sidecar(serve, settings_with, stash):
    def open_sidecar(**given):
        return serve(settings_with(STASH_URL=stash.url, **given), **WAITS)

    return open_sidecar


@pytest.fixture
def learning(open_sidecar):
    with open_sidecar(learn_decisions=True) as served:
        yield served


def learn(served, source="decisions"):
    job_id = served.client.post("/jobs/database", json={"source": source}).json()["job_id"]
    return ended(served.client, job_id)["result"]


def confirm(served, face, key="local:77", **fields):
    body = {"face_id": face["face_id"], "performer_id": key, "word": "confirmed", **fields}
    answer = served.client.post("/decisions", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["decision_id"]


def sources(served):
    return served.client.get("/database/info").json()["sources"]


def test_a_confirmed_face_names_its_person_elsewhere_until_that_is_taken_back(
    learning, put, look, samples, stash
):
    unknown = (samples / "gallery" / "grace_hopper.jpg").read_bytes()
    (face,) = look(put(unknown), served=learning)["faces"]
    decision = confirm(learning, face, name="Grace")
    result = learn(learning)
    assert (result["people"], result["faces"], result["skipped"]) == (1, 1, [])
    assert sources(learning)[-1] == "decisions"
    other = put(unknown)
    (match, *_) = look(other, served=learning)["faces"][0]["matches"]
    assert (match["name"], match["performer_id"]) == ("Grace", "local:77")
    assert learning.client.get(f"/references/{match['reference_id']}").status_code == 200
    assert learning.client.post("/decisions/undo", json={"decision_ids": [decision]}).json()["undone"] == 1
    learn(learning)
    assert "decisions" not in sources(learning)
    assert look(other, served=learning, force=True)["faces"][0]["name"] is None


def test_deciding_and_undoing_bring_the_update_by_themselves(learning, put, look, monkeypatch):
    monkeypatch.setattr(database_updates, "QUIET_S", 0.0)
    (face,) = look(put(), served=learning)["faces"]
    decision = confirm(learning, face, face["performer_id"])
    until(lambda: "decisions" in sources(learning))
    learning.client.delete(f"/decisions/{decision}")
    until(lambda: "decisions" not in sources(learning))


def test_by_default_nothing_is_learned(open_sidecar, put, look, monkeypatch):
    monkeypatch.setattr(database_updates, "QUIET_S", 0.0)
    with open_sidecar() as served:
        (face,) = look(put(), served=served)["faces"]
        confirm(served, face, face["performer_id"])
        assert served.client.get("/database/info").json()["next_update"] is None
        assert learn(served) == {"people": 0, "faces": 0, "skipped": [], "skipped_count": 0}
        assert "decisions" not in sources(served)


def test_an_update_of_all_sources_learns_too(learning, put, look):
    (face,) = look(put(), served=learning)["faces"]
    confirm(learning, face, face["performer_id"])
    outcomes = {each["source"]: each["outcome"] for each in learn(learning, "all")["sources"]}
    assert outcomes["decisions"] == "updated"


def test_without_stash_a_face_is_learned_without_its_picture(learning, put, look, stash):
    (face,) = look(put(), served=learning)["faces"]
    confirm(learning, face, face["performer_id"])
    stash.down()
    assert learn(learning)["faces"] == 1


def test_an_update_that_the_queue_did_not_take_follows_later(learning, put, look, monkeypatch):
    submit, refused = JobQueue.submit, []

    async def submit_at_last(queue, kind, *more):
        if kind == database_updates.KIND and not refused:
            refused.append(kind)
            raise DiskFull("Free some space.")
        return await submit(queue, kind, *more)

    monkeypatch.setattr(JobQueue, "submit", submit_at_last)
    monkeypatch.setattr(database_updates, "QUIET_S", 0.0)
    monkeypatch.setattr(database_updates, "RETRY_S", 0.0)
    (face,) = look(put(), served=learning)["faces"]
    confirm(learning, face, face["performer_id"])
    until(lambda: "decisions" in sources(learning))
    assert refused
