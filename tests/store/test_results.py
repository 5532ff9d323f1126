"""One image's whole result: all or nothing, over what was known, and found again by its picture."""

import sqlite3
from typing import Any

import numpy as np
import pytest

from stash_sense.domain.faces import Box
from stash_sense.domain.identity import PictureIdentity
from stash_sense.errors import BadInput, Conflict, NotStored
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.faces import DetectedFace

PACK = "test-pack"


def test_a_result_comes_back_as_it_was_stored(db: RecommendationsDB, face: Any, result: Any) -> None:
    landmarks = np.linspace(0.1, 0.4, 10, dtype=np.float32).reshape(5, 2)
    details = {"quality_reason": "small", "yaw": 0.25}
    given = face(0.1, "anna", "berta", quality=0.7, landmarks=landmarks, reason="near anna", details=details)
    more = {
        "gallery_ids": ["7", "8"],
        "width": 640,
        "height": 480,
        "settings": {"top_k": 5},
        "source": "thumbnail",
    }
    stored = db.store_image_result(result("1", given, face(0.6), **more))
    found = db.get_image_result("1", embeddings=True)
    assert (found.pack, found.db_version, found.source) == (PACK, "v1", "thumbnail")
    assert (found.width, found.height, found.settings) == (640, 480, {"top_k": 5})
    assert found.gallery_ids == ("7", "8")
    assert tuple(one.face_id for one in found.faces) == stored.face_ids
    first, second = found.faces
    assert (first.box, first.quality, first.verdict, first.reason) == (given.box, 0.7, "match", "near anna")
    assert [(one.performer_id, one.name, one.distance) for one in first.candidates] == [
        ("anna", "Name of anna", 0.3),
        ("berta", "Name of berta", 0.4),
    ]
    assert first.details == details
    assert np.array_equal(first.landmarks, landmarks)
    assert np.allclose(first.facenet, given.facenet, atol=2e-3)
    assert np.allclose(first.arcface, given.arcface, atol=2e-3)
    assert (second.verdict, second.candidates) == ("unknown", ())


def test_what_is_known_of_a_person_is_stored_once_and_the_last_word_counts(
    db: RecommendationsDB, face: Any, result: Any, candidate: Any, path: Any, rows: Any
) -> None:
    old = candidate("anna", name="Anna", facts={"country": "DE", "stash_ids": [{"endpoint": "e"}]})
    new = candidate("anna", name="Anna B.", facts={"country": "AT"})
    db.store_image_result(result("1", face(0.1, verdict="match", candidates=(old,))))
    db.store_image_result(result("2", face(0.1, verdict="match", candidates=(new,))))
    db.store_image_result(result("3", face(0.1, verdict="match", candidates=(candidate("anna"),))))
    (found,) = db.get_image_result("1").faces[0].candidates
    assert (found.name, found.facts) == ("Anna B.", {"country": "AT"})
    assert rows(path, "SELECT count(*) FROM stash_sense_people") == [(1,)]


def test_the_version_6_tables_name_matches_only_and_the_best_face_of_each(
    db: RecommendationsDB, face: Any, result: Any, candidate: Any
) -> None:
    good = face(0.6, verdict="match", candidates=(candidate("anna", 0.1),))
    faces = [face(0.1, "anna"), good, face(0.35, "berta", verdict="ambiguous"), face(0.7)]
    db.store_image_result(result("1", *faces))
    (named,) = db.get_image_fingerprint_faces("1")
    assert (named["performer_id"], named["distance"], named["bbox_x"]) == ("anna", 0.1, 0.6)
    assert named["confidence"] == pytest.approx(0.9)
    assert db.get_image_fingerprint("1")["faces_detected"] == 4


def test_a_face_found_again_keeps_its_id_and_others_go(
    db: RecommendationsDB, face: Any, result: Any, path: Any, rows: Any
) -> None:
    left, right = db.store_image_result(result("1", face(0.1), face(0.6))).face_ids
    moved, fresh = db.store_image_result(result("1", face(0.63), face(0.3))).face_ids
    assert moved == right
    assert fresh not in (left, right)
    with pytest.raises(NotStored):
        db.get_face(left)
    assert rows(path, "SELECT count(*) FROM stash_sense_embeddings") == [(2,)]


def test_another_picture_under_the_same_image_starts_anew(
    db: RecommendationsDB, face: Any, result: Any, path: Any, rows: Any
) -> None:
    (before,) = db.store_image_result(result("1", face(0.1))).face_ids
    (after,) = db.store_image_result(
        result("1", face(0.1), picture=PictureIdentity.of([("md5", "edited")]))
    ).face_ids
    assert before != after
    assert rows(path, "SELECT count(*) FROM stash_sense_pictures") == [(1,)]


def test_a_result_is_found_by_picture_pack_and_database(
    db: RecommendationsDB, face: Any, result: Any
) -> None:
    picture = PictureIdentity.of([("md5", "m")])
    db.store_image_result(result("1", face(0.1), picture=picture))
    assert db.find_image_result(picture, PACK, "v1").stash_image_id == "1"
    assert db.find_image_result(PictureIdentity.of([("md5", "n")]), PACK, "v1") is None
    assert db.find_image_result(picture, "other", "v1") is None
    assert db.find_image_result(picture, PACK, "v2") is None
    assert db.find_image_result(picture, PACK, "v2", any_version=True).db_version == "v1"


