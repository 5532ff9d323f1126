"""A person's word on a face outlives re-runs and new databases, and matching honours it."""

from typing import Any

import pytest

from stash_sense.domain.identity import PictureIdentity
from stash_sense.errors import BadInput, Conflict, NotStored
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.rematching import FaceMatches

PACK = "test-pack"


def named(db: RecommendationsDB, image: str = "1") -> list[str]:
    return [one["performer_id"] for one in db.get_image_fingerprint_faces(image)]


def test_a_confirmed_person_stays_through_reruns_and_database_updates(
    db: RecommendationsDB, face: Any, result: Any
) -> None:
    (face_id,) = db.store_image_result(result("1", face(0.1, "anna"))).face_ids
    decision = db.decide(face_id, "confirmed", "berta", name="Berta")
    assert named(db) == ["berta"]
    db.store_image_result(result("1", face(0.13, "clara"), version="v2"))
    found = db.get_face(face_id)
    assert (found.verdict, found.candidates[0].performer_id, found.candidates[0].name) == (
        "match",
        "berta",
        "Berta",
    )
    assert [one.performer_id for one in found.candidates] == ["berta", "clara"]
    assert found.decisions[0].decision_id == decision.decision_id
    assert named(db) == ["berta"]


def test_a_confirmed_candidate_keeps_its_distance_and_another_has_none(
    db: RecommendationsDB, face: Any, result: Any
) -> None:
    (face_id,) = db.store_image_result(result("1", face(0.1, "anna", "berta"))).face_ids
    db.decide(face_id, "confirmed", "berta")
    assert db.get_image_fingerprint_faces("1")[0]["distance"] == pytest.approx(0.4)
    db.decide(face_id, "confirmed", "zoe")
    assert db.get_image_fingerprint_faces("1")[0]["distance"] is None


def test_a_rejected_person_is_not_offered_for_that_face_again(
    db: RecommendationsDB, face: Any, result: Any
) -> None:
    (face_id,) = db.store_image_result(result("1", face(0.1, "anna", "berta"))).face_ids
    db.decide(face_id, "rejected", "anna")
    found = db.get_face(face_id)
    assert (found.verdict, [one.performer_id for one in found.candidates]) == ("unknown", ["berta"])
    assert named(db) == []
    db.store_image_result(result("1", face(0.1, "anna"), face(0.6, "anna")))
    assert [one.verdict for one in db.get_image_result("1").faces] == ["unknown", "match"]
    assert named(db) == ["anna"]


def test_several_people_may_be_rejected_on_one_face(db: RecommendationsDB, face: Any, result: Any) -> None:
    (face_id,) = db.store_image_result(result("1", face(0.1, "anna", "berta"))).face_ids
    for person in ("anna", "berta"):
        db.decide(face_id, "rejected", person)
    assert db.get_face(face_id).candidates == ()
    db.decide(face_id, "confirmed", "anna")
    assert sorted((one.kind, one.performer_id) for one in db.get_face(face_id).decisions) == [
        ("confirmed", "anna"),
        ("rejected", "berta"),
    ]


def test_an_ignored_face_names_nobody(db: RecommendationsDB, face: Any, result: Any) -> None:
    (face_id,) = db.store_image_result(result("1", face(0.1, "anna"))).face_ids
    db.decide(face_id, "ignored")
    found = db.get_face(face_id)
    assert (found.verdict, found.candidates, named(db)) == ("unknown", (), [])


def test_a_decision_taken_back_shows_what_matching_said(
    db: RecommendationsDB, face: Any, result: Any
) -> None:
    (face_id,) = db.store_image_result(result("1", face(0.1, "anna"))).face_ids
    decision = db.decide(face_id, "rejected", "anna")
    assert db.undecide(decision.decision_id) == decision
    assert named(db) == ["anna"]
    with pytest.raises(NotStored, match="taken back already"):
        db.undecide(decision.decision_id)


def said(db: RecommendationsDB, face_id: int) -> list[tuple[str, str | None]]:
    return [(one.kind, one.performer_id) for one in db.get_face(face_id).decisions]


@pytest.mark.parametrize("people", [(), ("anna",), ("anna", "berta")])
def test_a_face_set_apart_looks_like_whom_it_looked_like(
    people: tuple[str, ...], db: RecommendationsDB, face: Any, result: Any
) -> None:
    (face_id,) = db.store_image_result(result("1", face(0.1, *people))).face_ids
    before = db.get_face(face_id)
    decision = db.decide(face_id, "apart")
    after = db.get_face(face_id)
    assert (after.verdict, after.reason, after.candidates) == (
        before.verdict,
        before.reason,
        before.candidates,
    )
    assert (decision.performer_id, decision.name) == (None, None)
    assert named(db) == list(people[:1])


@pytest.mark.parametrize("first", ["confirmed", "rejected"])
def test_apart_stands_beside_who_a_face_is_and_is_not(
    first: str, db: RecommendationsDB, face: Any, result: Any
) -> None:
    one, other = db.store_image_result(result("1", face(0.1, "anna"), face(0.6, "anna"))).face_ids
    db.decide(one, first, "anna")
    db.decide(one, "apart")
    db.decide(other, "apart")
    db.decide(other, first, "anna")
    assert said(db, one) == [(first, "anna"), ("apart", None)]
    assert said(db, other) == [("apart", None), (first, "anna")]
    assert db.get_face(one).verdict == ("match" if first == "confirmed" else "unknown")


