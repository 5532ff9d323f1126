"""One row with values that make no sense costs nothing but itself, and is logged once."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from stash_sense.store import unreadable
from stash_sense.store.database import RecommendationsDB

HARMS = {
    "a decision outside the picture": "UPDATE stash_sense_decisions SET x = 7 WHERE id = 1",
    "a decision of an unknown kind": "UPDATE stash_sense_decisions SET word = 'perhaps' WHERE id = 1",
    "a decision about a number": "UPDATE stash_sense_decisions SET x = 'left' WHERE id = 1",
    "a face that is nowhere": "UPDATE stash_sense_faces SET w = 'wide' WHERE id = 1",
    "landmarks cut off": "UPDATE stash_sense_faces SET landmarks = x'0102' WHERE id = 1",
    "details that are no JSON": "UPDATE stash_sense_faces SET details = '{' WHERE id = 1",
    "facts that are no JSON": "UPDATE stash_sense_people SET facts = '[' WHERE id = 1",
    "a distance beyond all": "UPDATE stash_sense_candidates SET distance = 99 WHERE face_id = 1",
    "a person with a number for a name": "UPDATE stash_sense_people SET name = x'ff' WHERE id = 1",
    "targets that are no JSON": "UPDATE stash_sense_journal SET target_ids = '[' WHERE id = 1",
    "targets that are no list": "UPDATE stash_sense_journal SET target_ids = '7' WHERE id = 1",
    "settings that are no JSON": "UPDATE stash_sense_image_results SET settings = '{'",
}


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
def test_the_other_rows_are_read(
    db: RecommendationsDB, face: Any, result: Any, harm: str, caplog, monkeypatch
) -> None:
    monkeypatch.setattr(unreadable, "_logged", set())
    first = db.store_image_result(result("1", face(0.1, "anna"))).face_ids[0]
    second = db.store_image_result(result("2", face(0.1, "berta"))).face_ids[0]
    db.decide(first, "rejected", "anna")
    db.decide(second, "rejected", "berta")
    for target in ("1", "2"):
        db.journal_begin("image", [target], "7")
    with closing(sqlite3.connect(db.path)) as other:
        other.execute("PRAGMA ignore_check_constraints = ON")
        other.execute(harm)
        other.commit()
    for _ in range(2):
        assert 2 in [row.decision.decision_id for row in db.list_decisions()]
        assert db.get_face(second).decisions[0].performer_id == "berta"
        assert db.get_image_result("2").faces[0].face_id == second
        db.get_image_result("1")
        assert second in db.decisions_by_face_id(["1", "2"])
        assert 2 in [entry.entry_id for entry in db.journal_entries()]
    left_out = [record for record in caplog.records if "is left out" in record.message]
    assert len({record.message for record in left_out}) == len(left_out)
    db.follow_people(lambda _: {})