def test_an_image_prefers_its_own_result_of_a_picture(db: RecommendationsDB, face: Any, result: Any) -> None:
    picture = PictureIdentity.of([("md5", "m")])
    for image in ("1", "2", "3"):
        db.store_image_result(result(image, face(0.1), picture=picture))
    assert db.find_image_result(picture, PACK, "v1", "2").stash_image_id == "2"
    assert db.find_image_result(picture, PACK, "v1", "9") is not None


def test_galleries_are_many_and_none_is_forgotten(db: RecommendationsDB, face: Any, result: Any) -> None:
    db.store_image_result(result("1", gallery_ids=["7"]))
    db.store_image_result(result("1", gallery_ids=["8"]))
    db.create_image_fingerprint("1", gallery_id="9")
    db.store_image_result(result("1"))
    assert db.get_image_result("1").gallery_ids == ("7", "8", "9")
    assert db.get_image_fingerprint("1")["gallery_id"] == "9"
    for gallery in ("7", "8", "9"):
        assert [one["stash_image_id"] for one in db.get_gallery_image_fingerprints(gallery)] == ["1"]


def test_a_refused_image_leaves_no_trace_and_the_others_are_stored(
    db: RecommendationsDB, face: Any, result: Any
) -> None:
    db.store_image_result(result("2", face(0.1, "anna")))
    bad = face(0.6, "clara", facenet=np.ones(7), arcface=np.ones(7))
    outcome = db.store_image_results([result("1", face(0.1)), result("2", face(0.1), bad), result("3")])
    assert [one.stash_image_id for one in outcome.stored] == ["1", "3"]
    ((image, error),) = outcome.failed
    assert image == "2"
    assert isinstance(error, Conflict)
    assert [one["performer_id"] for one in db.get_image_fingerprint_faces("2")] == ["anna"]
    assert len(db.get_image_result("2").faces) == 1


def test_an_error_inside_one_image_stores_nothing_of_it(
    db: RecommendationsDB, face: Any, result: Any
) -> None:
    with pytest.raises(Conflict):
        db.store_image_result(result("1", face(0.1), face(0.6, facenet=np.ones(7), arcface=np.ones(7))))
    assert db.get_image_fingerprint("1") is None
    assert db.get_image_result("1") is None


def test_more_images_than_a_batch_are_stored_in_several_transactions(
    db: RecommendationsDB, result: Any
) -> None:
    assert len(db.store_image_results([result(str(number)) for number in range(150)]).stored) == 150


def test_embeddings_of_another_pack_stay_with_a_face_found_again(
    db: RecommendationsDB, face: Any, result: Any, path: Any, rows: Any
) -> None:
    db.store_image_result(result("1", face(0.1)))
    db.store_image_result(result("1", face(0.1, facenet=np.ones(5), arcface=np.ones(3)), pack="other"))
    assert rows(path, "SELECT name FROM stash_sense_packs ORDER BY id") == [(PACK,), ("other",)]
    assert db.get_image_result("1", embeddings=True).faces[0].facenet.shape == (5,)
    assert rows(path, "SELECT count(*) FROM stash_sense_embeddings") == [(2,)]


def test_a_face_without_embeddings_forgets_those_of_the_run_before(
    db: RecommendationsDB, face: Any, result: Any
) -> None:
    db.store_image_result(result("1", face(0.1)))
    db.store_image_result(result("1", face(0.1, facenet=None, arcface=None)))
    assert db.get_image_result("1", embeddings=True).faces[0].facenet is None


def test_deleting_the_faces_of_an_image_means_its_result_is_not_used_again(
    db: RecommendationsDB, face: Any, result: Any
) -> None:
    db.store_image_result(result("1", face(0.1, "anna"), face(0.6)))
    assert db.delete_image_fingerprint_faces("1") == 1
    assert db.get_image_result("1") is None
    assert db.get_image_fingerprint("1") is not None


def test_deleting_an_image_fingerprint(db: RecommendationsDB, result: Any) -> None:
    db.store_image_result(result("1"))
    assert db.delete_image_fingerprint("1")
    assert not db.delete_image_fingerprint("1")


@pytest.mark.parametrize(
    "wrong",
    [
        {"verdict": "maybe"},
        {"verdict": "match", "candidates": ()},
        {"reason": None},
        {"arcface": None},
        {"quality": float("nan")},
        {"quality": "good"},
    ],
)
def test_a_face_that_says_nonsense_is_refused(wrong: dict[str, Any], face: Any) -> None:
    with pytest.raises(BadInput):
        face(0.1, **wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"pack": ""},
        {"width": 0},
        {"height": 2**70},
        {"gallery_ids": "77"},
        {"gallery_ids": [""]},
        {"source": None},
        {"image": ""},
        {"image": None},
        {"image": "\ud800"},
        {"image": " "},
    ],
)
def test_a_result_that_says_nonsense_is_refused(wrong: dict[str, Any], result: Any) -> None:
    with pytest.raises(BadInput):
        result(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [np.zeros(16), np.full(16, np.nan), np.full(16, np.inf), np.full(16, 1e6), np.full(16, 1e-7),
     np.ones((2, 8)), np.ones(0), "text", [None] * 16],
)  # fmt: skip
def test_an_embedding_that_cannot_be_stored_is_refused(
    wrong: Any, db: RecommendationsDB, face: Any, result: Any
) -> None:
    with pytest.raises(BadInput, match="arcface embedding"):
        db.store_image_result(result("1", face(0.1, facenet=np.ones(16), arcface=wrong)))


