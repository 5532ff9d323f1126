"""`stash-sense database delete-person` and `export-person`: what a person sees, and what a script reads."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from stash_sense.__main__ import main
from stash_sense.domain.identity import Person
from stash_sense.facedb.layout import Photo, Reference, Slot
from stash_sense.facedb.writer import DatabaseWriter


@pytest.fixture
def folder(tmp_path):
    slots = [Slot(name="arcface", dimension=2)]
    with DatabaseWriter(tmp_path / "database", pack="p", pack_fingerprint="f", slots=slots) as writer:
        for key, name in (("a", "Jane Testperson"), ("b", "Twin"), ("c", "Twin")):
            vectors = np.ones((1, 2), np.float32)
            writer.add_person(Person(key, name), [Reference(f"/p/{key}.jpg", (0, 0, 1, 1), 1.0)], vectors)
            writer.add_photo(Photo(f"/p/{key}.jpg", "s", key))
        writer.commit(["/p"])
    run(tmp_path, "info")  # which makes the folder private, and says so
    return tmp_path


def run(folder, *arguments, answer=""):
    command = ["--data-dir", str(folder), "database", *arguments]
    result = CliRunner().invoke(main, command, input=answer)
    return result.exit_code, " ".join(result.output.split())


def test_it_asks_first_and_no_changes_nothing(folder):
    code, output = run(folder, "delete-person", "Jane Testperson", answer="n\n")
    assert code == 1
    assert "Delete Jane Testperson (a; 1 reference face) for good" in output
    assert run(folder, "info", "--json")[1].count('"people": 3') == 1


def test_yes_deletes_and_says_what_and_what_cannot_be(folder):
    code, output = run(folder, "delete-person", "a", "--yes")
    assert code == 0
    assert "Deleted: 1 reference face, 1 listed photo" in output
    assert "\ufffd" not in output
    assert "--undo" in output
    assert "Not removed" in output
    assert "journal" in output
    assert run(folder, "info", "--json")[1].count('"people": 2') == 1


def test_a_name_of_two_is_refused_with_their_keys(folder):
    code, output = run(folder, "delete-person", "Twin", "--yes")
    assert code == 1
    assert "b (Twin), c (Twin)" in output


def test_the_list_and_the_way_back(folder):
    assert run(folder, "delete-person", "--list") == (0, "Nobody has been deleted.")
    run(folder, "delete-person", "a", "--yes")
    (entry,) = json.loads(run(folder, "delete-person", "--list", "--json")[1])
    assert entry["entry_id"] in run(folder, "delete-person", "--list")[1]
    code, output = run(folder, "delete-person", "--undo", "Jane Testperson")
    assert (code, output) == (0, f"{entry['entry_id']}: can be enrolled again.")
    assert run(folder, "delete-person", "--list") == (0, "Nobody has been deleted.")


def test_an_export_is_written_before(folder, tmp_path):
    code, output = run(folder, "export-person", "a", str(tmp_path / "jane.zip"))
    assert code == 0
    assert (tmp_path / "jane.zip").stat().st_size > 0
    assert "about Jane Testperson" in output


@pytest.mark.parametrize("arguments", [(), ("a", "--list"), ("--list", "--undo", "x")])
def test_exactly_one_thing_to_do_is_accepted(folder, arguments):
    assert run(folder, "delete-person", *arguments)[0] == 2
