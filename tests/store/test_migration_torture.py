"""Random old files, killed at a random point of their migration: every row there, schema as fresh."""

import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stash_sense.errors import DiskFull, MigrationFailed
from stash_sense.store.maintenance import backup_beside
from stash_sense.store.migrations import migrate_file, read_file_version
from stash_sense.store.table_rebuild import normalize_sql, quote_name
from stash_sense.store.version_6 import VERSION_5_TABLES

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parent / "scripts" / "migrate_and_die.py"
ADDED_IN = {
    "scene_fingerprints": 2,
    "scene_fingerprint_faces": 2,
    "upstream_snapshots": 4,
    "upstream_field_config": 4,
    "user_settings": 5,
}
KEYS = {
    "recommendation_settings": "type",
    "dismissed_targets": "type, target_type, target_id",
    "analysis_watermarks": "type",
    "upstream_field_config": "endpoint, entity_type, field_name",
    "user_settings": "key",
}
UNIQUE = {
    "recommendations": "type, target_type, target_id",
    "scene_fingerprint_faces": "fingerprint_id, performer_id",
    "upstream_snapshots": "entity_type, endpoint, stash_box_id",
}
LATER_COLUMNS = {"db_version": 3, "permanent": 4}
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.binary(max_size=20),
    st.sampled_from(["", "0", "007", "1e3", '{"a": [1]}', "'; DROP TABLE x; --", "ü\x00n"]),
)


def columns_of(table: str) -> list[tuple[str, str]]:
    declared = next(one for one in VERSION_5_TABLES if one.name == table)
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(declared.create())
        return [(row[1], row[2]) for row in connection.execute(f"PRAGMA table_info({table})")]


COLUMNS = {table.name: columns_of(table.name) for table in VERSION_5_TABLES}


@st.composite
def old_files(draw: st.DrawFn) -> dict[str, Any]:
    """A version, a declaration and rows for each table it has, and what else a file may hold."""
    version = draw(st.integers(1, 5))
    tables = []
    for name, declared in COLUMNS.items():
        if ADDED_IN.get(name, 1) > version:
            continue
        columns = [one for one in declared if LATER_COLUMNS.get(one[0], 1) <= version]
        further = draw(
            st.lists(st.sampled_from(["my note", "logic_version", 'odd"name']), unique=True, max_size=2)
        )
        style = draw(st.sampled_from(["loose", "strict", "shuffled"]))
        if style == "shuffled":
            columns = draw(st.permutations(columns))
        width = len(columns) + len(further)
        rows = draw(st.lists(st.lists(VALUES, min_size=width, max_size=width), max_size=6))
        tables.append((name, style, columns, further, rows))
    return {
        "version": version,
        "tables": tables,
        "mode": draw(st.sampled_from(["delete", "wal"])),
        "page_size": draw(st.sampled_from([512, 1024, 4096])),
        "index": draw(st.booleans()),
        "trigger": draw(st.booleans()),
        "kill": draw(st.sampled_from(["instructions", "time"])),
        "when": draw(st.floats(0, 1)),
    }


def write(path: Path, old: dict[str, Any]) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {old['page_size']}")
        connection.execute(f"PRAGMA journal_mode = {old['mode']}")
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE schema_version (version INTEGER PRIMARY KEY)")
        connection.execute("INSERT INTO schema_version VALUES (?)", (old["version"],))
        connection.execute("CREATE TABLE somebody_elses (a, b)")
        connection.execute("INSERT INTO somebody_elses VALUES (1, 'x')")
        for name, style, columns, further, rows in old["tables"]:
            parts = [declared(column, kind, style) for column, kind in columns]
            parts += [f"{quote_name(column)} BLOB" for column in further]
            if name in KEYS:
                parts.append(f"{'UNIQUE' if style == 'loose' else 'PRIMARY KEY'} ({KEYS[name]})")
            if name in UNIQUE:
                parts.append(f"UNIQUE ({UNIQUE[name]})")
            connection.execute(f"CREATE TABLE {name} (\n{', '.join(parts)} -- as it was\n)")
            for row in rows:
                marks = ", ".join("?" * len(row))
                # A row that the file itself would never have taken is none of its rows.
                connection.execute(f"INSERT OR IGNORE INTO {name} VALUES ({marks})", typed(columns, row))
        if old["index"]:
            connection.execute("CREATE INDEX my_index ON recommendations(status)")
        if old["trigger"]:
            connection.execute(
                "CREATE TRIGGER my_trigger AFTER INSERT ON recommendations BEGIN "
                "INSERT INTO somebody_elses VALUES (2, 'y'); END"
            )
        connection.execute("COMMIT")


