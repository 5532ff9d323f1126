"""Copies of the state: made while it is in use, brought back, and never over what is there."""

import errno
import logging
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from stash_sense.errors import Conflict, NewerState, NotAStateFile, StateBusy, StateDamaged
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.maintenance import check_state, create_backup, restore_backup
from stash_sense.store.schema import MIGRATIONS


def images(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [
            row[0] for row in connection.execute("SELECT stash_image_id FROM image_fingerprints ORDER BY 1")
        ]


def test_a_copy_made_in_use_has_everything_stored_so_far(db: RecommendationsDB, tmp_path: Path) -> None:
    db.create_image_fingerprint("1")
    target = tmp_path / "copies"
    target.mkdir()
    assert create_backup(db.path, target / "a.bak") == target / "a.bak"
    assert images(target / "a.bak") == ["1"]
    assert [one.name for one in target.iterdir()] == ["a.bak"]
    assert (target / "a.bak").stat().st_mode & 0o077 == 0


def test_copies_made_while_others_write_are_whole(db: RecommendationsDB, tmp_path: Path, result: Any) -> None:
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            db.store_image_result(result(str(number)))
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            copy = create_backup(db.path, tmp_path / f"{number}.bak")
            assert check_state(copy).ok
            with closing(sqlite3.connect(copy)) as connection:
                found = connection.execute(
                    "SELECT (SELECT count(*) FROM image_fingerprints), "
                    "(SELECT count(*) FROM stash_sense_image_results)"
                ).fetchone()
            assert found[0] == found[1]
    finally:
        stop.set()
        writer.join()


def test_a_copy_never_goes_over_a_file(db: RecommendationsDB, tmp_path: Path, path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(Conflict, match="already exists"):
        create_backup(db.path, tmp_path / "mine")
    with pytest.raises(Conflict):
        create_backup(path, path)
    assert (tmp_path / "mine").read_text() == "precious"


def test_nothing_to_copy_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotAStateFile, match="does not exist"):
        create_backup(tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()


def test_a_copy_beside_the_file_and_into_a_folder(db: RecommendationsDB, path: Path, tmp_path: Path) -> None:
    copy = create_backup(db.path)
    assert copy.parent == path.parent
    assert check_state(path).copies == (copy,)
    (tmp_path / "folder").mkdir()
    assert create_backup(db.path, tmp_path / "folder").name == path.name


def test_restoring_brings_the_copy_back_and_keeps_the_former_file(db: RecommendationsDB, path: Path) -> None:
    db.create_image_fingerprint("old")
    copy = create_backup(db.path)
    db.create_image_fingerprint("new")
    db.close()
    kept = restore_backup(path, copy)
    assert images(path) == ["old"]
    assert images(kept) == ["new", "old"]
    assert copy.exists()
    with RecommendationsDB(path) as again:
        again.create_image_fingerprint("newer")


def test_restoring_under_a_running_program_is_refused(db: RecommendationsDB, path: Path) -> None:
    db.create_image_fingerprint("1")
    copy = create_backup(db.path)
    db.create_image_fingerprint("2")
    script = "import sys; from pathlib import Path; from stash_sense.store.maintenance import restore_backup;"
    script += "restore_backup(Path(sys.argv[1]), Path(sys.argv[2]))"
    done = subprocess.run(
        [sys.executable, "-c", script, str(path), str(copy)], capture_output=True, text=True, check=False
    )
    assert "StateBusy" in done.stderr
    assert "Stop Stash Sense" in done.stderr
    with pytest.raises(StateBusy):
        restore_backup(path, copy)
    assert db.get_image_fingerprint("2") is not None
    assert sorted(one.name for one in path.parent.glob(".making-*")) == []


def test_restoring_over_a_damaged_file_keeps_it_and_no_log_is_replayed(
    db: RecommendationsDB, path: Path
) -> None:
    db.create_image_fingerprint("1")
    copy = create_backup(db.path)
    db.close()
    path.write_bytes(b"rubbish" * 1000)
    Path(f"{path}-wal").write_bytes(b"left by a crash")
    kept = restore_backup(path, copy)
    assert kept.read_bytes() == b"rubbish" * 1000
    assert Path(f"{kept}-wal").read_bytes() == b"left by a crash"
    assert not Path(f"{path}-wal").exists()
    assert images(path) == ["1"]


def test_an_older_copy_is_restored_and_migrates_at_the_next_start(
    path: Path, version_5: Any, tmp_path: Path, rows: Any
) -> None:
    with RecommendationsDB(path) as db:
        db.create_image_fingerprint("1")
    old = version_5(where=tmp_path / "old.db")
    restore_backup(path, old)
    with RecommendationsDB(path) as db:
        assert db.migrated_from is not None
    assert rows(path, "SELECT count(*) FROM scene_fingerprints WHERE stash_scene_id = 99") == [(1,)]


def test_what_cannot_serve_is_refused_and_changes_nothing(
    db: RecommendationsDB, path: Path, tmp_path: Path
) -> None:
    db.create_image_fingerprint("1")
    db.close()
    before = path.read_bytes()
    rubbish, empty, newer = (tmp_path / name for name in ("rubbish", "empty", "newer"))
    rubbish.write_bytes(b"no database at all")
    empty.touch()
    with closing(sqlite3.connect(newer)) as connection:
        connection.executescript(
            "CREATE TABLE schema_version (version); INSERT INTO schema_version VALUES (7)"
        )
    for source, error in (
        (rubbish, NotAStateFile),
        (empty, NotAStateFile),
        (tmp_path / "none", NotAStateFile),
        (newer, NewerState),
        (path, Conflict),
        (tmp_path, NotAStateFile),
    ):
        with pytest.raises(error):
            restore_backup(path, source)
    assert path.read_bytes() == before


def test_a_damaged_copy_is_refused(db: RecommendationsDB, path: Path, result: Any) -> None:
    db.store_image_results([result(str(number)) for number in range(200)])
    copy = create_backup(db.path)
    db.close()
    content = bytearray(copy.read_bytes())
    content[40_000:60_000] = b"\xff" * 20_000
    copy.write_bytes(content)
    with pytest.raises(StateDamaged, match="is damaged"):
        restore_backup(path, copy)
    assert check_state(path).ok


def test_a_killed_copy_is_tidied_up_by_the_next(db: RecommendationsDB, path: Path) -> None:
    leftover = path.with_name(".making-abandoned")
    leftover.write_bytes(b"half")
    create_backup(db.path)
    assert leftover.exists()  # it may be another process's, at work
    os.utime(leftover, (0, 0))
    create_backup(db.path)
    assert not leftover.exists()


def test_names_that_look_like_patterns_mean_themselves(tmp_path: Path) -> None:
    path = tmp_path / "a[1]*?.db"
    with RecommendationsDB(path) as db:
        db.create_image_fingerprint("1")
        copy = create_backup(db.path)
        assert check_state(path).copies == (copy,)


def test_checking_reports_damage_and_what_is_in_it(db: RecommendationsDB, path: Path, result: Any) -> None:
    db.store_image_results([result(str(number)) for number in range(200)])
    db.journal_begin("image", ["1"], "5")
    report = check_state(db.path)
    assert report.ok
    assert (report.version, report.pending, report.open_journal) == (6, (), 1)
    assert report.rows["image_fingerprints"] == 200
    db.close()
    content = bytearray(path.read_bytes())
    content[40_000:60_000] = b"\xff" * 20_000
    path.write_bytes(content)
    assert not check_state(path).ok


def test_checking_an_old_a_missing_and_a_foreign_file_changes_nothing(
    path: Path, version_5: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    version_5()
    before = path.read_bytes()
    with caplog.at_level(logging.INFO):
        report = check_state(path)
    assert (report.ok, report.version, len(report.pending)) == (True, 5, len(MIGRATIONS))
    assert path.read_bytes() == before
    missing = check_state(tmp_path / "none.db")
    assert (missing.ok, missing.exists) == (True, False)
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "foreign.db").write_bytes(b"x" * 4096)
    assert "not an SQLite file" in check_state(tmp_path / "foreign.db").problems[0]


def test_rows_that_refer_to_nothing_are_reported(path: Path, version_5: Any) -> None:
    with RecommendationsDB(path) as db:
        db.create_image_fingerprint("1")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "INSERT INTO image_fingerprint_faces (stash_image_id, performer_id) VALUES ('x', 'y')"
        )
        connection.commit()
    assert check_state(path).problems == (
        "1 row(s) of image_fingerprint_faces refer to rows of image_fingerprints that do not exist",
    )


def test_a_damaged_file_is_kept_where_the_file_system_knows_no_links(
    db: RecommendationsDB, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    copy = create_backup(db.path)
    db.close()
    path.write_bytes(b"rubbish" * 1000)
    kept = restore_backup(path, copy)
    assert kept is not None
    assert kept.read_bytes() == b"rubbish" * 1000
