"""Faces taken out of their group, the groups made again, and what then still can be taken back."""

import pytest

from fakes.sidecar import Problem
from pages import expect, outcome, row

from .steps import choose, group, said
from .world import group_of, person_of

FACES = ["g1", "g2", "g3"]
IMAGES = ["1", "2", "3"]


@pytest.fixture
def both(world):
    """Ann on two images, and a group of three faces, each on an image of its own: Ann's id."""
    world.crops(*FACES, "a1", "a2")
    ann = world.performer("Ann")
    seen = {"face_ids": ["a1", "a2"], "face_count": 2, "faces_alone": 1, "confirmed": False}
    world.found(person_of("Ann", ["4", "5"], ann, **seen), unknown=[group_of("t1", FACES, IMAGES)])
    return ann


def take_out(where, face=1):
    where.locator(".sense-take-out").nth(face - 1).click()
    where.locator("text=Put back").first.wait_for()


def update(page, world, *people, **rest):
    """The groups made again, with this result."""
    world.found(*people, **rest)
    before = starts(world)
    page.click("text=Update groups")
    page.locator(".sense-update").wait_for(state="detached")
    page.wait_for_selector(".sense-summary")
    assert len(world.sidecar.jobs) == starts(world) == before + 1


def starts(world):
    """How often a gallery's job was asked for."""
    return [path for _, path, _ in world.sidecar.asked].count("/jobs/gallery")


def test_a_face_of_a_group_is_set_apart_and_taken_back(open_gallery, world, both):
    page = open_gallery()
    button = group(page).locator("[aria-label='Not the same person: face 2 of an unknown person']")
    button.click()
    group(page).locator("text=Removed").wait_for()
    assert said(world) == [("g2", "apart", None)]
    page.wait_for_selector("text=You removed faces from their groups.")
    page.wait_for_function('document.activeElement.textContent === "Put back"')
    page.keyboard.press("Enter")
    button.wait_for()
    assert said(world) == []
    expect(page.locator("text=Update groups")).to_have_count(0)
    assert button.evaluate("each => each === document.activeElement")


def test_a_face_of_somebody_named_is_rejected_too(open_gallery, world, both):
    page = open_gallery()
    row(page, "Ann").locator("[aria-label='Not Ann: face 1']").click()
    row(page, "Ann").locator("text=Not Ann").wait_for()
    assert said(world) == [("a1", "apart", None), ("a1", "rejected", f"local:{both}")]
    row(page, "Ann").locator("text=Put back").click()
    row(page, "Ann").locator("[aria-label='Not Ann: face 1']").wait_for()
    assert said(world) == []


def test_what_fails_half_way_goes_on_where_it_stood(open_gallery, world, both):
    page = open_gallery()
    world.sidecar.unstored = {"a1"}
    button = row(page, "Ann").locator("[aria-label='Not Ann: face 1']")
    button.click()
    row(page, "Ann").locator("text=None of these faces is stored.").wait_for()
    world.sidecar.unstored = set()
    button.click()
    row(page, "Ann").locator("text=Not Ann").wait_for()
    assert len(said(world)) == 2


def test_one_face_alone_cannot_be_taken_out_of_a_group(open_gallery, world):
    world.found(unknown=[group_of("t1", ["g1"], ["1"])])
    page = open_gallery()
    group(page).locator(".sense-face").wait_for()
    expect(group(page).locator(".sense-take-out")).to_have_count(0)


def test_who_was_taken_out_is_not_named_with_the_group(open_gallery, world, both):
    page = open_gallery()
    take_out(group(page), 2)
    group(page).locator("text=Also tag individual images").click()
    choose(group(page), "ann")
    group(page).locator("text=Added to the gallery and its images as Ann").wait_for()
    assert world.images_with(both) == ["1", "3"]
    confirmed = [face for face, word, _ in said(world) if word == "confirmed"]
    assert confirmed == ["g1", "g3"]
    assert not any(path == "/identify/image" for _, path, _ in world.sidecar.asked)


