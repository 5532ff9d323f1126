"""The migration that lets a decision say `apart`."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from stash_sense.errors import MigrationFailed
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.maintenance import backup_beside
from stash_sense.store.migrations import apply_migrations, migrate_file

from .schemas import Rows, digest, schema


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
