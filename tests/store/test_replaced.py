"""A state file deleted, moved or replaced while it is open: nothing is acknowledged that would be lost."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stash_sense.errors import StateReplaced
from stash_sense.store import connection
from stash_sense.store.database import RecommendationsDB


def delete(path: Path) -> None:
    path.unlink()


def delete_with_its_log(path: Path) -> None:
    for each in path.parent.glob(f"{path.name}*"):
        each.unlink()


def delete_the_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def move(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))


def replace(path: Path) -> None:
    other = path.with_name("other.db")
    shutil.copy(path, other)
    other.replace(path)


@pytest.fixture
def state(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    with RecommendationsDB(folder / "stash_sense.db") as opened:
        yield opened


@pytest.mark.parametrize("harm", [delete, delete_with_its_log, delete_the_folder, move, replace])
def test_a_write_is_refused_not_lost(state, face: Any, result: Any, harm: Callable[[Path], None]) -> None:
    (face_id,) = state.store_image_result(result("1", face(0.1, "anna"))).face_ids
    harm(state.path)
    with pytest.raises(StateReplaced, match="Stop Stash Sense, put the file back or restore") as raised:
        state.decide(face_id, "confirmed", "anna")
    assert raised.value.code == "state-replaced"
    for write in (
        lambda: state.journal_begin("image", ["1"], "7"),
        lambda: state.store_image_result(result("2", face(0.1, "anna"))),
        lambda: state.delete_image("1"),
    ):
        with pytest.raises(StateReplaced):
            write()


def test_a_write_whose_log_is_gone_is_refused(state, face: Any, result: Any) -> None:
    (face_id,) = state.store_image_result(result("1", face(0.1, "anna"))).face_ids
    Path(f"{state.path}-wal").unlink()
    with pytest.raises(StateReplaced):
        state.decide(face_id, "confirmed", "anna")


def test_a_file_that_is_put_back_takes_writes_again(state, face: Any, result: Any) -> None:
    (face_id,) = state.store_image_result(result("1", face(0.1, "anna"))).face_ids
    away = state.path.with_name("away.db")
    state.path.rename(away)
    with pytest.raises(StateReplaced, match="deleted or moved"):
        state.check_file()
    away.rename(state.path)
    state.check_file()
    state.decide(face_id, "confirmed", "anna")
    with RecommendationsDB(state.path) as again:
        assert [each.decision.kind for each in again.list_decisions()] == ["confirmed"]


def test_idle_connections_are_bounded(state) -> None:
    pool = state._pool
    opened = [pool.connection() for _ in range(12)]
    for each in opened:
        each.__enter__()
    for each in opened:
        each.__exit__(None, None, None)
    assert len(pool._idle) == connection._MAX_IDLE
