"""Building from folders again: only what changed is analyzed."""

import os
import shutil
import time

import numpy as np

from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment import build as build_module
from stash_sense.enrolment.folder import build_from_folders, file_stamp
from stash_sense.enrolment.set_aside import NO_FACE
from stash_sense.errors import UnreadableImage
from stash_sense.facedb.database import FaceDatabase, current_version
from stash_sense.recognition.analysis import analyze_pictures

from .conftest import skipped


def touch(path):
    """Let a photo look changed."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))


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


def test_nothing_to_do_starts_no_stage(build, people, progress):
    build(people)
    seen = progress()
    build(people, progress=seen)
    assert seen.stages == []


def test_a_stamp_tells_size_and_time(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"12")
    first = file_stamp(path)
    time.sleep(0.01)
    path.write_bytes(b"34")
    assert file_stamp(path) != first
    assert file_stamp(tmp_path / "missing") == "unreadable"


def test_the_report_counts_who_is_new_who_has_a_new_face_and_who_is_gone(build, people, photo):
    first = build(people)
    assert (first.added, first.updated, first.gone) == (3, 0, ())
    photo(people / "Red" / "new.png", (240, 60, 30))
    photo(people / "Yellow" / "1.png", (240, 240, 30))
    shutil.rmtree(people / "Green")
    report = build(people)
    assert (report.added, report.updated, report.gone) == (1, 1, ("Green",))
    again = build(people)
    assert (again.added, again.updated, again.gone) == (0, 0, ())
