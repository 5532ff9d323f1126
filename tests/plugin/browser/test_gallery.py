"""The results of a gallery: who is there and where, and many tags one after another."""

import threading

import pytest

from fakes.stash import Delay, Hold, Status
from pages import expect, outcome, row

from .world import face_of, match_of, person_of, thumbnail


@pytest.fixture
def held():
    """Set, it lets go of what a test holds back."""
    go = threading.Event()
    yield go
    go.set()


def _tag(seen, tags):
    """Which of the tags that Stash is asked for this is; 0 for another request."""
    tags += [1] * (seen.operation == "StashSenseTag")
    return len(tags) if seen.operation == "StashSenseTag" else 0


def test_the_gallery_alone_is_tagged(open_gallery, world, five):
    page = open_gallery()
    expect(page.locator(".sense-summary")).to_have_text(
        "processed 9/9 images, 12 faces, 5 performers", use_inner_text=True
    )
    expect(row(page, "Ann")).to_contain_text("Found in 2/9 images", use_inner_text=True)
    row(page, "Ann").locator("text=Add to Gallery").click()
    row(page, "Ann").locator("text=Added!").wait_for()
    assert world.on_gallery() == [int(five[0])]
    assert world.images_with(five[0]) == []
    page.wait_for_selector(".performers >> text=Ann")


def test_with_the_switch_its_images_too_in_one_call(open_gallery, world, five):
    page = open_gallery()
    row(page, "Ben").locator("label").click()
    row(page, "Ben").locator("text=Add to Gallery").click()
    row(page, "Ben").locator("text=Added!").wait_for()
    assert world.on_gallery() == [int(five[1])]
    assert world.images_with(five[1]) == ["2", "3"]
    entries = [(entry["target_type"], entry["added_ids"]) for entry in world.sidecar.journal]
    assert entries == [("gallery", [str(world.gallery)]), ("image", ["2", "3"])]
    row(page, "Ben").locator("text=Undo").click()
    row(page, "Ben").locator("text=Undone").wait_for()
    assert world.on_gallery() == []
    assert world.images_with(five[1]) == []


def test_accept_all_with_slow_writes_loses_none(open_gallery, world, five):
    page = open_gallery()
    world.stash.faults.add(Delay(0.3), where="StashSenseTag")
    page.click(".sense-accept")
    assert outcome(page) == "5 added, 0 failed, 0 skipped"
    assert sorted(world.on_gallery()) == sorted(map(int, five))
    assert all(world.images_with(each) == [] for each in five)


def test_accept_all_is_undone_with_one_click(open_gallery, world, five):
    page = open_gallery()
    row(page, "Ann").locator("text=Add to Gallery").click()
    row(page, "Ann").locator("text=Added!").wait_for()
    page.click(".sense-accept")
    assert outcome(page) == "5 added, 0 failed, 0 skipped"
    page.click("text=Undo all (4)")
    page.wait_for_selector(".sense-filters >> text=Undone")
    assert world.on_gallery() == [int(five[0])]
    page.click(".sense-accept")
    page.wait_for_selector("text=Undo all (4)")
    assert sorted(world.on_gallery()) == sorted(map(int, five))


@pytest.mark.parametrize("prefix", ["/stash"])
def test_accept_all_with_the_images(open_gallery, world, five):
    page = open_gallery()
    page.click("text=Also tag individual images (all)")
    page.click(".sense-accept")
    assert outcome(page) == "5 added, 0 failed, 0 skipped"
    assert [len(world.images_with(each)) for each in five] == [2] * 5


def test_an_image_that_is_gone_leaves_the_others_to_be_tagged(open_gallery, world, five):
    page = open_gallery()
    gone, there = list(world.stash.library.images)[:2]
    del world.stash.library.images[gone]
    row(page, "Ann").locator("text=Also tag individual images").click()
    row(page, "Ann").locator("text=Add to Gallery").click()
    row(page, "Ann").locator("text=Added!").wait_for()
    assert world.images_with(five[0]) == [str(there)]


