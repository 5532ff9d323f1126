"""`database build --from-stash-box`: from a stash-box that Stash has in its settings."""

import io
import json
import os

import pytest
from click.testing import CliRunner
from PIL import Image

from fakes.stash import StashStandIn, Status
from fakes.stash_box import KEY, StashBoxStandIn
from stash_sense.__main__ import main
from stash_sense.cli import database_versions, stash_box_build
from stash_sense.facedb.database import FaceDatabase
from stash_sense.stashbox.rate import SYSTEM_CLOCK


def picture(colour) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (80, 72), colour).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def box():
    with StashBoxStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def ann(box):
    return box.add_performer("Ann", images=[picture((255, 30, 30)), picture((250, 60, 30))])


@pytest.fixture
def stash(box, ann):
    with StashStandIn() as stand_in:
        stand_in.library.stash_boxes.append((box.endpoint, "My Box", KEY))
        stand_in.library.add_performer("Ann of Stash", stash_ids=[(box.endpoint, ann)])
        yield stand_in


@pytest.fixture
def run(stash, tmp_path, monkeypatch, colours):
    """Runs the command in this process, with a pack that sees colours."""
    for module in (stash_box_build, database_versions):
        monkeypatch.setattr(module, "open_pack", lambda _: colours)
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    environment = {**os.environ, "STASH_URL": stash.url, "STASH_API_KEY": "", "DATA_DIR": str(data)}

    def run(*arguments, answer=None, action="build"):
        command = ["database", action, *arguments]
        done = CliRunner().invoke(main, command, env=environment, input=answer)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    return run


def test_a_box_is_named_as_in_stash_and_the_outcome_is_told(run):
    done = run("--from-stash-box", "my box")
    assert done.exit_code == 0
    assert "Enrolled 1 person with 2 faces (2 photos analysed, 0 already known)." in done.stdout
    assert "1 new, 0 with new pictures." in done.stdout


def test_an_update_brings_the_box_up_to_date_too(run, box, stash):
    run("--from-stash-box", "My Box")
    bea = box.add_performer("Bea", images=[picture((30, 30, 255))])
    stash.library.add_performer("Bea", stash_ids=[(box.endpoint, bea)])
    (update,) = json.loads(run("--json", action="update").stdout)["sources"]
    assert (update["outcome"], update["report"]["people"], update["report"]["added"]) == ("updated", 2, 1)


def test_json_lists_whom_the_box_merged_and_deleted(run, box, stash, ann):
    bea = box.add_performer("Bea")
    stash.library.add_performer("Bea", stash_ids=[(box.endpoint, bea)])
    box.delete(bea)
    box.merge(ann, into=box.add_performer("Ann Lee", images=[picture((255, 30, 30))]))
    report = json.loads(run("--from-stash-box", box.endpoint, "--json").stdout)
    assert (report["people"], report["added"], report["skipped_count"]) == (1, 1, 0)
    assert [person["name"] for person in report["deleted"]] == ["Bea"]
    assert report["merged"] == [{"performer_id": f"127.0.0.1:{ann}", "name": "Ann of Stash", "local_id": "1"}]


def test_the_key_is_in_no_file_and_no_output(run, tmp_path):
    done = run("--from-stash-box", "My Box", "--json")
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert files
    assert all(KEY.encode() not in path.read_bytes() for path in files)
    assert KEY not in done.output


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_a_whole_box_is_not_fetched_without_consent(run, box, answer):
    box.add_performer("Stranger", images=[picture((30, 30, 255))])
    done = run("--from-stash-box", "My Box", "--all", answer=answer)
    assert done.exit_code == 1
    assert "2 people with about 3 pictures" in done.stderr
    assert "120 requests a minute" in done.stderr
    assert box.record.counts == {"graphql": 1, "QueryPerformers": 1}


@pytest.mark.parametrize("consent", [("--yes",), ()])
def test_a_whole_box_is_fetched_once_a_person_agrees(run, box, consent):
    box.add_performer("Stranger", images=[picture((30, 30, 255))])
    done = run("--from-stash-box", "My Box", "--all", *consent, answer="y\n")
    assert done.exit_code == 0, done.output
    assert "Enrolled 2 people with 3 faces" in done.stdout


def test_people_of_the_library_are_in_use_before_the_others_come(run, box, tmp_path):
    box.add_performer("Stranger", images=[picture((30, 30, 255))])
    box.faults.add(Status(401), where=lambda _: box.record.counts["box image"] > 2)
    done = run("--from-stash-box", "My Box", "--all", "--yes")
    assert done.exit_code == 1
    assert "refuses the API key" in done.stderr
    with FaceDatabase.open(tmp_path / "data" / "database") as database:
        assert [database.person(index).name for index in range(database.people)] == ["Ann of Stash"]


def test_a_pause_that_the_box_asks_for_is_told(run, box, monkeypatch):
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    monkeypatch.setattr(SYSTEM_CLOCK, "sleep", sleep, raising=False)
    box.faults.add(Status(429, b"", headers={"Retry-After": "90"}), where="box image", times=1)
    done = run("--from-stash-box", "My Box")
    assert (done.exit_code, slept) == (0, [90])
    assert "asks for fewer requests" in done.stderr


def test_a_box_that_stash_does_not_know_is_said_with_those_it_knows(run):
    done = run("--from-stash-box", "stashdb.org")
    assert done.exit_code == 1
    assert "'stashdb.org' is no stash-box that Stash knows. Stash has these: My Box (http" in done.stderr


def test_an_endpoint_that_is_no_stash_box_is_one_sentence(run, box):
    box.faults.add(Status(404, b'{"message": "Not Found"}', "application/json"))
    done = run("--from-stash-box", "My Box")
    assert done.exit_code == 1
    assert "only stash-boxes" in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("--from-stash-box", "x", "--from-stash"),
        ("--from-stash-box", "x", "--people", "y"),
        ("--from-stash", "--all"),
        ("--from-stash-box", "x", "--yes"),
        ("--from-stash-box", "x", "--report", "page.html"),
        ("--from-stash-box", "x", "--with-images"),
    ],
)
def test_options_that_do_not_go_together_are_a_usage_error(run, box, arguments):
    assert run(*arguments).exit_code == 2
    assert box.record.seen == []


def test_the_limit_that_stash_has_for_the_box_is_told(run, box, stash):
    stash.library.box_limits[box.endpoint] = 30
    done = run("--from-stash-box", "My Box", "--all", answer="n\n")
    assert "30 requests a minute" in done.stderr


@pytest.mark.parametrize("version", ["0.26", "0.28"])
def test_an_older_stash_without_limits_serves_too(run, stash, version):
    stash.version = version
    assert run("--from-stash-box", "My Box").exit_code == 0
