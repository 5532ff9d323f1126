"""Files are written as a whole, or the one before them stays."""

import errno
import os
import stat

import pytest

from stash_sense import files
from stash_sense.errors import CannotWrite, NoSpace
from stash_sense.files import (
    describe_os_error,
    keep_under,
    remove_leftovers,
    replacement_of,
    write_atomically,
)


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old and longer")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


@pytest.mark.skipif(os.name == "nt", reason="no such modes there")
def test_only_the_owner_can_read_a_file_before_it_has_content(tmp_path):
    with replacement_of(tmp_path / "a") as temporary:
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def interrupted():
        with replacement_of(path) as temporary:
            temporary.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("step", ["sync_file", "move_into_place"])
@pytest.mark.parametrize(
    ("number", "error"), [(errno.ENOSPC, NoSpace), (errno.EDQUOT, NoSpace), (errno.EACCES, CannotWrite)]
)
def test_what_the_system_refuses_is_explained(tmp_path, monkeypatch, step, number, error):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files, step, refuse)
    with pytest.raises(error, match=str(tmp_path / "a")):
        write_atomically(tmp_path / "a", b"new")
    assert names(tmp_path) == []


def test_only_unfinished_files_of_the_given_age_are_removed(tmp_path):
    (tmp_path / "a").touch()
    old, young = tmp_path / f"{files.TEMPORARY_PREFIX}1", tmp_path / f"{files.TEMPORARY_PREFIX}2"
    for path in (old, young):
        path.touch()
    os.utime(old, (0, 0))
    remove_leftovers(tmp_path, min_age_s=3600)
    assert names(tmp_path) == sorted([young.name, "a"])
    remove_leftovers(tmp_path)
    assert names(tmp_path) == ["a"]


LACKS = [errno.EINVAL, errno.ENOTSUP, errno.EPERM, errno.EACCES, errno.EBADF]


@pytest.fixture
def refuse(monkeypatch):
    """Lets a function of the system fail like a file system without it, or a failing disk."""

    def refuse(function, number):
        def refused(*_, **__):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(function[0], function[1], refused)

    return refuse


@pytest.mark.parametrize("number", LACKS)
def test_a_file_system_without_syncing_keeps_whole_files_all_the_same(tmp_path, refuse, number):
    refuse((os, "fsync"), number)
    write_atomically(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("number", LACKS)
def test_a_file_system_without_links_gets_a_copy(tmp_path, refuse, number):
    (tmp_path / "a").write_bytes(b"old")
    refuse((os, "link"), number)
    keep_under(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"old"
    with pytest.raises(FileExistsError):
        keep_under(tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_disk_that_fails_is_no_file_system_that_lacks_something(tmp_path, refuse, number):
    refuse((os, "fsync"), number)
    with pytest.raises((CannotWrite, NoSpace)):
        write_atomically(tmp_path / "a", b"new")


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EACCES, "Let the user that runs Stash Sense"),
        (errno.ENOSPC, "Free some space"),
        (errno.EMFILE, "ulimit -n"),
        (errno.EISDIR, "Move it away"),
        (errno.EROFS, "Make it writable"),
        (errno.ESTALE, "network share"),
        (errno.EDOM, "Check the disk"),
    ],
)
def test_every_refusal_of_the_system_says_what_to_do(number, advice):
    assert advice in describe_os_error(OSError(number, os.strerror(number), "/data/a"))
    assert describe_os_error(OSError(number, os.strerror(number), "/data/a")).startswith("/data/a: ")
    assert advice in describe_os_error(OSError(number, os.strerror(number)))


def test_a_refusal_without_a_number_is_described_too():
    assert "not a number of the system" in describe_os_error(OSError("not a number of the system"))
    assert "OSError" in describe_os_error(OSError())
