"""The hook of Stash on performers: it tells the sidecar, and an edit never fails or waits because of it."""

import pytest
import yaml

from .conftest import PLUGIN

pytestmark = pytest.mark.usefixtures("known")


def test_it_tells_the_sidecar_in_one_call(call, sidecar):
    done = call("performers_changed", hookContext={"id": 7, "type": "Performer.Update.Post", "input": {}})
    assert done.output is None
    assert [(method, path) for method, path, _ in sidecar.asked] == [("POST", "/database/stale")]


def test_a_sidecar_that_is_away_is_no_failure_and_nothing_in_the_log_of_errors(call, sidecar):
    sidecar.down()
    done = call("performers_changed")
    assert done.output is None
    assert not [line for line in done.log if line[0] in "ew"]


def test_it_is_declared_for_what_stash_tells_of():
    (hook,) = yaml.safe_load((PLUGIN / "stash-sense.yml").read_text("utf-8"))["hooks"]
    assert hook["defaultArgs"] == {"mode": "performers_changed"}
    assert set(hook["triggeredBy"]) == {f"Performer.{what}.Post" for what in ("Create", "Update", "Destroy")}
