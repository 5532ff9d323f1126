"""`stash-sense models` as a person or a script meets it."""

import json
import shutil

import pytest
from click.testing import CliRunner

from stash_sense import errors
from stash_sense.__main__ import main
from stash_sense.models import manifest, prepare

pytestmark = pytest.mark.slow


@pytest.fixture
def run(tmp_path, tiny_pack, monkeypatch):
    """Runs the command on an empty data folder, the community pack being the tiny one."""
    packs = {pack.id: pack for pack in (manifest.load_manifest(manifest.DEFAULT_PACK), tiny_pack)}

    def load(name):
        if name not in packs:
            raise errors.UnknownPack(f"{name}: no such model pack; there are {', '.join(packs)}")
        return packs[name]

    monkeypatch.setattr(manifest, "load_manifest", load)
    monkeypatch.setattr(manifest, "list_packs", lambda: list(packs.values()))

    def invoke(*arguments, data_dir=tmp_path):
        return CliRunner().invoke(main, ["--data-dir", str(data_dir), "models", *arguments])

    return invoke


def test_list_says_which_packs_are_ready(run, real):
    packs = json.loads(run("list", "--json", data_dir=real[0]).stdout)
    assert [(pack["id"], pack["state"]) for pack in packs] == [
        ("stash-sense-default", "ready"),
        ("stash-sense-community", "missing"),
    ]


def test_the_table_says_how_to_get_what_is_missing(run):
    result = run("list")
    assert result.exit_code == 0
    assert "not stated" in result.stdout
    assert "stash-sense models download" in result.stdout


def test_nothing_is_fetched_before_the_licence_is_accepted(run, server):
    result = run("download", "stash-sense-community")
    assert result.exit_code == 2
    assert "NOT STATED" in result.stderr
    assert "--accept-licence" in result.stderr
    assert server.requests == []


def test_download_shows_the_licence_and_makes_the_pack_ready(run):
    result = run("download", "stash-sense-community", "--accept-licence")
    assert result.exit_code == 0, result.output
    assert "NOT STATED" in result.stderr
    assert "never says match" in result.stdout
    assert json.loads(run("list", "--json").stdout)[1]["state"] == "ready"


def test_download_in_json_keeps_the_licence_off_the_output(run):
    result = run("download", "stash-sense-community", "--accept-licence", "--json")
    answer = json.loads(result.stdout)
    assert set(answer["files"]) == {"detector", "facenet", "arcface"}
    assert len(answer["downloaded"]) == 2


def test_the_default_pack_needs_no_licence_and_no_server(run, real, server):
    result = run("download", "stash-sense-default", data_dir=real[0])
    assert result.exit_code == 0
    assert "nothing to download" in result.stdout
    assert server.requests == []


def test_verify_mends_and_ends_well(run, real, tmp_path):
    shutil.copytree(real[0], tmp_path / "data")
    (prepare.pack_folder(manifest.DEFAULT_PACK, tmp_path / "data") / "yunet.onnx").write_bytes(b"broken")
    result = run("verify", "--json", data_dir=tmp_path / "data")
    assert result.exit_code == 0
    outcomes = [check["outcome"] for check in json.loads(result.stdout)["stash-sense-default"]]
    assert outcomes == ["mended", "intact", "intact"]


def test_verify_ends_badly_where_a_file_is_missing(run):
    result = run("verify", "stash-sense-community")
    assert result.exit_code == 1
    assert "missing" in result.stdout


def test_an_error_is_one_sentence(run):
    result = run("verify", "nope")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: nope: no such model pack")
