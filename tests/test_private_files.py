"""The data folder is its owner's alone: modes are repaired, and no link or pipe is taken for a file."""

import errno
import os
import socket
import stat
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from stash_sense.__main__ import main
from stash_sense.cli import doctor
from stash_sense.errors import BadDatabase, NoSecret, StashSenseError, StateUnwritable
from stash_sense.facedb.analyzed_photos import Spool
from stash_sense.facedb.database import FaceDatabase, current_version
from stash_sense.files import write_atomically
from stash_sense.private_files import check_privacy, make_private, open_regular
from stash_sense.runtime.secret import find_secret
from stash_sense.settings import Settings
from stash_sense.store.connection import create_private_file

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no such modes there")


@pytest.fixture
def folder(tmp_path):
    """A data folder as an older version left it."""
    folder = tmp_path / "data"
    for name in (
        "database/20260101-120000-abcdef/crops.bin",
        "stash_sense.db",
        "jobs.db-wal",
        "models/p/a.onnx",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"faces")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


@pytest.fixture
def secret_of_another(tmp_path):
    """A file elsewhere, which a planted link leads to."""
    path = tmp_path / "precious"
    path.write_bytes(b"precious")
    return path


def modes(folder):
    return {
        stat.S_IMODE(path.lstat().st_mode) for path in (folder, *folder.rglob("*")) if not path.is_symlink()
    }


def run(*arguments, **environment):
    return CliRunner().invoke(main, arguments, env={"STASH_URL": "", **environment})


