"""Scenes over HTTP: identified, awaited, decided on, and shown."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from fakes.videos import write_video

from .galleries import ended, job_of

SIDE = 320


@pytest.fixture(scope="session")
def film(samples, tmp_path_factory):
    """Six seconds of one free photo, then four of another: one person enrolled, one not."""
    path = tmp_path_factory.mktemp("videos") / "film.mp4"
    pictures = []
    for name, seconds in (("obama2", 6), ("grace_hopper", 4)):
        with Image.open(samples / "gallery" / f"{name}.jpg") as photo:
            framed = ImageOps.pad(photo.convert("RGB"), (SIDE, SIDE))
        pictures += [np.asarray(framed)[:, :, ::-1]] * (seconds * 5)
    return write_video(path, pictures=pictures, rate=5, gop=5)


@pytest.fixture(scope="module")
def scene(stash, film):
    return str(
        stash.library.add_scene(
            "Film", content=film, path="/videos/elsewhere.mp4", size=(SIDE, SIDE), duration=10.0
        )
    )


def revision(sidecar, scene):
    """That of the decisions on the scene."""
    return sidecar.client.get("/decisions/revision", params={"scene_id": scene}).json()["revision"]


@pytest.fixture(scope="module")
def identified(stash_app, scene):
    """The scene's answer, awaited."""
    answer = stash_app.client.post("/identify/scene", json={"scene_id": scene}, timeout=120)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_answer_has_the_fields_of_the_contract(identified, scene):
    assert {
        "scene_id",
        "duration_s",
        "frames_analyzed",
        "faces_detected",
        "source",
        "errors",
    } <= identified.keys()
    assert (identified["scene_id"], identified["source"]) == (scene, "stream")
    (person,) = identified["persons"]
    assert person["name"] == "Barack Obama"
    assert {"track_id", "reason", "frame_count", "proportion", "best_match", "all_matches"} <= person.keys()
    assert person["verdict"] == "match"
    assert person["spans"][0][0] == 0
    assert 5 <= person["spans"][0][1] <= 7
    (unknown,) = identified["unknown"]
    assert "name" not in unknown
    assert unknown["first_s"] >= 5


def test_asked_again_it_is_answered_at_once_without_a_job(stash_app, stash, scene, identified):
    stash.record.forget()
    again = stash_app.client.post("/identify/scene", json={"scene_id": int(scene)}).json()
    assert again["reused"]
    assert again["persons"] == identified["persons"]
    assert stash.record.counts["stream"] == 0
    assert len(stash_app.client.get("/jobs", params={"target": f"scene:{scene}"}).json()["jobs"]) == 1


def test_a_job_counts_frames(stash_app, scene, identified):
    answer = stash_app.client.post("/jobs/scene", json={"scene_id": scene, "force": True})
    assert answer.status_code == 202
    job = ended(stash_app.client, answer.json()["job_id"], 120)
    assert (job["kind"], job["target"], job["status"]) == ("scene", f"scene:{scene}", "done")
    assert (job["done"], job["total"]) == (job["result"]["frames_analyzed"],) * 2
    assert (job["people"], job["result"]["reused"]) == (1, False)
    assert job_of(stash_app.client, job["job_id"])["result"]["persons"][0]["name"] == "Barack Obama"


def test_the_best_faces_are_shown(stash_app, identified):
    face_id = identified["persons"][0]["best_frame"]["face_id"]
    crop = stash_app.client.get(f"/faces/{face_id}/crop")
    assert (crop.status_code, crop.headers["content-type"]) == (200, "image/jpeg")
    found = stash_app.client.post("/identify", files={"file": crop.content}).json()
    assert found["faces"][0]["matches"][0]["name"] == "Barack Obama"
    gone = stash_app.client.get("/faces/s999999/crop")
    assert (gone.status_code, gone.json()["code"]) == (404, "not-stored")


def test_a_decision_names_a_track_and_is_listed_and_undone(stash_app, scene, identified):
    face_ids = [face["face_id"] for face in identified["unknown"][0]["best_faces"]]
    said = {"face_ids": face_ids, "performer_id": "local:77", "name": "Grace", "word": "confirmed"}
    decided = stash_app.client.post("/decisions/faces", json=said).json()
    assert identified["decisions_revision"] == "0.0" != revision(stash_app, scene)
    assert (len(decided["decision_ids"]), decided["missing"]) == (1, [])
    again = stash_app.client.post("/identify/scene", json={"scene_id": scene}).json()
    assert {person["name"] for person in again["persons"]} == {"Barack Obama", "Grace"}
    assert again["decisions_revision"] == revision(stash_app, scene)
    (listed,) = stash_app.client.get("/decisions", params={"face_id": face_ids[0]}).json()["decisions"]
    assert (listed["scene_id"], listed["image_id"], listed["face_id"]) == (scene, None, face_ids[0])
    assert listed["time_s"] == pytest.approx(identified["unknown"][0]["best_faces"][0]["time_s"], abs=0.01)
    stash_app.client.delete(f"/decisions/{listed['decision_id']}")
    again = stash_app.client.post("/identify/scene", json={"scene_id": scene}).json()
    assert [person["name"] for person in again["persons"]] == ["Barack Obama"]
    assert again["decisions_revision"] == identified["decisions_revision"] == revision(stash_app, scene)


@pytest.mark.parametrize("query", [{}, {"scene_id": "1", "gallery_id": "1"}, {"scene_id": "x"}])
def test_a_revision_is_of_one_gallery_or_one_scene(stash_app, query):
    assert stash_app.client.get("/decisions/revision", params=query).status_code == 422


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"scene_id": "x"}, 422),
        ({"scene_id": "1", "source": "transcode"}, 422),
        ({"scene_id": "1", "max_frames": 0}, 422),
        ({"scene_id": "1", "max_frames": 1001}, 422),
        ({"scene_id": "1", "evidence": "plain"}, 422),
        ({"scene_id": "424242"}, 404),
    ],
)
def test_a_wrong_request_is_refused(stash_app, body, status):
    assert stash_app.client.post("/identify/scene", json=body).status_code == status


def test_a_broken_file_is_a_problem_with_its_own_code(stash_app, stash):
    scene = stash.library.add_scene("Broken", content=b"not a video", path="/videos/broken.mp4", size=(1, 1))
    for _ in range(2):
        answer = stash_app.client.post("/identify/scene", json={"scene_id": scene}, timeout=60)
        assert (answer.status_code, answer.json()["code"]) == (415, "not-a-video"), answer.text


def test_scenes_are_announced_where_they_work(stash_app, app):
    assert "scenes" in stash_app.client.get("/health").json()["features"]
    assert "scenes" not in app.client.get("/health").json()["features"]
