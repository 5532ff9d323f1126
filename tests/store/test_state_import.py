"""State files of other programs, versions 7 to 16: read from a copy, what is known taken, the rest told."""

import hashlib
import sqlite3
from contextlib import closing

import pytest

from stash_sense.errors import BadInput, NewerState, NotAStateFile, StateError
from stash_sense.store.database import RecommendationsDB

LATER = {
    7: "CREATE TABLE duplicate_candidates (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO duplicate_candidates "
    "VALUES (1, 'x'), (2, 'y');",
    8: "CREATE TABLE job_queue (id INTEGER PRIMARY KEY); CREATE TABLE job_schedules (type TEXT);"
    "INSERT INTO job_queue VALUES (1);",
    9: "ALTER TABLE analysis_watermarks ADD COLUMN logic_version INTEGER DEFAULT 1;"
    "INSERT INTO analysis_watermarks (type, last_cursor, logic_version) VALUES ('duplicates', '17', 2);",
    12: "CREATE TABLE successor_things (a TEXT); ALTER TABLE user_settings ADD COLUMN scope TEXT;",
}
ROWS = """
INSERT INTO recommendations (id, type, status, target_type, target_id, resolution_action)
  VALUES (8, 'missing_tag', 'dismissed', 'scene', '4', 'dismissed');
INSERT INTO dismissed_targets (type, target_type, target_id, reason, permanent)
  VALUES ('missing_tag', 'scene', '4', 'no', 1), ('missing_tag', 'scene', NULL, 'no', 1);
INSERT INTO recommendation_settings (type, enabled) VALUES ('missing_tag', 0);
INSERT INTO upstream_snapshots (entity_type, local_entity_id, endpoint, stash_box_id, upstream_data)
  VALUES ('performer', '12', 'https://stashdb.org/graphql', 'aaa', '{"name": "A"}');
INSERT INTO upstream_field_config VALUES ('https://stashdb.org/graphql', 'performer', 'name', 0);
CREATE TABLE image_fingerprints (id INTEGER PRIMARY KEY, stash_image_id INTEGER UNIQUE, gallery_id TEXT,
  faces_detected INTEGER, db_version TEXT, created_at TEXT, updated_at TEXT);
CREATE TABLE image_fingerprint_faces (id INTEGER PRIMARY KEY, stash_image_id INTEGER, performer_id TEXT,
  confidence REAL, distance REAL);
INSERT INTO image_fingerprints (stash_image_id, gallery_id, faces_detected)
  VALUES (31, '5', 2), (32, NULL, 1);
INSERT INTO image_fingerprint_faces (stash_image_id, performer_id, confidence)
  VALUES (31, 'stashdb.org:x', .9), (32, 'stashdb.org:y', .8);
"""


@pytest.fixture
def foreign(tmp_path, version_5):
    """Makes a file of a later version, with all that came before it."""

    def make(version, more=""):
        steps = "".join(sql for first, sql in LATER.items() if first <= version)
        path = tmp_path / f"version-{version}.db"
        version_5(f"{ROWS}{steps}UPDATE schema_version SET version = {version};{more}", where=path)
        return path

    return make


def take(db, path, deleted=frozenset()):
    report = db.import_state(path, deleted.__contains__)
    return report, {table.name: table for table in report.tables}


@pytest.mark.parametrize("version", [7, 8, 9, 12, 13, 14, 15, 16])
def test_what_version_6_knows_is_taken_and_the_rest_is_told(db, foreign, rows, path, version):
    report, tables = take(db, foreign(version))
    assert report.version == version
    assert {name: table.taken for name, table in tables.items() if table.taken} == {
        "recommendations": 2,
        "dismissed_targets": 1,
        "recommendation_settings": 1,
        "user_settings": 1,
        "upstream_field_config": 1,
        "upstream_snapshots": 1,
        "scene_fingerprints": 1,
        "scene_fingerprint_faces": 1,
        "image_fingerprints": 2,
        "image_fingerprint_faces": 2,
        **({"analysis_watermarks": 1} if version >= 9 else {}),
    }
    assert tables["dismissed_targets"].refused == 1
    assert (tables["duplicate_candidates"].rows, tables["duplicate_candidates"].left) == (
        2,
        "not known to Stash Sense",
    )
    assert tables["analysis_runs"].left
    assert tables["analysis_watermarks"].columns == (("logic_version",) if version >= 9 else ())
    assert rows(path, "SELECT status FROM recommendations ORDER BY target_id") == [
        ("pending",),
        ("dismissed",),
    ]
    assert db.get_image_fingerprint("31")["gallery_id"] == "5"
    assert [row["performer_id"] for row in db.get_image_fingerprint_faces("31")] == ["stashdb.org:x"]
    assert [row["stash_image_id"] for row in db.get_gallery_image_fingerprints("5")] == ["31"]
    linked = (
        "SELECT s.stash_scene_id, f.performer_id FROM scene_fingerprint_faces f JOIN scene_fingerprints s"
    )
    assert rows(path, f"{linked} ON s.id = f.fingerprint_id") == [(99, "stashdb.org:x")]


