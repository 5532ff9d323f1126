"""The plugin source that `make plugin` makes: installed from as Stash does, and then run."""

import os
import runpy
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from fakes.stash import Plugin, install_from

from .conftest import PLUGIN

pytestmark = pytest.mark.slow

ROOT = PLUGIN.parent


def make(target: Path) -> Path:
    command = [sys.executable, str(ROOT / "packaging" / "plugin_source.py"), str(target)]
    subprocess.run(command, check=True, capture_output=True)
    return target / "index.yml"


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> Path:
    return make(tmp_path_factory.mktemp("source"))


@pytest.fixture
def installed(index, tmp_path) -> Plugin:
    return install_from(index, "stash-sense", tmp_path / "plugins")


def test_the_index_has_what_stash_wants(index):
    (entry,) = yaml.safe_load(index.read_text())
    assert entry["version"] == yaml.safe_load((PLUGIN / "stash-sense.yml").read_text())["version"]
    assert set(entry) == {"id", "name", "metadata", "version", "date", "path", "sha256"}


def test_the_version_is_the_projects():
    import stash_sense  # noqa: PLC0415 - the only test here that needs it

    manifest = yaml.safe_load((PLUGIN / "stash-sense.yml").read_text())
    assert manifest["version"] == stash_sense.__version__


def test_the_installed_plugin_is_the_whole_of_it(installed):
    whole = Plugin.load(PLUGIN)
    assert installed.id == "stash-sense"
    assert installed.manifest == whole.manifest
    assert installed.joined("javascript") == whole.joined("javascript")
    assert installed.joined("css") == whole.joined("css")


def test_nothing_ships_that_is_for_developers(installed):
    names = {path.suffix for path in installed.folder.rglob("*") if path.is_file()}
    assert names == {".yml", ".py", ".js", ".css", ""}


def test_an_installed_stash_sense_has_the_plugin_with_it(tmp_path, installed):
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    plugin = tmp_path / "unpacked" / "stash_sense" / "plugin"
    zipfile.ZipFile(wheel).extractall(tmp_path / "unpacked")
    assert files_below(plugin) == files_below(installed.folder)


def test_the_installed_server_side_runs(installed, stash, sidecar):
    stash.install(installed.folder)
    answer = stash.plugins.run(
        "stash-sense", {"mode": "health"}, {"Scheme": "http", "Host": "127.0.0.1", "Port": stash.own_port}
    )
    assert answer["status"] == "ok"


def test_the_same_files_give_the_same_zip(index, tmp_path):
    again = make(tmp_path)
    assert again.read_bytes() == index.read_bytes()
    assert (tmp_path / "stash-sense.zip").read_bytes() == (index.parent / "stash-sense.zip").read_bytes()


def test_the_date_is_that_of_the_last_commit_in_utc(tmp_path):
    (tmp_path / "plugin").mkdir()
    (tmp_path / "plugin" / "x").touch()
    moment = "2026-01-02T03:04:05+09:00"
    who = {f"GIT_{role}_{what}": "a@b" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    there = {**os.environ, **who, "GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment}
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", *command], cwd=tmp_path, env=there, check=True)
    last_change = runpy.run_path(str(ROOT / "packaging" / "plugin_source.py"))["last_change"]
    assert last_change(tmp_path) == datetime(2026, 1, 1, 18, 4, 5, tzinfo=UTC)


def test_a_changed_zip_is_refused(tmp_path):
    index = make(tmp_path / "source")
    with (index.parent / "stash-sense.zip").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ValueError, match="checksum"):
        install_from(index, "stash-sense", tmp_path / "plugins")


@pytest.mark.parametrize(("kind", "ending"), [("javascript", "*.js"), ("css", "*.css")])
def test_what_is_shipped_is_what_the_manifest_lists(kind, ending, installed):
    listed = set(getattr(Plugin.load(PLUGIN).manifest.ui, kind))
    assert listed == {path.relative_to(PLUGIN).as_posix() for path in PLUGIN.rglob(ending)}
    assert listed == {
        path.relative_to(installed.folder).as_posix() for path in installed.folder.rglob(ending)
    }


def test_an_unknown_key_stops_the_plugin(tmp_path):
    text = (PLUGIN / "stash-sense.yml").read_text()
    (tmp_path / "stash-sense.yml").write_text(text + "author: somebody\n")
    with pytest.raises(ValidationError, match="author"):
        Plugin.load(tmp_path)