def test_somebody_elses_edit_meanwhile_survives(open_gallery, world, five):
    page = open_gallery()
    other = int(world.performer("Tagged by somebody else"))
    world.stash.faults.add(Delay(0.3), where="StashSenseTag")
    page.click(".sense-accept")
    row(page, "Ann").locator("text=Added!").wait_for()
    world.on_gallery().append(other)
    assert outcome(page) == "5 added, 0 failed, 0 skipped"
    assert sorted(world.on_gallery()) == sorted([*map(int, five), other])


def test_one_failing_write_is_reported_and_the_rest_stored(open_gallery, world, five):
    page = open_gallery()
    row(page, "Cleo").locator("text=In library as: Cleo").wait_for()
    del world.stash.library.performers[int(five[2])]
    page.click(".sense-accept")
    assert outcome(page) == "4 added, 1 failed, 0 skipped"
    assert int(five[2]) not in world.on_gallery()
    assert len(world.on_gallery()) == 4
    row(page, "Cleo").locator("text=Failed, try again").wait_for()
    row(page, "Cleo").locator("text=This performer is no longer in your library.").wait_for()
    assert [entry["status"] for entry in world.sidecar.journal].count("failed") == 1


def test_accept_all_stops_politely(open_gallery, world, five, held):
    page = open_gallery()
    tags, go = [], held
    world.stash.faults.add(Hold(go), where=lambda seen: _tag(seen, tags) == 2)
    page.click(".sense-accept")
    page.wait_for_selector("text=Accepting 2 of 5…")
    page.click("text=Stop")
    go.set()
    assert outcome(page) == "2 added, 0 failed, 3 skipped"
    assert len(world.on_gallery()) == 2


def test_accept_all_takes_only_what_shows(open_gallery, world, five):
    page = open_gallery()
    page.select_option(".sense-filter select", "MALE")
    page.wait_for_selector("text=3 hidden by the filter")
    page.click("text=Accept All (2)")
    assert outcome(page) == "2 added, 0 failed, 0 skipped"
    assert sorted(world.on_gallery()) == sorted([int(five[1]), int(five[4])])


def test_the_minimum_confidence_comes_from_the_settings(open_gallery, world, five):
    world.stash.library.plugins["stash-sense"]["minConfidence"] = 70
    page = open_gallery()
    page.wait_for_selector("text=Minimum confidence: 70%")
    expect(page.locator(".sense-person:visible")).to_have_count(2)
    page.locator("input[type=range]").fill("0")
    expect(page.locator(".sense-person:visible")).to_have_count(5)


def test_what_was_done_outlasts_a_filter(open_gallery, world, five):
    page = open_gallery()
    row(page, "Ann").locator("text=Add to Gallery").click()
    row(page, "Ann").locator("text=Added!").wait_for()
    page.select_option(".sense-filter select", "MALE")
    row(page, "Ann").wait_for(state="hidden")
    page.select_option(".sense-filter select", "")
    row(page, "Ann").locator("text=Added!").wait_for()
    row(page, "Ann").locator("text=Undo").click()
    row(page, "Ann").locator("text=Undone").wait_for()
    assert world.on_gallery() == []


def test_what_was_undone_can_be_added_again(open_gallery, world, five):
    page = open_gallery()
    for _ in range(2):
        row(page, "Ann").locator("text=Add to Gallery").click()
        row(page, "Ann").locator("text=Added!").wait_for()
        assert world.on_gallery() == [int(five[0])]
        row(page, "Ann").locator("text=Undo").click()
        row(page, "Ann").locator("text=Undone").wait_for()
        assert world.on_gallery() == []
    page.click(".sense-accept")
    assert outcome(page) == "5 added, 0 failed, 0 skipped"
    assert sorted(world.on_gallery()) == sorted(map(int, five))


def test_after_the_gallery_its_images_can_follow(open_gallery, world, five):
    page = open_gallery()
    row(page, "Ben").locator("text=Add to Gallery").click()
    row(page, "Ben").locator("text=Added!").wait_for()
    row(page, "Ben").locator("label").click()
    row(page, "Ben").locator("text=Add to Gallery").click()
    row(page, "Ben").locator("text=Added!").wait_for()
    assert world.images_with(five[1]) == ["2", "3"]


