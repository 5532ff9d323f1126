"""Going back to the version that the last build replaced, and forward again."""

import json
import shutil

import pytest
from filelock import FileLock

from stash_sense.errors import BadDatabase, Busy, Conflict, NoDatabase
from stash_sense.facedb.database import FaceDatabase, current_version
from stash_sense.facedb.layout import CURRENT, VECTORS
from stash_sense.facedb.versions import ROLLED_BACK, previous_version, roll_back, rolled_back_from
from stash_sense.facedb.writer import LOCK


@pytest.fixture
def two(build, place):
    """Two versions, Anna's and then Berta's: their names."""
    build({"Anna": 1})
    first = current_version(place)
    build({"Berta": 2})
    return first, current_version(place)


def test_it_goes_back_and_called_again_forward(two, place, names):
    first, second = two
    rollback = roll_back(place)
    assert (rollback.before, rollback.after.version, rollback.forward) == (second, first, False)
    assert (names(place), rolled_back_from(place), previous_version(place)) == (["Anna"], second, second)
    rollback = roll_back(place)
    assert (rollback.before, rollback.after.version, rollback.forward) == (first, second, True)
    assert (names(place), rolled_back_from(place), previous_version(place)) == (["Berta"], None, first)


def test_a_build_after_it_keeps_the_version_that_was_in_use(two, place, build, names):
    roll_back(place)
    build({"Clara": 1})
    assert rolled_back_from(place) is None
    roll_back(place)
    assert names(place) == ["Anna"]


def test_what_a_killed_build_left_whole_is_not_where_it_goes(two, place, names):
    shutil.copytree(place / two[1], place / "99991231-235959-ffffff")
    assert roll_back(place).after.version == two[0]
    assert roll_back(place).after.version == two[1]


def test_with_one_version_it_says_that_there_is_none_to_go_back_to(build, place):
    with pytest.raises(NoDatabase, match="none to go back to"):
        roll_back(place)
    build({"Anna": 1})
    with pytest.raises(Conflict, match="only one version of the face database"):
        roll_back(place)
    assert previous_version(place) is None


def test_a_damaged_version_is_not_switched_to(two, place, names):
    (place / two[0] / VECTORS).write_bytes(b"")
    with pytest.raises(BadDatabase, match="not 24 bytes"):
        roll_back(place)
    assert (names(place), rolled_back_from(place)) == (["Berta"], None)


def test_a_version_of_other_networks_is_not_switched_to(two, place, names):
    with pytest.raises(BadDatabase, match="model pack test"):
        roll_back(place, "another")
    assert names(place) == ["Berta"]
    assert roll_back(place, "f1").after.version == two[0]


def test_a_damaged_current_version_is_replaced(two, place, names):
    (place / two[1] / VECTORS).write_bytes(b"")
    assert roll_back(place).after.version == two[0]
    (place / CURRENT).write_bytes(b"\xff../")
    assert roll_back(place).before == ""
    with FaceDatabase.open_version(place / two[0]):
        pass


def test_while_a_build_runs_it_refuses_at_once(two, place):
    with FileLock(place / LOCK), pytest.raises(Busy, match="build is running"):
        roll_back(place)


@pytest.mark.parametrize(
    "note", [b"", b"[]", b"{}", b"\xff", b'{"from": 1, "to": null}', b'{"from": "../x"}']
)
def test_a_damaged_note_of_a_rollback_counts_for_nothing(two, place, note):
    roll_back(place)
    (place / ROLLED_BACK).write_bytes(note)
    assert rolled_back_from(place) is None
    assert roll_back(place).after.version == two[1]


def test_a_kill_before_the_switch_leaves_no_rollback(two, place):
    (place / ROLLED_BACK).write_text(json.dumps({"from": two[1], "to": two[0]}))
    assert rolled_back_from(place) is None
    assert roll_back(place).after.version == two[0]