@pytest.fixture(autouse=True)
def umask():
    """As most systems have it; what a command sets ends with the test."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_command_takes_the_data_folder_away_from_others_and_tells(folder):
    ran = run("--data-dir", str(folder), "state", "check")
    assert modes(folder) <= {0o700, 0o600}
    assert "other users could read 9 of the files and folders" in ran.stderr
    assert "other users" not in run("--data-dir", str(folder), "state", "check").stderr


def test_what_a_command_creates_is_its_owners_from_the_start(tmp_path):
    run("--data-dir", str(tmp_path / "new"), "token")
    assert modes(tmp_path / "new") == {0o700, 0o600}
    (tmp_path / "later").touch()
    assert stat.S_IMODE((tmp_path / "later").stat().st_mode) == 0o600


def test_doctor_reports_and_repairs_nothing(folder):
    before = modes(folder)
    state, message = doctor._check_data_dir(Settings(DATA_DIR=folder))
    assert (state, "other users can read 9 files and folders" in message) == ("fault", True)
    assert modes(folder) == before


def test_doctor_names_a_pipe_in_the_data_folder(folder):
    make_private(folder)
    os.mkfifo(folder / "stash_sense.db-journal")
    state, message = doctor._check_data_dir(Settings(DATA_DIR=folder))
    assert (state, "stash_sense.db-journal is not a file" in message) == ("fault", True)


def test_a_program_stays_a_program_for_its_owner(folder):
    (folder / "tool").touch(0o755)
    make_private(folder)
    assert stat.S_IMODE((folder / "tool").stat().st_mode) == 0o700


def test_no_link_is_followed_by_the_repair(folder, secret_of_another):
    secret_of_another.chmod(0o644)
    (folder / "link").symlink_to(secret_of_another)
    (folder / "models" / "up").symlink_to(secret_of_another.parent)
    assert make_private(folder).problems == ()
    assert stat.S_IMODE(secret_of_another.stat().st_mode) == 0o644


def test_what_belongs_to_another_user_is_told(folder, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    path = folder / "stash_sense.db"
    if os.getuid() == 0:
        os.chown(path, 1234, -1)
    assert f"{path} belongs to another user" in " ".join(check_privacy(folder).problems)


def test_a_home_folder_loses_only_what_is_ours(tmp_path, monkeypatch):
    (tmp_path / ".bashrc").touch(0o644)
    (tmp_path / "public_html").mkdir(0o755)
    (tmp_path / "stash_sense.db").touch(0o644)
    tmp_path.chmod(0o755)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert make_private(tmp_path).exposed == 1
    assert stat.S_IMODE((tmp_path / "public_html").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "stash_sense.db").stat().st_mode) == 0o600


def test_a_folder_for_all_users_loses_only_what_is_ours(tmp_path):
    (tmp_path / "anothers").touch(0o644)
    (tmp_path / "jobs.db").touch(0o644)
    tmp_path.chmod(0o1777)
    assert make_private(tmp_path).exposed == 1
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777
    assert stat.S_IMODE((tmp_path / "anothers").stat().st_mode) == 0o644


def test_a_token_that_others_could_read_is_not_silently_repaired(folder):
    (folder / "token").touch(0o644)
    make_private(folder)
    with pytest.raises(NoSecret, match="other users can read the token"):
        find_secret(Settings(DATA_DIR=folder))


def within(seconds, work):
    """The result of `work`, which must not wait for anybody: a pipe has no other end here."""
    results = []

    def collect():
        try:
            results.append(work())
        except StashSenseError as error:
            results.append(error)

    thread = threading.Thread(target=collect, daemon=True)
    thread.start()
    thread.join(seconds)
    assert results, "it waits for the other end of a pipe"
    return results[0]


def plant_pipe(path):
    os.mkfifo(path, 0o600)


def plant_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
    path.chmod(0o600)


@pytest.mark.parametrize("plant", [plant_pipe, plant_socket])
def test_a_token_that_is_no_file_is_a_sentence(tmp_path, plant):
    plant(tmp_path / "token")
    assert isinstance(within(30, lambda: find_secret(Settings(DATA_DIR=tmp_path))), NoSecret)


@pytest.mark.parametrize("name", ["CURRENT", "20260101-120000-abcdef/manifest.json"])
def test_a_face_database_of_pipes_is_a_sentence(tmp_path, name):
    (tmp_path / "20260101-120000-abcdef").mkdir()
    (tmp_path / "CURRENT").write_text("20260101-120000-abcdef\n")
    (tmp_path / name).unlink(missing_ok=True)
    plant_pipe(tmp_path / name)
    assert isinstance(within(30, lambda: FaceDatabase.open(tmp_path)), BadDatabase)


@pytest.mark.parametrize(
    "name", ["../elsewhere", "/etc", "a/b", "..", ".", ".building-1", "a\\b", "x" * 300, "a b"]
)
def test_current_names_a_version_in_the_folder_only(tmp_path, name):
    (tmp_path / "elsewhere").mkdir()
    place = tmp_path / "database"
    place.mkdir()
    (place / "CURRENT").write_text(name)
    with pytest.raises(BadDatabase, match="no version in this folder"):
        current_version(place)


def test_a_version_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "20260101-120000-abcdef").symlink_to(tmp_path)
    (tmp_path / "CURRENT").write_text("20260101-120000-abcdef\n")
    with pytest.raises(BadDatabase):
        current_version(tmp_path)


def test_a_link_in_place_of_a_file_is_replaced_not_followed(tmp_path, secret_of_another):
    (tmp_path / "CURRENT").symlink_to(secret_of_another)
    write_atomically(tmp_path / "CURRENT", b"new")
    assert (tmp_path / "CURRENT").read_bytes() == b"new"
    assert not (tmp_path / "CURRENT").is_symlink()
    assert secret_of_another.read_bytes() == b"precious"


def test_a_spool_that_is_a_link_is_refused(tmp_path, secret_of_another):
    with Spool(tmp_path, "pack"):
        pass
    (spool,) = (path for path in tmp_path.iterdir() if path != secret_of_another)
    spool.unlink()
    spool.symlink_to(secret_of_another)
    with pytest.raises(OSError, match="symbolic links"):
        Spool(tmp_path, "pack")
    assert secret_of_another.read_bytes() == b"precious"


@pytest.mark.parametrize(
    "flags", [os.O_WRONLY | os.O_CREAT | os.O_APPEND, os.O_RDWR | os.O_CREAT | os.O_APPEND]
)
def test_nothing_is_written_through_a_link_or_into_a_pipe(tmp_path, secret_of_another, flags):
    (tmp_path / "link").symlink_to(secret_of_another)
    plant_pipe(tmp_path / "pipe")
    for name, number in (("link", {errno.ELOOP}), ("pipe", {errno.EINVAL, errno.ENXIO})):
        with pytest.raises(OSError) as raised:
            open_regular(tmp_path / name, flags)
        assert raised.value.errno in number


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
def test_a_state_file_that_is_a_link_is_refused(tmp_path, secret_of_another, suffix):
    (tmp_path / f"stash_sense.db{suffix}").symlink_to(secret_of_another)
    with pytest.raises(StateUnwritable, match="is a link"):
        create_private_file(tmp_path / "stash_sense.db")
    assert secret_of_another.read_bytes() == b"precious"
