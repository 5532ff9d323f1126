"""The whole library of a real Stash through HTTP, then whom it suggests, and who is unknown."""

import pytest

from waiting import until


@pytest.fixture(scope="module")
def run_library(sidecar):
    """The job over the library, to its end: what it found."""

    def run_library(**asked):
        job_id = sidecar.post("/jobs/library", json=asked).json()["job_id"]
        until(lambda: sidecar.get(f"/jobs/{job_id}").json()["status"] not in ("queued", "running"))
        job = sidecar.get(f"/jobs/{job_id}").json()
        assert (job["status"], job["done"], job["error"]) == ("done", job["total"], None), job
        return job["result"]

    return run_library


@pytest.fixture(scope="module")
def identified(run_library, library):
    return run_library()


def test_all_images_and_scenes_are_listed_and_none_fails(identified, library):
    assert identified["listed"] == {"images": len(library.images), "scenes": len(library.scenes)}
    assert (identified["errors"], identified["gone"]) == ([], 0)
    assert identified["people"] >= 3


def test_a_second_run_fetches_nothing(identified, run_library, counted):
    counted.pictures.clear()
    again = run_library()
    assert again["listed"] == identified["listed"]
    assert again["identified"] == {"images": 0, "galleries": 0, "scenes": 0}
    assert counted.pictures.total() == 0


@pytest.mark.parametrize(
    ("wanted", "images"),
    [
        ({"no_performers": True}, 9),
        ({"organized": False}, 9),
        ({"organized": True}, 0),
        ({"path": "obama"}, 4),
        ({"since": "2000-01-01T00:00:00Z"}, 9),
        ({"since": "2100-01-01T00:00:00Z"}, 0),
        ({"tag_ids": ["999999"]}, 0),
        ({"studio_ids": ["999999"]}, 0),
    ],
)
def test_stash_understands_each_filter(identified, run_library, wanted, images):
    for order in ("newest", "untagged"):
        result = run_library(what=["images", "scenes"], filter=wanted, order=order)
        assert result["listed"]["images"] == images, (wanted, order)


def test_who_is_seen_and_not_tagged_is_suggested(identified, sidecar, library):
    page = sidecar.get("/suggestions", params={"kind": "seen-not-tagged", "target_type": "image"}).json()
    names = {group["name"]: group["local_id"] for group in page["groups"]}
    assert names == library.people
    images = set(library.images.values())
    for group in page["groups"]:
        assert {each["target_id"] for each in group["suggestions"]} <= images


def test_once_stash_has_the_tag_it_is_suggested_no_more(identified, sidecar, library, ask):
    person, image = library.people["Joe Biden"], library.images["biden_lying.jpg"]
    change = "mutation($i: BulkImageUpdateInput!) { bulkImageUpdate(input: $i) { id } }"

    def suggested():
        query = {"kind": "seen-not-tagged", "target_type": "image"}
        groups = sidecar.get("/suggestions", params=query).json()["groups"]
        return any(group["local_id"] == person for group in groups)

    assert suggested()
    ask(change, i={"ids": [image], "performer_ids": {"ids": [person], "mode": "ADD"}})
    assert not suggested()
    ask(change, i={"ids": [image], "performer_ids": {"ids": [person], "mode": "REMOVE"}})


def test_who_is_unknown_is_put_together_by_itself(identified, sidecar):
    clusters = until(lambda: sidecar.get("/unknown").json()["clusters"])
    assert all(cluster["status"] == "open" and cluster["face_count"] for cluster in clusters)
    members = sidecar.get(f"/unknown/{clusters[0]['cluster_id']}").json()
    assert members["members"]
