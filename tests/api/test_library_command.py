"""`stash-sense library` against a sidecar that serves, and what it prints of a job."""

import json

import pytest
from click.testing import CliRunner

from fakes.ports import free_port
from stash_sense.__main__ import main
from stash_sense.cli import library as command
from waiting import until

from .galleries import WAITS, ended, job_of, varied_photos


@pytest.fixture
def served(serve, settings_with, stash, samples):
    """A sidecar beside a Stash of four images, one of which is damaged."""
    for kind in ("images", "galleries", "scenes"):
        getattr(stash.library, kind).clear()
    for photo in (*varied_photos(samples, 3, 77), b"\xff\xd8\xff\xe0 broken"):
        stash.library.add_image(photo)
    with serve(settings_with(STASH_URL=stash.url), **WAITS) as served:
        yield served


@pytest.fixture
def library(served, monkeypatch):
    """Runs the command: (exit status, output, error stream)."""
    monkeypatch.setenv("STASH_URL", "")

    def library(*arguments, port=served.port):
        environment = {"DATA_DIR": str(served.sidecar.settings.data_dir), "STASH_SENSE_PORT": str(port)}
        done = CliRunner().invoke(main, ["library", *arguments], env=environment)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    library("status")  # the first command closes the folder to other users, and says so
    return library


def test_waited_for_it_shows_what_was_identified_and_each_kind_of_error_once(library):
    status, output, errors = library("run", "--wait")
    assert (status, errors) == (0, "")
    assert "3 images" in output
    assert "4 of 4" in output
    assert output.count("image:") == 1
    assert library("status")[1] == output
    status, output, _ = library("status", "--json")
    job = json.loads(output)
    assert (job["status"], job["result"]["identified"]["images"]) == ("done", 3)
    assert [group["count"] for group in job["result"]["errors"]] == [1]


def test_paused_it_says_how_to_go_on_and_resumed_it_does(library, served, stash, hold):
    go = hold({str(each) for each in stash.library.images})
    status, output, _ = library("run", "--json")
    job_id = json.loads(output)["job_id"]
    assert json.loads(library("run", "--json")[1]) == {"job_id": job_id}
    until(lambda: job_of(served.client, job_id)["status"] == "running")
    status, output, _ = library("pause")
    assert (status, "stash-sense library resume" in output) == (0, True)
    assert json.loads(library("status", "--json")[1])["paused"]
    go.set()
    assert json.loads(library("resume", "--json")[1])["paused"] is False
    assert ended(served.client, job_id)["status"] == "done"
    status, _, errors = library("resume")
    assert (status, errors.count("\n")) == (1, 1)
    assert "already done" in errors


def test_before_the_first_run_it_says_how_to_start(library):
    for act in ("status", "pause", "resume"):
        status, output, errors = library(act)
        assert (status, output) == (1, "")
        assert "stash-sense library run" in errors


def test_options_become_the_job_that_was_asked_for(library, served):
    options = ["--what", "scenes", "--what", "images", "--path", "/a b", "--tag", "1", "--tag", "2"]
    options += ["--studio", "3", "--not-organized", "--no-performers", "--since", "2026-01-31", "--all"]
    job = json.loads(library("run", *options, "--untagged-first", "--wait", "--json")[1])
    asked = job["asked"]
    assert (asked["what"], asked["only"], asked["order"]) == (["images", "scenes"], "all", "untagged")
    since = asked["filter"].pop("since")
    assert since.startswith("2026-01-31T00:00:00")
    assert asked["filter"] == {
        "path": "/a b",
        "tag_ids": ["1", "2"],
        "studio_ids": ["3"],
        "organized": False,
        "no_performers": True,
    }


@pytest.mark.parametrize(
    "wrong", [("--what", "performers"), ("--since", "yesterday"), ("--path",), ("--nothing",)]
)
def test_wrong_options_are_wrong_usage(library, wrong):
    assert library("run", *wrong)[0] == 2


def test_an_id_that_is_none_is_refused_by_the_sidecar_in_a_sentence(library):
    status, output, errors = library("run", "--tag", "x")
    assert (status, output) == (1, "")
    assert "tag_ids" in errors


def test_without_a_sidecar_it_says_how_to_start_one(library):
    for act in ("run", "status", "pause", "resume"):
        status, output, errors = library(act, port=free_port())
        assert (status, output, errors.count("\n")) == (1, "", 1)
        assert "stash-sense serve" in errors


def test_ctrl_c_ends_the_waiting_and_not_the_job(library, served, stash, hold, monkeypatch):
    hold({str(each) for each in stash.library.images})

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "wait_for_job", interrupted)
    status, _, errors = library("run", "--wait")
    assert (status, "goes on" in errors) == (130, True)
    job = json.loads(library("status", "--json")[1])
    assert job["status"] in ("queued", "running")


def test_in_quiet_hours_it_says_how_long_it_rests(serve, settings_with, stash, monkeypatch):
    settings = settings_with(STASH_URL=stash.url, quiet_hours="00:00-23:59")
    with serve(settings, **WAITS) as served:
        environment = {"DATA_DIR": str(settings.data_dir), "STASH_SENSE_PORT": str(served.port)}
        run = CliRunner().invoke(main, ["library", "run"], env=environment)
        assert (run.exit_code, "library status" in run.stdout) == (0, True)
        status = CliRunner().invoke(main, ["library", "status"], env=environment)
    assert "quiet hours for another" in status.stdout