def test_another_confirmation_keeps_apart(db: RecommendationsDB, face: Any, result: Any) -> None:
    (face_id,) = db.store_image_result(result("1", face(0.1))).face_ids
    for word, performer in (("confirmed", "anna"), ("apart", None), ("confirmed", "berta")):
        db.decide(face_id, word, performer)
    assert said(db, face_id) == [("apart", None), ("confirmed", "berta")]


def test_ignored_and_apart_replace_each_other(db: RecommendationsDB, face: Any, result: Any) -> None:
    (face_id,) = db.store_image_result(result("1", face(0.1, "anna"))).face_ids
    for word in ("apart", "ignored", "apart"):
        db.decide(face_id, word)
        assert said(db, face_id) == [(word, None)]
    assert named(db) == ["anna"]


def test_a_face_set_apart_stays_so_through_reruns_that_draw_it_differently(
    db: RecommendationsDB, face: Any, result: Any
) -> None:
    (face_id,) = db.store_image_result(result("1", face(0.1, "anna"))).face_ids
    decision = db.decide(face_id, "apart")
    for step in range(1, 9):
        db.store_image_result(result("1", face(0.1 + 0.06 * step, "anna")))
    assert [one.decision_id for one in db.get_face(face_id).decisions] == [decision.decision_id]
    (batch,) = db.read_embeddings(PACK)
    assert [one.kind for one in batch.decisions[face_id]] == ["apart"]


def tagged(db: RecommendationsDB) -> int:
    """An entry of a tag that was written."""
    entry = db.journal_begin("image", ["1"], "88")
    db.journal_complete(entry.entry_id, "done", ["1"])
    return entry.entry_id


def test_undoing_a_tag_takes_back_what_came_with_it_and_no_more(
    db: RecommendationsDB, face: Any, result: Any
) -> None:
    first, second = db.store_image_result(result("1", face(0.1, "anna"), face(0.6, "clara"))).face_ids
    entry, other = tagged(db), tagged(db)
    db.decide(first, "confirmed", "berta", entry_id=entry)
    kept = [db.decide(second, "confirmed", "clara", entry_id=other), db.decide(second, "rejected", "anna")]
    db.journal_undone(entry)
    assert db.get_face(first).decisions == ()
    assert list(db.get_face(second).decisions) == kept
    assert named(db) == ["anna", "clara"]


def test_what_came_with_two_tags_goes_with_the_later_and_what_came_with_none_stays(
    db: RecommendationsDB, face: Any, result: Any
) -> None:
    first, second = db.store_image_result(result("1", face(0.1), face(0.6))).face_ids
    entry, later = tagged(db), tagged(db)
    db.decide(second, "confirmed", "clara")
    for one in (entry, later):
        db.decide(first, "confirmed", "anna", entry_id=one)
        db.decide(second, "confirmed", "clara", entry_id=one)
    db.decide(first, "confirmed", "anna")
    db.journal_undone(entry)
    assert named(db) == ["anna", "clara"]
    db.journal_undone(later)
    assert named(db) == ["clara"]


def test_a_word_that_comes_after_its_tag_was_undone_is_refused(
    db: RecommendationsDB, face: Any, result: Any
) -> None:
    (face_id,) = db.store_image_result(result("1", face(0.1))).face_ids
    entry = tagged(db)
    db.journal_undone(entry)
    with pytest.raises(Conflict, match="has been undone"):
        db.decide(face_id, "confirmed", "anna", entry_id=entry)
    with pytest.raises(NotStored, match="journal entry 99"):
        db.decide(face_id, "confirmed", "anna", entry_id=99)


def test_what_came_with_a_tag_that_proves_to_be_gone_is_taken_back(
    db: RecommendationsDB, face: Any, result: Any
) -> None:
    (face_id,) = db.store_image_result(result("1", face(0.1))).face_ids
    entry = db.journal_begin("image", ["1"], "88").entry_id  # its end could not be noted at once
    db.decide(face_id, "confirmed", "anna", entry_id=entry)
    db.journal_complete(entry, "failed", [])
    assert (db.get_face(face_id).decisions, named(db)) == ((), [])
    with pytest.raises(Conflict, match="added nothing"):
        db.decide(face_id, "confirmed", "anna", entry_id=entry)


def test_the_same_word_twice_is_one_decision(db: RecommendationsDB, face: Any, result: Any) -> None:
    (face_id,) = db.store_image_result(result("1", face(0.1, "anna"))).face_ids
    assert db.decide(face_id, "confirmed", "anna") == db.decide(face_id, "confirmed", "anna")


