"""Every pending step or none: fresh equals migrated, and a failure leaves the file as it was."""

import hashlib
import json
import logging
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from stash_sense.errors import DiskFull, MigrationFailed, NewerState, NotAStateFile, StateDamaged
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.maintenance import backup_beside
from stash_sense.store.migrations import apply_migrations, migrate_file
from stash_sense.store.schema import MIGRATIONS, Migration
from stash_sense.store.table_rebuild import normalize_sql

Rows = Callable[..., list[tuple[Any, ...]]]


def schema(path: Path) -> dict[tuple[str, str], str]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
    return {(kind, name): f"{table}: {normalize_sql(sql or '')}" for kind, name, table, sql in found}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def fresh(tmp_path: Path) -> dict[tuple[str, str], str]:
    path = tmp_path / "fresh.db"
    migrate_file(path, backup_beside)
    return schema(path)


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


@pytest.mark.parametrize("failing", range(len(MIGRATIONS) + 1))
def test_a_failing_step_leaves_the_file_as_it_was_and_is_named(failing: int, version_5: Any) -> None:
    path = version_5()
    before = digest(path)

    def broken(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO nowhere VALUES (1)")

    steps = [*MIGRATIONS]
    steps.insert(failing, Migration(MIGRATIONS[min(failing, len(MIGRATIONS) - 1)].name, broken))
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as connection,
        pytest.raises(
            MigrationFailed, match=r"(?s)migration 000\d-.* failed: .*nowhere.*as it was.*A copy is at"
        ),
    ):
        apply_migrations(connection, path, backup_beside, steps)
    assert digest(path) == before


