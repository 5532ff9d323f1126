"""A build is one atomic switch: until it, and whenever it fails, the old database stays whole."""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest

from stash_sense import files
from stash_sense.domain.identity import Person
from stash_sense.errors import Cancelled, WriteFailed
from stash_sense.facedb import layout
from stash_sense.facedb import layout as lines_module
from stash_sense.facedb import writer as writer_module
from stash_sense.facedb.database import FaceDatabase, current_version
from stash_sense.facedb.layout import Photo, Reference

A_FACE = [Reference("a.jpg", (0, 0, 1, 1), 1.0)]
A_VECTOR = np.ones((1, 6), np.float32)


def leftovers(place):
    return sorted(path.name for path in place.iterdir() if path.name.startswith((".building", ".making")))


def versions(place):
    return [path.name for path in place.iterdir() if path.is_dir() and not path.name.startswith(".")]


def test_nothing_shows_before_the_commit(build, writer, place, names):
    build({"Old": 1})
    with writer() as one:
        one.add_person(Person("New", "New"), A_FACE, A_VECTOR)
        assert names(place) == ["Old"]
        one.commit([])
    assert names(place) == ["New"]


@pytest.mark.parametrize("error", [Cancelled("stop"), KeyboardInterrupt(), ValueError("a bug")])
def test_what_breaks_a_build_off_leaves_the_old_database(build, writer, place, names, error):
    def broken_off():
        with writer() as one:
            one.add_person(Person("New", "New"), A_FACE, A_VECTOR)
            raise error

    build({"Old": 1})
    with pytest.raises(type(error)):
        broken_off()
    assert names(place) == ["Old"]
    assert leftovers(place) == []


def test_a_build_without_a_commit_changes_nothing(build, writer, place, names):
    build({"Old": 1})
    with writer():
        pass
    assert names(place) == ["Old"]


def test_the_version_before_stays_for_those_who_have_it_open(build, place):
    build({"First": 1})
    first = current_version(place)
    build({"Second": 1})
    assert sorted(versions(place)) == sorted([first, current_version(place)])


def test_older_versions_are_removed(build, place):
    for _ in range(4):
        build({"Somebody": 1})
    assert len(versions(place)) == 2


def test_what_a_killed_build_left_is_removed_by_the_next(build, place):
    (place / ".building-dead").mkdir(parents=True)
    (place / ".building-dead" / "vectors.f32").write_bytes(b"half")
    build({"Ada": 1})
    assert leftovers(place) == []


def test_foreign_files_at_the_place_are_left_alone(build, place):
    build({"Ada": 1})
    (place / "my notes").mkdir()
    build({"Ada": 1})
    assert (place / "my notes").is_dir()