@pytest.mark.parametrize("wrong", [np.ones((4, 2)), np.full((5, 2), np.nan)])
def test_landmarks_that_are_no_five_points_are_refused(
    wrong: Any, db: RecommendationsDB, face: Any, result: Any
) -> None:
    with pytest.raises(BadInput, match="five finite points"):
        db.store_image_result(result("1", face(0.1, landmarks=wrong)))


def test_settings_that_are_no_json_are_refused(db: RecommendationsDB, result: Any) -> None:
    for wrong in ({"x": float("nan")}, {"x": object()}, {"x": "\ud800"}):
        with pytest.raises(BadInput, match="settings"):
            db.store_image_result(result("1", settings=wrong))


def test_a_person_stands_once_among_the_candidates(candidate: Any) -> None:
    with pytest.raises(BadInput, match="twice"):
        DetectedFace(Box(0, 0, 1, 1), 0.5, candidates=(candidate("anna"), candidate("anna")))


def test_the_file_itself_refuses_a_box_outside_the_image(
    db: RecommendationsDB, path: Any, result: Any
) -> None:
    stored = db.store_image_result(result("1"))
    connection = sqlite3.connect(path)
    for box in ((-0.1, 0, 0.5, 0.5), (0.6, 0, 0.5, 0.5), (0, 0, 0, 0.5), (0, 0.9, 0.5, 0.2)):
        with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
            connection.execute(
                "INSERT INTO stash_sense_faces (image_fingerprint_id, position, x, y, w, h, "
                "detection_confidence, verdict) VALUES (?, 0, ?, ?, ?, ?, 0.5, 'unknown')",
                (stored.fingerprint_id, *box),
            )
    connection.close()


def test_another_image_of_the_same_picture_takes_over_the_result(
    db: RecommendationsDB, face: Any, result: Any
) -> None:
    picture = PictureIdentity.of([("md5", "m")])
    first = db.store_image_result(result("1", face(0.1, "anna", "berta"), face(0.6), picture=picture))
    db.decide(first.face_ids[0], "rejected", "anna")
    copied = db.copy_image_result("1", "2", ["7"])
    assert set(copied.face_ids).isdisjoint(first.face_ids)
    one, two = (db.get_image_result(image, embeddings=True) for image in ("1", "2"))
    assert two.gallery_ids == ("7",)
    for left, right in zip(one.faces, two.faces, strict=True):
        assert (left.box, left.verdict, left.candidates) == (right.box, right.verdict, right.candidates)
        assert np.array_equal(left.facenet, right.facenet)
    db.undecide(one.faces[0].decisions[0].decision_id)
    assert [face.candidates[0].performer_id for face in db.get_image_result("2").faces[:1]] == ["anna"]


def test_nothing_can_be_taken_over_from_an_image_without_a_result(db: RecommendationsDB) -> None:
    db.create_image_fingerprint("1")
    with pytest.raises(NotStored, match="identify it first"):
        db.copy_image_result("1", "2")
    assert db.get_image_fingerprint("2") is None


def test_a_gallery_is_noted_without_touching_the_result(
    db: RecommendationsDB, face: Any, result: Any
) -> None:
    db.store_image_result(result("1", face(0.1, "anna"), gallery_ids=["7"]))
    assert db.add_images_to_gallery("8", ["1", "404"]) == 1
    assert db.get_image_result("1").gallery_ids == ("7", "8")
    assert db.get_image_fingerprint("1")["faces_detected"] == 1


def test_a_picture_that_no_image_shows_any_more_is_forgotten(
    db: RecommendationsDB, face: Any, result: Any, path: Any, rows: Any
) -> None:
    for image, forget in (("1", db.delete_image_fingerprint), ("2", db.delete_image_fingerprint_faces)):
        db.store_image_result(result(image, face(0.1)))
        forget(image)
    assert rows(path, "SELECT count(*) FROM stash_sense_pictures") == [(0,)]
    assert rows(path, "SELECT count(*) FROM stash_sense_picture_prints") == [(0,)]


def test_a_text_that_utf8_cannot_hold_is_refused(db: RecommendationsDB, face: Any, result: Any) -> None:
    db.store_image_result(result("1", picture=PictureIdentity.of([("md5", "m")])))
    with pytest.raises(BadInput, match="UTF-8"):
        face(0.1, reason="\ud800")
    with pytest.raises(BadInput, match="cannot be stored"):
        db.find_image_result(PictureIdentity.of([("md5", "m")]), "\ud800", "v1", any_version=True)
