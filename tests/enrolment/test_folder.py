"""People folders become a database: whole, incrementally, and saying what was left out."""

import io
import os
import shutil
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image

from stash_sense.domain.faces import EmbeddedFace, Quality
from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment import build as build_module
from stash_sense.enrolment.folder import build_from_folders, file_stamp, folder_report_json
from stash_sense.enrolment.references import CROP_SIDE_PX, NO_FACE, prominent_face
from stash_sense.errors import BadInput, Cancelled, NoSuchReference, UnreadableImage, WriteFailed
from stash_sense.facedb import analyzed_photos
from stash_sense.facedb.database import FaceDatabase, current_version
from stash_sense.recognition.analysis import analyze_pictures
from stash_sense.recognition.crops import reference_crop, reference_id


@pytest.fixture
def enrolled(place):
    """Name -> number of reference faces of the database at the place."""

    def enrolled():
        with FaceDatabase.open(place) as database:
            return {database.person(i).name: len(database.rows(i)) for i in range(database.people)}

    return enrolled


def skipped(report):
    return [(photo.path, photo.reason) for photo in report.skipped]


def quarantined(report):
    return [(photo.path, photo.reason) for photo in report.quarantined]


def touch(path):
    """Let a photo look changed."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))


def test_everybody_with_a_face_is_enrolled(build, people, enrolled):
    report = build(people)
    assert enrolled() == {"Blue": 1, "Green": 1, "Red": 2}
    assert (report.people, report.faces, report.analyzed, report.reused) == (3, 4, 4, 0)


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
    assert build(folder).analyzed == 0


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
    assert report.faceless == ("Nobody",)
    assert skipped(report) == [(str(path), NO_FACE)]
    assert "Nobody" not in enrolled()


def test_a_folder_without_any_photo_is_named(build, people):
    (people / "Empty").mkdir()
    (people / "Texts").mkdir()
    (people / "Texts" / "1.txt").touch()
    assert build(people).faceless == ("Empty", "Texts")


@pytest.mark.parametrize("name", [".hidden", "@eaDir", "#recycle", "$RECYCLE.BIN", "__MACOSX", "lost+found"])
def test_what_desktops_leave_is_nobody(build, people, name):
    (people / name).mkdir()
    assert build(people).faceless == ()


def test_a_damaged_photo_is_reported_and_the_rest_enrolled(build, people, enrolled):
    (people / "Red" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    report = build(people)
    assert enrolled()["Red"] == 1
    ((path, why),) = skipped(report)
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
    assert report.problems == ("Green: cannot be listed (Permission denied); left out.",)
    assert report.faceless == ("Green",)
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
    assert report.problems == ("locked: cannot be listed (Permission denied); left out.",)
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
    assert (report.analyzed, report.reused, report.people) == (0, 4, 3)


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
    assert build(people).analyzed == 1
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
    assert report.analyzed == 0


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
    assert skipped(build(people))[0][1] == NO_FACE
    assert colours.engine.pictures == before


def test_a_photo_that_could_not_be_read_is_tried_again(build, people, enrolled, monkeypatch):
    """Its size and time say nothing of a permission or a share that came back."""

    def share_away(paths, engine, **options):
        return [
            UnreadableImage("Input/output error") if path.parent.name == "Green" else picture
            for path, picture in zip(paths, analyze_pictures(paths, engine, **options), strict=True)
        ]

    with monkeypatch.context() as patch:
        patch.setattr(build_module, "analyze_pictures", share_away)
        assert build(people).faceless == ("Green",)
    assert build(people).analyzed == 1
    assert enrolled() == {"Blue": 1, "Green": 1, "Red": 2}


def test_a_photo_that_stays_damaged_writes_no_new_version(build, people):
    (people / "Red" / "1.png").write_bytes(b"damaged")
    first = build(people)
    second = build(people)
    assert second.version == first.version
    assert second.analyzed == 0
    assert second.skipped == first.skipped


def test_another_pack_embeds_everything_again(build, people, make_pack, place):
    build(people)
    other = make_pack("colours-2")
    assert build(people, pack=other).analyzed == 4
    with FaceDatabase.open(place) as database:
        assert database.manifest.pack_fingerprint == "colours-2"


def test_another_databases_embeddings_are_reused(build, people, tmp_path, colours):
    build(people)
    with FaceDatabase.open(tmp_path / "database") as other:
        before = colours.engine.pictures
        report = build_from_folders([people], tmp_path / "second", colours, NoProgress(), reuse=[other])
    assert colours.engine.pictures == before
    assert (report.analyzed, report.people) == (0, 3)


def test_another_packs_embeddings_are_not_reused(build, people, tmp_path, make_pack):
    build(people)
    pack = make_pack("colours-2")
    with FaceDatabase.open(tmp_path / "database") as other:
        report = build_from_folders([people], tmp_path / "second", pack, NoProgress(), reuse=[other])
    assert report.analyzed == 4


def test_a_damaged_database_is_rebuilt(build, people, place, enrolled):
    build(people)
    (place / current_version(place) / "vectors.f32").write_bytes(b"cut")
    assert build(people).analyzed == 4
    assert enrolled() == {"Blue": 1, "Green": 1, "Red": 2}


def test_a_photo_changed_while_it_is_read_is_read_again_next_time(build, people, photo, monkeypatch, place):
    def changing(paths, engine, **options):
        touch(photo(people / "Green" / "1.png", "blue"))
        return analyze_pictures(paths, engine, **options)

    with monkeypatch.context() as patch:
        patch.setattr(build_module, "analyze_pictures", changing)
        build(people)
    assert build(people).analyzed == 1


def test_a_photo_gone_between_listing_and_reading_is_reported(build, people, monkeypatch, enrolled):
    def vanishing(paths, engine, **options):
        (people / "Green" / "1.png").unlink(missing_ok=True)
        return analyze_pictures(paths, engine, **options)

    monkeypatch.setattr(build_module, "analyze_pictures", vanishing)
    report = build(people)
    assert "no such file" in skipped(report)[0][1]
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
    assert prominent_face([corner, middle, speck], 1000, 1000) is middle


def test_a_photo_without_a_face_has_no_prominent_one():
    assert prominent_face((), 10, 10) is None


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
    assert sorted(report.analyzed for report in reports) == [0, 0, 4]
    assert enrolled() == {"Blue": 1, "Green": 1, "Red": 2}


TWO_AT_ONCE = """
import sys
from pathlib import Path
from stash_sense.domain.progress import NoProgress
from stash_sense.runtime.from_settings import enrol, open_pack
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
    first = file_stamp(path)
    time.sleep(0.01)
    path.write_bytes(b"34")
    assert file_stamp(path) != first
    assert file_stamp(tmp_path / "missing") == "unreadable"


