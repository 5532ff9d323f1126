"""POST /database/rollback: the version before, in use at once, while running work keeps its own."""

import pytest
from filelock import FileLock

from stash_sense.facedb.writer import LOCK
from stash_sense.runtime.from_settings import database_dir

from .databases import write_version
from .test_failures import problem


@pytest.fixture(scope="module")
def served(serve, settings_with):
    with serve(settings_with()) as served:
        yield served


@pytest.fixture
def place(served):
    return database_dir(served.sidecar.settings)


def info(served):
    return served.client.get("/database/info").json()


def test_with_one_version_there_is_none_to_go_back_to(served):
    problem(served.client.post("/database/rollback"), 409, "refused")


def test_it_is_in_use_at_once_and_again_goes_forward(served, place):
    first = info(served)
    newer = write_version(place, ["Joe Biden"])
    answer = served.client.post("/database/rollback").json()
    assert answer == {
        "from": newer,
        "to": first["version"],
        "forward": False,
        "people": 3,
        "faces": 3,
        "built_at": first["built_at"],
    }
    assert info(served)["version"] == first["version"]
    answer = served.client.post("/database/rollback").json()
    assert (answer["to"], answer["forward"], answer["people"]) == (newer, True, 1)
    assert info(served)["people"] == 1


def test_while_a_build_runs_it_is_refused_at_once(served, place):
    write_version(place)
    with FileLock(place / LOCK):
        problem(served.client.post("/database/rollback"), 503, "busy")