def test_an_image_that_shows_another_face_of_the_group_or_none_that_is_known_stays(open_gallery, world, both):
    """Nine faces on a contact sheet, say; and one whose face is not stored."""
    sheet = group_of("17.0", FACES, IMAGES, face_image_ids=["1", "1", "2"])
    world.found(unknown=[sheet])
    page = open_gallery()
    take_out(group(page), 2)
    group(page).locator("text=Also tag individual images").click()
    choose(group(page), "ann")
    group(page).locator("text=Added to the gallery and its images as Ann").wait_for()
    assert world.images_with(both) == IMAGES


def test_the_images_of_a_row_without_the_face_taken_out(open_gallery, world, both):
    page = open_gallery()
    take_out(row(page, "Ann"), 2)
    row(page, "Ann").locator("text=Also tag individual images").click()
    row(page, "Ann").locator("text=Add to Gallery").click()
    row(page, "Ann").locator("text=Added!").wait_for()
    assert world.images_with(both) == ["4"]


def test_an_older_result_cannot_tell_which_image_it_is_and_so_none_is_tagged(open_gallery, world, both):
    (older,) = world.sidecar.galleries[str(world.gallery)]["performers"]
    del older["face_image_ids"]
    page = open_gallery()
    take_out(row(page, "Ann"), 2)
    row(page, "Ann").locator("text=Also tag individual images").click()
    row(page, "Ann").locator("text=Add to Gallery").click()
    row(page, "Ann").locator("text=This older result does not say which image a face is on.").wait_for()
    assert (world.on_gallery(), world.images_with(both)) == ([], [])


def test_whose_faces_are_all_taken_out_is_nobody_to_tag(open_gallery, world, both):
    page = open_gallery()
    take_out(row(page, "Ann"), 1)
    row(page, "Ann").locator(".sense-take-out").click()
    row(page, "Ann").locator("text=You removed all faces of this person.").wait_for()
    page.click(".sense-accept")
    assert outcome(page) == "0 added, 0 failed, 1 skipped"
    for number in (1, 2, 3):
        group(page).locator(".sense-take-out").first.click()
        group(page).locator("text=Put back").nth(number - 1).wait_for()
    group(page).locator("text=You removed all faces of this person.").wait_for()
    expect(group(page).locator("text=Choose performer")).to_have_count(0)


def test_the_groups_are_made_again(open_gallery, world, both):
    page = open_gallery()
    take_out(group(page), 2)
    update(page, world, unknown=[group_of("t1", ["g1", "g3"], ["1", "3"]), group_of("t2", ["g2"], ["2"])])
    titles = ["Unknown person, 2 images", "Unknown person, 1 image"]
    expect(page.locator(".sense-group h6")).to_have_text(titles, use_inner_text=True)
    body = [body for _, path, body in world.sidecar.asked if path == "/jobs/gallery"][-1]
    assert body == {"gallery_id": str(world.gallery)}
    page.wait_for_function('document.activeElement.className === "sense-summary"')
    earlier = page.locator(".sense-taken-earlier")
    earlier.locator("text=Not the same person").wait_for()
    earlier.locator("text=Put back").click()
    earlier.wait_for(state="detached")
    assert said(world) == []
    page.wait_for_selector("text=Update groups")


def test_while_the_groups_are_made_the_old_ones_show(open_gallery, world, both):
    page = open_gallery()
    take_out(group(page), 2)
    world.sidecar.reached = 0.5
    world.found()
    page.click("text=Update groups")
    page.wait_for_selector(".sense-running >> text=4 of 9 images")
    expect(group(page).locator("h6")).to_have_text("Unknown person, 3 images", use_inner_text=True)
    world.sidecar.reached = 1.0
    page.wait_for_selector("text=No performers identified")
    expect(page.locator(".sense-group")).to_have_count(0)


