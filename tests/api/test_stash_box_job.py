"""POST /jobs/database with a stash-box: its pictures of Stash's performers become part of the database."""

import pytest

from fakes.stash import StashStandIn
from fakes.stash_box import KEY, StashBoxStandIn

from .galleries import WAITS, ended
from .test_failures import problem


def portrait(samples, name):
    return min((samples / "people" / name).iterdir()).read_bytes()


@pytest.fixture
def box():
    with StashBoxStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def stash(samples, box):
    """A performer whom the box knows, with another picture than Stash has."""
    obama = box.add_performer("Barack Obama", images=[portrait(samples, "Barack Obama")])
    with StashStandIn() as stand_in:
        stand_in.library.stash_boxes.append((box.endpoint, "Box", KEY))
        stand_in.library.add_performer(
            "B. Obama", image=portrait(samples, "Joe Biden"), stash_ids=[(box.endpoint, obama)]
        )
        yield stand_in


@pytest.fixture
def served(serve, settings_with, stash, without_database):
    with serve(settings_with(DATA_DIR=without_database, STASH_URL=stash.url), **WAITS) as served:
        yield served


def run(served, path="/jobs/database", **asked):
    answer = served.client.post(path, json=asked)
    assert answer.status_code == 202, answer.text
    return ended(served.client, answer.json()["job_id"])


def test_a_build_from_a_box_is_in_use_at_once_and_updates_include_it(served, box):
    job = run(served, source="stash-box", endpoint=box.endpoint)
    assert (job["status"], job["result"]["people"], job["result"]["added"]) == ("done", 1, 1)
    assert (job["done"], job["total"], job["people"], job["faces"]) == (1, 1, 1, 1)
    assert served.client.get("/database/info").json()["sources"] == ["stash-box:127.0.0.1"]
    (update,) = run(served, path="/database/update")["result"]["sources"]
    assert (update["source"], update["outcome"]) == ("stash-box:127.0.0.1", "updated")
    assert update["report"]["embedded"] == 0


def test_a_box_that_stash_does_not_have_fails_with_its_name(served):
    job = run(served, source="stash-box", endpoint="https://stashdb.org/graphql")
    assert (job["status"], job["error_code"]) == ("failed", "no-stash-box")


@pytest.mark.parametrize("asked", [{"source": "stash-box"}, {"endpoint": "https://stashdb.org/graphql"}])
def test_an_endpoint_goes_with_the_source_and_only_with_it(served, asked):
    problem(served.client.post("/jobs/database", json=asked), 422, "bad-parameter")
