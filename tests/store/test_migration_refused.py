"""Migrations that fail, and files that are refused: the file stays as it was."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from stash_sense.errors import DiskFull, MigrationFailed, NewerState, NotAStateFile, StateDamaged
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.maintenance import backup_beside
from stash_sense.store.migrations import apply_migrations, migrate_file
from stash_sense.store.schema import MIGRATIONS, Migration

from .schemas import digest


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
            MigrationFailed, match=r"(?s)migration 00\d\d-.* failed: .*nowhere.*as it was.*A copy is at"
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
