"""Decisions and the journal over real HTTP, with a real state file."""

import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from stash_sense.runtime import services

from .test_failures import problem


def decide(served, **asked):
    return served.client.post("/decisions", json=asked)


def test_a_decision_is_stored_shown_and_taken_back(stash_app, face):
    answer = decide(stash_app, face_id=str(face), performer_id="Berta", word="confirmed")
    assert answer.status_code == 200
    said = answer.json()
    assert set(said) == {"decision_id", "face_id", "performer_id", "name", "word", "created_at"}
    assert (said["face_id"], said["performer_id"], said["name"]) == (str(face), "Berta", "Berta")
    found = stash_app.store.get_face(face)
    assert (found.verdict, found.candidates[0].performer_id) == ("match", "Berta")
    gone = stash_app.client.delete(f"/decisions/{said['decision_id']}").json()
    assert gone == {**said, "face_id": None}
    assert stash_app.store.get_face(face).candidates[0].performer_id == "Anna"
    problem(stash_app.client.delete(f"/decisions/{said['decision_id']}"), 404, "not-stored")


def test_ignoring_needs_no_performer_and_a_face_id_may_be_a_number(stash_app, face):
    said = decide(stash_app, face_id=face, word="ignored").json()
    assert (said["word"], said["performer_id"]) == ("ignored", None)


def test_a_face_is_set_apart_and_stays_confirmed(stash_app, face):
    decide(stash_app, face_id=face, performer_id="Berta", word="confirmed")
    said = decide(stash_app, face_id=face, word="apart").json()
    assert (said["word"], said["performer_id"], said["name"]) == ("apart", None, None)
    found = stash_app.store.get_face(face)
    assert (found.verdict, [one.kind for one in found.decisions]) == ("match", ["confirmed", "apart"])


def test_the_name_given_with_a_decision_is_remembered(stash_app, face):
    performer = f"local:{face}"
    said = decide(stash_app, face_id=face, performer_id=performer, name="Jane Doe", word="confirmed").json()
    assert said["name"] == "Jane Doe"
    assert stash_app.store.get_face(face).candidates[0].name == "Jane Doe"
    again = decide(stash_app, face_id=face, performer_id=performer, word="confirmed").json()
    assert again == said


def test_the_same_decision_twice_is_one_decision(stash_app, face):
    first = decide(stash_app, face_id=face, performer_id="Anna", word="rejected").json()
    assert decide(stash_app, face_id=face, performer_id="Anna", word="rejected").json() == first


def test_two_at_once_make_one_decision(stash_app, face):
    def ask(_):
        return decide(stash_app, face_id=face, performer_id="Anna", word="confirmed").json()["decision_id"]

    with ThreadPoolExecutor(16) as callers:
        assert len(set(callers.map(ask, range(32)))) == 1


@pytest.mark.parametrize(
    "face_id", ["0", "999999", "999999999999999999", "seen-0123456789abcdef", "-1", "1.0", "٣"]
)
def test_a_face_that_is_not_stored(stash_app, face_id):
    problem(decide(stash_app, face_id=face_id, performer_id="Anna", word="confirmed"), 404, "not-stored")
    if stash_app.sidecar.stash:
        problem(stash_app.client.get(f"/faces/{face_id}/crop"), 404, "not-stored")


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({}, "face_id"),
        ({"face_id": "1", "word": "maybe"}, "word"),
        ({"face_id": None, "word": "ignored"}, "face_id"),
        ({"face_id": True, "word": "ignored"}, "face_id"),
        ({"face_id": -1, "word": "ignored"}, "face_id"),
        ({"face_id": 1, "word": "ignored", "entry_id": -1}, "entry_id"),
        ({"face_id": 1, "word": "ignored", "entry_id": "x"}, "entry_id"),
        ({"face_id": 2**63, "word": "ignored"}, "face_id"),
        ({"face_id": [1], "word": "ignored"}, "face_id"),
        ({"face_id": "1", "word": "ignored", "name": ""}, "name"),
        ({"face_id": "1", "word": "confirmed", "performer_id": "a", "name": "x" * 1001}, "name"),
        ({"face_id": "1", "word": "confirmed", "performer_id": "a", "name": 5}, "name"),
        ({"face_id": "1", "word": "ignored", "more": 1}, "more"),
        ({"face_id": "1", "word": "rejected", "performer_id": ""}, "performer_id"),
        ({"face_id": "1", "word": "rejected", "performer_id": 5}, "performer_id"),
        ({"face_id": "1", "word": "rejected", "performer_id": "x" * 1001}, "performer_id"),
    ],
)
def test_a_bad_decision_names_the_field(stash_app, asked, named):
    assert named in problem(decide(stash_app, **asked), 422, "bad-parameter")


