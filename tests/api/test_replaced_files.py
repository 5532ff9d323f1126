"""Files deleted while the sidecar uses them: calls that write are refused, and /health says what to do."""

import pytest

from waiting import until

from .test_failures import problem


@pytest.fixture
def own(serve, settings_with):
    with serve(settings_with()) as served:
        yield served


def missing(served, part):
    """What /health says of a part."""
    return [each for each in served.client.get("/health").json()["missing"] if each["what"] == part]


def test_a_deleted_state_is_told_and_takes_no_decision(own):
    journal = {"target_type": "image", "target_ids": ["1"], "local_id": "7"}
    assert own.client.post("/journal", json=journal).status_code == 200
    path = own.store.path
    away = path.with_name("away.db")
    path.rename(away)
    detail = problem(own.client.post("/journal", json=journal), 503, "state-replaced")
    assert "put the file back or restore a copy" in detail
    (said,) = until(lambda: missing(own, "state"))
    assert (said["code"], said["detail"]) == ("state-replaced", detail)
    assert "journal" not in own.client.get("/health").json()["features"]
    away.rename(path)
    until(lambda: not missing(own, "state"))
    assert own.client.post("/journal", json=journal).status_code == 200


def test_a_deleted_list_of_jobs_is_told(own):
    own.sidecar.jobs.current._path.unlink()
    (said,) = until(lambda: missing(own, "jobs"))
    assert said["code"] == "state-replaced"
    assert "jobs" not in own.client.get("/health").json()["features"]
