"""The sidecar beside a real Stash: from the performers' portraits to the people of a gallery."""

import json

import httpx
import pytest

from stash_sense.errors import NotInStash, StashRefused
from stash_sense.stash.client import StashClient
from waiting import until

EXPECTED = {
    "Barack Obama": ["obama2.jpg", "obama3.jpg", "obama_partial_face.jpg", "obama_partial_face2.jpg"],
    "Eileen Collins": ["astronaut_mirrored.jpg"],
    "Joe Biden": ["biden_lying.jpg"],
}


@pytest.fixture
async def client(stash_url, key):
    async with StashClient(stash_url, key) as client:
        yield client


def people_of(result, library):
    names = {number: name for name, number in library.images.items()}
    return {
        each["name"]: sorted(names[image] for image in each["image_ids"]) for each in result["performers"]
    }


def test_all_performers_with_a_portrait_are_enrolled(built, library):
    report = json.loads(built)
    assert (report["people"], report["faces"]) == (3, 3)
    assert report["skipped"] == report["quarantined"] == []


def test_a_second_build_looks_at_nothing_anew(built, command):
    report = json.loads(command("database", "build", "--from-stash", "--json"))
    assert (report["embedded"], report["reused"]) == (0, 3)


def test_the_doctor_finds_all_well(built, command):
    checks = json.loads(command("doctor", "--json"))
    assert {each["state"] for each in checks if each["what"] != "Plugin"} == {"ok"}, checks


def test_only_who_has_the_secret_is_answered(sidecar, secret, key):
    if not key:
        pytest.skip("that Stash has no login")
    for wrong in ("", key, secret["Authorization"][:-1]):
        asked = httpx.get(f"{sidecar.base_url}/database/info", headers={"Authorization": wrong}, timeout=60)
        assert asked.status_code == 401, wrong
    assert sidecar.get("/database/info").status_code == 200


def test_an_image_is_identified_and_kept(sidecar, library, counted):
    number = library.images["obama2.jpg"]
    answer = sidecar.post("/identify/image", json={"image_id": number}).json()
    (face,) = answer["faces"]
    (match,) = face["matches"]
    assert (match["name"], match["local_id"]) == ("Barack Obama", library.people["Barack Obama"])
    assert (answer["stored"], face["verdict"]) == (True, "match")
    counted.pictures.clear()
    again = sidecar.post("/identify/image", json={"image_id": number}).json()
    assert (again["reused"], counted.pictures.total()) == (True, 0)
    assert again["faces"] == answer["faces"]
    for path in (f"/faces/{face['face_id']}/crop", f"/references/{match['reference_id']}"):
        picture = sidecar.get(path)
        assert picture.status_code == 200, picture.text
        assert picture.content.startswith(b"\xff\xd8")


def test_the_people_of_the_gallery_are_found_and_asked_again_nothing_is_fetched(sidecar, library, counted):
    answer = sidecar.post("/identify/gallery", json={"gallery_id": library.gallery}).json()
    assert people_of(answer, library) == EXPECTED
    assert {each["name"]: each["local_id"] for each in answer["performers"]} == library.people
    assert (answer["total_images"], answer["images_processed"], answer["error_count"]) == (9, 9, 0)
    counted.pictures.clear()
    assert sidecar.post("/identify/gallery", json={"gallery_id": library.gallery}).json() == answer
    assert counted.pictures.total() == 0


def test_a_job_of_the_gallery_from_scratch_fetches_each_original_once(sidecar, library, counted):
    counted.pictures.clear()
    asked = sidecar.post("/jobs/gallery", json={"gallery_id": library.gallery, "force": True}).json()
    until(lambda: sidecar.get(f"/jobs/{asked['job_id']}").json()["status"] == "done")
    assert people_of(sidecar.get(f"/jobs/{asked['job_id']}").json()["result"], library) == EXPECTED
    assert counted.pictures == {f"/image/{number}/image": 1 for number in library.images.values()}


def test_thumbnails_do_too(sidecar, library, counted):
    counted.pictures.clear()
    body = {"image_id": library.images["obama3.jpg"], "source": "thumbnail", "force": True}
    answer = sidecar.post("/identify/image", json=body).json()
    assert answer["faces"][0]["matches"][0]["name"] == "Barack Obama"
    assert counted.pictures == {f"/image/{body['image_id']}/thumbnail": 1}
    sidecar.post("/identify/image", json={**body, "source": "original"})


def test_what_is_not_there_is_said_to_be(sidecar):
    for path, body in (("image", {"image_id": "999999"}), ("gallery", {"gallery_id": "999999"})):
        answer = sidecar.post(f"/identify/{path}", json=body)
        assert answer.status_code == 404, answer.text


def test_after_all_images_were_tagged_nothing_is_fetched(sidecar, library, counted, ask, tagged):
    before = sidecar.post("/identify/gallery", json={"gallery_id": library.gallery}).json()
    change = "mutation($i: BulkImageUpdateInput!) { bulkImageUpdate(input: $i) { id } }"
    ids, person = list(library.images.values()), library.people["Joe Biden"]
    ask(change, i={"ids": ids, "performer_ids": {"ids": [person], "mode": "ADD"}})
    counted.pictures.clear()
    assert sidecar.post("/identify/gallery", json={"gallery_id": library.gallery}).json() == before
    assert counted.pictures.total() == 0
    ask(change, i={"ids": ids, "performer_ids": {"ids": [person], "mode": "REMOVE"}})
    assert tagged() == (set(), {})


async def test_tags_are_added_and_taken_back(client, library, tagged):
    first, second, _ = library.people.values()
    image, other = library.images["obama2.jpg"], library.images["obama3.jpg"]
    await client.add_performers("image", [image, other], [first])
    await client.add_performers("image", [image], [second, first])
    await client.add_performers("gallery", [library.gallery], [second])
    assert tagged() == ({second}, {image: {first, second}, other: {first}})
    with pytest.raises(NotInStash):
        await client.get_image_by_id("999999")
    await client.remove_performers("image", [image, other], [first])
    assert tagged() == ({second}, {image: {second}})
    await client.remove_performers("image", [image], [second])
    await client.remove_performers("gallery", [library.gallery], [second])
    assert tagged() == (set(), {})


async def test_an_update_with_a_wrong_id_changes_nothing(client, library, tagged):
    person = library.people["Joe Biden"]
    with pytest.raises(StashRefused, match="image with id 999999 not found"):
        await client.add_performers("image", [library.images["obama2.jpg"], "999999"], [person])
    assert tagged() == (set(), {})


async def test_the_gallery_has_its_images_in_the_order_of_the_page(client, library):
    gallery = await client.get_gallery_by_id(library.gallery)
    assert [image.id for image in gallery.images] == [library.images[name] for name in sorted(library.images)]