def test_a_photo_that_shows_another_person_is_quarantined_with_the_reason(build, people, photo, enrolled):
    wrong = photo(people / "Red" / "3.png", (60, 250, 60))
    report = build(people)
    ((path, reason),) = quarantined(report)
    assert path == str(wrong)
    assert reason.startswith("nearer to Green (0.0")
    assert (report.skipped, enrolled()) == ((), {"Blue": 1, "Green": 1, "Red": 2})
    assert folder_report_json(report)["quarantined"] == [{"photo": path, "why": reason}]


def test_the_only_photo_of_a_person_is_never_quarantined(build, people, photo, enrolled):
    photo(people / "Rouge" / "1.png", (252, 34, 34))
    report = build(people)
    assert report.quarantined == ()
    assert enrolled() == {"Blue": 1, "Green": 1, "Red": 2, "Rouge": 1}


def test_of_two_photos_that_differ_the_one_of_nobody_else_stays(build, people, photo, enrolled):
    wrong = photo(people / "Blue" / "0.png", (60, 250, 60))
    assert [path for path, _ in quarantined(build(people))] == [str(wrong)]
    assert enrolled() == {"Blue": 1, "Green": 1, "Red": 2}


def test_two_photos_that_differ_and_are_of_nobody_else_both_stay(build, people, photo, enrolled):
    photo(people / "Blue" / "2.png", "green")
    (people / "Green" / "1.png").unlink()
    assert build(people).quarantined == ()
    assert enrolled() == {"Blue": 2, "Red": 2}


def test_a_person_whose_photos_all_show_others_keeps_the_first(build, people, photo, enrolled):
    photo(people / "Mixed" / "1.png", (60, 60, 250))
    second = photo(people / "Mixed" / "2.png", (60, 250, 60))
    assert [path for path, _ in quarantined(build(people))] == [str(second)]
    assert enrolled()["Mixed"] == 1


def test_a_quarantined_photo_is_not_analyzed_again_and_changes_nothing(build, people, photo, colours):
    photo(people / "Red" / "3.png", (60, 250, 60))
    first = build(people)
    before = colours.engine.pictures
    again = build(people)
    assert colours.engine.pictures == before
    assert (again.version, again.quarantined) == (first.version, first.quarantined)