NAMES = {
    "quotes": 'O\'Neill "Q"',
    "markup": "<b>&amp;</b>",
    "emoji": "\U0001f600\u200d\U0001f469",
    "right-to-left": "\u05e2\u05d1\u05e8\u05d9\u05ea \u202egnihton",
    "newlines": "a\nb\r\u2028c\0d",
    "spaces": "  ",
    "long": "x" * 10_000,
    "undecodable": "\udcff\udc80.jpg",
    "half a pair": "\ud83d",
    "decomposed": "e\u0301",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_any_name_is_kept_letter_for_letter(writer, place, name):
    with writer() as one:
        one.add_person(Person(name, name, (name,)), [Reference(name, (0, 0, 1, 1), 1)], A_VECTOR)
        one.add_photo(Photo(name, "stamp", name))
        one.commit([name])
    with FaceDatabase.open(place) as database:
        assert database.person(0) == Person(name, name, (name,))
        assert database.reference(0).photo == name
        assert next(database.photos()).path == name


def test_the_sources_are_writable_text_whatever_the_folder_is_called(build, place):
    build({"Ada": 1}, sources=["/photos/\udcff"])
    with FaceDatabase.open(place) as database:
        assert database.manifest.sources == ("/photos/?",)


def test_a_person_added_twice_is_refused(writer):
    with writer() as one:
        one.add_person(Person("Ada", "Ada"), A_FACE, A_VECTOR)
        with pytest.raises(ValueError, match="added twice"):
            one.add_person(Person("Ada", "Another name"), A_FACE, A_VECTOR)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_embedding_that_is_no_number_is_refused(writer, value):
    with pytest.raises(ValueError, match="not a number"), writer() as one:
        one.add_person(Person("Ada", "Ada"), A_FACE, np.full((1, 6), value, np.float32))


@pytest.mark.parametrize("shape", [(0, 6), (2, 6), (1, 5)])
def test_vectors_that_do_not_fit_are_refused(writer, shape):
    with pytest.raises(ValueError, match="vectors of shape"), writer() as one:
        one.add_person(Person("Ada", "Ada"), A_FACE, np.ones(shape, np.float32))


def test_skipped_photos_are_counted(writer, place):
    with writer() as one:
        one.add_photo(Photo("a.jpg", "1", "Ada", "no face found"))
        one.add_photo(Photo("b.jpg", "1", "Ada"))
        one.commit([])
    with FaceDatabase.open(place) as database:
        assert (database.manifest.photos, database.manifest.skipped) == (2, 1)


def test_a_place_that_cannot_be_made_is_told(writer, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(WriteFailed, match="could not be written"), writer(tmp_path / "file" / "database"):
        pass


def test_a_place_that_may_not_be_written_to_is_told(build, writer, place, names, monkeypatch):
    build({"Old": 1})

    def refuse(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(writer_module, "LineWriter", refuse)
    with pytest.raises(WriteFailed, match=r"Permission denied.*unchanged"), writer():
        pass
    monkeypatch.undo()
    assert names(place) == ["Old"]


@pytest.mark.parametrize("call", range(20))
def test_a_disk_that_fails_at_any_step_of_the_commit_leaves_a_whole_database(
    build, writer, place, names, monkeypatch, call
):
    """Each write, sync, rename and switch of the commit fails once."""
    build({"Old": 1})
    calls = []

    def failing(real):
        def run(*args, **kwargs):
            calls.append(args)
            if len(calls) - 1 == call:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*args, **kwargs)

        return run

    with monkeypatch.context() as patch:
        patch.setattr(writer_module, "write_int64", failing(layout.write_int64))
        patch.setattr(lines_module, "write_int64", failing(lines_module.write_int64))
        for name in ("sync_file", "sync_directory"):
            patch.setattr(writer_module, name, failing(getattr(files, name)))
            patch.setattr(files, name, failing(getattr(files, name)))
        patch.setattr(type(place), "rename", failing(type(place).rename))
        patch.setattr(type(place), "replace", failing(type(place).replace))
        with pytest.raises(WriteFailed, match="no space left on the disk"):
            build({"New": 1})
    assert names(place) in (["Old"], ["New"])
    assert leftovers(place) == []
    assert len(versions(place)) == (1 if names(place) == ["Old"] else 2)


def big_build(writer, place, faces):
    with writer(place) as one:
        for i in range(faces):
            one.add_person(Person(f"{i}", "x" * 1000), A_FACE, A_VECTOR)
            one.add_photo(Photo(f"{i}", "stamp", f"{i}"))
        one.commit([])


def test_a_full_disk_leaves_the_old_database_whole(small_disk, build, writer, names):
    build({"Old": 1}, where=small_disk / "db")
    with pytest.raises(WriteFailed, match=r"no space left on the disk.*unchanged. Free some space"):
        big_build(writer, small_disk / "db", 2000)
    assert names(small_disk / "db") == ["Old"]
    assert leftovers(small_disk / "db") == []


def test_after_a_full_disk_a_smaller_build_works(small_disk, build, writer, names):
    with pytest.raises(WriteFailed):
        big_build(writer, small_disk / "db", 2000)
    build({"New": 1}, where=small_disk / "db")
    assert names(small_disk / "db") == ["New"]


@pytest.mark.parametrize("free", range(0, 44, 4))
def test_a_disk_full_to_any_page_gives_a_whole_database_or_an_error(small_disk, build, writer, names, free):
    """`free` KiB are left beside the old database: the build fails early, late, or not at all."""
    place = small_disk / "db"
    build({"Old": 1}, where=place)
    with (small_disk / "filler").open("wb", buffering=0) as filler:
        room = os.statvfs(small_disk)
        filler.write(bytes(max(0, room.f_bavail * room.f_bsize - free * 1024)))
    try:
        build({"New": 1}, where=place)
        assert names(place) == ["New"]
    except WriteFailed:
        assert names(place) == ["Old"]
    assert leftovers(place) == []


LIMITED = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from stash_sense.domain.identity import Person
from stash_sense.errors import WriteFailed
from stash_sense.facedb.layout import Photo, Reference
from stash_sense.facedb.writer import DatabaseWriter
from stash_sense.facedb.layout import Slot
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    slots = [Slot(name="arcface", dimension=256)]
    with DatabaseWriter(Path(sys.argv[1]), pack="test", pack_fingerprint="f1", slots=slots) as writer:
        for i in range(1000):
            writer.add_person(Person(str(i), ""), [Reference("", (0, 0, 1, 1), 1)], np.ones((1, 256), "f4"))
        writer.commit([])
except WriteFailed as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
def test_a_limit_on_file_sizes_leaves_the_old_database_whole(build, place, names):
    build({"Old": 1})
    ran = subprocess.run(
        [sys.executable, "-c", LIMITED, place], check=True, capture_output=True, text=True, timeout=60
    )
    assert "could not be written" in ran.stdout
    assert names(place) == ["Old"]
    assert leftovers(place) == []
