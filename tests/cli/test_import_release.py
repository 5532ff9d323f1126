"""`stash-sense database import`: what a person sees, and what a script reads."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from fakes.releases import write_voyager_release, zipped
from stash_sense.__main__ import main

IDS = [f"stashdb.org:00000000-0000-4000-8000-00000000000{number}" for number in range(4)]


@pytest.fixture
def release(tmp_path):
    """Write a release for the community pack: whose each face is, by number."""
    count = iter(range(100))

    def write(owners, **manifest):
        people = {IDS[number]: {"name": f"Person {number}"} for number in owners if number is not None}
        ids = [None if number is None else IDS[number] for number in owners]
        vectors = {
            slot: np.random.default_rng(7).standard_normal((len(ids), 512)).astype(np.float32)
            for slot in ("arcface", "facenet")
        }
        return write_voyager_release(tmp_path / f"release-{next(count)}", people, ids, vectors, **manifest)

    return write


@pytest.fixture
def run_database(tmp_path, monkeypatch):
    """Run a command of the group; exit status and output. The first makes the folder private, and says so."""

    def run(*arguments, pack="stash-sense-community"):
        monkeypatch.setenv("STASH_SENSE_PACK", pack)
        command = ["--data-dir", str(tmp_path / "data"), "database", *map(str, arguments)]
        result = CliRunner().invoke(main, command)
        return result.exit_code, " ".join(result.output.split())

    return run


def test_it_says_what_was_imported_and_what_was_not(release, run_database):
    code, output = run_database("import", zipped(release([0, 1, None, 0])))
    assert code == 0, output
    assert "Imported stash-sense-data 1: 2 people with 3 faces (2 new, 0 updated, 0 gone)" in output
    assert "Not taken: 1 faces of nobody." in output
    assert "public:stash-sense-data" in run_database("info")[1]


def test_again_it_says_so(release, run_database):
    path = release([0, 1])
    run_database("import", path)
    assert "stash-sense-data 1 is imported already: 2 people with 2 faces" in run_database("import", path)[1]


def test_those_who_are_gone_are_named(release, run_database):
    run_database("import", release([0, 1, 2]))
    output = run_database("import", release([0, 2], version="2"))[1]
    assert "No longer in the release: Person 1." in output


def test_json_is_for_scripts(release, run_database):
    run_database("import", release([0]))
    delta = release([1], version="2", base="1", removed=[IDS[0]])
    code, output = run_database("import", delta, "--json")
    report = json.loads(output)
    assert code == 0
    assert (report["release"], report["base"], report["gone"]) == ("stash-sense-data 2", "1", ["Person 0"])
    assert (report["people"], report["faces"], report["added"], report["changed"]) == (1, 1, 1, True)


def test_the_pack_in_use_must_be_that_of_the_release(release, run_database):
    code, output = run_database("import", release([0]), pack="stash-sense-default")
    assert code == 1
    assert "facenet512+arcface, which the model pack stash-sense-default in use does not have" in output
    assert run_database("info")[0] == 1


def test_a_release_is_taken_out_like_any_source(release, run_database):
    run_database("import", release([0, 1]))
    code, output = run_database("remove-source", "public:stash-sense-data")
    assert code == 0, output
    assert '"people": 0' in run_database("info", "--json")[1]
