"""`stash-sense state`: what a person sees, and what a script reads."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from stash_sense.__main__ import main
from stash_sense.store.database import RecommendationsDB

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with RecommendationsDB(tmp_path / "stash_sense.db") as db:
        db.create_image_fingerprint("1")
    return tmp_path


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["--data-dir", str(folder), "state", *arguments])
    return result.exit_code, result.output


def test_checking_a_sound_file(folder: Path) -> None:
    code, output = run(folder, "check")
    assert code == 0
    assert "image_fingerprints: 1" in output
    assert "No problems found." in output


def test_checking_as_json_and_by_the_environment(folder: Path) -> None:
    result = CliRunner().invoke(main, ["state", "check", "--json"], env={"DATA_DIR": str(folder)})
    report = json.loads(result.output)
    assert (report["ok"], report["version"], report["rows"]["image_fingerprints"]) == (True, 6, 1)


def test_a_broken_file_gives_exit_code_1_and_says_what_to_do(folder: Path) -> None:
    (folder / "stash_sense.db").write_bytes(b"x" * 1000)
    code, output = run(folder, "check")
    assert code == 1
    assert "stash-sense state restore FILE" in " ".join(output.split())  # wrapped where the path is long


def test_no_file_yet_is_no_problem(tmp_path: Path) -> None:
    code, output = run(tmp_path, "check")
    assert code == 0
    assert "does not exist yet" in output


def test_backing_up_and_restoring(folder: Path) -> None:
    code, output = run(folder, "backup", str(folder / "copy.db"))
    assert (code, output) == (0, f"Copied to {folder / 'copy.db'}.\n")
    code, output = run(folder, "restore", str(folder / "copy.db"))
    assert code == 0
    assert "The former file is" in output


def test_a_refusal_is_one_sentence(folder: Path) -> None:
    (folder / "there").touch(mode=0o600)  # else it would be told that others could read it
    code, output = run(folder, "backup", str(folder / "there"))
    assert code == 1
    assert output.startswith("Error: ")
    assert "already exists" in output


def test_importing_says_what_was_taken_and_left(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("CREATE TABLE schema_version (version)")
        connection.execute("INSERT INTO schema_version VALUES (9)")
        connection.execute("CREATE TABLE user_settings (key TEXT, value TEXT, scope TEXT)")
        connection.execute("INSERT INTO user_settings VALUES ('a', '1', 'x')")
        connection.execute("CREATE TABLE job_queue (id)")
        connection.execute("INSERT INTO job_queue VALUES (1)")
    code, output = run(folder, "import", str(other))
    assert code == 0
    assert "user_settings: 1 taken, 0 already here, without scope" in output
    assert "job_queue: left (1 rows; not known to Stash Sense)" in output
