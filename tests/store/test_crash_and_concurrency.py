"""Writers killed at random lose no more than the open batch; writers and readers never meet a lock."""

import json
import random
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from stash_sense.errors import DiskFull, StateBusy, StateError, StateUnwritable
from stash_sense.store.connection import connect, connect_read_only, translate_errors
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.maintenance import check_state
from stash_sense.store.repositories.fingerprints import create_image_fingerprint

SCRIPTS = Path(__file__).parent / "scripts"


def test_a_killed_writer_loses_at_most_the_open_batch(torture: bool, tmp_path: Path, tell: Any) -> None:
    rounds, images = (50, 5000) if torture else (4, 1000)
    rng = random.Random(11)
    lost_most = 0
    for number in range(rounds):
        path = tmp_path / "stash_sense.db"
        if number % 5 == 0:  # some rounds start fresh, most re-run over what the killed one left
            for left in tmp_path.iterdir():
                left.unlink()
        command = [
            sys.executable,
            str(SCRIPTS / "write_until_killed.py"),
            str(path),
            str(images),
            str(number),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(rng.uniform(0, images / 1800))
            process.kill()
            reported = [int(line) for line in process.stdout.read().split()]
        lost_most = max(lost_most, assert_whole(path, f"run {number}", reported[-1] if reported else 0))
    tell(f"{rounds} kills: whole each time, at most {lost_most} stored images not yet reported")


def assert_whole(path: Path, run: str, reported: int) -> int:
    """Integrity, no half-written image, everything reported is there; how many unreported ones are too."""
    with RecommendationsDB(path) as db:
        assert check_state(db.path).ok
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        halves = connection.execute(
            """SELECT count(*) FROM image_fingerprints i LEFT JOIN stash_sense_image_results r
                 ON r.image_fingerprint_id = i.id
               WHERE r.db_version IS NOT i.db_version
                  OR 3 <> (SELECT count(*) FROM stash_sense_faces f
                           JOIN stash_sense_embeddings e ON e.face_id = f.id
                           JOIN stash_sense_candidates c ON c.face_id = f.id
                           WHERE f.image_fingerprint_id = i.id AND f.reason = i.db_version)
                  OR 3 <> (SELECT count(*) FROM image_fingerprint_faces v
                           WHERE v.stash_image_id = i.stash_image_id)
                  OR 1 <> (SELECT count(*) FROM stash_sense_image_galleries g
                           WHERE g.image_fingerprint_id = i.id)"""
        ).fetchone()[0]
        assert halves == 0
        stored = connection.execute(
            "SELECT count(*) FROM image_fingerprints WHERE db_version = ?", (run,)
        ).fetchone()[0]
    assert reported <= stored <= reported + 64
    return int(stored) - reported


def test_writers_and_readers_of_two_processes_meet_no_lock(torture: bool, path: Path, tell: Any) -> None:
    seconds = 30 if torture else 3
    command = [sys.executable, str(SCRIPTS / "write_and_read.py"), str(path)]
    with (
        subprocess.Popen([*command, "a", str(seconds)], stdout=subprocess.PIPE, text=True) as one,
        subprocess.Popen([*command, "b", str(seconds)], stdout=subprocess.PIPE, text=True) as other,
    ):
        told = [json.loads(process.communicate()[0]) for process in (one, other)]
    assert [one["errors"] for one in told] == [[], []]
    with closing(sqlite3.connect(path)) as connection:
        for process in told:
            for name, count in process["written"].items():
                assert count > 0
                found = connection.execute(
                    "SELECT count(*) FROM image_fingerprints WHERE stash_image_id LIKE ?", (f"{name}-%",)
                ).fetchone()[0]
                assert found == count
        total = sum(sum(one["written"].values()) for one in told)
        assert connection.execute("SELECT count(*) FROM stash_sense_journal").fetchone()[0] == total
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert all(one["read"] > 0 for one in told)
    slowest = max(process["slowest_read"] for process in told)
    reads = sum(process["read"] for process in told)
    tell(f"{total} writes and {reads} reads in {seconds} s, none lost; slowest read {slowest * 1000:.0f} ms")


def test_readers_are_not_blocked_by_a_long_write(db: RecommendationsDB, path: Path) -> None:
    db.create_image_fingerprint("1")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE image_fingerprints SET faces_detected = 9")
        assert db.get_image_fingerprint("1")["faces_detected"] == 0  # while the other still writes


def test_a_write_that_waits_too_long_says_so_and_nothing_is_written(path: Path) -> None:
    with (
        RecommendationsDB(path, busy_seconds=0.1) as db,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateBusy, match="still locked by another process"):
            db.create_image_fingerprint("1")
        other.execute("ROLLBACK")
        assert db.create_image_fingerprint("1") > 0


def test_a_writer_waits_for_another_of_its_process_and_says_so_when_it_takes_too_long(path: Path) -> None:
    with (
        RecommendationsDB(path, busy_seconds=0.1) as db,
        db._pool.alone(),
        pytest.raises(StateBusy, match="another write of this process"),
    ):
        db.create_image_fingerprint("1")


def test_opening_waits_for_a_process_that_writes(path: Path) -> None:
    with RecommendationsDB(path):
        pass
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        threading.Timer(0.5, lambda: other.execute("ROLLBACK")).start()
        with RecommendationsDB(path) as db:
            assert db.create_image_fingerprint("1") > 0


def test_many_threads_share_one_object(db: RecommendationsDB) -> None:
    errors: list[Exception] = []

    def work(name: int) -> None:
        try:
            for number in range(25):
                db.create_image_fingerprint(f"{name}-{number}", gallery_id="1")
                db.get_gallery_image_fingerprints("1")
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(db.get_gallery_image_fingerprints("1")) == 200


def test_the_log_is_folded_in_while_readers_come_and_go(
    db: RecommendationsDB, path: Path, result: Any
) -> None:
    for number in range(40):
        db.store_image_results([result(f"{number}-{one}") for one in range(64)])
        for _ in db.read_embeddings("test-pack", faces_per_batch=5):
            break
    assert Path(f"{path}-wal").stat().st_size < 16 * 2**20


def test_after_closing_only_the_file_is_left_and_using_it_says_so(db: RecommendationsDB, path: Path) -> None:
    db.create_image_fingerprint("1")
    db.close()
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    with pytest.raises(StateError, match="was closed"):
        db.get_image_fingerprint("1")
    db.close()


def test_a_full_disk_in_daily_work_keeps_what_was_stored(
    db: RecommendationsDB, path: Path, result: Any
) -> None:
    db.store_image_result(result("1"))
    with db._pool.connection() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    many = [result(str(number)) for number in range(2, 5000)]
    with pytest.raises(DiskFull, match="Nothing was half written; free some space"):
        db.store_image_results(many)
    with RecommendationsDB(path) as again:
        assert check_state(again.path).ok
        assert again.get_image_result("1") is not None


def test_a_file_that_may_not_be_written_says_so(db: RecommendationsDB, path: Path) -> None:
    db.create_image_fingerprint("1")
    with (
        closing(connect_read_only(path)) as connection,
        pytest.raises(StateUnwritable, match="readable and writable by this user"),
        translate_errors(path),
    ):
        create_image_fingerprint(connection, "2")
    with pytest.raises(StateUnwritable):
        RecommendationsDB("/proc/nowhere/stash_sense.db")


def test_a_folder_that_is_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateUnwritable):
        RecommendationsDB(tmp_path / "file" / "stash_sense.db")


def test_daily_connections_have_the_promised_settings(db: RecommendationsDB) -> None:
    with db._pool.connection() as connection:
        found = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 1, "busy_timeout": 30000}


def test_a_path_is_never_read_as_a_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(connect(Path("file:x?mode=memory"))) as connection:
        connection.execute("CREATE TABLE t (a)")
    assert (tmp_path / "file:x?mode=memory").exists()
