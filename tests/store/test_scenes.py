"""Scenes in the state: frames as they are done, tracks, and the rows that older programs read."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stash_sense.domain.faces import Box, SceneFaceId
from stash_sense.domain.identity import Person, PictureIdentity
from stash_sense.errors import BadInput, NotStored
from stash_sense.store.connection import connect
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.maintenance import backup_beside, check_state, create_backup, restore_backup
from stash_sense.store.migrations import apply_migrations, migrate_file
from stash_sense.store.repositories.faces import DetectedFace
from stash_sense.store.repositories.scene_faces import NewSceneFrame
from stash_sense.store.schema import MIGRATIONS

from .scenes import LEFT, OTHER_VIDEO, PACK, VIDEO, face, frame, looks, named, run, store_scene, track
from .schemas import Rows, digest, schema


def times_of(db: RecommendationsDB, picture: PictureIdentity = VIDEO) -> list[float]:
    stored = db.get_scene("5", picture)
    return [] if stored is None else [each.time_s for each in stored[0].frames]


def test_a_scene_is_read_back_as_it_was_stored(db: RecommendationsDB) -> None:
    video, anna, unknown = store_scene(db)
    stored, decisions = db.get_scene("5", VIDEO) or (None, None)
    assert (stored.picture_id, stored.pack, stored.sampler, stored.db_version) == (video, PACK, "s1", "v1")
    assert (stored.source, stored.width, stored.height, stored.duration_s) == ("stream", 1920, 1080, 60.0)
    assert (stored.stopped, stored.settings, decisions) == ("settled", {"floor": 0.5}, [])
    assert [each.time_s for each in stored.frames] == [0, 10, 20, 30]
    first = stored.frames[0].faces[0]
    assert (first.face_id, first.box, first.quality) == (anna[0], LEFT, 0.8)
    assert np.allclose(first.facenet, looks(1), atol=0.01)
    assert [each.track_id for own in stored.frames for each in own.faces if each.face_id in unknown] == [
        stored.frames[0].faces[1].track_id
    ] * 2
    assert [each.has_crop for own in stored.frames for each in own.faces] == [
        True,
        True,
        True,
        True,
        False,
        False,
    ]
    assert db.get_scene_crop(anna[1]) == b"jpeg at 10.0"
    assert db.get_scene_crop(anna[3]) is None


def test_frames_of_an_interrupted_run_stay(db: RecommendationsDB, path: Path) -> None:
    video = db.begin_scene(run())
    db.add_scene_frames(video, PACK, [frame(0.0, face()), frame(9.5)])
    db.close()
    with RecommendationsDB(path) as again:
        stored, _ = again.get_scene("5", VIDEO) or (None, None)
        assert (stored.stopped, [each.time_s for each in stored.frames]) == (None, [0.0, 9.5])
        again.begin_scene(run())
        assert times_of(again) == [0.0, 9.5]


def test_a_run_from_the_start_keeps_the_ids_of_faces_that_it_finds_again(db: RecommendationsDB) -> None:
    _, anna, unknown = store_scene(db)
    video = db.begin_scene(run(), restart=True)
    assert times_of(db) == []
    moved = Box(LEFT.x + 0.02, LEFT.y, LEFT.w, LEFT.h)
    ids = db.add_scene_frames(video, PACK, [frame(0.0, face(moved)), frame(15.0, face())])
    assert ids[0] == (anna[0],)
    assert ids[1][0] not in (*anna, *unknown)
    db.end_scene(video, "settled")
    assert times_of(db) == [0.0, 15.0]
    for gone in (*anna[1:], *unknown):
        with pytest.raises(NotStored, match=f"no face s{gone}"):
            db.get_scene_crop(gone)


@pytest.mark.parametrize("other", [{"pack": "other-pack"}, {"sampler": "s2"}])
def test_frames_of_another_pack_or_sampler_count_no_more(
    db: RecommendationsDB, other: dict[str, str]
) -> None:
    store_scene(db)
    db.begin_scene(run(**other))
    assert times_of(db) == []


def test_two_scenes_of_one_file_share_its_result(db: RecommendationsDB) -> None:
    store_scene(db)
    assert named(db, 6) == {}
    assert db.get_scene("6", VIDEO) is not None
    assert named(db, 6) == named(db, 5) != {}


def test_a_scene_with_another_file_has_no_result_and_the_former_goes(db: RecommendationsDB) -> None:
    store_scene(db)
    assert db.get_scene("5", OTHER_VIDEO) is None
    db.begin_scene(run(picture=OTHER_VIDEO))
    assert db.get_scene("6", VIDEO) is None


def test_version_6_counts_faces_confidence_and_proportion(
    db: RecommendationsDB, rows: Rows, path: Path
) -> None:
    store_scene(db)
    assert named(db) == {"stashdb.org:anna": (4, pytest.approx(0.8), 1.0)}
    found = rows(
        path,
        "SELECT stash_scene_id, total_faces, frames_analyzed, fingerprint_status, db_version "
        "FROM scene_fingerprints",
    )
    assert found == [(5, 6, 4, "complete", "v1")]


def test_two_tracks_of_one_person_count_as_one(db: RecommendationsDB) -> None:
    video, anna, unknown = store_scene(db)
    tracks = [track(anna[:1], "a"), track(unknown, "a", seed=2, verdict="match")]
    db.store_scene_tracks(video, tracks, "v2", None, {})
    assert named(db) == {"a": (3, pytest.approx(0.8), 0.5)}


def test_a_running_scene_is_pending_for_older_programs(db: RecommendationsDB, rows: Rows, path: Path) -> None:
    db.begin_scene(run())
    assert rows(path, "SELECT fingerprint_status, total_faces FROM scene_fingerprints") == [("pending", 0)]


def test_rows_that_an_older_program_left_are_brought_up_to_date(
    version_5: Any, path: Path, rows: Rows
) -> None:
    version_5()
    with RecommendationsDB(path) as db:
        store_scene(db, "99")
    assert rows(path, "SELECT id, stash_scene_id, total_faces FROM scene_fingerprints") == [(3, 99, 6)]
    assert rows(path, "SELECT performer_id, face_count FROM scene_fingerprint_faces") == [
        ("stashdb.org:anna", 4)
    ]


def test_a_file_with_looser_tables_of_scenes_works(version_5: Any, path: Path, rows: Rows) -> None:
    version_5(
        """DROP TABLE scene_fingerprints; CREATE TABLE scene_fingerprints (id INTEGER, stash_scene_id, note);
        INSERT INTO scene_fingerprints VALUES (1, NULL, 'x'), (1, '0012', 'y');"""
    )
    with RecommendationsDB(path) as db:
        store_scene(db)
        store_scene(db)
    assert rows(path, "SELECT total_faces FROM scene_fingerprints WHERE stash_scene_id = 5") == [(6,)]


def test_an_unreadable_video_is_remembered_until_its_file_changes(db: RecommendationsDB) -> None:
    db.record_unreadable_video("5", VIDEO, "unreadable-video", "It is damaged.")
    assert db.unreadable_video(VIDEO) == ("unreadable-video", "It is damaged.")
    assert db.unreadable_video(OTHER_VIDEO) is None
    db.end_scene(db.begin_scene(run()), "settled")
    assert db.unreadable_video(VIDEO) is None


@pytest.mark.parametrize("scene", ["", "x", "1" * 19, "-1", "1.5", "٣"])
def test_what_is_no_scene_is_refused(db: RecommendationsDB, scene: str) -> None:
    with pytest.raises(BadInput, match="stash_scene_id"):
        db.begin_scene(run(scene))


@pytest.mark.parametrize("bad", [{"width": 0}, {"duration_s": float("nan")}, {"pack": ""}])
def test_a_run_that_makes_no_sense_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        run(**bad)


@pytest.mark.parametrize("time_s", [-1.0, float("inf"), float("nan")])
def test_a_frame_without_a_moment_is_refused(time_s: float) -> None:
    with pytest.raises(BadInput, match="time_s"):
        frame(time_s)


def test_crops_are_as_many_as_faces() -> None:
    with pytest.raises(BadInput, match="2 crops for 1 faces"):
        NewSceneFrame(0.0, 10, 10, [face()], [b"a", b"b"])


def test_tracks_of_a_scene_that_was_deleted_are_refused(db: RecommendationsDB) -> None:
    with pytest.raises(NotStored, match="Identify it again"):
        db.store_scene_tracks(77, [], "v1", None, {})
    with pytest.raises(NotStored, match="Identify it again"):
        db.end_scene(77, "settled")


def test_a_row_that_cannot_be_read_costs_only_itself(db: RecommendationsDB) -> None:
    _, anna, _ = store_scene(db)
    with db._pool.writing() as connection:
        connection.execute("UPDATE stash_sense_scene_faces SET vectors = x'00' WHERE id = ?", (anna[0],))
        connection.execute("UPDATE stash_sense_scene_faces SET landmarks = x'00' WHERE id = ?", (anna[1],))
    stored, _ = db.get_scene("5", VIDEO) or (None, None)
    assert [len(own.faces) for own in stored.frames] == [1, 1, 1, 1]


def test_a_person_who_is_deleted_leaves_no_trace_in_scenes(db: RecommendationsDB, path: Path) -> None:
    _, anna, _ = store_scene(db)
    db.decide(SceneFaceId(anna[0]), "confirmed", "stashdb.org:anna", "Anna Secret")
    db.delete_person("stashdb.org:anna")
    assert named(db) == {}
    create_backup(path, path.with_name("copy"))
    content = path.with_name("copy").read_bytes()
    assert b"stashdb.org:anna" not in content
    assert b"Anna Secret" not in content
    assert db.get_scene("5", VIDEO) is None  # nobody can tell which of its faces are theirs


def test_people_of_scenes_follow_their_keys(db: RecommendationsDB) -> None:
    store_scene(db)
    person = Person("stashdb.org:new", "Anna", aliases=("stashdb.org:anna",))
    db.follow_people(
        lambda keys: {key: person for key in keys if key in ("stashdb.org:anna", "stashdb.org:new")}
    )
    assert list(named(db)) == ["stashdb.org:new"]
    video, anna, _ = store_scene(db)
    db.store_scene_tracks(video, [track(anna, "stashdb.org:anna")], "v1", None, {})
    assert list(named(db)) == ["stashdb.org:new"]


def test_everything_includes_scenes(db: RecommendationsDB) -> None:
    store_scene(db)
    db.delete_everything()
    assert db.get_scene("5", VIDEO) is None
    assert store_scene(db)


def test_a_check_and_a_backup_know_scenes(db: RecommendationsDB, path: Path) -> None:
    store_scene(db)
    db.close()
    report = check_state(path)
    assert report.ok
    assert (report.rows["stash_sense_scene_faces"], report.rows["stash_sense_videos"]) == (6, 1)
    backup = create_backup(path)
    path.unlink()
    restore_backup(path, backup)
    with RecommendationsDB(path) as again:
        assert times_of(again) == [0, 10, 20, 30]


@pytest.fixture
def without_scenes(path: Path) -> Path:
    """A file as it was before scenes, with a decision on an image."""
    with closing(connect(path)) as connection:
        names = [step.name for step in MIGRATIONS]
        apply_migrations(connection, path, backup_beside, MIGRATIONS[: names.index("0011-scenes")])
        connection.executescript(
            """INSERT INTO image_fingerprints (id, stash_image_id) VALUES (1, '1');
            INSERT INTO stash_sense_pictures (id, place) VALUES (1, 'here');
            INSERT INTO stash_sense_decisions (id, picture_id, x, y, w, h, word, performer_id, local_id)
              VALUES (2, 1, 0.1, 0, 0.25, 0.25, 'confirmed', 'stashdb.org:anna', '7'),
                     (3, 1, 0.5, 0, 0.25, 0.25, 'ignored', NULL, NULL);
            INSERT INTO scene_fingerprints (id, stash_scene_id, total_faces) VALUES (3, 99, 4);"""
        )
    return path


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_an_older_file_gains_scenes_and_keeps_its_rows(
    mode: str, without_scenes: Path, fresh: Any, rows: Rows
) -> None:
    with closing(sqlite3.connect(without_scenes)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    columns = "id, picture_id, x, y, w, h, word, performer_id, local_id, created_at, entry_id"
    statement = f"SELECT {columns} FROM stash_sense_decisions ORDER BY id"
    before = rows(without_scenes, statement)
    copy = migrate_file(without_scenes, backup_beside)
    assert (len(before), rows(without_scenes, statement), rows(copy, statement)) == (2, before, before)
    assert rows(without_scenes, "SELECT stash_scene_id, total_faces FROM scene_fingerprints") == [(99, 4)]
    assert schema(without_scenes) == fresh
    assert rows(without_scenes, "PRAGMA foreign_key_check") == []
    assert migrate_file(without_scenes, backup_beside) is None


def test_a_disk_too_full_for_scenes_leaves_the_file_as_it_was(without_scenes: Path) -> None:
    before = digest(without_scenes)
    with closing(sqlite3.connect(without_scenes, isolation_level=None)) as connection:
        now = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {now + 3}")
        with pytest.raises(Exception, match="0011-scenes failed: database or disk is full"):
            apply_migrations(connection, without_scenes, backup_beside)
    assert digest(without_scenes) == before
    migrate_file(without_scenes, backup_beside)


def test_images_and_scenes_of_one_file_keep_their_decisions_apart(db: RecommendationsDB, result: Any) -> None:
    _, anna, _ = store_scene(db)
    still = DetectedFace(LEFT, 0.9, facenet=looks(1), arcface=looks(1))
    (face_id,) = db.store_image_result(result("1", still, picture=VIDEO)).face_ids
    db.decide(face_id, "confirmed", "on-the-image")
    db.decide(SceneFaceId(anna[0]), "confirmed", "in-the-scene")
    assert [each.performer_id for each in db.get_face(face_id).decisions] == ["on-the-image"]
    assert list(named(db)) == ["in-the-scene"]
