"""`database build --from-stash` and doctor's Stash checks, against the stand-in, with the real pack."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from fakes.ports import free_port
from fakes.stash import Hold, StashStandIn, Status
from stash_sense.__main__ import main
from waiting import PATIENCE_S, until

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parents[2] / "samples"
STASHDB = "https://stashdb.org/graphql"
OBAMA = "50459d16-787c-47c9-8ce9-a4cac9404324"
KEY = "key-of-stash-0123456789"


class Ran(NamedTuple):
    """What a run of the command left."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def stash():
    """Three performers with portraits, one with a picture of a cup, one with a placeholder."""
    with StashStandIn(api_key=KEY) as stand_in:
        library = stand_in.library
        library.stash_boxes.append((STASHDB, "StashDB", "k"))
        library.add_performer(
            "Barack Obama",
            image=SAMPLES / "people" / "Barack Obama" / "obama.jpg",
            stash_ids=[(STASHDB, OBAMA)],
            country="US",
        )
        library.add_performer("Joe Biden", image=SAMPLES / "people" / "Joe Biden" / "biden.jpg")
        library.add_performer("Eileen Collins", image=SAMPLES / "people" / "Eileen Collins" / "astronaut.png")
        library.add_performer("Cup", image=SAMPLES / "gallery" / "coffee.png")
        library.add_performer("Nobody")
        for name in ("obama2.jpg", "obama3.jpg"):
            library.add_image(SAMPLES / "gallery" / name, performers=[1])
        yield stand_in


@pytest.fixture
def environment(stash, tmp_path, pack_dir, pack):
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (data / "models").symlink_to(pack_dir / "models")
    ours = {"STASH_URL": stash.url, "STASH_API_KEY": KEY, "DATA_DIR": str(data)}
    return {**os.environ, **ours, "STASH_SENSE_PORT": str(free_port())}


