"""Scene fingerprints: a re-run replaces, never piles up."""

from typing import Any

import pytest

from stash_sense.errors import BadInput, NotStored
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.scenes import SceneFace


def test_a_scene_comes_back_with_its_faces(db: RecommendationsDB) -> None:
    faces = [SceneFace("anna", 3, 0.7, 0.3), SceneFace("berta", 7, 0.8, 0.7)]
    assert db.store_scene_result(5, faces, total_faces=10, frames_analyzed=40, db_version="v1") > 0
    found = db.get_scene_fingerprint("5")
    assert (found["total_faces"], found["frames_analyzed"], found["fingerprint_status"]) == (
        10,
        40,
        "complete",
    )
    assert found["db_version"] == "v1"
    seen = db.get_scene_fingerprint_faces(5)
    assert [
        (one["performer_id"], one["face_count"], one["avg_confidence"], one["proportion"]) for one in seen
    ] == [
        ("berta", 7, 0.8, 0.7),
        ("anna", 3, 0.7, 0.3),
    ]


def test_a_rerun_replaces_and_keeps_the_id(db: RecommendationsDB) -> None:
    first = db.store_scene_result(5, [SceneFace("anna", 3)])
    assert db.store_scene_result(5, [SceneFace("berta", 1)]) == first
    assert [one["performer_id"] for one in db.get_scene_fingerprint_faces(5)] == ["berta"]


def test_a_refused_face_leaves_the_former_result(db: RecommendationsDB) -> None:
    db.store_scene_result(5, [SceneFace("anna", 3)])
    with pytest.raises(BadInput):
        db.store_scene_result(5, [], total_faces=-1)
    assert [one["performer_id"] for one in db.get_scene_fingerprint_faces(5)] == ["anna"]


def test_a_scene_is_built_up_step_by_step(db: RecommendationsDB) -> None:
    first = db.create_scene_fingerprint(5)
    assert db.get_scene_fingerprint(5)["fingerprint_status"] == "pending"
    face = db.add_scene_fingerprint_face(5, "anna", 1)
    assert db.add_scene_fingerprint_face(5, "anna", 2, 0.5, 0.5) == face
    assert db.create_scene_fingerprint(5, 1, 2, "complete") == first
    assert db.get_scene_fingerprint_faces(5)[0]["face_count"] == 2
    with pytest.raises(NotStored, match="create_scene_fingerprint first"):
        db.add_scene_fingerprint_face(6, "anna", 1)


def test_deleting_a_scene_deletes_its_faces(db: RecommendationsDB, path: Any, rows: Any) -> None:
    db.store_scene_result(5, [SceneFace("anna", 3)])
    assert db.delete_scene_fingerprint(5)
    assert not db.delete_scene_fingerprint(5)
    assert db.get_scene_fingerprint(5) is None
    assert rows(path, "SELECT count(*) FROM scene_fingerprint_faces") == [(0,)]


@pytest.mark.parametrize("scene", ["", "five", "٣", None, -1, 2**63, 1.5, True])
def test_a_scene_id_that_is_none_is_refused(scene: Any, db: RecommendationsDB) -> None:
    with pytest.raises(BadInput):
        db.create_scene_fingerprint(scene)


@pytest.mark.parametrize(
    "wrong",
    [
        ("", 1, None, None),
        ("a", -1, None, None),
        ("a", 1, 1.2, None),
        ("a", 1, None, float("nan")),
        ("a", None),
    ],
)
def test_a_scene_face_that_says_nonsense_is_refused(wrong: tuple[Any, ...]) -> None:
    with pytest.raises(BadInput):
        SceneFace(*wrong)
