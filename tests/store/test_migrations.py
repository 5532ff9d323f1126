"""Older files and fresh ones end up alike, with every row."""

import json
import logging
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from stash_sense.errors import MigrationFailed
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.maintenance import backup_beside
from stash_sense.store.migrations import migrate_file
from stash_sense.store.schema import MIGRATIONS

from .schemas import Rows, digest, schema


def test_a_migrated_file_ends_up_as_a_fresh_one(version_5: Any, fresh: Any) -> None:
    path = version_5()
    migrate_file(path, backup_beside)
    assert schema(path) == fresh


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_earlier_versions_gain_what_they_lack(version: int, version_5: Any, fresh: Any, rows: Rows) -> None:
    missing = ["user_settings", "upstream_snapshots", "scene_fingerprints"][: 5 - version]
    drops = "".join(f"DROP TABLE {name};" for name in missing)
    path = version_5(
        drops + f"UPDATE schema_version SET version = {version};"
        "ALTER TABLE dismissed_targets DROP COLUMN permanent;"
        "INSERT INTO dismissed_targets VALUES ('a', 'b', 'c', 'then', 'why');"
    )
    migrate_file(path, backup_beside)
    assert schema(path) == fresh
    assert rows(path, "SELECT * FROM dismissed_targets") == [("a", "b", "c", "then", "why", 0)]


def test_a_missing_moment_is_not_made_up(version_5: Any, rows: Rows) -> None:
    path = version_5("ALTER TABLE user_settings DROP COLUMN updated_at;")
    migrate_file(path, backup_beside)
    assert rows(path, "SELECT key, updated_at FROM user_settings") == [("normalize_enum_display", None)]


