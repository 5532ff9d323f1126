"""The faces that a newer face database gave a name, to tag or refuse, and going back to the one before."""

import pytest

from fakes.sidecar import performer_of
from pages import expect
from waiting import until


def face(number, name, local_id=None, **where):
    return {
        **performer_of(name, local_id or str(number)),
        "id": number,
        "face_id": str(number),
        "reference_id": None,
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
    expect(ann).to_contain_text("<b>Ann</b> (71%)")
    expect(ann.locator("a[href$='/images/3']")).to_have_count(1)
    expect(ann.locator("a[href$='/galleries/45']")).to_have_count(1)
    expect(berta.locator("a[href$='/scenes/12']")).to_have_count(1)
    berta.locator("text=Dismiss").click()
    expect(berta).to_contain_text("Dismissed")
    assert [each["id"] for each in world.sidecar.newly_named] == [7]


@pytest.fixture
def two(world):
    """A performer newly named on two images: their id and the images."""
    local_id = world.performer("Ann")
    images = sorted(world.stash.library.images)[:2]
    world.sidecar.newly_named = [
        face(7 + at, "Ann", local_id, image_id=str(image)) for at, image in enumerate(images)
    ]
    return int(local_id), images


def tagged(world, performer):
    return [image.id for image in world.stash.library.images.values() if performer in image.performers]


def test_adding_tags_the_image_confirms_the_face_and_can_be_undone_also_from_the_journal(
    world, open_page, two
):
    ann, (image, _) = two
    page = open_page("/plugins/stash-sense")
    line = page.locator("section[aria-label='Newly named'] li").nth(0)
    line.locator("text=Add to Image").click()
    expect(line.locator("text=Added")).to_be_visible()
    assert tagged(world, ann) == [image]
    (decision,) = world.sidecar.decisions
    (entry,) = world.sidecar.journal
    assert (decision["word"], decision["face_id"], decision["entry_id"]) == ("confirmed", "7", 1)
    assert (entry["status"], entry["added_ids"]) == ("done", [str(image)])
    page.click("text=Reload")
    history = page.locator("section[aria-label='Tag history'] li")
    history.locator("text=Undo").click()
    expect(history).to_contain_text("undone")
    assert tagged(world, ann) == []
    assert world.sidecar.decisions == []


def test_all_are_added_in_one_batch_without_those_refused_and_undone_together(world, open_page, two):
    ann, (image, other) = two
    page = open_page("/plugins/stash-sense")
    section = page.locator("section[aria-label='Newly named']")
    section.locator("text=Accept All (2)").click()
    expect(section).to_contain_text("2 added, 0 failed, 0 skipped")
    assert tagged(world, ann) == [image, other]
    assert len({entry["batch_id"] for entry in world.sidecar.journal}) == 1
    section.locator("text=Undo all (2)").click()
    until(lambda: tagged(world, ann) == [])
    line = section.locator("li").nth(1)
    line.locator("text='Not Ann'").click()
    expect(line).to_contain_text("Marked as not Ann.")
    section.locator("text=Accept All (2)").click()
    expect(section).to_contain_text("1 added, 0 failed, 1 skipped")
    assert tagged(world, ann) == [image]


def test_not_this_person_is_remembered_and_can_be_undone(world, open_page, two):
    page = open_page("/plugins/stash-sense")
    line = page.locator("section[aria-label='Newly named'] li").nth(0)
    line.locator("text='Not Ann'").click()
    expect(line).to_contain_text("Marked as not Ann.")
    (decision,) = world.sidecar.decisions
    assert (decision["word"], decision["face_id"], decision["performer_id"]) == (
        "rejected", "7", f"local:{two[0]}",
    )  # fmt: skip
    line.locator("text='Undo'").click()
    expect(line.locator("text=Add to Image")).to_be_visible()
    assert world.sidecar.decisions == []


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
