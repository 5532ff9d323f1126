"""What Stash says of its images, galleries and scenes is stored, and what has changed is noted."""

from pathlib import Path
from typing import Any

import pytest

from stash_sense.errors import BadInput
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.library_tags import TargetTags

PERFORMERS = "SELECT target_type, target_id, local_id FROM stash_sense_library_performers ORDER BY 1, 2, 3"
GALLERIES = "SELECT image_id, gallery_id FROM stash_sense_library_galleries ORDER BY 1, 2"
STALE = "SELECT target_type, target_id FROM stash_sense_stale_targets ORDER BY 1, 2"


def clear_stale(db: RecommendationsDB) -> None:
    with db._pool.writing() as connection:
        connection.execute("DELETE FROM stash_sense_stale_targets")


def test_a_target_has_the_tags_that_stash_said_last(db: RecommendationsDB, path: Path, rows: Any) -> None:
    db.record_tags([TargetTags("image", "1", ("5", "6"), ("50",), "A title"), TargetTags("scene", "1", ())])
    db.record_tags([TargetTags("image", "1", ("6", "7"), ("51",), organized=True)])
    assert rows(path, PERFORMERS) == [("image", "1", "6"), ("image", "1", "7")]
    assert rows(path, GALLERIES) == [("1", "51")]
    stored = rows(path, "SELECT target_type, title, organized FROM stash_sense_library_tags ORDER BY 1")
    assert stored == [("image", None, 1), ("scene", None, 0)]


def test_what_has_not_changed_is_not_written_again(db: RecommendationsDB, path: Path, rows: Any) -> None:
    targets = [
        TargetTags("image", "1", ("6", "5"), ("51", "50"), "A title"),
        TargetTags("scene", "2", ("5",)),
    ]
    db.record_tags(targets)
    assert rows(path, STALE) == [("gallery", "50"), ("gallery", "51"), ("image", "1"), ("scene", "2")]
    clear_stale(db)
    db.record_tags(targets)
    assert rows(path, STALE) == []


def test_galleries_are_noted_when_an_image_leaves_or_joins_them(
    db: RecommendationsDB, path: Path, rows: Any
) -> None:
    db.record_tags([TargetTags("image", "1", (), ("50",))])
    clear_stale(db)
    db.record_tags([TargetTags("image", "1", (), ("51",))])
    assert rows(path, STALE) == [("gallery", "50"), ("gallery", "51"), ("image", "1")]


def test_a_target_that_is_gone_has_no_tags_until_it_is_back(
    db: RecommendationsDB, path: Path, rows: Any
) -> None:
    db.record_tags(
        [TargetTags("image", "1", ("5",), ("50",), "A title"), TargetTags("gallery", "50", ("5",))]
    )
    db.forget_targets("image", ["1", "9"])
    assert rows(path, PERFORMERS) == [("gallery", "50", "5")]
    assert rows(path, GALLERIES) == []
    gone = "SELECT target_id, title FROM stash_sense_library_tags WHERE gone ORDER BY 1"
    assert rows(path, gone) == [("1", None), ("9", None)]
    db.record_tags([TargetTags("image", "1", ("5",), ("50",), "A title")])
    assert rows(path, gone) == [("9", None)]
    db.forget_targets("gallery", ["50"])
    assert rows(path, GALLERIES) == []


def test_new_names_in_images_and_scenes_are_noted_whoever_writes_them(
    db: RecommendationsDB, path: Path, rows: Any
) -> None:
    with db._pool.writing() as connection:
        connection.execute("INSERT INTO image_fingerprints (stash_image_id) VALUES ('7')")
        connection.execute(
            "INSERT INTO image_fingerprint_faces (stash_image_id, performer_id) VALUES ('7', 'a')"
        )
        connection.execute("INSERT INTO scene_fingerprints (id, stash_scene_id) VALUES (3, 99)")
        connection.execute(
            "INSERT INTO scene_fingerprint_faces (fingerprint_id, performer_id) VALUES (3, 'a')"
        )
    assert rows(path, STALE) == [("image", "7"), ("scene", "99")]
    clear_stale(db)
    with db._pool.writing() as connection:
        connection.execute("DELETE FROM image_fingerprint_faces")
        connection.execute("UPDATE scene_fingerprint_faces SET performer_id = 'b'")
    assert rows(path, STALE) == [("image", "7"), ("scene", "99")]


def test_what_is_stored_before_the_migration_is_looked_at(version_5: Any, rows: Any) -> None:
    with RecommendationsDB(version_5()) as db:
        assert rows(db.path, STALE) == [("scene", "99")]


def test_an_image_that_is_deleted_leaves_no_tags(db: RecommendationsDB, path: Path, rows: Any) -> None:
    db.record_tags([TargetTags("image", "1", ("5",), ("50",), "A title")])
    db.delete_image("1")
    assert rows(path, PERFORMERS) == rows(path, GALLERIES) == []
    assert rows(path, "SELECT * FROM stash_sense_library_tags") == []


def test_a_person_who_is_deleted_leaves_no_tags_and_no_title(
    db: RecommendationsDB, path: Path, rows: Any, face: Any, result: Any
) -> None:
    db.store_image_result(result("1", face(0.1, "local:5")))
    db.record_tags([TargetTags("image", "1", ("5", "6"), (), "Name of local:5 at the sea")])
    db.delete_person("local:5")
    assert rows(path, PERFORMERS) == [("image", "1", "6")]
    assert rows(path, "SELECT title FROM stash_sense_library_tags") == [(None,)]


@pytest.mark.parametrize(
    "values",
    [
        ("marker", "1", ()),
        ("image", "", ()),
        ("image", "1", "56"),
        ("image", "1", ("",)),
        ("gallery", "1", (), ("2",)),
        ("image", "1", (), (2.5,)),
    ],
)
def test_tags_that_make_no_sense_are_refused(values: Any) -> None:
    with pytest.raises(BadInput):
        TargetTags(*values)
