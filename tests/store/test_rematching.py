"""Stored embeddings are read in whole images and matched again; nothing else changes."""

from typing import Any

import numpy as np
import pytest

from stash_sense.domain.decisions import StoredMatch
from stash_sense.errors import BadInput
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.rematching import FaceMatches

PACK = "test-pack"


def test_all_embeddings_come_in_batches_of_whole_images(
    db: RecommendationsDB, face: Any, result: Any
) -> None:
    faces = [face(0.0), face(0.3), face(0.6)]
    db.store_image_results([result(str(number), *faces) for number in range(10)])
    db.store_image_result(result("none"))
    batches = list(db.read_embeddings(PACK, faces_per_batch=7))
    assert [len(batch.face_ids) for batch in batches] == [9, 9, 9, 3]
    assert sum((batch.stash_image_ids for batch in batches), ()) == (*map(str, range(10)), "none")
    first = batches[0]
    assert first.image_index.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert np.allclose(first.facenet[1], faces[1].facenet, atol=2e-3)
    assert np.allclose(first.arcface[2], faces[2].arcface, atol=2e-3)
    assert (first.facenet.dtype, first.face_ids.dtype) == (np.float32, np.int64)


def test_only_the_asked_pack_and_gallery_are_read(db: RecommendationsDB, face: Any, result: Any) -> None:
    db.store_image_result(result("1", face(0.1), gallery_ids=["7"]))
    db.store_image_result(result("2", face(0.1), gallery_ids=["8"]))
    db.store_image_result(result("3", face(0.1), gallery_ids=["7"], pack="other"))
    assert [one.stash_image_ids for one in db.read_embeddings(PACK, gallery_id="7")] == [("1",)]
    assert [one.stash_image_ids for one in db.read_embeddings(PACK)] == [("1", "2")]
    assert list(db.read_embeddings("unknown")) == []


def test_new_matches_replace_verdict_and_candidates_and_nothing_else(
    db: RecommendationsDB, face: Any, result: Any
) -> None:
    db.store_image_result(result("1", face(0.1, "anna"), face(0.6, "berta")))
    before = db.get_image_result("1", embeddings=True)
    (batch,) = db.read_embeddings(PACK)
    one, two = (int(number) for number in batch.face_ids)
    matches = [
        FaceMatches(one, "match", "sure", (StoredMatch("clara", 0.2, name="Clara"),)),
        FaceMatches(two, "unknown"),
    ]
    outcome = db.update_matches(PACK, "v2", batch.stash_image_ids, matches)
    assert (outcome.updated, outcome.skipped) == (("1",), ())
    after = db.get_image_result("1", embeddings=True)
    assert [face.face_id for face in after.faces] == [one, two]
    assert (after.db_version, after.faces[0].candidates[0].name, after.faces[0].reason) == (
        "v2",
        "Clara",
        "sure",
    )
    assert np.array_equal(after.faces[0].facenet, before.faces[0].facenet)
    assert after.faces[0].box == before.faces[0].box
    assert [row["performer_id"] for row in db.get_image_fingerprint_faces("1")] == ["clara"]
    assert db.get_image_fingerprint("1")["db_version"] == "v2"


def test_work_cut_short_goes_on_where_it_stopped(db: RecommendationsDB, face: Any, result: Any) -> None:
    db.store_image_results([result(str(number), face(0.1)) for number in range(4)])
    db.store_image_result(result("4"))
    first = next(db.read_embeddings(PACK, unless_version="v2", faces_per_batch=2))
    db.update_matches(
        PACK, "v2", first.stash_image_ids, [FaceMatches(int(one), "unknown") for one in first.face_ids]
    )
    left = list(db.read_embeddings(PACK, unless_version="v2"))
    assert [batch.stash_image_ids for batch in left] == [("2", "3", "4")]
    db.update_matches(
        PACK, "v2", left[0].stash_image_ids, [FaceMatches(int(one), "unknown") for one in left[0].face_ids]
    )
    assert list(db.read_embeddings(PACK, unless_version="v2")) == []


def test_an_image_overtaken_by_a_newer_run_is_skipped_and_stays(
    db: RecommendationsDB, face: Any, result: Any
) -> None:
    db.store_image_results([result("1", face(0.1)), result("2", face(0.1)), result("3", face(0.1))])
    (batch,) = db.read_embeddings(PACK)
    db.store_image_result(result("1", face(0.1), face(0.6)))
    db.store_image_result(result("2", face(0.1, facenet=np.ones(4), arcface=np.ones(4)), pack="other"))
    db.delete_image_fingerprint("3")
    matches = [FaceMatches(int(one), "unknown") for one in batch.face_ids]
    outcome = db.update_matches(PACK, "v2", batch.stash_image_ids, matches)
    assert (outcome.updated, outcome.skipped) == ((), ("1", "2", "3"))
    assert db.get_image_result("1").db_version == "v1"


def test_writing_between_two_batches_is_allowed(db: RecommendationsDB, face: Any, result: Any) -> None:
    db.store_image_results([result(str(number), face(0.1)) for number in range(6)])
    seen = []
    for batch in db.read_embeddings(PACK, faces_per_batch=2):
        seen += batch.stash_image_ids
        db.store_image_result(result("5", face(0.2)))
        db.delete_image_fingerprint("3")
    assert seen == ["0", "1", "2", "4", "5"]


@pytest.mark.parametrize("wrong", [(0, "unknown"), (1, "maybe"), (1, "match"), ("1", "unknown")])
def test_matches_that_say_nonsense_are_refused(wrong: tuple[Any, ...]) -> None:
    with pytest.raises(BadInput):
        FaceMatches(*wrong)
