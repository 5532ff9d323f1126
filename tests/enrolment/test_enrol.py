"""People folders become a database: whole, incrementally, and saying what was left out."""

import os
import subprocess
import threading
import time

import numpy as np
import pytest

from stash_sense.domain.faces import EmbeddedFace, Quality
from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment import folder
from stash_sense.enrolment.folder import build_from_folders
from stash_sense.enrolment.portraits import NO_FACE, prominent
from stash_sense.errors import BadInput, Cancelled
from stash_sense.facedb.database import FaceDatabase, current_version
from stash_sense.recognition import analysis
from stash_sense.recognition.analysis import AnalyzedPhoto


@pytest.fixture
def enrolled(place):
    """Name -> number of reference faces of the database at the place."""

    def enrolled():
        with FaceDatabase.open(place) as database:
            return {database.person(i).name: len(database.rows(i)) for i in range(database.people)}

    return enrolled


def touch(path):
    """Let a photo look changed."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))


def test_everybody_with_a_face_is_enrolled(build, people, enrolled):
    report = build(people)
    assert enrolled() == {"Blue": 1, "Green": 1, "Red": 2}
    assert (report.people, report.faces, report.embedded, report.reused) == (3, 4, 4, 0)


def test_key_and_name_are_the_folders_name(build, people, place):
    build(people)
    with FaceDatabase.open(place) as database:
        assert {(database.person(i).key, database.person(i).name) for i in range(3)} == {
            (name, name) for name in ("Red", "Green", "Blue")
        }


ODD_NAMES = [
    'O\'Neill "Q"',
    "<img src=x onerror=alert(1)>".replace("/", ""),
    "\U0001f600 Smile",
    "\u05e2\u05d1\u05e8\u05d9\u05ea \u202egnihton",
    "a\nb\ttab",
    "  spaces  ",
    "\u00e9 e\u0301",
    "x" * 255,
    "CON",
    "stashdb.org:50459d16-787c-47c9-8ce9-a4cac9404324",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_are_kept_letter_for_letter(build, tmp_path, photo, enrolled, name):
    photo(tmp_path / "people" / name / "1.png")
    build(tmp_path / "people")
    assert enrolled() == {name: 1}


def test_a_name_that_cannot_be_decoded_is_enrolled_and_found_again(build, tmp_path, photo, enrolled):
    folder = tmp_path / os.fsdecode(b"photos \xff")
    photo(folder / os.fsdecode(b"Ren\xe9") / os.fsdecode(b"\xe9.png"))
    build(folder)
    assert enrolled() == {"Ren\udce9": 1}
    assert build(folder).embedded == 0


def test_photos_in_subfolders_are_the_persons(build, people, photo, enrolled):
    photo(people / "Red" / "2024" / "June" / "1.png")
    build(people)
    assert enrolled()["Red"] == 3


def test_the_same_person_in_two_folders_is_one(build, people, tmp_path, photo, enrolled):
    photo(tmp_path / "more" / "Red" / "3.png")
    build(people, tmp_path / "more")
    assert enrolled() == {"Blue": 1, "Green": 1, "Red": 3}


def test_the_same_folder_given_twice_counts_once(build, people, enrolled, tmp_path):
    (tmp_path / "link").symlink_to(people)
    build(people, people, tmp_path / "link")
    assert enrolled() == {"Blue": 1, "Green": 1, "Red": 2}


def test_a_person_without_a_face_is_named_and_skipped(build, people, photo, enrolled):
    path = photo(people / "Nobody" / "1.png", "black")
    report = build(people)
    assert report.faceless == ["Nobody"]
    assert report.skipped == [(str(path), NO_FACE)]
    assert "Nobody" not in enrolled()


def test_a_folder_without_any_photo_is_named(build, people):
    (people / "Empty").mkdir()
    (people / "Texts").mkdir()
    (people / "Texts" / "1.txt").touch()
    assert build(people).faceless == ["Empty", "Texts"]


@pytest.mark.parametrize("name", [".hidden", "@eaDir", "#recycle", "$RECYCLE.BIN", "__MACOSX", "lost+found"])
def test_what_desktops_leave_is_nobody(build, people, name):
    (people / name).mkdir()
    assert build(people).faceless == []


def test_a_damaged_photo_is_reported_and_the_rest_enrolled(build, people, enrolled):
    (people / "Red" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    report = build(people)
    assert enrolled()["Red"] == 1
    ((path, why),) = report.skipped
    assert path.endswith("1.png")
    assert "cannot be decoded" in why


def test_photos_outside_a_persons_folder_are_reported(build, people, photo):
    photo(people / "loose.png")
    assert "1 photos lie outside a person's folder" in build(people).problems[0]


def test_an_unreadable_persons_folder_is_reported_and_the_rest_enrolled(build, people, enrolled, monkeypatch):
    scandir = os.scandir

    def refuse(path):
        if os.fspath(path).endswith("Green"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    report = build(people)
    assert report.problems == ["Green: cannot be listed (Permission denied); left out."]
    assert report.faceless == ["Green"]
    assert enrolled() == {"Blue": 1, "Red": 2}


def test_an_unreadable_people_folder_is_reported_and_the_other_enrolled(
    build, people, tmp_path, photo, enrolled, monkeypatch
):
    photo(tmp_path / "locked" / "Ada" / "1.png")
    scandir, listdir = os.scandir, os.listdir

    def refusing(real):
        def run(path):
            if os.fspath(path).endswith("locked"):
                raise PermissionError(13, "Permission denied")
            return real(path)

        return run

    monkeypatch.setattr(os, "scandir", refusing(scandir))
    monkeypatch.setattr(os, "listdir", refusing(listdir))
    report = build(people, tmp_path / "locked")
    assert report.problems == ["locked: cannot be listed (Permission denied); left out."]
    assert len(enrolled()) == 3


@pytest.mark.parametrize("what", ["empty", "missing", "file"])
def test_a_folder_without_people_is_refused_and_the_old_database_stays(
    build, people, tmp_path, enrolled, what
):
    build(people)
    other = tmp_path / what
    if what == "empty":
        other.mkdir()
    elif what == "file":
        other.touch()
    with pytest.raises(BadInput):
        build(other)
    assert len(enrolled()) == 3


def test_a_second_build_looks_at_no_photo(build, people, colours):
    build(people)
    before = colours.engine.pictures
    report = build(people)
    assert colours.engine.pictures == before
    assert (report.embedded, report.reused, report.people) == (0, 4, 3)


def test_a_second_build_writes_no_new_version(build, people, place):
    build(people)
    before = current_version(place)
    assert build(people).version == before
    assert current_version(place) == before


def test_references_are_embedded_as_references(build, people, colours):
    build(people)
    assert set(colours.engine.references) == {True}


def test_a_changed_photo_alone_is_embedded_again(build, people, colours, photo, place):
    build(people)
    before = colours.engine.pictures
    touch(photo(people / "Green" / "1.png", "blue"))
    assert build(people).embedded == 1
    assert colours.engine.pictures == before + 1
    with FaceDatabase.open(place) as database:
        faces = {database.person(i).name: database.vectors(database.rows(i))["arcface"] for i in range(3)}
    assert np.array_equal(faces["Green"], faces["Blue"])


def test_a_new_photo_alone_is_embedded(build, people, colours, photo, enrolled):
    build(people)
    before = colours.engine.pictures
    photo(people / "Blue" / "2.png", "blue")
    build(people)
    assert colours.engine.pictures == before + 1
    assert enrolled()["Blue"] == 2


def test_a_removed_photo_disappears(build, people, enrolled):
    build(people)
    (people / "Red" / "2.png").unlink()
    report = build(people)
    assert enrolled()["Red"] == 1
    assert report.embedded == 0


def test_a_removed_person_disappears(build, people, enrolled):
    build(people)
    (people / "Green" / "1.png").unlink()
    (people / "Green").rmdir()
    build(people)
    assert "Green" not in enrolled()


def test_a_renamed_person_has_the_new_name(build, people, enrolled):
    build(people)
    (people / "Green").rename(people / "Grun")
    build(people)
    assert enrolled() == {"Blue": 1, "Grun": 1, "Red": 2}


def test_a_photo_without_a_face_is_not_looked_at_again(build, people, photo, colours):
    photo(people / "Red" / "back.png", "black")
    build(people)
    before = colours.engine.pictures
    assert build(people).skipped[0][1] == NO_FACE
    assert colours.engine.pictures == before


def test_a_photo_that_could_not_be_read_is_tried_again(build, people, enrolled, monkeypatch):
    """Its size and time say nothing of a permission or a share that came back."""
    real = analysis.analyze_photos

    def share_away(paths, engine, **knobs):
        for photo in real(paths, engine, **knobs):
            away = photo.path.parent.name == "Green"
            yield AnalyzedPhoto(photo.path, 0, 0, (), "Input/output error") if away else photo

    with monkeypatch.context() as patch:
        patch.setattr(folder, "analyze_photos", share_away)
        assert build(people).faceless == ["Green"]
    assert build(people).embedded == 1
    assert enrolled() == {"Blue": 1, "Green": 1, "Red": 2}


def test_a_photo_that_stays_damaged_writes_no_new_version(build, people):
    (people / "Red" / "1.png").write_bytes(b"damaged")
    first = build(people)
    second = build(people)
    assert second.version == first.version
    assert second.embedded == 0
    assert second.skipped == first.skipped


def test_another_pack_embeds_everything_again(build, people, make_pack, place):
    build(people)
    other = make_pack("colours-2")
    assert build(people, pack=other).embedded == 4
    with FaceDatabase.open(place) as database:
        assert database.manifest.pack_fingerprint == "colours-2"


def test_another_databases_embeddings_are_reused(build, people, tmp_path, colours):
    build(people)
    with FaceDatabase.open(tmp_path / "database") as other:
        before = colours.engine.pictures
        report = build_from_folders([people], tmp_path / "second", colours, NoProgress(), reuse=[other])
    assert colours.engine.pictures == before
    assert (report.embedded, report.people) == (0, 3)


def test_another_packs_embeddings_are_not_reused(build, people, tmp_path, make_pack):
    build(people)
    pack = make_pack("colours-2")
    with FaceDatabase.open(tmp_path / "database") as other:
        report = build_from_folders([people], tmp_path / "second", pack, NoProgress(), reuse=[other])
    assert report.embedded == 4


def test_a_damaged_database_is_built_anew(build, people, place, enrolled):
    build(people)
    (place / current_version(place) / "vectors.f32").write_bytes(b"cut")
    assert build(people).embedded == 4
    assert enrolled() == {"Blue": 1, "Green": 1, "Red": 2}


def test_a_photo_changed_while_it_is_read_is_read_again_next_time(build, people, photo, monkeypatch, place):
    real = analysis.analyze_photos

    def changing(paths, engine, **knobs):
        touch(photo(people / "Green" / "1.png", "blue"))
        return real(paths, engine, **knobs)

    with monkeypatch.context() as patch:
        patch.setattr(folder, "analyze_photos", changing)
        build(people)
    assert build(people).embedded == 1


def test_a_photo_gone_between_listing_and_reading_is_reported(build, people, monkeypatch, enrolled):
    real = analysis.analyze_photos

    def vanishing(paths, engine, **knobs):
        (people / "Green" / "1.png").unlink()
        return real(paths, engine, **knobs)

    monkeypatch.setattr(folder, "analyze_photos", vanishing)
    report = build(people)
    assert "no such file" in report.skipped[0][1]
    assert enrolled() == {"Blue": 1, "Red": 2}


@pytest.mark.parametrize("error", [Cancelled("stop"), KeyboardInterrupt()])
def test_stopping_leaves_the_old_database_and_no_thread(
    build, people, photo, progress, place, enrolled, worker_threads, error
):
    build(people)
    for i in range(60):
        photo(people / "New" / f"{i}.png")
    with pytest.raises(type(error)):
        build(people, progress=progress(stop_after=3, error=error))
    assert worker_threads() == []
    assert enrolled() == {"Blue": 1, "Green": 1, "Red": 2}
    assert not list(place.glob(".building-*"))


def test_progress_counts_the_photos_to_embed_and_their_faces(build, people, photo, progress):
    photo(people / "Red" / "back.png", "black")
    seen = progress()
    build(people, progress=seen)
    assert (seen.stages, seen.done, seen.faces) == ([("Enrolling", 5)], 5, 4)


def test_nothing_to_do_starts_no_stage(build, people, progress):
    build(people)
    seen = progress()
    build(people, progress=seen)
    assert seen.stages == []


def test_the_large_face_near_the_middle_is_the_persons():
    def face(x1, y1, x2, y2):
        box = np.array([x1, y1, x2, y2], np.float32)
        return EmbeddedFace(box, 1, np.zeros((5, 2), np.float32), Quality(1, 1, 0, 0), {})

    middle, corner, speck = face(300, 300, 500, 500), face(0, 0, 220, 220), face(495, 495, 505, 505)
    assert prominent([corner, middle, speck], 1000, 1000) is middle


def test_a_photo_without_a_face_has_no_prominent_one():
    assert prominent((), 10, 10) is None


def test_two_builds_in_two_threads_both_end_well(people, place, make_pack, enrolled):
    reports = []
    threads = [
        threading.Thread(
            target=lambda: reports.append(build_from_folders([people], place, make_pack(), NoProgress()))
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(report.embedded for report in reports) == [0, 0, 4]
    assert enrolled() == {"Blue": 1, "Green": 1, "Red": 2}


TWO_AT_ONCE = """
import sys
from pathlib import Path
from stash_sense.domain.progress import NoProgress
from stash_sense.runtime.engine import database_place, enrol, open_pack
from stash_sense.settings import Settings
settings = Settings(data_dir=Path(sys.argv[1]))
place = Path(sys.argv[3])
report = enrol(settings, [Path(sys.argv[2])], place, open_pack(settings), NoProgress())
print(report.people, report.faces)
"""


def test_two_processes_at_once_with_the_real_pack_both_end_well(pack, pack_dir, samples, tmp_path, python):
    command = [python, "-c", TWO_AT_ONCE, pack_dir, samples / "people", tmp_path / "database"]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    answers = [process.communicate(timeout=60) for process in processes]
    assert answers == [("3 3\n", "")] * 2
    with FaceDatabase.open(tmp_path / "database") as database:
        assert {database.person(i).name for i in range(3)} == {"Barack Obama", "Eileen Collins", "Joe Biden"}


def test_a_stamp_tells_size_and_time(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"12")
    first = folder.stamp(path)
    time.sleep(0.01)
    path.write_bytes(b"34")
    assert folder.stamp(path) != first
    assert folder.stamp(tmp_path / "missing") == "unreadable"