def declared(column: str, kind: str, style: str) -> str:
    if column == "id":
        return "id INTEGER PRIMARY KEY" + " AUTOINCREMENT" * (style == "strict")
    if column == "stash_scene_id":
        return "stash_scene_id INTEGER NOT NULL UNIQUE"
    if column in ("type", "key") and kind == "TEXT" and style == "shuffled":
        return f'"{column}" text'
    return f"`{column}` {kind}" + " DEFAULT 'else'" * (style == "strict" and kind == "TEXT")


def typed(columns: list[tuple[str, str]], row: list[Any]) -> list[Any]:
    """Keys are what they are everywhere; any other column may hold anything."""
    return [
        (value if isinstance(value, int) and 0 < value < 2**62 else None)
        if index < len(columns) and columns[index][0] == "id"
        else value
        for index, value in enumerate(row)
    ]


def contents(path: Path) -> dict[str, list[dict[str, Any]]]:
    with closing(sqlite3.connect(path)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {}
        for name in names:
            cursor = connection.execute(f"SELECT * FROM {quote_name(name)}")
            keys = [column[0] for column in cursor.description]
            found[name] = [dict(zip(keys, row, strict=True)) for row in cursor]
    return found


def assert_nothing_lost(
    before: dict[str, list[dict[str, Any]]], after: dict[str, list[dict[str, Any]]]
) -> None:
    for table, rows in before.items():
        if table in ("schema_version", "sqlite_sequence"):
            continue
        kept = [{key: row[key] for key in rows[0]} for row in after[table]] if rows else []
        assert sorted(map(exactly, kept)) == sorted(map(exactly, rows)), table


def exactly(row: dict[str, Any]) -> str:
    return repr([(key, type(value).__name__, value) for key, value in sorted(row.items())])


def schema(path: Path, further: dict[str, list[str]]) -> dict[tuple[str, str], str]:
    """All declarations, normalised, without what the file had beyond ours."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    found = {}
    for kind, name, sql in rows:
        if name.startswith("my_") or name in ("somebody_elses", "sqlite_sequence"):
            continue
        text = normalize_sql(sql or "")
        for column in further.get(name, []):
            text = text.replace(f" , {normalize_sql(quote_name(column))} blob", "")
        found[kind, name] = text
    return found


def is_as_fresh(path: Path, old: dict[str, Any], fresh: dict[tuple[str, str], str]) -> None:
    further = {name: list(columns) for name, _, _, columns, _ in old["tables"]}
    assert schema(path, further) == fresh
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("SELECT max(version) FROM schema_version").fetchone() == (6,)


def kill_during_migration(path: Path, old: dict[str, Any]) -> bool:
    """Whether the process was killed before it was done."""
    instructions = int(100 + old["when"] * 60_000) if old["kill"] == "instructions" else 0
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(path), str(instructions)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()
    if old["kill"] == "time":
        time.sleep(old["when"] * 0.08)
        process.kill()
    told, _ = process.communicate()
    return "done" not in told


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    path = tmp_path_factory.mktemp("fresh") / "fresh.db"
    migrate_file(path, backup_beside)
    return schema(path, {})


def test_old_files_killed_in_their_migration_lose_nothing(torture: bool, fresh: Any, tell: Any) -> None:
    killed, files = 0, 0

    @settings(
        max_examples=200 if torture else 10,
        deadline=None,
        database=None,
        derandomize=not torture,
        suppress_health_check=list(HealthCheck),
    )
    @given(old=old_files())
    def check(old: dict[str, Any]) -> None:
        nonlocal killed, files
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "stash_sense.db"
            write(path, old)
            before = contents(path)
            files += 1
            killed += kill_during_migration(path, old)
            migrate_file(path, backup_beside)
            assert_nothing_lost(before, contents(path))
            is_as_fresh(path, old, fresh)

    check()
    tell(f"{files} random files, {killed} of them killed before their migration was done")
    assert killed >= files / 4


def decide_at_random(rng: random.Random, path: Path) -> None:
    words = [("confirmed", "anna"), ("rejected", "local:7"), ("ignored", None)]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {rng.choice(['delete', 'wal'])}")
        connection.executemany(
            "INSERT INTO stash_sense_decisions (picture_id, x, y, w, h, word, performer_id, entry_id) "
            "VALUES (1, ?, ?, 0.1, 0.1, ?, ?, ?)",
            [
                (rng.random() * 0.9, rng.random() * 0.9, *rng.choice(words), rng.choice([None, 9]))
                for _ in range(rng.randrange(150, 300))
            ],
        )
        connection.execute("DELETE FROM stash_sense_decisions WHERE id % 7 = 0 OR id > 150")
        connection.commit()


def test_decisions_killed_on_their_way_to_apart_are_all_there(
    torture: bool, tmp_path: Path, without_apart: Any, fresh: Any, tell: Any
) -> None:
    rng = random.Random(8)
    rounds, killed = 100 if torture else 8, 0
    for number in range(rounds):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = without_apart(where=folder / "stash_sense.db")
        decide_at_random(rng, path)
        before = contents(path)
        old = {"tables": [], "kill": rng.choice(["instructions", "time"]), "when": rng.random()}
        killed += kill_during_migration(path, old)
        pending = read_file_version(path).pending  # all of them or none
        assert not pending or pending[0] == "0008-faces-apart"
        before.pop("stash_sense_migrations")  # with the step or without it
        assert_nothing_lost(before, contents(path))
        migrate_file(path, backup_beside)
        after = contents(path)
        assert_nothing_lost(before, after)
        numbers = numbering(after)
        numbers.pop("stash_sense_people", None)  # whoever was decided on is one of them since
        assert numbers == numbering(before)
        is_as_fresh(path, old, fresh)
    tell(f"{rounds} files with decisions, {killed} of them killed before apart was a word")
    assert killed >= rounds / 4


def numbering(of: dict[str, list[dict[str, Any]]]) -> dict[str, int]:
    """Table -> the last number given. A rebuilt table in which none was given says 0."""
    return {row["name"]: row["seq"] for row in of["sqlite_sequence"] if row["seq"]}


def test_random_old_files_migrate_whole(torture: bool, fresh: Any) -> None:
    @settings(
        max_examples=1000 if torture else 40,
        deadline=None,
        database=None,
        derandomize=not torture,
        suppress_health_check=list(HealthCheck),
    )
    @given(old=old_files())
    def check(old: dict[str, Any]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "stash_sense.db"
            write(path, old)
            before = contents(path)
            migrate_file(path, backup_beside)
            assert_nothing_lost(before, contents(path))
            is_as_fresh(path, old, fresh)

    check()


def test_a_full_disk_at_any_point_leaves_the_old_file_intact(
    torture: bool, tmp_path: Path, version_5: Any, fresh: Any
) -> None:
    """A small file system of its own that fills up; needs the right to mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a small file system (max_page_count is tested elsewhere)")
    refused = 0
    rng = random.Random(5)
    try:
        for _ in range(40 if torture else 6):
            path = version_5(where=disk / "stash_sense.db")
            before = path.read_bytes()
            (disk / "filler").write_bytes(b"x" * rng.randrange(60_000, 530_000))
            try:
                migrate_file(path, backup_beside)
            except (DiskFull, MigrationFailed):
                refused += 1
                assert path.read_bytes() == before
            (disk / "filler").unlink()
            for copy in disk.glob("*.bak"):
                copy.unlink()
            migrate_file(path, backup_beside)
            assert schema(path, {}) == fresh
            for left in disk.iterdir():
                left.unlink()
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert refused
