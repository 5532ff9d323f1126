"""Photos that earlier builds analyzed."""

import stat
import threading

import numpy as np
import pytest

from stash_sense.facedb.analyzed_photos import ReferencePhoto, Spool
from stash_sense.facedb.layout import Photo, Reference


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def analyzed(number, crop=b"jpeg"):
    photo = Photo(f"stash:performer/{number}", f"stamp {number}", "key")
    reference = Reference(photo.path, (1.0, 2.0, 3.0, 4.5), 0.5)
    return ReferencePhoto(photo, reference, np.full(6, number, np.float32), crop)


def filled(folder, count):
    with Spool(folder, "f1") as spool:
        for number in range(count):
            spool.add(analyzed(number))
    (path,) = folder.glob(".looked-at-*")
    return path


def test_what_was_added_is_found_by_the_next(folder):
    filled(folder, 3)
    with Spool(folder, "f1") as spool:
        found = [stored.load() for stored in spool.stored.values()]
    assert [one.photo for one in found] == [analyzed(number).photo for number in range(3)]
    assert [one.reference for one in found] == [analyzed(number).reference for number in range(3)]
    assert np.array_equal(found[2].vector, analyzed(2).vector)
    assert found[0].crop == b"jpeg"


def test_a_photo_without_a_face_is_kept_too(folder):
    with Spool(folder, "f1") as spool:
        stored = spool.add(ReferencePhoto(Photo("a", "s", "k", "no face found")))
        assert stored.load().reference is None
        assert stored.load().photo.skipped == "no face found"


def test_cut_at_any_byte_what_was_whole_is_found_and_it_can_go_on(folder):
    path = filled(folder, 3)
    data = path.read_bytes()
    piece = len(data) // 3
    for size in range(0, len(data), 7):
        path.write_bytes(data[:size])
        with Spool(folder, "f1") as spool:
            assert len(spool.stored) == size // piece
            spool.add(analyzed(9))
        with Spool(folder, "f1") as spool:
            assert list(spool.stored.values())[-1].photo == analyzed(9).photo


@pytest.mark.parametrize("place", [0, 10, 40, -1])
def test_altered_bytes_end_it_there(folder, place):
    path = filled(folder, 2)
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(data)
    with Spool(folder, "f1") as spool:
        assert len(spool.stored) == (1 if place == -1 else 0)


def test_another_state_of_the_pack_finds_nothing_and_leaves_nothing(folder):
    filled(folder, 2)
    with Spool(folder, "f2") as spool:
        assert spool.stored == {}
    assert len(list(folder.glob(".looked-at-*"))) == 1


def test_keeping_none_removes_the_file(folder):
    filled(folder, 2)
    with Spool(folder, "f1") as spool:
        spool.keep_only([])
    assert list(folder.iterdir()) == []


def test_only_what_is_kept_stays(folder):
    filled(folder, 3)
    with Spool(folder, "f1") as spool:
        spool.keep_only([spool.stored[analyzed(1).photo.path].load()])
    with Spool(folder, "f1") as spool:
        assert [stored.photo for stored in spool.stored.values()] == [analyzed(1).photo]


def test_what_is_kept_can_be_read_by_nobody_else_than_before(folder):
    path = filled(folder, 2)
    path.chmod(0o600)
    with Spool(folder, "f1") as spool:
        spool.keep_only([spool.stored[analyzed(1).photo.path].load()])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_after_its_end_nothing_is_added(folder):
    with Spool(folder, "f1") as spool:
        pass
    assert spool.add(analyzed(1)) is None


def test_many_threads_add_at_once(folder):
    with Spool(folder, "f1") as spool:
        stored = []

        def add(number):
            stored.append((number, spool.add(analyzed(number, bytes(number * 50)))))

        threads = [threading.Thread(target=add, args=(number,)) for number in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(each.load().photo == analyzed(number).photo for number, each in stored)
    with Spool(folder, "f1") as spool:
        assert len(spool.stored) == 40
