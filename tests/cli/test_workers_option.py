"""`--workers` and `STASH_SENSE_WORKERS` mean the same to every command that analyses pictures."""

import click
import pytest
from click.testing import CliRunner

from stash_sense.__main__ import main
from stash_sense.recognition.analysis import analyze_photos
from stash_sense.runtime.from_settings import worker_count

COMMANDS = [
    ("serve",),
    ("identify", "photo.jpg"),
    ("database", "build"),
    ("models", "calibrate", "--people", "P"),
]


@pytest.fixture
def workers_of(monkeypatch, tmp_path):
    """How many workers a command would use."""

    def run(command, *options, environment=None):
        target = main
        for name in command:
            if not isinstance(target, click.Group):
                break
            target = target.get_command(click.Context(target), name)
        counts = []

        def callback(**_):
            counts.append(worker_count(click.get_current_context().obj))

        monkeypatch.setattr(target, "callback", callback)
        arguments = ["--data-dir", str(tmp_path), *command, *options]
        done = CliRunner().invoke(main, arguments, env={"STASH_SENSE_WORKERS": None, **(environment or {})})
        assert done.exit_code == 0, done.output
        return counts[0]

    return run


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_that_analyses_pictures_heeds_both(command, workers_of, monkeypatch):
    monkeypatch.setattr("stash_sense.runtime.from_settings.usable_cores", lambda: 5)
    assert workers_of(command) == 5
    assert workers_of(command, environment={"STASH_SENSE_WORKERS": "3"}) == 3
    assert workers_of(command, "--workers", "2", environment={"STASH_SENSE_WORKERS": "3"}) == 2
    assert workers_of(command, "--workers", "0", environment={"STASH_SENSE_WORKERS": "3"}) == 5


def test_so_many_workers_read_a_folder(colours, tmp_path, photo, worker_threads):
    seen = []

    class Counting:
        def analyze(self, images, **_):
            seen.append(len(worker_threads()))
            return [[] for _ in images]

    paths = [photo(tmp_path / "1.png")] * 60
    list(analyze_photos(paths, Counting(), min_confidence=0.5, workers=1))
    assert max(seen) == 1
