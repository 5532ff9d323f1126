"""The faces that a newer face database gave a name, and going back to the one before, on the page."""

from pages import expect


def face(number, name, **where):
    return {
        "id": number,
        "face_id": str(number),
        "performer_id": f"local:{number}",
        "name": name,
        "local_id": str(number),
        "confidence": 0.714,
        "image_id": None,
        "gallery_ids": [],
        "scene_id": None,
        **where,
    }


def test_who_where_and_how_sure_until_dismissed(world, open_page):
    world.sidecar.newly_named = [
        face(7, "<b>Ann</b>", image_id="3", gallery_ids=["45"]),
        face(8, "Berta", scene_id="12"),
    ]
    page = open_page("/plugins/stash-sense")
    section = page.locator("section[aria-label='Newly named']")
    ann, berta = section.locator("li").nth(0), section.locator("li").nth(1)
    expect(ann).to_contain_text("<b>Ann</b> (71 %)")
    expect(ann.locator("a[href$='/images/3']")).to_have_count(1)
    expect(ann.locator("a[href$='/galleries/45']")).to_have_count(1)
    expect(berta.locator("a[href$='/scenes/12']")).to_have_count(1)
    berta.locator("button").click()
    expect(berta).to_contain_text("Dismissed")
    assert [each["id"] for each in world.sidecar.newly_named] == [7]


def test_going_back_is_asked_first(world, open_page):
    world.sidecar.built = 2
    page = open_page("/plugins/stash-sense")
    back = page.locator("button:has-text('Go back to the previous')")
    back.click()
    page.locator("button:has-text('Cancel')").click()
    assert world.sidecar.built == 2
    back.click()
    back.click()
    expect(back).to_have_count(0)
    assert world.sidecar.built == 1
