"""Which picture an image shows."""

from typing import Any

import pytest

from stash_sense.domain.identity import PictureIdentity
from stash_sense.errors import BadInput
from stash_sense.store.database import RecommendationsDB

PACK = "test-pack"
TIME = "2026-01-01T11:00:00Z"


def same(db: RecommendationsDB, result: Any, one: PictureIdentity, other: PictureIdentity) -> bool:
    db.store_image_result(result("1", picture=one))
    return db.find_image_result(other, PACK, "v1") is not None


def test_stash_gives_fingerprints_as_a_list(db: RecommendationsDB, result: Any) -> None:
    listed = PictureIdentity.of([("md5", "m"), ("oshash", "o")])
    assert same(db, result, listed, PictureIdentity.of([("oshash", "o"), ("md5", "m")]))


def test_a_fingerprint_type_that_stash_added_later_changes_nothing(
    db: RecommendationsDB, result: Any
) -> None:
    assert same(
        db,
        result,
        PictureIdentity.of([("md5", "m")]),
        PictureIdentity.of([("md5", "m"), ("oshash", "o"), ("phash", "p")]),
    )
    db.store_image_result(result("1", picture=PictureIdentity.of([("md5", "m"), ("oshash", "o")])))
    assert db.find_image_result(PictureIdentity.of([("oshash", "o")]), PACK, "v1") is not None


def test_one_differing_fingerprint_of_the_contents_is_another_picture(
    db: RecommendationsDB, result: Any
) -> None:
    assert not same(
        db,
        result,
        PictureIdentity.of([("md5", "m"), ("oshash", "o")]),
        PictureIdentity.of([("md5", "n"), ("oshash", "o")]),
    )


def test_looking_alike_is_not_being_the_same(db: RecommendationsDB, result: Any) -> None:
    assert not same(
        db,
        result,
        PictureIdentity.of([("md5", "m"), ("phash", "p")]),
        PictureIdentity.of([("md5", "n"), ("phash", "p")]),
    )
    with pytest.raises(BadInput, match="which picture"):
        PictureIdentity.of([("phash", "p")])


def test_without_fingerprints_path_size_and_time_decide(db: RecommendationsDB, result: Any) -> None:
    here = PictureIdentity.of(path="/a.jpg", size=5, mod_time="2026-01-01T12:00:00+01:00")
    assert same(db, result, here, PictureIdentity.of(path="/a.jpg", size=5, mod_time="2026-01-01T11:00:00Z"))
    for other in (
        ("/b.jpg", 5, "2026-01-01T11:00:00Z"),
        ("/a.jpg", 6, "2026-01-01T11:00:00Z"),
        ("/a.jpg", 5, "2026-01-01T11:00:01Z"),
    ):
        assert db.find_image_result(PictureIdentity.of((), *other), PACK, "v1") is None


def test_fingerprints_that_come_later_belong_to_the_picture_at_that_place(
    db: RecommendationsDB, result: Any
) -> None:
    place = {"path": "/a.jpg", "size": 5, "mod_time": TIME}
    db.store_image_result(result("1", picture=PictureIdentity.of(**place)))
    db.store_image_result(result("1", picture=PictureIdentity.of([("md5", "m")], **place)))
    assert db.find_image_result(
        PictureIdentity.of([("md5", "m")], path="/moved.jpg", size=5, mod_time=TIME), PACK, "v1"
    )


def test_new_contents_at_the_same_place_are_another_picture(db: RecommendationsDB, result: Any) -> None:
    place = {"path": "/a.jpg", "size": 5, "mod_time": TIME}
    assert not same(
        db, result, PictureIdentity.of([("md5", "m")], **place), PictureIdentity.of([("md5", "n")], **place)
    )


def test_no_path_is_kept_in_the_file(db: RecommendationsDB, result: Any, path: Any) -> None:
    db.store_image_result(
        result("1", picture=PictureIdentity.of(path="/home/anna.smith/1.jpg", size=5, mod_time=TIME))
    )
    db.close()
    assert b"anna.smith" not in path.read_bytes()


@pytest.mark.parametrize(
    "wrong",
    [{}, {"path": "/a", "size": 5}, {"fingerprints": []}, {"fingerprints": [("md5", None)]},
     {"fingerprints": [("md5", "")]}, {"fingerprints": [("md5", 5)]},
     {"path": "/a", "size": -1, "mod_time": TIME}, {"path": "/a", "size": 1, "mod_time": ""},
     {"path": "\ud800", "size": 1, "mod_time": TIME}],
)  # fmt: skip
def test_an_identity_of_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        PictureIdentity.of(**wrong)
