"""`stash-sense database` and `stash-sense doctor`."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from stash_sense.__main__ import main
from stash_sense.runtime.from_settings import DATABASE

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture
def fresh(tmp_path):
    """Runs the command on an empty data folder, in this process."""

    def run(*arguments):
        return CliRunner().invoke(main, ["--data-dir", str(tmp_path / "data"), *arguments])

    return run


@pytest.fixture
def without_database(data_dir):
    """As before the first build; the models stay."""
    shutil.rmtree(data_dir / DATABASE, ignore_errors=True)


def test_without_a_database_the_message_says_how_to_build_one(fresh):
    done = fresh("database", "info")
    assert done.exit_code == 1
    assert "stash-sense database build --people" in done.stderr


def test_identify_without_people_uses_the_built_database(here):
    assert here("database", "build", "--people", SAMPLES / "people").exit_code == 0
    done = here("identify", SAMPLES / "gallery" / "obama2.jpg", "--json", "-")
    assert json.loads(done.stdout)["performers"][0]["name"] == "Barack Obama"


def test_build_names_who_has_no_face_and_which_photo(here, tmp_path):
    for person, photo in (("Cup", "gallery/coffee.png"), ("Joe", "people/Joe Biden/biden.jpg")):
        (tmp_path / person).mkdir()
        (tmp_path / person / "1.jpg").write_bytes((SAMPLES / photo).read_bytes())
    done = here("database", "build", "--people", tmp_path, "--json")
    report = json.loads(done.stdout)
    assert report["faceless"] == ["Cup"]
    assert [one["why"] for one in report["skipped"]] == ["no face found"]
    assert report["people"] == 1


def test_info_counts_what_was_built(here, without_database):
    here("database", "build", "--people", SAMPLES / "people")
    info = json.loads(here("database", "info", "--json").stdout)
    assert (info["people"], info["faces"], info["pack"]) == (3, 3, "stash-sense-default")


def test_doctor_finds_a_fresh_machine_fit(fresh):
    done = fresh("doctor", "--json")
    findings = {one["what"]: one["state"] for one in json.loads(done.stdout)}
    findings = {what: state for what, state in findings.items() if "Stash" not in what and what != "Plugin"}
    assert done.exit_code == 0
    assert findings.pop("Port") in ("ok", "note")  # another sidecar may run on this machine
    assert findings == {
        "Machine": "ok", "Data folder": "ok", "Models": "ok", "Face database": "note", "Secret": "ok",
    }  # fmt: skip


def test_doctor_names_a_data_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    done = CliRunner().invoke(main, ["--data-dir", str(tmp_path / "file" / "data"), "doctor"])
    assert done.exit_code == 1
    assert "--data-dir" in done.stdout


def test_update_learns_what_is_new_in_a_folder_and_keeps_one_that_is_away(here, without_database, tmp_path):
    people = tmp_path / "people"
    for name, photo in (("Joe Biden", "biden.jpg"),):
        (people / name).mkdir(parents=True)
        (people / name / "1.jpg").write_bytes((SAMPLES / "people" / name / photo).read_bytes())
    here("database", "build", "--people", people)
    (people / "Joe Biden").rename(people / "Joseph Biden")
    (update,) = json.loads(here("database", "update", "--json").stdout)["sources"]
    assert (update["outcome"], update["report"]["people"]) == ("updated", 1)
    people.rename(tmp_path / "away")
    done = here("database", "update")
    assert done.exit_code == 0
    assert "kept" in done.stdout
    assert json.loads(here("database", "info", "--json").stdout)["people"] == 1


def test_rollback_says_from_which_version_to_which(here, without_database):
    here("database", "build", "--people", SAMPLES / "people")
    before = json.loads(here("database", "info", "--json").stdout)["version"]
    here("database", "build", "--people", SAMPLES, "--allow-empty")
    after = json.loads(here("database", "info", "--json").stdout)["version"]
    done = here("database", "rollback")
    assert done.stdout.startswith(f"Back from {after} to {before}: 3 people")
    assert here("database", "rollback").stdout.startswith(f"Forward from {before} to {after}")