def test_a_decision_about_nobody_is_refused(stash_app, face):
    assert "performer_id" in problem(decide(stash_app, face_id=face, word="confirmed"), 422, "bad-input")


def test_apart_is_about_no_performer(stash_app, face):
    answer = decide(stash_app, face_id=face, performer_id="Anna", word="apart")
    assert "leave it out" in problem(answer, 422, "bad-input")


HOSTILE = [
    "<script>alert(1)</script>",
    "'; DROP TABLE stash_sense_decisions; --",
    "\x01\x02",
    "\u202etxt.exe",
    "é" * 900,
]


@pytest.mark.parametrize("performer", HOSTILE)
def test_a_hostile_performer_id_is_only_text(stash_app, face, performer):
    assert (
        decide(stash_app, face_id=face, performer_id=performer, word="rejected").json()["performer_id"]
        == performer
    )


@pytest.mark.parametrize("field", ["performer_id", "name", "face_id"])
def test_a_nul_in_a_key_is_refused(stash_app, face, field):
    asked = {"face_id": face, "performer_id": "Anna", "word": "rejected", field: "a\x00b"}
    assert field in problem(decide(stash_app, **asked), 422, "bad-parameter")


@pytest.mark.parametrize(
    "path",
    ["/decisions?performer_id=a%00", "/decisions?face_id=%00", "/journal?performer_id=%00",
     "/faces/1%00/crop", "/jobs/%00", "/jobs?target=gallery:%00", "/references/%00"],
)  # fmt: skip
def test_a_nul_in_a_path_or_a_query_is_refused(stash_app, path):
    assert "NUL" in problem(stash_app.client.get(path), 422, "bad-parameter")


@pytest.mark.parametrize("path", ["/decisions", "/decisions/faces", "/decisions/undo", "/journal"])
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[" * 100_000, b'{"word": "\xff"}', b'{"performer_id": "\\ud800"}', b"NaN"]
)
def test_a_broken_body_is_refused(stash_app, path, body):
    headers = {"content-type": "application/json"}
    problem(stash_app.client.post(path, content=body, headers=headers), 422, "bad-parameter")


@pytest.mark.parametrize("path", ["/decisions", "/decisions/faces", "/decisions/undo", "/journal"])
def test_a_body_of_another_kind_or_too_large_is_refused(stash_app, path):
    problem(stash_app.client.post(path, content=b"a=b"), 415, "unknown-content-type")
    headers = {"content-type": "application/json"}
    answer = stash_app.client.post(path, content=b'{"a":"' + b"x" * 1_000_000 + b'"}', headers=headers)
    assert "1.0 MB" in problem(answer, 413, "body-too-large")


@pytest.mark.parametrize("number", ["x", "-1", str(2**63), "1e3", "NaN"])
def test_an_id_that_is_no_number(stash_app, number):
    problem(stash_app.client.delete(f"/decisions/{number}"), 422, "bad-parameter")
    problem(stash_app.client.post(f"/journal/{number}/undone"), 422, "bad-parameter")
    problem(stash_app.client.patch(f"/journal/{number}", json={"status": "failed"}), 422, "bad-parameter")


def begin(served, kind="image", ids=("1", "2"), local="88"):
    return served.client.post(
        "/journal", json={"target_type": kind, "target_ids": list(ids), "local_id": local}
    )


ENTRY = {
    "entry_id", "target_type", "target_ids", "local_id", "status", "added_ids", "created_at", "completed_at",
    "undone_at", "batch_id", "action",
}  # fmt: skip


def test_a_tag_is_noted_completed_and_undone_once(stash_app):
    noted = begin(stash_app, ids=["1", 2, "3", "2"]).json()
    assert set(noted) == ENTRY
    assert (noted["status"], noted["target_ids"], noted["local_id"]) == ("open", ["1", "2", "3"], "88")
    place = f"/journal/{noted['entry_id']}"
    problem(stash_app.client.post(f"{place}/undone"), 409, "refused")
    done = stash_app.client.patch(place, json={"status": "done", "added_ids": ["1", 3]}).json()
    assert (done["status"], done["added_ids"]) == ("done", ["1", "3"])
    assert stash_app.client.patch(place, json={"status": "done", "added_ids": ["1", "3"]}).json() == done
    problem(stash_app.client.patch(place, json={"status": "failed"}), 409, "refused")
    undone = stash_app.client.post(f"{place}/undone").json()
    assert (undone["status"], undone["added_ids"]) == ("undone", ["1", "3"])
    assert undone["undone_at"]
    problem(stash_app.client.post(f"{place}/undone"), 409, "refused")


