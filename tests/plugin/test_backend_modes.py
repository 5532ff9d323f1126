"""Each mode of the plugin's backend, run as Stash runs it."""

import base64

import pytest

from fakes.sidecar import performer_of, suggestion_of

from .conftest import FACE, JPEG, PERSON

pytestmark = pytest.mark.usefixtures("known")


def test_health(call):
    assert call("health").output["status"] == "ok"


def test_database_info(call):
    assert call("database_info").output["people"] == 3


def test_identify_image(call, sidecar):
    assert call("identify_image", image_id="3").output["faces"] == [FACE]
    assert sidecar.asked[-1] == ("POST", "/identify/image", {"image_id": "3"})


def test_a_number_serves_as_an_id(call, sidecar):
    call("identify_image", image_id=3)
    assert sidecar.asked[-1][2] == {"image_id": "3"}


def test_the_options_are_passed_on(call, sidecar):
    options = {
        "top_k": 3,
        "max_distance": 0.5,
        "min_face_confidence": 0.4,
        "force": True,
        "source": "thumbnail",
    }
    call("identify_image", image_id="3", **options)
    assert sidecar.asked[-1][2] == {"image_id": "3", **options}


def test_identify_gallery(call):
    assert call("identify_gallery", gallery_id="45", evidence="plain").output["performers"] == [PERSON]


def test_a_gallery_is_started_and_asked_after(call):
    job_id = call("start_gallery", gallery_id="45").output["job_id"]
    assert call("job", job_id=job_id).output["status"] == "done"
    (listed,) = call("jobs", target="gallery:45").output["jobs"]
    assert listed["job_id"] == job_id


def test_the_newest_job_comes_whole_where_that_is_asked_for(call):
    call("start_gallery", gallery_id="45")
    (plain,) = call("jobs", target="gallery:45").output["jobs"]
    (whole,) = call("jobs", target="gallery:45", whole=True).output["jobs"]
    assert plain["result"] is None
    assert whole["result"]["performers"] == [PERSON]
    assert call("jobs", target="gallery:46", whole=True).output["jobs"] == []


def test_a_result_that_the_page_has_does_not_come_again(call):
    job_id = call("start_gallery", gallery_id="45").output["job_id"]
    whole = call("job", job_id=job_id).output
    assert whole["result"]["performers"] == [PERSON]
    assert call("job", job_id=job_id, since=whole["revision"]).output == {**whole, "result": None}
    assert call("job", job_id=job_id, since="an/other").output == whole


def test_ended_jobs_are_cleared(call):
    call("start_gallery", gallery_id="45")
    assert call("clear_jobs").output == {"cleared": 1}
    assert call("jobs").output["jobs"] == []
    assert len(call("jobs", target="gallery:45").output["jobs"]) == 1


def test_jobs_without_a_target_are_all_jobs(call):
    call("start_gallery", gallery_id="45")
    assert len(call("jobs").output["jobs"]) == 1


def test_a_job_is_cancelled(call, sidecar):
    sidecar.reached = 0.5
    job_id = call("start_gallery", gallery_id="45").output["job_id"]
    assert call("cancel_job", job_id=job_id).output["status"] == "cancelled"
    assert call("resume_job", job_id=job_id).output["status"] == "running"


def test_building_is_started(call):
    job_id = call("start_database").output["job_id"]
    assert call("job", job_id=job_id).output["kind"] == "database"


def test_building_as_a_task_reports_progress(call, sidecar, monkeypatch):
    monkeypatch.setattr("backend.modes._POLL_S", 0.01)
    sidecar.reached = 0.4
    sidecar.after_looks(2, reached=1.0)
    ran = call("build_database")
    assert ran.output["status"] == "done"
    assert [float(text) for level, text in ran.log if level == "p"] == [0.3333, 0.3333, 1.0]


def test_a_task_that_fails_says_why(call, sidecar):
    sidecar.job_fails = "no performer has a portrait"
    assert call("build_database").error == "Request failed: no performer has a portrait"


def test_a_scene_is_asked_for_and_one_that_is_not_built_says_so(call, sidecar):
    said = call("identify_scene", scene_id="7").error
    assert said.startswith("Identification failed: This does not work yet.")
    sidecar.features.append("scenes")
    sidecar.scenes["7"] = {"persons": []}
    assert call("identify_scene", scene_id=7, top_k=3).output["persons"] == []
    assert sidecar.asked[-1] == ("POST", "/identify/scene", {"scene_id": "7", "top_k": 3})


def test_a_scenes_job_is_started_and_looked_at(call, sidecar):
    sidecar.features.append("scenes")
    sidecar.scenes["7"] = {"persons": []}
    options = {"source": "stream", "max_frames": 60, "force": True, "min_face_confidence": 0.4}
    job_id = call("start_scene", scene_id=7, **options).output["job_id"]
    assert sidecar.asked[-1] == ("POST", "/jobs/scene", {"scene_id": "7", **options})
    assert call("job", job_id=job_id).output["result"]["scene_id"] == "7"