def test_a_second_import_takes_nothing(db, foreign, rows, path):
    source = foreign(16)
    take(db, source)
    before = rows(path, "SELECT * FROM recommendations"), rows(path, "SELECT * FROM scene_fingerprint_faces")
    _, tables = take(db, source)
    assert {table.taken for table in tables.values()} == {0}
    assert (
        rows(path, "SELECT * FROM recommendations"),
        rows(path, "SELECT * FROM scene_fingerprint_faces"),
    ) == before


def test_what_is_here_stays_and_only_a_pending_recommendation_is_resolved(db, foreign, rows, path):
    db.create_image_fingerprint("31", faces_detected=7)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO user_settings (key, value) VALUES ('normalize_enum_display', 'false')"
        )
        connection.execute(
            "INSERT INTO recommendations (type, target_type, target_id) VALUES ('missing_tag', 'scene', '4')"
        )
    _, tables = take(db, foreign(8))
    assert rows(path, "SELECT value FROM user_settings") == [("false",)]
    assert rows(path, "SELECT status FROM recommendations WHERE target_id = '4'") == [("dismissed",)]
    assert db.get_image_fingerprint("31")["faces_detected"] == 7
    assert db.get_image_fingerprint_faces("31") == []
    assert (tables["image_fingerprints"].taken, tables["image_fingerprints"].known) == (1, 1)


def test_rows_of_a_person_who_was_deleted_are_refused(db, foreign, rows, path):
    _, tables = take(db, foreign(16), frozenset({"stashdb.org:x", "stashdb.org:aaa"}))
    assert (tables["scene_fingerprint_faces"].refused, tables["upstream_snapshots"].refused) == (1, 1)
    assert db.get_image_fingerprint_faces("31") == []


def test_the_file_is_never_opened_in_place_and_its_log_counts(db, foreign, path):
    source = foreign(9)
    with closing(sqlite3.connect(source)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("INSERT INTO user_settings (key, value) VALUES ('late', '1')")
        writer.commit()
        files = {file: digest(file) for file in source.parent.glob(f"{source.name}*")}
        assert len(files) == 3
        _, tables = take(db, source)
        assert tables["user_settings"].taken == 2
        assert {file: digest(file) for file in source.parent.glob(f"{source.name}*")} == files


def digest(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (b"", NotAStateFile, "no schema_version"),
        (b"no database at all" * 100, NotAStateFile, "Nothing was imported"),
        (None, NotAStateFile, "does not exist"),
    ],
)
def test_a_file_that_is_none_changes_nothing(db, path, tmp_path, rows, content, error, words):
    source = tmp_path / "other"
    if content is not None:
        source.write_bytes(content)
    with pytest.raises(error, match=words):
        take(db, source)
    assert rows(path, "SELECT count(*) FROM recommendations") == [(0,)]


def test_versions_of_ours_and_later_ones_are_refused_with_what_to_do(db, foreign, version_5, tmp_path):
    with pytest.raises(BadInput, match="state restore"):
        take(db, version_5(where=tmp_path / "five.db"))
    with pytest.raises(NewerState, match="7 to 16 can be"):
        take(db, foreign(17))


def test_a_damaged_file_changes_nothing(db, foreign, path, rows):
    source = foreign(16, "CREATE TABLE filler (a); INSERT INTO filler VALUES (randomblob(200000));")
    content = bytearray(source.read_bytes())
    content[4096 * 3 : 4096 * 8] = b"\xff" * (4096 * 5)
    source.write_bytes(content)
    with pytest.raises(StateError):
        take(db, source)
    assert rows(path, "SELECT count(*) FROM recommendations") == [(0,)]


def test_a_table_without_its_key_is_left_and_told(db, foreign):
    source = foreign(16, "DROP TABLE user_settings; CREATE TABLE user_settings (name TEXT, value JSON);")
    _, tables = take(db, source)
    assert tables["user_settings"].left == "has no column key"


def test_a_file_replaced_by_a_pipe_does_not_hang(tmp_path):
    import os  # noqa: PLC0415

    os.mkfifo(tmp_path / "pipe")
    with RecommendationsDB(tmp_path / "state.db") as db, pytest.raises(StateError, match="cannot be copied"):
        take(db, tmp_path / "pipe")