def test_undoing_a_tag_takes_back_the_decision_that_came_with_it(stash_app, face):
    entry_id = begin(stash_app, ids=["1"]).json()["entry_id"]
    said = decide(stash_app, face_id=face, performer_id="Berta", word="confirmed", entry_id=entry_id).json()
    stash_app.client.patch(f"/journal/{entry_id}", json={"status": "done", "added_ids": ["1"]})
    stash_app.client.post(f"/journal/{entry_id}/undone")
    problem(stash_app.client.delete(f"/decisions/{said['decision_id']}"), 404, "not-stored")
    assert stash_app.store.get_face(face).candidates[0].performer_id == "Anna"
    late = decide(stash_app, face_id=face, performer_id="Berta", word="confirmed", entry_id=entry_id)
    problem(late, 409, "refused")
    unknown = decide(stash_app, face_id=face, performer_id="Berta", word="confirmed", entry_id=999_999)
    problem(unknown, 404, "not-stored")


def test_a_failed_write_needs_no_ids(stash_app):
    place = f"/journal/{begin(stash_app).json()['entry_id']}"
    assert stash_app.client.patch(place, json={"status": "failed"}).json()["added_ids"] == []


def test_what_was_not_noted_cannot_have_been_added(stash_app):
    place = f"/journal/{begin(stash_app).json()['entry_id']}"
    answer = stash_app.client.patch(place, json={"status": "done", "added_ids": ["3"]})
    assert "3" in problem(answer, 422, "bad-input")


def test_markers_are_noted_for_their_scene_and_reported_by_their_own_ids(stash_app):
    place = f"/journal/{begin(stash_app, 'marker', ['9']).json()['entry_id']}"
    done = stash_app.client.patch(place, json={"status": "done", "added_ids": ["501"]}).json()
    assert (done["target_type"], done["target_ids"], done["added_ids"]) == ("marker", ["9"], ["501"])


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({}, "target_type"),
        ({"target_type": "performer"}, "target_type"),
        ({"target_ids": []}, "target_ids"),
        ({"target_ids": "12"}, "target_ids"),
        ({"target_ids": [None]}, "target_ids"),
        ({"target_ids": ["x"]}, "target_ids"),
        ({"target_ids": [True]}, "target_ids"),
        ({"target_ids": [-1]}, "target_ids"),
        ({"target_ids": ["1" * 19]}, "target_ids"),
        ({"local_id": ""}, "local_id"),
        ({"local_id": 1.5}, "local_id"),
        ({"more": 1}, "more"),
    ],
)
def test_a_bad_note_names_the_field(stash_app, asked, named):
    good = {"target_type": "image", "target_ids": ["1"], "local_id": "2"} if asked else {}
    assert named in problem(stash_app.client.post("/journal", json={**good, **asked}), 422, "bad-parameter")


@pytest.mark.parametrize(
    "asked", [{"status": "done"}, {"status": "open"}, {"status": "done", "added_ids": "1"}, {"added_ids": []}]
)
def test_a_bad_report_is_refused(stash_app, asked):
    place = f"/journal/{begin(stash_app).json()['entry_id']}"
    problem(stash_app.client.patch(place, json=asked), 422, "bad-parameter")
    assert stash_app.store.journal_entries(limit=1)[0].status == "open"


def test_an_unknown_entry(stash_app):
    problem(stash_app.client.patch("/journal/999999", json={"status": "failed"}), 404, "not-stored")
    problem(stash_app.client.post("/journal/999999/undone"), 404, "not-stored")


def test_the_journal_comes_newest_first_and_page_by_page(stash_app):
    made = [begin(stash_app, "gallery", [str(number)]).json()["entry_id"] for number in range(5)]
    page = stash_app.client.get("/journal", params={"limit": 2}).json()
    assert [entry["entry_id"] for entry in page["entries"]] == made[:2:-1]
    page = stash_app.client.get("/journal", params={"limit": 2, "before": page["next_before"]}).json()
    assert [entry["entry_id"] for entry in page["entries"]] == made[2:0:-1]
    assert stash_app.client.get("/journal", params={"before": 0}).json() == {
        "entries": [],
        "next_before": None,
    }
    last = stash_app.client.get("/journal", params={"limit": 1, "before": 2}).json()
    assert last["next_before"] is None


