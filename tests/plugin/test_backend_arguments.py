"""What the plugin's backend accepts as arguments, and what it says of the rest."""

import pytest

from .conftest import FACE, run_backend

pytestmark = pytest.mark.usefixtures("known")


def test_an_id_stays_one_part_of_the_path(call):
    assert "image" in call("reference", reference_id="v.1/2").output


def test_an_id_leads_to_no_other_path(call, sidecar):
    assert call("cancel_job", job_id="..").error == "Request failed: job_id must not be '..'"
    assert call("cancel_job", job_id="\ud800").error == "Request failed: There is no job ?."


MISSING = [
    ("identify_image", {}, "image_id"),
    ("identify_gallery", {}, "gallery_id"),
    ("identify_scene", {}, "scene_id"),
    ("start_scene", {}, "scene_id"),
    ("start_gallery", {"gallery_id": ""}, "gallery_id"),
    ("job", {}, "job_id"),
    ("cancel_job", {}, "job_id"),
    ("resume_job", {}, "job_id"),
    ("decide", {"performer_id": "a", "word": "ignored"}, "face_id"),
    ("decide", {"face_id": "f1", "word": "confirmed"}, "performer_id"),
    ("decide_faces", {"face_ids": [], "word": "ignored"}, "face_ids"),
    ("decide_faces", {"face_ids": ["f1"]}, "word"),
    ("decide_faces", {"face_ids": ["f1"], "word": "rejected"}, "performer_id"),
    ("undecide", {}, "decision_id"),
    ("undecide_all", {}, "decision_ids"),
    ("journal_begin", {"target_type": "image", "local_id": "1"}, "target_ids"),
    ("journal_end", {"status": "done", "added_ids": []}, "entry_id"),
    ("undone", {}, "entry_id"),
    ("crop", {"face_id": None}, "face_id"),
    ("crops", {}, "face_ids"),
    ("reference", {}, "reference_id"),
]


@pytest.mark.parametrize(
    ("mode", "args", "name"), MISSING, ids=[f"{mode}-{name}" for mode, _, name in MISSING]
)
def test_what_is_missing_is_named_and_nobody_is_asked(call, sidecar, stash, mode, args, name):
    stash.record.forget()
    assert call(mode, **args).error == f"No {name} provided"
    assert sidecar.asked == []
    assert stash.record.counts["graphql"] == 0


@pytest.mark.parametrize("value", [["3"], {"id": 3}, True, 1.5])
def test_an_id_of_another_kind_is_refused(call, value):
    assert call("identify_image", image_id=value).error.startswith("Request failed: image_id must be text")


@pytest.mark.parametrize("mode", ["", "run", None, ["health"], "__class__"])
def test_an_unknown_mode_is_named(call, mode):
    assert "unknown mode" in call(mode).error


@pytest.mark.parametrize("stdin", [b"", b"{", b"[]", b"\xff\xfe", b'"x"', b'{"args": []}', b'{"args": 5}'])
def test_whatever_comes_in_one_document_goes_out(stdin):
    assert run_backend(stdin).error.startswith("Request failed")


def test_hostile_texts_arrive_as_they_are(call, sidecar):
    name = "</script><script>\"'\u202e\U0001f600\ud800"
    sidecar.images["3"] = {"faces": [{**FACE, "reason": name}], "face_count": 1}
    assert call("identify_image", image_id="3").output["faces"][0]["reason"] == name