def test_images_asked_for_while_the_gallery_is_tagged_are_left_to_do(open_gallery, world, five, held):
    page = open_gallery()
    world.stash.faults.add(Hold(held), where="StashSenseTag", times=1)
    row(page, "Ben").locator("text=Add to Gallery").click()
    row(page, "Ben").locator("text=Adding").wait_for()
    page.click("text=Also tag individual images (all)")
    held.set()
    row(page, "Ben").locator("text=Undo").wait_for()
    assert world.images_with(five[1]) == []
    row(page, "Ben").locator("text=Add to Gallery").click()
    row(page, "Ben").locator("text=Added!").wait_for()
    assert world.images_with(five[1]) == ["2", "3"]


def test_a_write_undone_by_a_deleted_image_is_no_success(open_gallery, world, five):
    page = open_gallery()
    writes = []
    world.stash.faults.add(Status(500), where=lambda seen: _second_write_finds_gone(seen, writes, world, 2))
    row(page, "Ben").locator("label").click()
    row(page, "Ben").locator("text=Add to Gallery").click()
    row(page, "Ben").locator("text=Failed, try again").wait_for()
    assert [entry["status"] for entry in world.sidecar.journal] == ["done", "failed"]
    row(page, "Ben").locator("text=Failed, try again").click()
    row(page, "Ben").locator("text=Added!").wait_for()
    assert world.images_with(five[1]) == ["3"]


def _second_write_finds_gone(seen, writes, world, image):
    """No fault, but an image that somebody deletes while the second tag is on its way."""
    if _tag(seen, writes) == 2 and image in world.stash.library.images:
        world.stash.library.delete_image(image)
    return False


@pytest.mark.parametrize(
    "answer",
    ['{"data": {"bulkGalleryUpdate": null}}', '{"data": null, "errors": [{"message": "no"}]}', "<html>"],
)
def test_a_status_of_200_is_not_yet_a_tag(open_gallery, world, five, answer):
    page = open_gallery()
    kind = "text/html" if answer.startswith("<") else "application/json"
    world.stash.faults.add(Status(200, answer.encode(), kind), where="StashSenseTag", times=1)
    row(page, "Ann").locator("text=Add to Gallery").click()
    row(page, "Ann").locator("text=Failed, try again").click()
    row(page, "Ann").locator("text=Added!").wait_for()
    assert [entry["status"] for entry in world.sidecar.journal] == ["failed", "done"]
    assert world.on_gallery() == [int(five[0])]


def test_a_session_that_ends_amid_accept_all_is_told(open_gallery, world, five):
    page = open_gallery()
    out = []
    login = Status(200, b"<!DOCTYPE html>Log in", "text/html")
    world.stash.faults.add(login, where=lambda seen: _third_write(seen, out))
    page.click(".sense-accept")
    assert outcome(page) == "2 added, 3 failed, 0 skipped"
    assert len(world.on_gallery()) == 2
    row(page, "Emil").locator("text=You may have to log in").wait_for()
    assert [entry["status"] for entry in world.sidecar.journal] == ["done", "done", "open"]
    world.stash.faults.clear()
    page.click(".sense-accept")
    page.wait_for_selector("text=5 added, 0 failed, 0 skipped")
    assert sorted(world.on_gallery()) == sorted(map(int, five))


def _third_write(seen, out):
    """Whether Stash has been asked for a third tag, and everything after that."""
    out += [1] * (seen.operation == "StashSenseTag")
    return len(out) > 2


def test_the_switch_comes_from_the_settings(open_gallery, world, five):
    world.stash.library.plugins["stash-sense"]["tagImages"] = True
    page = open_gallery()
    expect(row(page, "Ann").locator("input[type=checkbox]")).to_be_checked()