@pytest.mark.parametrize(
    "asked",
    ["limit=0", "limit=501", "limit=x", "limit=", "before=-1", f"before={2**63}", "before=x", "page=2"],
)
def test_a_page_that_cannot_be(stash_app, asked):
    problem(stash_app.client.get(f"/journal?{asked}"), 422, "bad-parameter")


def test_a_tag_on_very_many_images_is_noted(stash_app):
    ids = [str(number) for number in range(100_000)]
    assert len(begin(stash_app, ids=ids[:50_000]).json()["target_ids"]) == 50_000


LOCK = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN EXCLUSIVE" if sys.argv[2] == "exclusive" else "BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def locked_by_another(stash_app):
    running = []

    def lock(kind="immediate"):
        command = [sys.executable, "-c", LOCK, str(stash_app.store.path), kind]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield lock
    for process in running:
        process.communicate("")


@pytest.fixture
def impatient(stash_app, monkeypatch):
    """A sidecar's state that waits only briefly for another process."""
    store = stash_app.store
    monkeypatch.setattr(store._pool, "_busy_seconds", 0.4)
    monkeypatch.setattr(store._pool, "_idle", [])  # those that wait longer
    monkeypatch.setattr(services, "BUSY_S", 0.4)


def test_a_state_locked_by_another_process_is_busy_and_nothing_hangs(
    stash_app, face, locked_by_another, impatient
):
    other = locked_by_another()
    with ThreadPoolExecutor(24) as callers:
        asked = [callers.submit(begin, stash_app) for _ in range(12)]
        asked += [callers.submit(decide, stash_app, face_id=face, word="ignored") for _ in range(12)]
        time.sleep(0.2)
        assert stash_app.client.get("/health").status_code == 200  # while the other still holds it
        assert stash_app.client.get("/journal", params={"limit": 1}).status_code in (200, 503)
        for one in asked:
            problem(one.result(), 503, "busy")
            assert int(one.result().headers["retry-after"]) >= 1
    other.communicate("")
    assert begin(stash_app).status_code == 200


def test_a_state_damaged_while_it_is_used_answers_503(serve, settings_with, tmp_path, api_data):
    (tmp_path / "models").symlink_to(api_data / "models")
    with serve(settings_with(DATA_DIR=tmp_path)) as served:
        assert begin(served).status_code == 200
        path = tmp_path / "stash_sense.db"
        served.store._pool._idle.clear()  # or it would answer from its cache
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.write(b"\xff" * size)
        code = served.client.get("/journal").json()["code"]
        assert code in ("state-damaged", "state-not-ours")
    path.unlink()


def test_decisions_are_listed_by_person_face_and_kind_page_by_page(stash_app, face):
    rejected = decide(stash_app, face_id=face, performer_id="Anna", word="rejected", local_id=71).json()
    confirmed = decide(stash_app, face_id=face, performer_id=f"local:9{face}", word="confirmed").json()

    def listed(**query):
        answer = stash_app.client.get("/decisions", params={"face_id": face, **query})
        assert answer.status_code == 200, answer.text
        return answer.json()

    page = listed(limit=1)
    image_id = page["decisions"][0]["image_id"]
    on_image = {"image_id": image_id, "scene_id": None, "time_s": None}
    assert page["decisions"] == [{**confirmed, **on_image, "local_id": f"9{face}", "stash_ids": []}]
    assert stash_app.store.get_face(face).stash_image_id == image_id
    (older,) = listed(before=page["next_before"])["decisions"]
    assert (older["decision_id"], older["word"]) == (rejected["decision_id"], "rejected")
    assert [one["word"] for one in listed(word="rejected")["decisions"]] == ["rejected"]
    assert [one["word"] for one in listed(performer_id="local:71")["decisions"]] == ["rejected"]
    assert listed(performer_id="local:999999")["decisions"] == []
    stash_app.client.delete(f"/decisions/{confirmed['decision_id']}")
    assert [one["word"] for one in listed()["decisions"]] == ["rejected"]
    problem(stash_app.client.get("/decisions?face_id=999999"), 404, "not-stored")
    problem(stash_app.client.get("/decisions?word=maybe"), 422, "bad-parameter")
