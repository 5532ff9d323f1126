"""Files are written as a whole, or the one before them stays."""

import errno
import os
import stat

import pytest

from stash_sense import files
from stash_sense.errors import CannotWrite, NoSpace
from stash_sense.files import remove_leftovers, replacement_of, write_atomically


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old and longer")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


@pytest.mark.skipif(os.name == "nt", reason="no such modes there")
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_has_the_given_mode_before_it_has_content(tmp_path, mode):
    with replacement_of(tmp_path / "a", mode=mode) as temporary:
        assert stat.S_IMODE(temporary.stat().st_mode) == mode
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


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
