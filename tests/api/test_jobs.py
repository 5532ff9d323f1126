"""Galleries over HTTP, awaited and as jobs: complete, once, and in the open."""

import io

import pytest
from PIL import Image

from stash_sense.recognition import gallery_answer
from waiting import until

from .galleries import begin, ended, fetched, job_of, reached
from .test_failures import problem


def test_a_gallery_awaited(stash_app, stash, gallery, awaited):
    place, images = gallery(12)
    said = awaited(place)
    assert set(said) == {
        *("gallery_id", "total_images", "images_processed", "faces_detected", "performers", "errors"),
        *("error_details", "error_count", "skipped", "not_stored", "unknown", "db_version"),
        "decisions_revision",
    }
    assert (said["gallery_id"], said["total_images"], said["images_processed"]) == (place, 12, 12)
    assert (said["errors"], said["error_count"], said["skipped"], said["not_stored"]) == ([], 0, [], 0)
    assert said["faces_detected"] >= 11
    assert fetched(stash) == dict.fromkeys(images, 1)
    first = said["performers"][0]
    assert set(first) == {
        *("performer_id", "stashdb_id", "stash_ids", "local_id", "name", "best_distance", "avg_distance"),
        *("confidence", "image_count", "image_ids", "country", "image_url", "reference_id", "reason"),
        *("track_ids", "face_ids", "face_image_ids", "face_count", "faces_alone", "confirmed"),
        *("reason_code", "reason_people", "reason_count"),
    }
    assert first["name"] == "Barack Obama"
    assert {one["name"] for one in said["performers"]} == {"Barack Obama", "Joe Biden", "Eileen Collins"}
    for one in said["performers"]:
        assert one["image_count"] == len(one["image_ids"]) == len(set(one["image_ids"]))
        assert one["image_ids"] == [image for image in images if image in one["image_ids"]]
        assert 0 <= one["best_distance"] <= one["avg_distance"] <= 2
        portrait = stash_app.client.get(f"/references/{one['reference_id']}")
        assert portrait.headers["content-type"] == "image/jpeg"
        assert one["confidence"] == pytest.approx(max(0, 1 - one["best_distance"]), abs=1e-3)
        assert one["reason_people"][0]["confidence"] == one["confidence"]
    order = [(-one["image_count"], one["best_distance"]) for one in said["performers"]]
    assert order == sorted(order)
    for image in images:
        assert stash_app.store.get_image_fingerprint(image)["gallery_id"] == place


def test_a_job_says_how_far_it_is_and_ends_as_the_awaited_one(
    stash_app, stash, gallery, awaited, hold, monkeypatch
):
    monkeypatch.setattr(gallery_answer, "LEAST_PAUSE_S", 0.1)
    monkeypatch.setattr(gallery_answer, "_SHARE", 1)  # on a busy machine working it out takes long
    place, images = gallery(18)
    gates = hold(images[6:12]), hold(images[12:])
    job_id = begin(stash_app.client, place)
    seen = [reached(stash_app.client, job_id, 6)]

    def told():
        seen.append(job_of(stash_app.client, job_id))
        return seen[-1] if (seen[-1]["result"] or {}).get("performers") and seen[-1]["rate"] > 0 else None

    running = until(told)
    assert (running["status"], running["done"], running["total"]) == ("running", 6, 18)
    assert running["eta_s"] > 0
    assert running["people"] > 0
    for done, gate in ((12, gates[0]), (18, gates[1])):
        gate.set()
        seen.append(reached(stash_app.client, job_id, done))
    seen.append(ended(stash_app.client, job_id))
    assert {6, 12, 18} <= {job["done"] for job in seen}
    assert [job["done"] for job in seen] == sorted(job["done"] for job in seen)
    assert [job["faces"] for job in seen] == sorted(job["faces"] for job in seen)
    last = seen[-1]
    assert (last["kind"], last["target"], last["status"]) == ("gallery", f"gallery:{place}", "done")
    assert (last["done"], last["total"], last["error"], last["all_errors"]) == (18, 18, None, [])
    assert last["people"] == len(last["result"]["performers"])
    assert last["faces"] == last["result"]["faces_detected"]
    assert last["created_at"] <= last["started_at"] <= last["ended_at"]
    assert fetched(stash) == dict.fromkeys(images, 1)
    assert awaited(place) == last["result"]
    assert fetched(stash) == dict.fromkeys(images, 1)