def test_decide_and_undecide(call, sidecar):
    decision = call("decide", face_id="f1", performer_id="local:7", word="rejected").output
    assert [each["word"] for each in sidecar.decisions] == ["rejected"]
    call("undecide", decision_id=decision["decision_id"])
    assert sidecar.decisions == []


def test_decisions_come_page_by_page_of_a_person_a_face_or_a_kind(call, sidecar):
    for number, word in enumerate(["rejected", "confirmed", "rejected"]):
        call("decide", face_id=f"f{number}", performer_id="local:7", word=word, local_id="7")
    for target in ("gallery_id", "scene_id"):
        assert call("decisions_revision", **{target: "5"}).output == {"revision": "3.3"}
    page = call("decisions", limit=2).output
    assert [each["decision_id"] for each in page["decisions"]] == [3, 2]
    rest = call("decisions", before=page["next_before"], word="rejected", performer_id="local:7").output
    assert [(each["decision_id"], each["local_id"]) for each in rest["decisions"]] == [(1, "7")]
    assert [each["word"] for each in call("decisions", face_id="f1").output["decisions"]] == ["confirmed"]


def test_a_face_is_ignored_without_naming_anybody(call, sidecar):
    call("decide", face_id="f1", word="ignored")
    assert sidecar.asked[-1][2] == {"face_id": "f1", "word": "ignored"}


def test_a_decision_names_the_write_that_it_came_with(call, sidecar):
    entry = call("journal_begin", target_type="image", target_ids=["3"], local_id="7").output["entry_id"]
    call("decide", face_id="f1", performer_id="local:7", word="confirmed", entry_id=entry)
    assert sidecar.decisions[-1]["entry_id"] == entry


def test_the_journal_page_by_page(call):
    for _ in range(3):
        call("journal_begin", target_type="gallery", target_ids=["45"], local_id="7")
    page = call("journal", limit=2).output
    assert [each["entry_id"] for each in page["entries"]] == [3, 2]
    rest = call("journal", before=page["next_before"]).output
    assert [each["entry_id"] for each in rest["entries"]] == [1]


def test_tags_of_one_batch_are_noted_as_such(call, sidecar):
    call("journal_begin", target_type="gallery", target_ids=["45"], local_id="7", batch_id="b1")
    assert call("journal").output["entries"][0]["batch_id"] == "b1"


def test_the_journal_from_begin_to_undone(call):
    entry = call("journal_begin", target_type="gallery", target_ids=["45"], local_id="7").output
    assert entry["status"] == "open"
    call("journal_end", entry_id=entry["entry_id"], status="done", added_ids=["45"])
    assert call("undone", entry_id=entry["entry_id"]).output["status"] == "undone"
    assert len(call("journal").output["entries"]) == 1


@pytest.mark.parametrize(("mode", "name"), [("crop", "face_id"), ("reference", "reference_id")])
def test_pictures_come_as_data(call, mode, name):
    output = call(mode, **{name: "f1"}).output
    assert base64.b64decode(output["image"].removeprefix("data:image/jpeg;base64,")) == JPEG


def test_suggestions_are_filtered_and_refused(call, sidecar):
    sidecar.suggestions = [suggestion_of(1, performer_of("Ann", "7"), "image", "3")]
    filters = {"kind": "seen-not-tagged", "performer_id": "local:7", "min_confidence": "0.8", "limit": 5}
    (group,) = call("suggestions", **filters).output["groups"]
    assert [each["suggestion_id"] for each in group["suggestions"]] == [1]
    assert sidecar.asked[-1][1].endswith(
        "?kind=seen-not-tagged&performer_id=local%3A7&min_confidence=0.8&limit=5"
    )
    assert call("dismiss_suggestions", ids=[1]).output == {"dismissed": 1}
    assert call("suggestions").output["total"] == 0


def test_taking_a_tag_off_is_recorded_as_that(call, sidecar):
    call("journal_begin", target_type="image", target_ids=["3"], local_id="7", action="remove")
    assert sidecar.journal[0]["action"] == "remove"


def test_unknown_people_are_listed_and_changed_and_each_change_is_undone(call, sidecar):
    sidecar.clusters = {1: {"faces": ["f1", "f2"]}, 2: {"faces": ["f3"]}}
    assert call("clusters", hidden="false", limit=1).output["total"] == 2
    assert len(call("cluster", cluster_id=1).output["members"]) == 2
    assert call("merge_clusters", cluster_id=1, cluster_ids=[2]).output["face_count"] == 3
    assert call("undo_cluster", cluster_id=1).output == {"undone": "merge"}
    assert call("split_cluster", cluster_id=1, face_ids=["f2"]).output["face_ids"] == ["f2"]
    named = call("name_cluster", cluster_id=2, performer_id="local:7", local_id="7", name="Ann").output
    assert (named["status"], named["name"]) == ("named", "Ann")
    assert call("unname_cluster", cluster_id=2).output["status"] == "open"
    assert call("ignore_cluster", cluster_id=2, ignored=True).output["status"] == "hidden"
    assert "There is no cluster 9" in call("ignore_cluster", cluster_id=9, ignored=True).error
