"""People folders become a database, and the report says what was left out."""

import io
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from stash_sense.domain.faces import EmbeddedFace, Quality
from stash_sense.enrolment import build as build_module
from stash_sense.enrolment import references
from stash_sense.enrolment.references import CROP_SIDE_PX, NewPhoto, prominent_face, reference_photo
from stash_sense.enrolment.set_aside import NO_FACE
from stash_sense.errors import BadInput, NoSuchReference
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import Photo
from stash_sense.faces.engine import SLOTS
from stash_sense.media.formats import DEFAULT_LIMITS
from stash_sense.recognition.analysis import AnalyzedPicture, analyze_pictures
from stash_sense.recognition.crops import reference_crop, reference_id

from .conftest import skipped


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
    "two  spaces",
    "\u00e9 \u1eb9",
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
    report = build(people, tmp_path / "locked", allow_empty=True)
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


def test_progress_counts_the_photos_to_embed_and_their_faces(build, people, photo, progress):
    photo(people / "Red" / "back.png", "black")
    seen = progress()
    build(people, progress=seen)
    assert (seen.stages, seen.done, seen.faces) == ([("Enrolling", 5)], 5, 4)


def test_the_large_face_near_the_middle_is_the_persons():
    def face(x1, y1, x2, y2):
        box = np.array([x1, y1, x2, y2], np.float32)
        return EmbeddedFace(box, 1, np.zeros((5, 2), np.float32), Quality(1, 1, 0, 0), {})

    middle, corner, speck = face(300, 300, 500, 500), face(0, 0, 220, 220), face(495, 495, 505, 505)
    assert prominent_face([corner, middle, speck], 1000, 1000) is middle


def test_a_photo_without_a_face_has_no_prominent_one():
    assert prominent_face((), 10, 10) is None


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


def test_a_new_photo_is_decoded_once_also_for_its_crop(build, people, place, photo, monkeypatch):
    photo(people / "Green" / "1.png", "green", (2000, 1500))
    monkeypatch.delattr(references, "load_image")
    build(people)
    with FaceDatabase.open(place) as database:
        crops = [database.crop(row) for index in range(3) for row in database.rows(index)]
    assert all(crops)
    assert max(Image.open(io.BytesIO(crops[-1])).size) <= CROP_SIDE_PX


@pytest.mark.parametrize(("side", "sharper"), [(60, True), (200, False)])
def test_only_a_face_too_small_in_the_reduced_picture_is_cut_from_the_whole_one(side, sharper):
    """side: of the face's box, in a picture of twice the pixels that were looked at."""
    box = np.array([400, 400, 400 + 2 * side, 400 + 2 * side], np.float32)
    face = EmbeddedFace(
        box, 0.9, np.zeros((5, 2), np.float32), Quality(1, 60, 0, 0),
        dict.fromkeys(SLOTS, np.ones(3, np.float32)),
    )  # fmt: skip
    whole = io.BytesIO()
    Image.new("RGB", (3200, 2400), "green").save(whole, "PNG")
    new = NewPhoto(Photo("1.png", "now", "Ann"), whole.getvalue(), lambda faces, _w, _h: faces[0])
    found = AnalyzedPicture(3200, 2400, [face], [b"as found"], 2.0)
    made = reference_photo(new, found, DEFAULT_LIMITS)
    assert (made.crop == b"as found") != sharper
    if sharper:
        assert min(Image.open(io.BytesIO(made.crop)).size) > 160


def test_a_photo_gone_before_its_sharper_crop_is_made_is_enrolled_without_one(
    build, people, place, monkeypatch
):
    def vanishing(paths, engine, **options):
        pictures = analyze_pictures(paths, engine, **options)
        if people / "Green" / "1.png" in paths:
            (people / "Green" / "1.png").unlink()
            pictures[paths.index(people / "Green" / "1.png")].crops.clear()
        return pictures

    monkeypatch.setattr(build_module, "analyze_pictures", vanishing)
    build(people)
    with FaceDatabase.open(place) as database:
        rows = {database.person(index).name: database.rows(index)[0] for index in range(3)}
        assert [name for name, row in rows.items() if not database.crop(row)] == ["Green"]
        with pytest.raises(NoSuchReference):
            reference_crop(database, reference_id(database, rows["Green"]))
