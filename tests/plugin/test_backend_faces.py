"""Many faces at once on the plugin's server side: what is said of them, and their crops."""

import base64

import pytest

from fakes.sidecar import Problem

from .conftest import JPEG

pytestmark = pytest.mark.usefixtures("known")


def test_the_name_that_comes_with_a_decision_is_passed_on(call, sidecar):
    call("decide", face_id="f1", performer_id="local:7", word="confirmed", name="Ann")
    assert sidecar.asked[-1][2]["name"] == "Ann"


def test_a_face_is_set_apart_without_naming_anybody(call, sidecar):
    call("decide", face_id="f1", word="apart")
    assert sidecar.asked[-1] == ("POST", "/decisions", {"face_id": "f1", "word": "apart"})


def test_faces_are_decided_on_at_once_and_it_is_taken_back_at_once(call, sidecar):
    entry = call("journal_begin", target_type="gallery", target_ids=["45"], local_id="7").output["entry_id"]
    said = {"performer_id": "local:7", "name": "Ann", "word": "confirmed", "entry_id": entry}
    sidecar.unstored = {"f3"}
    output = call("decide_faces", face_ids=["f1", 2, "f3"], **said).output
    assert sidecar.asked[-1] == ("POST", "/decisions/faces", {"face_ids": ["f1", "2", "f3"], **said})
    assert output == {"decision_ids": [1, 2], "missing": ["f3"]}
    assert [each["name"] for each in sidecar.decisions] == ["Ann", "Ann"]
    assert call("undecide_all", decision_ids=[1, "2", 9]).output == {"undone": 2, "missing": [9]}
    assert sidecar.decisions == []


def test_faces_are_ignored_without_naming_anybody(call, sidecar):
    call("decide_faces", face_ids=["f1"], word="ignored")
    assert sidecar.asked[-1][2] == {"face_ids": ["f1"], "word": "ignored"}


def test_faces_of_which_none_is_stored_are_a_failure(call, sidecar):
    sidecar.unstored = {"f1"}
    failure = call("decide_faces", face_ids=["f1"], word="ignored").error
    assert failure == "Request failed: None of these faces is stored. Identify the images again."


def test_what_is_no_decisions_number_is_refused(call, sidecar):
    failure = call("undecide_all", decision_ids=[1, "x"]).error
    assert failure == "Request failed: decision_ids must be whole numbers, not 'x'"
    assert sidecar.asked == []


def test_crops_come_together_and_one_that_cannot_be_had_is_null(call, sidecar):
    sidecar.pictures |= {str(number): JPEG for number in range(20)}
    sidecar.pictures["5"] = b"no picture"
    sidecar.faults["/faces/6/crop"] = Problem(503, "busy", "The state is busy.")
    images = call("crops", face_ids=[*range(20), "gone", "v.1/2"]).output["images"]
    assert [each for each, image in images.items() if image is None] == ["5", "6", "gone"]
    assert base64.b64decode(images["v.1/2"].removeprefix("data:image/jpeg;base64,")) == JPEG
    assert len(sidecar.asked) == 22


def test_four_crops_are_fetched_at_a_time(call, sidecar):
    ids = [f"c{number}" for number in range(8)]
    sidecar.pictures |= dict.fromkeys(ids, JPEG)
    sidecar.faults |= {f"/faces/{each}/crop": 0.5 for each in ids}
    assert None not in call("crops", face_ids=ids).output["images"].values()
    assert sidecar.most_at_once == 4


def test_more_crops_than_a_process_should_fetch_are_refused(call, sidecar):
    failure = call("crops", face_ids=list(range(25))).error
    assert failure == "Request failed: 25 face_ids given; at most 24 accepted"
    assert call("crops", face_ids=["f1", ".."]).error == "Request failed: face_ids must not be '..'"
    assert sidecar.asked == []


def test_a_crop_that_takes_too_long_is_null(hurried, sidecar):
    sidecar.pictures["slow"] = JPEG
    sidecar.faults["/faces/slow/crop"] = 5.0
    images = hurried("crops", face_ids=["f1", "slow"]).output["images"]
    assert (images["f1"] is not None, images["slow"]) == (True, None)
