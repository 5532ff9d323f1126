"""Output in any locale, numbers that are none, and errors of the system: one sentence and an exit status."""

import errno
import io
import json
import os
import sys

import pytest
from click.testing import CliRunner
from rich.progress import Progress

from stash_sense.__main__ import main
from stash_sense.cli.console import never_fail_to_encode, progress_bar
from stash_sense.store.database import RecommendationsDB

NAME = "Łukasz 北京"
CHARSETS = ["ascii", "latin-1", "utf-8"]


@pytest.fixture(scope="module")
def data(tmp_path_factory, samples, pack_dir, pack):
    """A data folder, a person and photos, none of whose names fits into Latin-1."""
    folder = tmp_path_factory.mktemp(NAME)
    (folder / "models").symlink_to(pack_dir / "models")
    RecommendationsDB(folder / "stash_sense.db").close()
    (folder / "People").mkdir()
    (folder / "People" / NAME).symlink_to(samples / "people" / "Barack Obama")
    (folder / f"{NAME}.jpg").symlink_to(samples / "gallery" / "obama2.jpg")
    return folder


COMMANDS = [
    ("identify", f"{NAME}.jpg", "--people", "People"),
    ("identify", f"{NAME}.jpg", "--people", "People", "--json", "-"),
    ("database", "build", "--people", "People"),
    ("database", "info"),
    ("models", "list"),
    ("models", "verify"),
    ("state", "check"),
    ("state", "check", "--json"),
    ("state", "backup"),
    ("token",),
    ("jobs",),
    ("doctor",),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_locale_that_cannot_encode_a_name_changes_no_exit_status(command, data, monkeypatch):
    monkeypatch.chdir(data)
    monkeypatch.setenv("STASH_URL", "")
    monkeypatch.setenv("STASH_SENSE_PORT", "9")  # where nobody listens, and nobody may
    codes = set()
    for charset in CHARSETS:
        done = CliRunner(charset=charset).invoke(main, ["--data-dir", str(data), *command])
        assert not isinstance(done.exception, UnicodeError), done.exception
        codes.add(done.exit_code)
        if "--json" in command:
            assert json.loads(done.stdout_bytes.decode("utf-8"))
    assert len(codes) == 1


def test_a_progress_bar_is_drawn_in_any_locale(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(written, "ascii"))
    monkeypatch.setenv("FORCE_COLOR", "1")
    never_fail_to_encode()
    with progress_bar() as bar:
        assert isinstance(bar._bars, Progress)
        bar.start(NAME, 10)
        bar.update(5)
    sys.stderr.flush()
    assert b"ukasz" in written.getvalue()


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "NaN"])
@pytest.mark.parametrize("option", ["--max-distance", "--min-face-confidence"])
def test_what_is_no_number_is_wrong_usage(option, number):
    done = CliRunner().invoke(main, ["identify", "photo.jpg", f"{option}={number}"])
    assert done.exit_code == 2
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    "number", [errno.EACCES, errno.ENOSPC, errno.EMFILE, errno.EISDIR, errno.EIO, errno.ENOTDIR]
)
def test_an_error_of_the_system_is_one_sentence(number, tmp_path, monkeypatch):
    def refused(_):
        raise OSError(number, os.strerror(number), str(tmp_path / NAME))

    monkeypatch.setattr("stash_sense.cli.sidecar.check_state", refused)
    done = CliRunner().invoke(main, ["--data-dir", str(tmp_path), "state", "check"])
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: {tmp_path / NAME}: ")
    assert len(done.stderr.splitlines()) == 1