def test_a_new_word_replaces_the_one_it_contradicts(db: RecommendationsDB, face: Any, result: Any) -> None:
    (face_id,) = db.store_image_result(result("1", face(0.1, "anna"))).face_ids
    for word, person in (
        ("confirmed", "anna"),
        ("confirmed", "berta"),
        ("rejected", "berta"),
        ("ignored", None),
        ("confirmed", "berta"),
    ):
        db.decide(face_id, word, person)
        (only,) = [one for one in db.get_face(face_id).decisions if one.kind == word]
        assert (only.kind, only.performer_id) == (word, person)
    assert [one.kind for one in db.get_face(face_id).decisions] == ["confirmed"]


def test_a_decision_is_known_before_the_picture_is_stored_again(
    db: RecommendationsDB, face: Any, result: Any
) -> None:
    picture = PictureIdentity.of([("md5", "m")])
    (face_id,) = db.store_image_result(result("1", face(0.1, "anna"), picture=picture)).face_ids
    db.decide(face_id, "rejected", "anna")
    db.delete_image_fingerprint("1")
    assert [one.performer_id for one in db.decisions_for(picture)] == ["anna"]
    (again,) = db.store_image_result(result("900", face(0.12, "anna"), picture=picture)).face_ids
    assert again != face_id
    assert db.get_face(again).verdict == "unknown"


def test_a_box_that_drifts_run_by_run_keeps_its_face_and_its_decision(
    db: RecommendationsDB, face: Any, result: Any
) -> None:
    (face_id,) = db.store_image_result(result("1", face(0.1, "anna"))).face_ids
    db.decide(face_id, "rejected", "anna")
    for step in range(1, 9):
        stored = db.store_image_result(result("1", face(0.1 + 0.06 * step, "anna")))
        assert stored.face_ids == (face_id,)
    assert db.get_face(face_id).verdict == "unknown"


def test_decisions_on_neighbours_do_not_mix(db: RecommendationsDB, face: Any, result: Any) -> None:
    """Two faces that overlap by more than half: each keeps its own word."""
    left, right = db.store_image_result(result("1", face(0.1, "anna"), face(0.15, "berta"))).face_ids
    db.decide(left, "confirmed", "anna")
    db.decide(right, "confirmed", "berta")
    assert [one.performer_id for one in db.get_face(left).decisions] == ["anna"]
    assert [one.performer_id for one in db.get_face(right).decisions] == ["berta"]


def test_matching_anew_is_told_and_cannot_undo_a_decision(
    db: RecommendationsDB, face: Any, result: Any
) -> None:
    first, second = db.store_image_result(result("1", face(0.1, "anna"), face(0.6))).face_ids
    db.decide(first, "confirmed", "anna")
    (batch,) = db.read_embeddings(PACK)
    assert {key: value[0].performer_id for key, value in batch.decisions.items()} == {first: "anna"}
    db.update_matches(PACK, "v2", ["1"], [FaceMatches(first, "unknown"), FaceMatches(second, "unknown")])
    assert named(db) == ["anna"]


@pytest.mark.parametrize(
    ("word", "person"),
    [
        ("maybe", "a"),
        ("confirmed", None),
        ("confirmed", ""),
        ("rejected", "\ud800"),
        (None, "a"),
        ("apart", "a"),
        ("apart", ""),
    ],
)
def test_a_word_that_is_none_is_refused(
    word: Any, person: Any, db: RecommendationsDB, face: Any, result: Any
) -> None:
    (face_id,) = db.store_image_result(result("1", face(0.1))).face_ids
    with pytest.raises(BadInput):
        db.decide(face_id, word, person)


@pytest.mark.parametrize("face_id", [0, 99, 2**63 - 1])
def test_a_face_that_is_not_there_says_what_to_do(face_id: int, db: RecommendationsDB) -> None:
    with pytest.raises(NotStored, match="identify the image again"):
        db.decide(face_id, "ignored")
    with pytest.raises(NotStored):
        db.get_face(face_id)


@pytest.mark.parametrize("face_id", [-1, 2**63, "1", None, 1.0, True])
def test_a_face_id_that_is_none_is_refused(face_id: Any, db: RecommendationsDB) -> None:
    with pytest.raises(BadInput):
        db.decide(face_id, "ignored")


def test_a_gallerys_revision_tells_decisions_made_and_taken_back_on_its_pictures(
    db: RecommendationsDB, face: Any, result: Any
) -> None:
    (own,) = db.store_image_result(result("1", face(0.1, "anna"))).face_ids
    (other,) = db.store_image_result(result("2", face(0.1, "anna"))).face_ids
    db.add_images_to_gallery("45", ["1"])
    db.add_images_to_gallery("46", ["2"])
    seen = [db.decisions_revision("45")]
    db.decide(other, "ignored")
    assert db.decisions_revision("45") == seen[0]
    for change in (
        lambda: db.decide(own, "rejected", "anna"),
        lambda: db.decide(own, "confirmed", "anna"),  # replaces the rejection
        lambda: db.undecide(db.get_face(own).decisions[0].decision_id),
        lambda: db.decide(own, "confirmed", "anna"),
    ):
        change()
        seen.append(db.decisions_revision("45"))
    assert seen[3] == seen[0]  # nothing stands, as at first
    assert len({*seen}) == 4
    db.store_image_result(result("1", face(0.1, "anna")))
    assert db.decisions_revision("45") == seen[-1]
