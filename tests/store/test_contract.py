"""The seven behaviours the product promises of RecommendationsDB, written from its specification."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stash_sense.store.database import RecommendationsDB


def test_creating_an_image_fingerprint_gives_an_id(path: Path) -> None:
    db = RecommendationsDB(path)
    assert db.create_image_fingerprint(stash_image_id="101", faces_detected=2, gallery_id="7") > 0
    db.close()


def test_a_fingerprint_comes_back_with_gallery_and_count(db: RecommendationsDB) -> None:
    db.create_image_fingerprint(stash_image_id="101", gallery_id="7", faces_detected=2, db_version="2026.01")
    found = db.get_image_fingerprint("101")
    assert found is not None
    assert (found["stash_image_id"], found["gallery_id"], found["faces_detected"], found["db_version"]) == (
        "101",
        "7",
        2,
        "2026.01",
    )
    assert db.get_image_fingerprint("102") is None


def test_an_upsert_keeps_the_id_and_updates(db: RecommendationsDB) -> None:
    first = db.create_image_fingerprint("101", faces_detected=2, gallery_id="7")
    assert db.create_image_fingerprint("101", faces_detected=5, gallery_id="7", db_version="v2") == first
    found = db.get_image_fingerprint("101")
    assert found is not None
    assert (found["id"], found["faces_detected"], found["db_version"]) == (first, 5, "v2")


def test_a_face_is_stored_with_its_numbers(db: RecommendationsDB) -> None:
    db.create_image_fingerprint("101", faces_detected=1)
    face_id = db.add_image_fingerprint_face(
        stash_image_id="101",
        performer_id="stashdb.org:50459d16",
        confidence=0.85,
        distance=0.15,
        bbox_x=0.1,
        bbox_y=0.2,
        bbox_w=0.3,
        bbox_h=0.4,
    )
    (face,) = db.get_image_fingerprint_faces("101")
    assert face_id > 0
    assert {key: face[key] for key in face if key != "created_at"} == {
        "id": face_id,
        "stash_image_id": "101",
        "performer_id": "stashdb.org:50459d16",
        "confidence": 0.85,
        "distance": 0.15,
        "bbox_x": 0.1,
        "bbox_y": 0.2,
        "bbox_w": 0.3,
        "bbox_h": 0.4,
    }


def test_a_gallery_lists_two_of_four(db: RecommendationsDB) -> None:
    for image, gallery in (("1", "50"), ("2", "50"), ("3", "51"), ("4", None)):
        db.create_image_fingerprint(image, gallery_id=gallery)
    assert [one["stash_image_id"] for one in db.get_gallery_image_fingerprints("50")] == ["1", "2"]


def test_deleting_faces_returns_how_many(db: RecommendationsDB) -> None:
    db.create_image_fingerprint("101")
    db.add_image_fingerprint_face("101", "a")
    db.add_image_fingerprint_face("101", "b")
    assert db.delete_image_fingerprint_faces("101") == 2
    assert db.delete_image_fingerprint_faces("101") == 0
    assert db.get_image_fingerprint_faces("101") == []


def test_a_version_5_file_migrates_and_then_works(
    version_5: Callable[..., Path], rows: Callable[..., list[tuple[Any, ...]]]
) -> None:
    path = version_5()
    with RecommendationsDB(path) as db:
        assert db.create_image_fingerprint("101", faces_detected=1, gallery_id="7") > 0
        db.add_image_fingerprint_face("101", "a", distance=0.2)
        assert len(db.get_gallery_image_fingerprints("7")) == 1
    assert rows(path, "SELECT total_faces FROM scene_fingerprints WHERE stash_scene_id = 99") == [(4,)]
    assert rows(path, "SELECT version FROM schema_version") == [(6,)]
    assert rows(path, "SELECT id, details FROM recommendations") == [(7, '{"a": 1}')]


def test_a_null_gallery_never_erases_a_known_one(db: RecommendationsDB) -> None:
    db.create_image_fingerprint("101", gallery_id="7")
    db.create_image_fingerprint("101", faces_detected=3)
    assert db.get_image_fingerprint("101")["gallery_id"] == "7"


def test_a_worse_second_face_does_not_replace_a_better_one(db: RecommendationsDB) -> None:
    db.create_image_fingerprint("101")
    first = db.add_image_fingerprint_face("101", "a", confidence=0.8, distance=0.2, bbox_x=0.1)
    assert db.add_image_fingerprint_face("101", "a", confidence=0.5, distance=0.5, bbox_x=0.6) == first
    assert db.get_image_fingerprint_faces("101")[0]["bbox_x"] == 0.1
    assert db.add_image_fingerprint_face("101", "a", confidence=0.9, distance=0.1, bbox_x=0.7) == first
    assert db.get_image_fingerprint_faces("101")[0]["bbox_x"] == 0.7


def test_a_face_with_numbers_is_better_than_one_without(db: RecommendationsDB) -> None:
    db.create_image_fingerprint("101")
    db.add_image_fingerprint_face("101", "a", confidence=0.8)
    db.add_image_fingerprint_face("101", "a")
    assert db.get_image_fingerprint_faces("101")[0]["confidence"] == 0.8
    db.add_image_fingerprint_face("101", "a", confidence=0.7)
    assert db.get_image_fingerprint_faces("101")[0]["confidence"] == 0.8


def test_a_rerun_leaves_no_stale_name(db: RecommendationsDB, face: Any, result: Any) -> None:
    db.store_image_result(result("1", face(0.1, "anna"), face(0.6, "berta")))
    db.store_image_result(result("1", face(0.1, "anna"), face(0.6, "clara")))
    assert [one["performer_id"] for one in db.get_image_fingerprint_faces("1")] == ["anna", "clara"]


def test_deleting_a_fingerprint_deletes_its_faces(
    db: RecommendationsDB, path: Path, face: Any, result: Any
) -> None:
    db.store_image_result(result("1", face(0.1, "anna")))
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("DELETE FROM image_fingerprints WHERE stash_image_id = '1'")
    connection.commit()
    left = [
        connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in ("image_fingerprint_faces", "stash_sense_faces", "stash_sense_embeddings")
    ]
    connection.close()
    assert left == [0, 0, 0]