def test_asked_again_after_all_were_tagged_nothing_is_fetched(stash, gallery, awaited):
    place, images = gallery(8)
    first = awaited(place)
    performer = stash.library.add_performer("Somebody")
    for image in images:
        tagged = stash.library.images[int(image)]
        tagged.performers.append(performer)
        tagged.updated_at = stash.library.now()
    stash.record.forget()
    assert awaited(place) == first
    assert not fetched(stash)


def test_other_options_are_answered_without_a_fetch(stash, gallery, awaited):
    place, _ = gallery(6)
    awaited(place)
    stash.record.forget()
    assert awaited(place, max_distance=0)["performers"] == []
    assert awaited(place, min_face_confidence=1)["faces_detected"] == 0
    plain = awaited(place, evidence="plain", top_k=1, max_distance=2)
    assert plain["images_processed"] == 6
    assert {one["name"] for one in plain["performers"]} <= {"Barack Obama", "Joe Biden", "Eileen Collins"}
    assert not fetched(stash)


def test_force_fetches_everything_once_more(stash, gallery, awaited):
    place, images = gallery(6)
    first = awaited(place)
    assert awaited(place, force=True) == first
    assert fetched(stash) == dict.fromkeys(images, 2)


def test_an_image_of_a_gallery_serves_the_image_page(stash_app, stash, gallery, awaited):
    place, images = gallery(3)
    awaited(place)
    stash.record.forget()
    said = stash_app.client.post("/identify/image", json={"image_id": images[0]}).json()
    assert (said["reused"], said["face_count"]) == (True, 1)
    assert not fetched(stash)


def test_decisions_count_in_a_gallery(stash_app, stash, gallery, awaited):
    place, images = gallery(6)
    assert any(one["name"] == "Joe Biden" for one in awaited(place)["performers"])
    image = stash_app.client.post("/identify/image", json={"image_id": images[2]}).json()
    asked = {"face_id": image["faces"][0]["face_id"], "performer_id": "Joe Biden", "word": "rejected"}
    assert stash_app.client.post("/decisions", json=asked).status_code == 200
    assert not any(one["name"] == "Joe Biden" for one in awaited(place)["performers"])
    assert set(fetched(stash).values()) == {1}


def test_videos_are_skipped_and_bad_images_are_told(stash_app, stash, gallery, awaited):
    place, images = gallery(4)
    moving = str(stash.library.add_image(galleries=[int(place)], path="/data/x.mp4", video=True))
    broken = str(stash.library.add_image(b"no picture", galleries=[int(place)], path="/data/y.jpg"))
    stash.library.lose_file(int(images[0]))
    said = awaited(place)
    assert (said["total_images"], said["images_processed"]) == (6, 3)
    assert [one["image_id"] for one in said["skipped"]] == [moving]
    assert "video" in said["skipped"][0]["reason"]
    assert {line.split(":")[0] for line in said["errors"]} == {f"Image {images[0]}", f"Image {broken}"}
    assert said["error_count"] == 2
    assert moving not in fetched(stash)
    (job,) = stash_app.client.get("/jobs", params={"target": f"gallery:{place}"}).json()["jobs"]
    assert sorted(job["all_errors"]) == sorted(said["errors"])
    assert (job["done"], job["total"]) == (6, 6)


def test_each_skipped_and_failed_image_has_a_code_and_the_numbers_of_its_sentence(
    stash_app, stash, gallery, awaited
):
    tiny = io.BytesIO()
    Image.new("RGB", (31, 40)).save(tiny, "PNG")
    place, images = gallery(1)
    library = stash.library
    moving = str(library.add_image(galleries=[int(place)], path="/data/x.mp4", video=True))
    small = str(library.add_image(tiny.getvalue(), galleries=[int(place)], path="/data/y.png"))
    library.lose_file(int(images[0]))
    said = awaited(place)
    (skipped,) = said["skipped"]
    assert (skipped["image_id"], skipped["code"], skipped["reason"].partition(" ")[0]) == (
        moving, "not-a-picture", "is",
    )  # fmt: skip
    details = {each["image_id"]: each for each in said["error_details"]}
    assert {image: each["code"] for image, each in details.items()} == {
        images[0]: "no-picture", small: "image-too-small",
    }  # fmt: skip
    assert details[small]["numbers"] == {"width": 31, "height": 40, "least": 32}
    assert [f"Image {each['image_id']}: {each['reason']}" for each in said["error_details"]] == said["errors"]


