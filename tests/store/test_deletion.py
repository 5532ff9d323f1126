"""What was deleted is nowhere: not in the file, not in its log, not beside it."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stash_sense.domain.decisions import StoredMatch
from stash_sense.domain.identity import PictureIdentity
from stash_sense.errors import BadInput, StateBusy
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.maintenance import create_backup

SECRET = "stashdb.org:50459d16-1111-2222-3333-444455556666"
NAME = "Wilhelmina Testmann"


def traces(path: Path, *needles: str | bytes) -> list[str]:
    """The files of the folder, copies aside apart, that still hold any of the byte strings."""
    wanted = [one.encode() if isinstance(one, str) else one for one in needles]
    return [
        file.name
        for file in path.parent.iterdir()
        if not file.name.endswith(".bak") and any(one in file.read_bytes() for one in wanted)
    ]


@pytest.fixture
def filled(db: RecommendationsDB, face: Any, result: Any) -> RecommendationsDB:
    """The person is candidate, match, confirmed, rejected, in reasons, scenes and written by hand."""
    person = StoredMatch(SECRET, 0.2, name=NAME, facts={"country": NAME}, reference_id=f"ref-{SECRET}")
    other = StoredMatch("berta", 0.25, name="Berta")
    db.store_image_results(
        [
            result("1", face(0.1, verdict="match", candidates=(person, other)), face(0.6, "berta")),
            result("2", face(0.1, verdict="ambiguous", candidates=(other, person), reason=f"{NAME} is near")),
            result("3", face(0.1, "berta"), face(0.6, reason=f"not {NAME}", details={"x": NAME})),
            *[result(str(number), face(0.1, "clara")) for number in range(10, 60)],
        ]
    )
    db.decide(db.get_image_result("2").faces[0].face_id, "confirmed", SECRET)
    db.decide(db.get_image_result("3").faces[0].face_id, "rejected", SECRET)
    db.decide(db.get_image_result("3").faces[1].face_id, "confirmed", "berta")
    with closing(sqlite3.connect(db.path)) as connection, connection:
        connection.executemany(
            "INSERT INTO scene_fingerprint_faces (fingerprint_id, performer_id) VALUES (4, ?)",
            [(SECRET,), ("berta",)],
        )
    db.create_image_fingerprint("9")
    db.add_image_fingerprint_face("9", SECRET)
    return db


def test_a_deleted_persons_name_with_quotes_leaves_no_trace_in_the_details(
    db: RecommendationsDB, face: Any, result: Any, path: Path
) -> None:
    name = 'Ann "Secret" Lee'
    match = StoredMatch("folder-a", 0.7, name=name)
    details = {"reason": ["unsure", [["folder-a", name, 0.3]], None]}
    db.store_image_results([result("1", face(0.1, candidates=(match,), details=details))])
    assert traces(path, "Secret")
    db.delete_person("folder-a")
    assert traces(path, "Secret") == []


def test_a_deleted_person_leaves_no_trace_and_nobody_else_is_touched(
    filled: RecommendationsDB, path: Path, rows: Any
) -> None:
    assert traces(path, SECRET, NAME)
    deleted = filled.delete_person(SECRET)
    assert deleted.rows > 5
    assert deleted.mentions == {}
    assert traces(path, SECRET, NAME) == []
    one, two = filled.get_image_result("1").faces
    assert (one.verdict, [c.performer_id for c in one.candidates]) == ("unknown", ["berta"])
    assert (two.verdict, two.candidates[0].name) == ("match", "Name of berta")
    assert filled.get_image_result("2").faces[0].verdict == "unknown"
    assert [row["performer_id"] for row in filled.get_image_fingerprint_faces("3")] == ["berta"]
    filled.close()
    assert rows(path, "SELECT performer_id FROM scene_fingerprint_faces") == [("berta",)]
    assert traces(path, SECRET, NAME) == []


def test_a_person_is_deleted_under_all_their_keys(filled: RecommendationsDB, path: Path) -> None:
    filled.decide(filled.get_image_result("1").faces[1].face_id, "rejected", "local:77-alias")
    filled.delete_person([SECRET, "local:77-alias"])
    assert traces(path, SECRET, "local:77-alias") == []


def test_what_older_tables_say_of_a_person_is_deleted_and_told(path: Path, version_5: Any) -> None:
    version_5(f"""INSERT INTO recommendations (type, details)
          VALUES ('x', '{{"name": "{NAME}", "id": "{SECRET}"}}');
        INSERT INTO upstream_snapshots (stash_box_id) VALUES ('{SECRET.split(":")[1]}');""")
    with RecommendationsDB(path) as db:
        deleted = db.delete_person(SECRET)
        assert deleted.mentions == {"recommendations": 1, "upstream_snapshots": 1}
        assert [one.suffix for one in deleted.backups] == [".bak"]
        assert traces(path, SECRET, NAME) == []


def test_a_deleted_image_leaves_no_trace(
    filled: RecommendationsDB, face: Any, result: Any, path: Path
) -> None:
    vector = np.linspace(1, 2, 16)
    picture = PictureIdentity.of([("md5", "0123456789abcdef-of-it")])
    seen = face(
        0.1, verdict="match", candidates=(StoredMatch("only-here", 0.1, name="Only Here"),), facenet=vector
    )
    filled.store_image_result(result("id-of-it", seen, picture=picture, gallery_ids=["7"]))
    filled.decide(filled.get_image_result("id-of-it").faces[0].face_id, "confirmed", "only-here")
    filled.journal_begin("image", ["id-of-it"], "1")
    mixed = filled.journal_begin("image", ["id-of-it", "10"], "1")
    needles = ("id-of-it", "0123456789abcdef-of-it", "only-here", "Only Here", vector.astype("<f2").tobytes())
    assert traces(path, *needles)
    filled.delete_image("id-of-it")
    assert traces(path, *needles) == []
    (entry,) = filled.journal_entries()
    assert (entry.entry_id, entry.target_ids, entry.status) == (mixed.entry_id, ("10",), "open")
    assert filled.get_image_result("1") is not None


def test_decisions_on_a_picture_that_another_image_shows_stay(
    db: RecommendationsDB, face: Any, result: Any
) -> None:
    picture = PictureIdentity.of([("md5", "m")])
    for image in ("1", "2"):
        db.store_image_result(result(image, face(0.1, "anna"), picture=picture))
    db.decide(db.get_image_result("1").faces[0].face_id, "confirmed", "berta")
    db.delete_image("1")
    assert db.get_image_result("2").faces[0].candidates[0].performer_id == "berta"
    db.delete_image("2")
    assert db.decisions_for(picture) == []


def test_everything_is_everything(path: Path, version_5: Any, face: Any, result: Any, rows: Any) -> None:
    version_5(f"CREATE TABLE mine (a); INSERT INTO mine VALUES ('{NAME}');")
    with RecommendationsDB(path) as db:
        db.store_image_result(result("1", face(0.1, SECRET)))
        db.decide(db.get_image_result("1").faces[0].face_id, "confirmed", SECRET)
        db.journal_begin("image", ["1"], "5")
        size = path.stat().st_size
        deleted = db.delete_everything(remove_backups=True)
        assert deleted.backups == ()
        assert traces(path, SECRET, NAME, "duplicate_performer") == []
        assert path.stat().st_size <= size
        assert not list(path.parent.glob("*.bak"))
        assert db.create_image_fingerprint("1") > 0
    assert rows(path, "SELECT version FROM schema_version") == [(6,)]
    with RecommendationsDB(path) as again:
        assert again.migrated_from is None
        assert rows(path, "SELECT count(*) FROM stash_sense_decisions") == [(0,)]


def test_a_table_that_fills_itself_again_is_told_and_nothing_is_deleted(
    path: Path, version_5: Any, rows: Any
) -> None:
    version_5(
        """CREATE TABLE log (a); CREATE TRIGGER t AFTER DELETE ON log
        BEGIN INSERT INTO log VALUES ('again'); END; INSERT INTO log VALUES (1);"""
    )
    with RecommendationsDB(path) as db, pytest.raises(Exception, match="fills table log again"):
        db.delete_everything()
    assert rows(path, "SELECT count(*) FROM recommendations") == [(1,)]


def test_the_space_is_really_freed(db: RecommendationsDB, face: Any, result: Any, path: Path) -> None:
    create_backup(db.path)
    fresh = path.stat().st_size
    many = [result(str(number), face(0.1), face(0.6)) for number in range(600)]
    db.store_image_results(many)
    db.delete_image("0")
    assert path.stat().st_size > fresh
    db.delete_everything()
    assert path.stat().st_size <= fresh


def test_a_reader_of_the_former_contents_means_the_deletion_is_not_finished(
    filled: RecommendationsDB, path: Path
) -> None:
    with RecommendationsDB(path, busy_seconds=0.2) as impatient:
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM stash_sense_people").fetchone()
        with pytest.raises(StateBusy, match="Repeat the deletion"):
            impatient.delete_person(SECRET)
        reader.execute("ROLLBACK")
        reader.close()
        impatient.delete_person(SECRET)
    assert traces(path, SECRET, NAME) == []


def test_deleting_a_person_while_another_process_has_the_file_open(
    filled: RecommendationsDB, path: Path
) -> None:
    script = (
        "import sys; from stash_sense.store.database import RecommendationsDB;"
        "db = RecommendationsDB(sys.argv[1]); db.get_image_result('1'); print('open', flush=True);"
        "sys.stdin.readline(); db.get_image_result('1')"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "open\n"
    filled.delete_person(SECRET)
    assert traces(path, SECRET, NAME) == []
    other.communicate("\n")
    assert other.returncode == 0


@pytest.mark.parametrize("wrong", ["", [""], [None], "\ud800"])
def test_a_person_without_a_key_is_refused(wrong: Any, db: RecommendationsDB) -> None:
    with pytest.raises(BadInput):
        db.delete_person(wrong)


def test_deleting_a_person_leaves_the_details_of_one_with_a_longer_number(db, face, result) -> None:
    other = face(0.1, "local:12", details={"reason": ["nearest", [["local:12", "Other", 0.9]], None]})
    (face_id,) = db.store_image_result(result("1", other)).face_ids
    own = face(0.1, "local:1", details={"reason": ["nearest", [["local:1", "Anna", 0.9]], None]})
    (gone,) = db.store_image_result(result("2", own)).face_ids
    db.delete_person("local:1")
    assert db.get_face(face_id).details == other.details
    assert db.get_face(gone).details is None
