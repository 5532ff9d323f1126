"""The command as a person or a script runs it, on the free samples."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from stash_sense.__main__ import main

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("cli-data")


@pytest.fixture(scope="session")
def stash_sense(data_dir):
    """Runs the real command in a process of its own."""

    def run(*arguments, text=True, **options):
        command = [sys.executable, "-m", "stash_sense", "--data-dir", str(data_dir), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=text, timeout=120, check=False, **options)

    return run


@pytest.fixture(scope="session")
def here(data_dir):
    """Runs the command in this process: for what needs no process of its own."""

    def run(*arguments):
        return CliRunner().invoke(main, ["--data-dir", str(data_dir), *map(str, arguments)])

    return run


@pytest.fixture(scope="session")
def demo(stash_sense, tmp_path_factory):
    """One run over the sample gallery: (process, JSON, HTML)."""
    folder = tmp_path_factory.mktemp("demo")
    done = stash_sense(
        "identify", SAMPLES / "gallery", "--people", SAMPLES / "people",
        "--json", folder / "result.json", "--html", folder / "sheet.html",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads((folder / "result.json").read_text("utf-8"))
    return done, result, (folder / "sheet.html").read_text("utf-8")