def test_further_columns_tables_indexes_triggers_and_views_stay(version_5: Any, rows: Rows) -> None:
    path = version_5(
        """ALTER TABLE recommendations ADD COLUMN "my note" TEXT NOT NULL DEFAULT 'x''y';
        UPDATE recommendations SET "my note" = 'keep';
        CREATE TABLE mine (a); INSERT INTO mine VALUES (1);
        CREATE INDEX my_index ON recommendations(status);
        CREATE VIEW my_view AS SELECT id FROM recommendations;
        CREATE TRIGGER my_trigger AFTER INSERT ON recommendations BEGIN INSERT INTO mine VALUES (2); END;"""
    )
    migrate_file(path, backup_beside)
    assert rows(path, 'SELECT "my note" FROM recommendations') == [("keep",)]
    assert rows(path, "SELECT * FROM my_view") == [(7,)]
    assert ("index", "my_index") in schema(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO recommendations (type) VALUES ('t')")
        assert connection.execute("SELECT * FROM mine").fetchall() == [(1,), (2,)]


def test_rows_our_declaration_cannot_hold_stay_where_they_are(
    version_5: Any, rows: Rows, caplog: pytest.LogCaptureFixture
) -> None:
    path = version_5(
        """DROP TABLE scene_fingerprints;
        CREATE TABLE scene_fingerprints (id INTEGER, stash_scene_id, total_faces);
        INSERT INTO scene_fingerprints VALUES (1, NULL, 3), (1, '0012', 'many'), (2, 7, 1);"""
    )
    with caplog.at_level(logging.WARNING), RecommendationsDB(path) as db:
        assert db.create_image_fingerprint("1") > 0
    assert rows(path, "SELECT id, stash_scene_id, total_faces, frames_analyzed FROM scene_fingerprints") == [
        (1, None, 3, None),
        (1, "0012", "many", None),
        (2, 7, 1, None),
    ]
    assert "scene_fingerprints keeps its own declaration" in caplog.text


def test_faces_of_version_6_that_our_declaration_cannot_hold_stay_and_work(
    version_5: Any, rows: Rows
) -> None:
    path = version_5(
        """CREATE TABLE image_fingerprint_faces (
          id INTEGER PRIMARY KEY, stash_image_id TEXT, performer_id TEXT, distance REAL);
        INSERT INTO image_fingerprint_faces VALUES (1, '1', NULL, 0.5), (2, '2', 'anna', 0.1);"""
    )
    with RecommendationsDB(path) as db:
        db.create_image_fingerprint("1")
        db.add_image_fingerprint_face("1", "berta", distance=0.2)
        assert [one["performer_id"] for one in db.get_image_fingerprint_faces("1")] == [None, "berta"]
        assert db.delete_image_fingerprint("1")
    assert rows(path, "SELECT stash_image_id, performer_id FROM image_fingerprint_faces") == [("2", "anna")]


def test_images_that_version_6_cannot_hold_stop_the_migration(version_5: Any) -> None:
    path = version_5(
        """CREATE TABLE image_fingerprints (id INTEGER PRIMARY KEY, stash_image_id TEXT);
        INSERT INTO image_fingerprints (stash_image_id) VALUES ('1'), ('1');"""
    )
    before = digest(path)
    with pytest.raises(MigrationFailed, match="0001-version-6 failed: UNIQUE constraint"):
        migrate_file(path, backup_beside)
    assert digest(path) == before


def test_ids_once_given_are_not_given_again_after_the_migration(version_5: Any, rows: Rows) -> None:
    path = version_5(
        """DROP TABLE analysis_runs;
        CREATE TABLE analysis_runs (id INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL);
        INSERT INTO analysis_runs (id, type) VALUES (41, 'a'); DELETE FROM analysis_runs;"""
    )
    migrate_file(path, backup_beside)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("INSERT INTO analysis_runs (type) VALUES ('b')").lastrowid == 42


def test_a_version_6_file_of_another_program_gains_only_ours(version_5: Any, fresh: Any, rows: Rows) -> None:
    path = version_5(
        """UPDATE schema_version SET version = 6;
        CREATE TABLE image_fingerprints (id INTEGER PRIMARY KEY AUTOINCREMENT,
          stash_image_id TEXT NOT NULL UNIQUE, gallery_id TEXT,
          faces_detected INTEGER NOT NULL DEFAULT 0, db_version TEXT,
          created_at TEXT DEFAULT (datetime('now')), updated_at TEXT DEFAULT (datetime('now')));
        CREATE TABLE image_fingerprint_faces (id INTEGER PRIMARY KEY AUTOINCREMENT,
          stash_image_id TEXT NOT NULL REFERENCES image_fingerprints(stash_image_id) ON DELETE CASCADE,
          performer_id TEXT NOT NULL, confidence REAL, distance REAL, bbox_x REAL, bbox_y REAL, bbox_w REAL,
          bbox_h REAL, created_at TEXT DEFAULT (datetime('now')), UNIQUE(stash_image_id, performer_id));
        INSERT INTO image_fingerprints (stash_image_id, gallery_id) VALUES ('5', '9');
        INSERT INTO image_fingerprint_faces (stash_image_id, performer_id, bbox_x)
          VALUES ('5', 'p', 120.0);"""
    )
    with RecommendationsDB(path) as db:
        assert db.get_image_fingerprint_faces("5")[0]["bbox_x"] == 120.0
        assert [one["stash_image_id"] for one in db.get_gallery_image_fingerprints("9")] == ["5"]
    assert rows(path, "SELECT gallery_id FROM stash_sense_image_galleries") == [("9",)]
    assert schema(path) == fresh


def test_what_a_cut_off_older_migration_left_behind_is_completed(version_5: Any, fresh: Any) -> None:
    path = version_5("CREATE TABLE image_fingerprints (id INTEGER PRIMARY KEY, stash_image_id TEXT UNIQUE);")
    migrate_file(path, backup_beside)
    assert schema(path) == fresh


def test_several_version_rows_count_by_the_highest(version_5: Any, rows: Rows) -> None:
    path = version_5("INSERT INTO schema_version VALUES (3), ('4');")
    migrate_file(path, backup_beside)
    assert sorted(rows(path, "SELECT version FROM schema_version")) == [(3,), (4,), (5,), (6,)]


def test_steps_are_recorded_once_and_a_second_opening_does_nothing(version_5: Any, rows: Rows) -> None:
    path = version_5()
    assert migrate_file(path, backup_beside) is not None
    assert migrate_file(path, backup_beside) is None
    names = [row[0] for row in rows(path, "SELECT name FROM stash_sense_migrations ORDER BY name")]
    assert names == [step.name for step in MIGRATIONS]


def test_the_old_file_is_copied_aside_and_the_copy_named_in_the_log(
    version_5: Any, rows: Rows, caplog: pytest.LogCaptureFixture
) -> None:
    path = version_5()
    with caplog.at_level(logging.INFO), RecommendationsDB(path) as db:
        assert db.migrated_from is not None
    assert str(db.migrated_from) in caplog.text
    assert rows(db.migrated_from, "SELECT version FROM schema_version") == [(5,)]
    assert db.migrated_from.stat().st_mode & 0o077 == 0


def test_rows_still_in_the_log_of_an_old_file_arrive(path: Path, rows: Rows) -> None:
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("CREATE TABLE schema_version (version)")
    writer.execute("INSERT INTO schema_version VALUES (5)")
    writer.execute("CREATE TABLE user_settings (key TEXT PRIMARY KEY, value JSON, updated_at TEXT)")
    writer.execute("INSERT INTO user_settings VALUES ('a', 'b', 'c')")
    writer.commit()  # and stays open: nothing of it is in the file itself yet
    copy = migrate_file(path, backup_beside)
    assert rows(path, "SELECT * FROM user_settings") == [("a", "b", "c")]
    assert rows(copy, "SELECT * FROM user_settings") == [("a", "b", "c")]
    writer.close()


def test_an_empty_file_becomes_a_fresh_one(path: Path, fresh: Any) -> None:
    path.touch()
    assert migrate_file(path, backup_beside) is None
    assert schema(path) == fresh


def test_several_processes_opening_an_old_file_at_once_all_succeed(version_5: Any, rows: Rows) -> None:
    path = version_5()
    script = (
        "import sys; from stash_sense.store.database import RecommendationsDB; sys.stdin.readline();"
        "db = RecommendationsDB(sys.argv[1]); db.create_image_fingerprint(sys.argv[2]); db.close()"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(path), str(number)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    errors = [process.communicate("go\n")[1] for process in running]
    assert errors == [""] * 3
    assert rows(path, "SELECT count(*) FROM image_fingerprints") == [(3,)]
    assert rows(path, "SELECT details FROM recommendations") == [(json.dumps({"a": 1}),)]