@pytest.fixture
def run(environment, tmp_path, monkeypatch):
    """Runs the command in this process: (its exit status, output, complaint)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, **changed):
        done = CliRunner().invoke(main, [*map(str, arguments)], env={**environment, **changed})
        assert done.exception is None or isinstance(done.exception, SystemExit)
        return Ran(done.exit_code, done.stdout, done.stderr)

    return run


@pytest.fixture
def run_process(environment, tmp_path):
    """The same in a process of its own, as a person runs it."""

    def run(*arguments, **changed):
        return subprocess.run(
            [sys.executable, "-m", "stash_sense", *map(str, arguments)],
            env={**environment, **changed}, cwd=tmp_path,
            capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip

    return run


def test_performers_are_enrolled_and_recognised(run_process):
    done = run_process("database", "build", "--from-stash", "--json")
    report = json.loads(done.stdout)
    assert (report["people"], report["faces"], report["embedded"]) == (3, 3, 4)
    assert (report["without_portrait"], report["not_enrolled"]) == (1, 1)
    assert [(one["name"], one["why"]) for one in report["skipped"]] == [("Cup", "no face found")]
    seen = json.loads(run_process("identify", SAMPLES / "gallery" / "obama2.jpg", "--json", "-").stdout)
    assert seen["performers"][0]["performer_id"] == f"stashdb.org:{OBAMA}"


def test_the_table_names_who_was_left_out_and_what_to_do(run):
    said = run("database", "build", "--from-stash").stdout
    assert "Enrolled 3 people with 3 faces (4 photos analysed, 0 already known)" in said
    assert "1 performer without a portrait in Stash" in said
    assert "\n\nSkipped. Give them another portrait in Stash" in said
    assert "no face found" in said


def test_images_add_references(run):
    report = json.loads(run("database", "build", "--from-stash", "--with-images", "--json").stdout)
    assert (report["people"], report["faces"]) == (3, 5)


def test_a_wrong_tag_is_set_aside(run, stash):
    stash.library.add_image(SAMPLES / "gallery" / "biden_lying.jpg", performers=[1])
    report = json.loads(run("database", "build", "--from-stash", "--with-images", "--json").stdout)
    assert [(one["name"], one["picture"]) for one in report["quarantined"]] == [("Barack Obama", "image/3")]
    assert "more like Joe Biden" in report["quarantined"][0]["why"]


def test_the_second_build_looks_at_nothing(run, stash):
    run("database", "build", "--from-stash", "--with-images")
    stash.record.forget()
    report = json.loads(run("database", "build", "--from-stash", "--with-images", "--json").stdout)
    assert (report["embedded"], report["reused"]) == (0, 6)
    assert stash.record.counts["portrait"] == stash.record.counts["original"] == 0


def test_info_tells_the_source(run):
    run("database", "build", "--from-stash")
    assert json.loads(run("database", "info", "--json").stdout)["sources"] == ["stash"]


def test_without_stash_the_error_is_one_sentence_and_the_old_database_stays(run, run_process):
    run("database", "build", "--from-stash")
    before = run("database", "info", "--json").stdout
    done = run("database", "build", "--from-stash", STASH_URL="not-a-scheme://x")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    done = run("database", "build", "--from-stash", STASH_API_KEY="not-the-key-123")
    assert done.returncode == 1
    assert "refused the API key" in done.stderr
    assert "not-the-key-123" not in done.stderr
    done = run_process("database", "build", "--from-stash", STASH_URL="http://127.0.0.1:9")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "Stash cannot be reached" in done.stderr
    assert "Waiting" not in done.stderr  # an address that is wrong from the first is not waited for
    assert run("database", "info", "--json").stdout == before


@pytest.mark.parametrize(
    "arguments", [(), ("--from-stash", "--people", "x"), ("--people", "x", "--with-images")]
)
def test_one_source_must_be_named(run, arguments):
    done = run("database", "build", *arguments)
    assert done.returncode == 2
    assert "--from-stash" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_broken_off_at_any_moment_the_old_database_is_whole_and_little_is_done_again(
    run, stash, environment, tmp_path, number
):
    run("database", "build", "--from-stash")
    before = json.loads(run("database", "info", "--json").stdout)
    photos = sorted((SAMPLES / "gallery").glob("obama*.jpg"))
    added = [
        stash.library.add_performer(f"P{place}", image=photos[place % len(photos)]) for place in range(16)
    ]
    late = {f"/performer/{number}/image" for number in added[-6:]}
    go = threading.Event()
    stash.faults.add(Hold(go), where=lambda seen: seen.path in late)
    process = subprocess.Popen(
        [sys.executable, "-m", "stash_sense", "database", "build", "--from-stash"],
        env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(lambda: process.poll() is not None or looked_at(environment) > 5)
    process.send_signal(number)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
    assert "Traceback" not in said
    assert json.loads(run("database", "info", "--json").stdout) == before
    stash.faults.clear()
    report = json.loads(run("database", "build", "--from-stash", "--json").stdout)
    assert report["people"] == 19
    assert report["embedded"] <= 16 - 5
    assert report["embedded"] + report["reused"] == 20


def looked_at(environment):
    """How many photos a build has written down so far."""
    spools = Path(environment["DATA_DIR"]).glob("database/.looked-at-*")
    return sum(len(re.findall(rb"face..\0\0", spool.read_bytes(), re.DOTALL)) for spool in spools)


class TestDoctor:
    @pytest.fixture
    def findings(self, run):
        """What -> (state, said) of the doctor, and its exit status."""

        def findings(**changed):
            done = run("doctor", "--json", **changed)
            assert "Traceback" not in done.stderr
            return {
                one["what"]: (one["state"], one["said"]) for one in json.loads(done.stdout)
            }, done.returncode

        return findings

    def test_a_stash_that_is_fine(self, findings, stash):
        stash.library.installed["stash-sense"] = ("0.1.0", True)
        found, status = findings()
        assert status == 0
        checks = ("Stash", "Stash's version", "Stash's state", "Stash's pictures", "Plugin")
        assert [found[what][0] for what in checks] == ["ok"] * 5
        assert "0.30" in found["Stash's version"][1]

    @pytest.mark.parametrize(("key", "words"), [("wrong", "refused the API key"), ("", "no API key is set")])
    def test_a_wrong_or_missing_key(self, findings, key, words):
        found, status = findings(STASH_API_KEY=key)
        assert status == 1
        assert found["Stash"][0] == "fault"
        assert words in found["Stash"][1]
        assert "Settings, Security" in found["Stash"][1]

    def test_a_key_for_a_stash_without_a_login(self, findings, stash):
        stash.api_key = "another"
        assert findings()[0]["Stash"][0] == "fault"

    def test_nobody_there(self, findings, stash):
        stash.down()
        found, status = findings()
        assert status == 1
        assert "STASH_URL" in found["Stash"][1]

    def test_a_stash_that_is_not_wanted(self, findings):
        found, status = findings(STASH_URL="")
        assert (status, found["Stash"][0]) == (0, "note")

    def test_another_server_there(self, findings, stash):
        stash.faults.add(Status(200, b"<p>router</p>", "text/html"), where="graphql")
        found, _ = findings()
        assert "not Stash" in found["Stash"][1]

    def test_the_database_and_its_age(self, findings, run, environment):
        run("database", "build", "--from-stash")
        assert findings()[0]["Face database"][0] == "ok"
        (manifest,) = Path(environment["DATA_DIR"]).glob("database/*/manifest.json")
        old = json.loads(manifest.read_text()) | {"built_at": "2020-01-02T03:04:05+00:00"}
        manifest.write_text(json.dumps(old))
        state, said = findings()[0]["Face database"]
        assert state == "note"
        assert "--from-stash" in said