@pytest.mark.parametrize("pages", [0, 1, 5, 10, 20])
def test_a_full_disk_leaves_the_file_as_it_was(pages: int, version_5: Any) -> None:
    path = version_5()
    before = digest(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        now = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {now + pages}")
        with pytest.raises(MigrationFailed, match="database or disk is full"):
            apply_migrations(connection, path, backup_beside)
    assert digest(path) == before
    migrate_file(path, backup_beside)


def test_a_file_that_cannot_grow_stays_usable(version_5: Any) -> None:
    """A real limit of the operating system on what a process may write, in a process of its own."""
    path = version_5()
    before = digest(path)
    script = (
        "import resource, sys; from pathlib import Path;"
        "from stash_sense.store.maintenance import backup_beside;"
        "from stash_sense.store.migrations import migrate_file; size = Path(sys.argv[1]).stat().st_size;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20000, size + 20000));"
        "migrate_file(Path(sys.argv[1]), backup_beside)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "MigrationFailed" in done.stderr
    assert digest(path) == before
    migrate_file(path, backup_beside)


def test_repeated_failures_do_not_pile_up_copies(version_5: Any) -> None:
    path = version_5()
    for _ in range(3):
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA max_page_count = 1")
            with pytest.raises(MigrationFailed):
                apply_migrations(connection, path, backup_beside)
    migrate_file(path, backup_beside)
    assert len(list(path.parent.glob("*.bak"))) == 1


def test_no_room_for_the_copy_means_no_migration(version_5: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = version_5()
    before = digest(path)

    def full(*_: Any) -> None:
        raise DiskFull("no room")

    monkeypatch.setattr("stash_sense.store.maintenance._copy_checked", full)
    with pytest.raises(DiskFull):
        migrate_file(path, backup_beside)
    assert digest(path) == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("mode", ["delete", "wal"])
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE schema_version SET version = 7",
        (
            "UPDATE schema_version SET version = 6; CREATE TABLE stash_sense_migrations (name, applied_at);"
            "INSERT INTO stash_sense_migrations VALUES ('9999-of-tomorrow', 'then')"
        ),
    ],
)
def test_a_newer_file_is_refused_untouched(mode: str, sql: str, version_5: Any) -> None:
    path = version_5(f"PRAGMA journal_mode = {mode}; {sql};")
    before = digest(path)
    with pytest.raises(NewerState, match="left as it is"):
        RecommendationsDB(path)
    assert digest(path) == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_newer_file_that_is_in_use_is_refused_untouched(version_5: Any) -> None:
    path = version_5("PRAGMA journal_mode = WAL;")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE schema_version SET version = 16")
        before = digest(path), digest(Path(f"{path}-wal"))
        with pytest.raises(NewerState):
            RecommendationsDB(path)
        assert (digest(path), digest(Path(f"{path}-wal"))) == before


@pytest.mark.parametrize("content", [b"hello, this is no database", b"\x00" * 5000, b"SQLite format 3\x00"])
def test_a_file_that_is_not_sqlite_is_refused_with_what_to_do(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises((NotAStateFile, StateDamaged), match="stash-sense state restore FILE"):
        RecommendationsDB(path)
    assert path.read_bytes() == content


def test_another_programs_database_is_refused_untouched(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE images (id)")
    before = digest(path)
    with pytest.raises(NotAStateFile, match="another program's database"):
        RecommendationsDB(path)
    assert digest(path) == before


@pytest.mark.parametrize("version", ["'five'", "NULL", "0", "-3", "x'00'"])
def test_a_version_that_is_none_is_refused(version: str, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE schema_version (version)")
        connection.execute(f"INSERT INTO schema_version VALUES ({version})")
        connection.commit()
    with pytest.raises(NotAStateFile, match="schema_version"):
        RecommendationsDB(path)


def test_a_damaged_file_is_refused_with_what_to_do(version_5: Any) -> None:
    filler = "".join(
        f"INSERT INTO user_settings (key, value) VALUES ('k{i}', '{'x' * 500}');" for i in range(200)
    )
    path = version_5(filler)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 3000] = b"\xff" * 3000
    path.write_bytes(content)
    with pytest.raises(StateDamaged, match="stash-sense state restore FILE"):
        RecommendationsDB(path)
    assert path.read_bytes() == bytes(content)


def test_folders_are_refused_and_missing_ones_made(tmp_path: Path) -> None:
    with pytest.raises(NotAStateFile, match="is a folder"):
        RecommendationsDB(tmp_path)
    deep = tmp_path / "a" / "b?c#d%20" / "ü & 'q'.db"
    with RecommendationsDB(deep) as db:
        db.create_image_fingerprint("1")
    assert deep.exists()
    assert deep.stat().st_mode & 0o077 == 0


def test_an_empty_file_becomes_a_fresh_one(path: Path, fresh: Any) -> None:
    path.touch()
    assert migrate_file(path, backup_beside) is None
    assert schema(path) == fresh


def decisions_in(rows: Rows, path: Path) -> list[tuple[Any, ...]]:
    return rows(
        path,
        "SELECT id, picture_id, x, y, w, h, word, performer_id, created_at, entry_id "
        "FROM stash_sense_decisions ORDER BY id",
    )


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_decisions_stay_what_they_are_when_apart_becomes_a_word(
    mode: str, without_apart: Any, fresh: Any, rows: Rows
) -> None:
    path = without_apart(f"PRAGMA journal_mode = {mode};")
    before = decisions_in(rows, path)
    copy = migrate_file(path, backup_beside)
    assert (len(before), decisions_in(rows, path), decisions_in(rows, copy)) == (4, before, before)
    assert schema(path) == fresh
    assert rows(path, "PRAGMA foreign_key_check") == []
    assert migrate_file(path, backup_beside) is None


def test_a_decision_after_apart_became_a_word_takes_no_number_again(without_apart: Any, face: Any) -> None:
    with RecommendationsDB(without_apart()) as db:
        box = face(0.1).box
        with db._pool.writing() as connection:
            made = connection.execute(
                "INSERT INTO stash_sense_decisions (picture_id, x, y, w, h, word) "
                "VALUES (1, ?, ?, ?, ?, 'apart')",
                (box.x, box.y, box.w, box.h),
            ).lastrowid
        assert made == 42


def test_a_file_without_a_decision_learns_apart_as_well(without_apart: Any, fresh: Any, rows: Rows) -> None:
    path = without_apart("DELETE FROM stash_sense_decisions; DELETE FROM sqlite_sequence;")
    migrate_file(path, backup_beside)
    assert (schema(path), decisions_in(rows, path)) == (fresh, [])


@pytest.mark.parametrize(
    ("word", "performer"),
    [("apart", "anna"), ("ignored", "anna"), ("confirmed", None), ("rejected", None), ("maybe", None)],
)
def test_the_file_itself_refuses_a_decision_that_is_none(
    word: str, performer: str | None, without_apart: Any
) -> None:
    path = without_apart()
    migrate_file(path, backup_beside)
    with (
        closing(sqlite3.connect(path)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="CHECK constraint"),
    ):
        connection.execute(
            "INSERT INTO stash_sense_decisions (picture_id, x, y, w, h, word, performer_id) "
            "VALUES (1, 0, 0, 1, 1, ?, ?)",
            (word, performer),
        )


def test_what_a_person_added_to_the_decisions_stays(without_apart: Any, rows: Rows) -> None:
    path = without_apart(
        """ALTER TABLE stash_sense_decisions ADD COLUMN note TEXT DEFAULT 'none';
        UPDATE stash_sense_decisions SET note = 'at the beach' WHERE id = 5;
        CREATE INDEX my_index ON stash_sense_decisions(note);
        CREATE VIEW my_view AS SELECT id FROM stash_sense_decisions;
        CREATE TABLE mine (a);
        CREATE TRIGGER my_trigger AFTER DELETE ON stash_sense_decisions
          BEGIN INSERT INTO mine VALUES (OLD.id); END;"""
    )
    migrate_file(path, backup_beside)
    assert rows(path, "SELECT id, note FROM stash_sense_decisions WHERE note <> 'none'") == [
        (5, "at the beach")
    ]
    assert ("index", "my_index") in schema(path)
    assert rows(path, "SELECT * FROM my_view ORDER BY id") == [(2,), (5,), (6,), (7,)]
    assert rows(path, "SELECT * FROM mine") == []
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM stash_sense_decisions WHERE id = 7")
        assert connection.execute("SELECT * FROM mine").fetchall() == [(7,)]


def test_decisions_that_cannot_be_declared_as_ours_stop_the_migration(without_apart: Any) -> None:
    path = without_apart("ALTER TABLE stash_sense_decisions ADD COLUMN twice AS (word || word);")
    before = digest(path)
    with pytest.raises(MigrationFailed, match=r"0008-faces-apart failed.*generated columns.*A copy is at"):
        migrate_file(path, backup_beside)
    assert digest(path) == before


@pytest.mark.parametrize("pages", [0, 1, 5, 10])
def test_a_disk_too_full_for_apart_leaves_the_decisions_as_they_were(pages: int, without_apart: Any) -> None:
    path = without_apart(
        """WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 3000)
        INSERT INTO stash_sense_decisions (picture_id, x, y, w, h, word)
          SELECT 1, 0, 0, 1, 1, 'ignored' FROM numbers;"""
    )
    before = digest(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        now = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {now + pages}")
        with pytest.raises(MigrationFailed, match="0008-faces-apart failed: database or disk is full"):
            apply_migrations(connection, path, backup_beside)
    assert digest(path) == before
    migrate_file(path, backup_beside)


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