def test_a_quarantined_photo_comes_back_when_nobody_is_nearer(build, people, photo, colours, enrolled):
    photo(people / "Red" / "3.png", (60, 250, 60))
    build(people)
    before = colours.engine.pictures
    (people / "Green" / "1.png").unlink()
    report = build(people)
    assert report.quarantined == ()
    assert colours.engine.pictures == before
    assert enrolled() == {"Blue": 1, "Red": 3}


def test_a_quarantined_photo_whose_embedding_is_lost_is_analyzed_again(build, people, photo, place):
    photo(people / "Red" / "3.png", (60, 250, 60))
    first = build(people)
    (kept,) = place.glob(f"{analyzed_photos.SPOOL_PREFIX}*")
    kept.unlink()
    again = build(people)
    assert again.analyzed == 1
    assert again.quarantined == first.quarantined


def test_an_uncalibrated_pack_quarantines_nothing(build, people, photo, make_pack):
    photo(people / "Red" / "3.png", (60, 250, 60))
    assert build(people, pack=make_pack(calibrated=False)).quarantined == ()


def test_a_reference_can_be_shown_without_its_photo(build, people, place, photo):
    photo(people / "Green" / "1.png", "green", (2000, 1500))
    build(people)
    with FaceDatabase.open(place) as database:
        rows = {database.person(index).name: database.rows(index)[0] for index in range(database.people)}
        shutil.rmtree(people)
        shown = Image.open(io.BytesIO(reference_crop(database, reference_id(database, rows["Green"]))))
    assert shown.format == "JPEG"
    assert max(shown.size) == CROP_SIDE_PX
    assert shown.getpixel((5, 5))[1] > 200


def test_a_photo_gone_before_its_crop_is_made_is_enrolled_without_one(build, people, place, monkeypatch):
    def vanishing(paths, engine, **options):
        pictures = analyze_pictures(paths, engine, **options)
        if people / "Green" / "1.png" in paths:
            (people / "Green" / "1.png").unlink()
        return pictures

    monkeypatch.setattr(build_module, "analyze_pictures", vanishing)
    build(people)
    with FaceDatabase.open(place) as database:
        rows = {database.person(index).name: database.rows(index)[0] for index in range(3)}
        assert [name for name, row in rows.items() if not database.crop(row)] == ["Green"]
        with pytest.raises(NoSuchReference):
            reference_crop(database, reference_id(database, rows["Green"]))


def test_after_an_interrupted_build_only_the_other_photos_are_analyzed(build, people, photo, progress, place):
    for i in range(60):
        photo(people / "New" / f"{i}.png")
    with pytest.raises(Cancelled):
        build(people, progress=progress(stop_after=30))
    assert current_version(place) is None
    report = build(people)
    assert (report.faces, report.analyzed + report.reused) == (64, 64)
    assert report.analyzed <= 34
    assert not list(place.glob(f"{analyzed_photos.SPOOL_PREFIX}*"))


KILLED = """
import sys, time
from pathlib import Path
from fakes.colours import _colour_pack
from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment.folder import build_from_folders

class Slow(NoProgress):
    def update(self, done, *, faces=0, people=0):
        print("tick", flush=True)
        time.sleep(0.05)

build_from_folders([Path(sys.argv[1])], Path(sys.argv[2]), _colour_pack(), Slow())
"""


def test_after_a_kill_the_old_database_is_whole_and_little_is_analyzed_again(
    build, people, photo, place, python, enrolled
):
    build(people)
    for i in range(60):
        photo(people / "New" / f"{i}.png")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [python, "-c", KILLED, people, place], stdout=subprocess.PIPE, text=True, env=environment
    )
    for _ in range(20):
        assert process.stdout.readline() == "tick\n"
    process.kill()
    process.communicate(timeout=30)
    assert enrolled() == {"Blue": 1, "Green": 1, "Red": 2}
    report = build(people)
    assert report.analyzed <= 40
    assert enrolled() == {"Blue": 1, "Green": 1, "New": 60, "Red": 2}


def test_a_full_disk_is_reported_and_the_old_database_whole(build, people, photo, place, monkeypatch):
    first = build(people)
    photo(people / "Red" / "3.png")
    monkeypatch.setattr(
        analyzed_photos, "_pack", lambda _: (_ for _ in ()).throw(OSError(28, "No space left"))
    )
    with pytest.raises(WriteFailed, match="no space left"):
        build(people)
    assert current_version(place) == first.version
    assert not list(place.glob(".building-*"))