def test_an_update_that_cannot_start_says_why(open_gallery, world, both):
    page = open_gallery()
    take_out(group(page), 2)
    world.sidecar.faults["/jobs/gallery"] = Problem(429, "full", "Too much is under way.")
    page.click("text=Update groups")
    page.wait_for_selector(".sense-update >> text=Too much is under way.")
    expect(group(page).locator("text=Removed")).to_have_count(1)


def test_the_sidecar_going_away_while_the_groups_are_made_leaves_what_is_there(open_gallery, world, both):
    page = open_gallery()
    row(page, "Ann").locator("text=Add to Gallery").click()
    row(page, "Ann").locator("text=Added!").wait_for()
    take_out(group(page), 2)
    world.sidecar.reached = 0.5
    page.click("text=Update groups")
    page.wait_for_selector(".sense-running")
    world.sidecar.down()
    page.wait_for_selector(".sense-problem >> text=Connection refused")
    row(page, "Ann").locator("text=Undo").wait_for()
    world.sidecar.up()
    world.sidecar.reached = 1.0
    page.click(".sense-problem >> text=Try again")
    page.wait_for_selector(".sense-summary")
    row(page, "Ann").locator("text=Undo").click()
    row(page, "Ann").locator("text=Undone").wait_for()
    assert world.on_gallery() == []


def test_what_was_done_to_groups_and_rows_that_are_gone_can_be_undone(open_gallery, world, both):
    page = open_gallery()
    row(page, "Ann").locator("text=Add to Gallery").click()
    row(page, "Ann").locator("text=Added!").wait_for()
    ben = world.performer("Ben")
    choose(group(page), "ben")
    group(page).locator("text=Added to the gallery as Ben").wait_for()
    take_out(row(page, "Ann"), 1)
    update(page, world, person_of("Ben", IMAGES, ben), unknown=[group_of("t1", ["x"], ["5"])])
    row(page, "Ben").locator("text=Already tagged").wait_for()
    row(page, "Ann").locator("text=No longer in the results").wait_for()
    expect(group(page, 1)).to_contain_text("Unknown person, 1 image", use_inner_text=True)
    gone = group(page, 2)
    gone.locator("text=No longer in the results").wait_for()
    assert sorted(world.on_gallery()) == [int(both), int(ben)]
    gone.locator("text=Undo").click()
    gone.locator("text=Undone").wait_for()
    row(page, "Ann").locator("text=Undo").click()
    row(page, "Ann").locator("text=Undone").wait_for()
    assert world.on_gallery() == []
    assert {word for _, word, _ in said(world)} == {"apart", "rejected"}
    row(page, "Ben").locator("text=Add to Gallery").wait_for()


def test_a_row_that_stays_keeps_its_undo(open_gallery, world, both):
    page = open_gallery()
    row(page, "Ann").locator("text=Also tag individual images").click()
    row(page, "Ann").locator("text=Add to Gallery").click()
    row(page, "Ann").locator("text=Added!").wait_for()
    assert world.images_with(both) == ["4", "5"]
    take_out(group(page), 1)
    update(page, world, person_of("Ann", ["4", "5", "6"], both))
    row(page, "Ann").locator("text=Add to Gallery").click()  # one more image
    row(page, "Ann").locator("text=Added!").wait_for()
    assert world.images_with(both) == ["4", "5", "6"]
    row(page, "Ann").locator("text=Undo").click()
    row(page, "Ann").locator("text=Undone").wait_for()
    assert (world.images_with(both), world.on_gallery()) == ([], [])


def test_a_face_of_a_group_that_was_just_named_is_theirs_no_more(open_gallery, world, both):
    page = open_gallery()
    choose(group(page), "ann")
    group(page).locator("text=Added to the gallery as Ann").wait_for()
    group(page).locator("[aria-label='Not Ann: face 1']").click()
    group(page).locator("text=Put back").wait_for()
    assert [each for each in said(world) if each[0] == "g1"] == [
        ("g1", "apart", None),
        ("g1", "rejected", f"local:{both}"),
    ]