def test_an_empty_gallery_is_an_answer_of_zeros(stash_app, stash, awaited):
    place = str(stash.library.add_gallery("Nothing"))
    said = awaited(place)
    assert said.pop("db_version") == stash_app.client.get("/database/info").json()["version"]
    assert said == {
        "gallery_id": place, "total_images": 0, "images_processed": 0, "faces_detected": 0, "performers": [],
        "unknown": [], "errors": [], "error_details": [], "error_count": 0, "skipped": [], "not_stored": 0,
        "decisions_revision": "0.0",
    }  # fmt: skip


def test_an_unknown_gallery_is_404_and_a_failed_job(stash_app):
    said = problem(
        stash_app.client.post("/identify/gallery", json={"gallery_id": "424242"}), 404, "not-in-stash"
    )
    assert "424242" in said
    job = ended(stash_app.client, begin(stash_app.client, "424242"))
    assert (job["status"], job["error_code"]) == ("failed", "not-in-stash")
    assert "424242" in job["error"]


@pytest.mark.parametrize("call", ["", "/cancel", "/resume"])
def test_an_unknown_job_is_404(stash_app, call):
    method = "POST" if call else "GET"
    problem(stash_app.client.request(method, f"/jobs/0123456789abcdef{call}"), 404, "no-job")


def test_a_job_that_is_done_is_neither_cancelled_nor_resumed(stash_app, gallery, awaited):
    place, _ = gallery(1)
    awaited(place)
    (job,) = stash_app.client.get("/jobs", params={"target": f"gallery:{place}"}).json()["jobs"]
    assert stash_app.client.post(f"/jobs/{job['job_id']}/cancel").json()["status"] == "done"
    problem(stash_app.client.post(f"/jobs/{job['job_id']}/resume"), 409, "refused")


def test_the_history_is_newest_first_and_of_one_target(stash_app, gallery, awaited):
    (one, _), (two, _) = gallery(1), gallery(1)
    for place in (one, two, one):
        awaited(place)
    newest = stash_app.client.get("/jobs").json()["jobs"][:3]
    assert [job["target"] for job in newest] == [f"gallery:{place}" for place in (one, two, one)]
    of_one = stash_app.client.get("/jobs", params={"target": f"gallery:{one}"}).json()["jobs"]
    assert [job["job_id"] for job in of_one] == [newest[0]["job_id"], newest[2]["job_id"]]
    assert all(job["result"] is None and job["asked"]["gallery_id"] == one for job in of_one)
    assert of_one[0]["asked"].keys() == {"gallery_id", "knobs", "force", "source"}
    assert len(stash_app.client.get("/jobs", params={"limit": 2}).json()["jobs"]) == 2
    assert stash_app.client.get("/jobs", params={"target": "gallery:0"}).json()["jobs"] == []
    for wrong in ({"limit": 0}, {"limit": 501}, {"target": ""}, {"status": "done"}):
        problem(stash_app.client.get("/jobs", params=wrong), 422, "bad-parameter")


def test_a_result_that_the_caller_has_is_not_sent_again(stash_app, gallery, awaited):
    place, _ = gallery(1)
    awaited(place)
    (listed,) = stash_app.client.get("/jobs", params={"target": f"gallery:{place}"}).json()["jobs"]
    assert listed["revision"] is None
    path = f"/jobs/{listed['job_id']}"
    whole = stash_app.client.get(path).json()
    light = stash_app.client.get(path, params={"since": whole["revision"]}).json()
    assert light == {**whole, "result": None}
    assert stash_app.client.get(path, params={"since": "another"}).json() == whole


def test_cleared_jobs_stay_with_their_gallery(stash_app, gallery, awaited):
    place, _ = gallery(1)
    awaited(place)
    assert stash_app.client.delete("/jobs").json()["cleared"] >= 1
    assert stash_app.client.get("/jobs").json() == {"jobs": []}
    assert len(stash_app.client.get("/jobs", params={"target": f"gallery:{place}"}).json()["jobs"]) == 1
    assert stash_app.client.delete("/jobs").json() == {"cleared": 0}
