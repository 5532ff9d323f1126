"""Every tag is noted before it is written, and undone exactly once."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stash_sense.errors import BadInput, Conflict, NotStored
from stash_sense.store.database import RecommendationsDB


def test_an_undo_removes_exactly_what_was_added_and_once(db: RecommendationsDB) -> None:
    entry = db.journal_begin("image", ["1", "2", "3", "2"], "88")
    assert (entry.status, entry.target_ids, entry.added_ids) == ("open", ("1", "2", "3"), ())
    done = db.journal_complete(entry.entry_id, "done", ["1", "3"])
    assert (done.status, done.added_ids, done.local_id) == ("done", ("1", "3"), "88")
    undone = db.journal_undone(entry.entry_id)
    assert (undone.status, undone.added_ids) == ("undone", ("1", "3"))
    with pytest.raises(Conflict, match="was undone on"):
        db.journal_undone(entry.entry_id)


def test_an_entry_survives_being_closed_for_days(db: RecommendationsDB, path: Path) -> None:
    entry = db.journal_begin("gallery", ["5"], "88")
    db.journal_complete(entry.entry_id, "done", ["5"])
    db.close()
    with RecommendationsDB(path) as again:
        assert again.journal_undone(entry.entry_id).added_ids == ("5",)


def test_entries_left_open_by_a_crash_are_found(db: RecommendationsDB, path: Path) -> None:
    script = (
        "import os, signal, sys; from stash_sense.store.database import RecommendationsDB;"
        "RecommendationsDB(sys.argv[1]).journal_begin('scene', ['9'], '3');"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    db.journal_complete(db.journal_begin("image", ["1"], "3").entry_id, "done", ["1"])
    (left,) = db.journal_entries(status="open")
    assert (left.target_type, left.target_ids) == ("scene", ("9",))
    assert len(db.journal_entries()) == 2


def test_markers_are_undone_by_their_own_ids(db: RecommendationsDB) -> None:
    entry = db.journal_begin("marker", ["9"], "88")
    assert db.journal_complete(entry.entry_id, "done", ["501", "502"]).added_ids == ("501", "502")
    assert db.journal_undone(entry.entry_id).added_ids == ("501", "502")


def test_a_failed_write_that_added_some_can_be_undone(db: RecommendationsDB) -> None:
    entry = db.journal_begin("image", ["1", "2"], "88")
    db.journal_complete(entry.entry_id, "failed", ["1"])
    assert db.journal_undone(entry.entry_id).added_ids == ("1",)


def test_a_write_that_added_nothing_has_nothing_to_undo(db: RecommendationsDB) -> None:
    entry = db.journal_begin("image", ["1"], "88")
    with pytest.raises(Conflict, match="is open"):
        db.journal_undone(entry.entry_id)
    db.journal_complete(entry.entry_id, "done")
    with pytest.raises(Conflict, match="added nothing"):
        db.journal_undone(entry.entry_id)


def test_the_same_report_twice_is_one_and_another_is_refused(db: RecommendationsDB) -> None:
    entry = db.journal_begin("image", ["1", "2"], "88")
    first = db.journal_complete(entry.entry_id, "done", ["1"])
    assert db.journal_complete(entry.entry_id, "done", ["1"]) == first
    with pytest.raises(Conflict, match="is already done"):
        db.journal_complete(entry.entry_id, "done", ["1", "2"])
    with pytest.raises(Conflict):
        db.journal_complete(entry.entry_id, "failed", ["1"])


def test_only_what_was_noted_can_have_been_added(db: RecommendationsDB) -> None:
    entry = db.journal_begin("image", ["1"], "88")
    with pytest.raises(BadInput, match="is not a target"):
        db.journal_complete(entry.entry_id, "done", ["1", "999"])


def test_entries_come_latest_first_and_page_by_page(db: RecommendationsDB) -> None:
    ids = [db.journal_begin("image", [str(number)], "1").entry_id for number in range(5)]
    page = db.journal_entries(limit=2)
    assert [one.entry_id for one in page] == ids[:2:-1]
    assert [one.entry_id for one in db.journal_entries(before=page[-1].entry_id)] == ids[2::-1]


@pytest.mark.parametrize(
    ("kind", "targets", "local"),
    [("tag", ["1"], "1"), ("image", [], "1"), ("image", "12", "1"), ("image", [""], "1"),
     ("image", ["1"], ""), ("image", [None], "1"), (None, ["1"], "1"), ("image", ["\ud800"], "1"),
     ("image", ["1"], None)],
)  # fmt: skip
def test_a_note_of_nothing_is_refused(kind: Any, targets: Any, local: Any, db: RecommendationsDB) -> None:
    with pytest.raises(BadInput):
        db.journal_begin(kind, targets, local)
    assert db.journal_entries() == []


def test_entries_that_were_written_together_keep_their_batch(db: RecommendationsDB) -> None:
    for performer in ("88", "89"):
        db.journal_begin("gallery", ["5"], performer, "accept-all-1")
    db.journal_begin("gallery", ["5"], "90")
    assert [entry.batch_id for entry in db.journal_entries()] == [None, "accept-all-1", "accept-all-1"]


def test_an_unknown_entry_or_status_is_refused(db: RecommendationsDB) -> None:
    with pytest.raises(NotStored):
        db.journal_undone(5)
    entry = db.journal_begin("image", ["1"], "88")
    with pytest.raises(BadInput, match="done or failed"):
        db.journal_complete(entry.entry_id, "open")


@pytest.mark.parametrize("before", [[], "x", -1, 2**63])
def test_entries_before_something_that_is_no_entry_are_refused(before: Any, db: RecommendationsDB) -> None:
    with pytest.raises(BadInput, match="before"):
        db.journal_entries(before=before)


def test_a_removal_is_undone_by_adding(db: RecommendationsDB) -> None:
    entry = db.journal_begin("image", ["1", "2"], "88", action="remove")
    done = db.journal_complete(entry.entry_id, "done", ["2"])
    assert (done.action, done.added_ids) == ("remove", ("2",))
    assert db.journal_begin("image", ["1"], "88").action == "add"
    for target_type, action in (("image", "replace"), ("marker", "remove")):
        with pytest.raises(BadInput, match="action"):
            db.journal_begin(target_type, ["1"], "88", action=action)