def test_who_is_on_the_gallery_shows_as_tagged(open_gallery, world, five):
    world.on_gallery().append(int(five[0]))
    page = open_gallery()
    row(page, "Ann").locator("text=Already tagged").wait_for()


def test_strangers_show_as_known_and_are_left_out_of_accept_all(open_gallery, world, five):
    portrait = thumbnail(world.samples / "gallery" / "obama2.jpg")
    world.sidecar.pictures["ref-s"] = portrait
    world.found(person_of("Stranger", ["1"], None, performer_id="s", reference_id="ref-s"))
    page = open_gallery()
    row(page, "Stranger").locator("img.sense-portrait[src^='data:image/jpeg']").wait_for()
    expect(page.locator(".sense-accept")).to_be_disabled()
    row(page, "Stranger").locator("text=Create and tag").click()
    row(page, "Stranger").locator("text=Added!").wait_for()
    created = max(world.stash.library.performers)
    assert world.stash.library.performers[created].name == "Stranger"
    assert world.stash.library.performers[created].image == portrait
    assert world.on_gallery() == [created]


def test_what_was_left_out_is_listed(open_gallery, world, five):
    world.found(
        errors=["Image 4: Stash has lost the file."],
        error_count=12,
        skipped=[{"image_id": "3", "reason": "Image 3: is a video."}],
    )
    page = open_gallery()
    page.wait_for_selector("text=No performers identified")
    page.wait_for_selector("text=Image 4: Stash has lost the file.")
    page.wait_for_selector("text=and 11 more")
    page.click("text=Skipped (1)")
    page.wait_for_selector("text=/^Image 3: is a video.$/")


LOOK_UPS = "StashSensePerformers"


def test_a_failed_look_up_of_performers_is_tried_again(open_gallery, world, five):
    world.stash.faults.add(Status(500), where=LOOK_UPS, times=1)
    page = open_gallery()
    row(page, "Ann").locator("text=In library as: Ann").wait_for()
    expect(page.locator(".sense-problem")).to_have_count(0)


def test_performers_that_cannot_be_looked_up_are_told_and_no_row_stays_loading(open_gallery, world, five):
    world.stash.faults.add(Status(500), where=LOOK_UPS)
    page = open_gallery()
    page.wait_for_selector(".sense-problem >> text=Stash answered with status 500")
    row(page, "Ann").locator("text=Could not be looked up in your library").wait_for()
    expect(page.locator(".sense-person >> text=Loading")).to_have_count(0)
    world.stash.faults.clear()
    page.click(".sense-problem button")
    row(page, "Emil").locator("text=In library as: Emil").wait_for()
    expect(page.locator(".sense-problem")).to_have_count(0)


def test_a_thumbnail_opens_the_picture_with_the_box(open_gallery, world, five):
    world.saw(face_of(match_of("Ann", five[0])), image=1)
    page = open_gallery()
    row(page, "Ann").locator("[aria-label='Show Ann in image 1']").click()
    page.wait_for_selector(".sense-seen-in .sense-box[title='Ann']")
    page.click("text=Back")
    page.wait_for_selector("[aria-label='Show Ann in image 1']:focus")


def test_stash_failing_is_told(open_gallery, world, five):
    page = open_gallery()
    world.stash.faults.add(Status(500), where="StashSenseTag", times=1)
    row(page, "Ann").locator("text=Add to Gallery").click()
    row(page, "Ann").locator("text=Stash answered with status 500").wait_for()


def test_the_whole_flow_with_the_keyboard_alone(open_page, world, five):
    page = open_page(f"/galleries/{world.gallery}")
    page.focus("#sense-button")
    page.keyboard.press("Enter")
    page.wait_for_selector(".sense-empty button:focus")
    page.keyboard.press("Enter")
    page.wait_for_selector(".sense-summary")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('sense-accept')"):
            break
    page.keyboard.press("Enter")
    assert outcome(page) == "5 added, 0 failed, 0 skipped"
    page.keyboard.press("Escape")
    page.wait_for_selector("#sense-button:focus")
    assert len(world.on_gallery()) == 5
