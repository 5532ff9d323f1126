"""Ids of Stash as scripts write them."""


def test_an_id_with_zeros_before_it_is_the_same_gallery_and_image(stash_app, stash, samples):
    gallery = stash.library.add_gallery("Zeros")
    image = stash.library.add_image(samples / "gallery" / "obama2.jpg", galleries=[gallery])
    answer = stash_app.client.post("/identify/gallery", json={"gallery_id": f"000{gallery}"}).json()
    assert answer["gallery_id"] == str(gallery)
    jobs = stash_app.client.get("/jobs", params={"target": f"gallery:{gallery}"}).json()["jobs"]
    assert [job["asked"]["gallery_id"] for job in jobs] == [str(gallery)]
    found = stash_app.client.post("/identify/image", json={"image_id": f"00{image}"}).json()
    assert (found["image_id"], found["reused"]) == (str(image), True)


def test_a_gallery_that_is_not_there_claims_nothing_found(stash_app):
    said = stash_app.client.post("/identify/gallery", json={"gallery_id": 987654}).json()
    assert said["code"] == "not-in-stash"
    assert "kept" not in said["detail"]
