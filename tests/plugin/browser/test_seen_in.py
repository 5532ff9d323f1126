"""Where a person was seen: one image after another, and what concerns the whole gallery out of the way."""

import threading

import pytest

from fakes.stash import Hold
from pages import expect, row

from .steps import group, said
from .world import face_of, group_of, match_of, person_of

IMAGES = ["1", "2", "3"]


@pytest.fixture
def ann(world):
    """She is on three images, with a face each: her id."""
    local_id = world.performer("Ann")
    faces = [f"a{image}" for image in IMAGES]
    for image, face in zip(IMAGES, faces, strict=True):
        world.saw(face_of(match_of("Ann", local_id), face_id=face), image=int(image))
    world.crops(*faces)
    world.found(
        person_of("Ann", IMAGES, local_id, face_ids=faces, face_count=3, faces_alone=3),
        unknown=[group_of("t1", ["a1", "a2"], ["1", "2"])],
    )
    return local_id


@pytest.fixture
def seen_in(open_gallery, ann):
    """The gallery's page with Ann's first image open."""
    page = open_gallery()
    row(page, "Ann").locator(".sense-face").first.click()
    shows(page, 1)
    return page


def shows(page, image):
    page.wait_for_selector(f".sense-seen-in img[src*='/image/{image}/']")
    page.wait_for_selector(".sense-seen-in .sense-box")


def test_next_and_previous_go_round(seen_in):
    page = seen_in
    expect(page.locator(".sense-steps [role=status]")).to_have_text("1 of 3", use_inner_text=True)
    page.click("[aria-label=Next]")
    shows(page, 2)
    page.click("[aria-label=Previous]")
    shows(page, 1)
    page.click("[aria-label=Previous]")
    shows(page, 3)
    page.keyboard.press("ArrowRight")
    shows(page, 1)
    page.keyboard.press("ArrowRight")
    shows(page, 2)
    expect(page.locator(".sense-steps [role=status]")).to_have_text("2 of 3", use_inner_text=True)


def test_the_picture_before_is_gone_while_the_next_one_loads(seen_in, world):
    go = threading.Event()
    world.stash.faults.add(Hold(go), where=lambda seen: seen.path.endswith("/image/2/image"))
    seen_in.click("[aria-label=Next]")
    seen_in.wait_for_selector(".sense-seen-in .sense-boxed.sense-none")
    expect(seen_in.locator(".sense-seen-in img")).to_have_count(0)
    go.set()
    shows(seen_in, 2)


def test_the_link_opens_the_image(seen_in, world):
    link = seen_in.locator(".sense-open-image")
    expect(link).to_have_attribute("href", "/images/1")
    expect(link).to_have_attribute("target", "_blank")
    seen_in.click("[aria-label=Next]")
    seen_in.wait_for_selector(".sense-open-image >> text=Open image 2")


def test_what_concerns_the_whole_gallery_is_out_of_the_way(seen_in):
    page = seen_in
    for hidden in (".sense-filters", ".sense-accept", ".sense-summary", ".sense-again", ".sense-person"):
        expect(page.locator(hidden).first).to_be_hidden()
    page.click("text=Back")
    for shown in (".sense-filters", ".sense-accept", ".sense-summary", ".sense-again", ".sense-person"):
        page.locator(shown).first.wait_for()


def test_a_person_who_is_not_there_is_rejected_on_that_face_and_can_be_put_back(seen_in, world, ann):
    page = seen_in
    page.click("[aria-label=Next]")
    shows(page, 2)
    page.click("text=Ann is not here")
    page.wait_for_selector(".sense-not-here >> text=Not Ann")
    assert said(world) == [("a2", "apart", None), ("a2", "rejected", f"local:{ann}")]
    page.wait_for_selector(".sense-not-here button:focus")
    page.click("text=Put back")
    page.wait_for_selector("text=Ann is not here")
    assert said(world) == []
    page.click("text=Ann is not here")
    page.wait_for_selector(".sense-not-here >> text=Not Ann")
    page.click("text=Back")
    row(page, "Ann").locator(".sense-face-tile").nth(1).locator("text=Put back").wait_for()


def test_a_failure_to_say_so_can_be_tried_again(seen_in, world):
    world.sidecar.down()
    seen_in.click("text=Ann is not here")
    seen_in.wait_for_selector(".sense-not-here >> text=Connection refused")
    world.sidecar.up()
    seen_in.click("text=Failed, try again")
    seen_in.wait_for_selector(".sense-not-here >> text=Put back")


def test_a_face_of_an_unknown_person_is_set_apart(open_gallery, world, ann):
    page = open_gallery()
    group(page).locator(".sense-face").first.click()
    page.click(".sense-seen-in >> text=Not the same person")
    page.wait_for_selector(".sense-not-here >> text=Removed")
    assert said(world) == [("a1", "apart", None)]


def test_all_images_are_shown_by_the_face_on_them_and_stepped_through(open_gallery, world, ann):
    page = open_gallery()
    row(page, "Ann").locator("text=Show all images (3)").click()
    strip = row(page, "Ann").locator(".sense-images")
    strip.locator("img[src^='data:image/jpeg'] >> nth=2").wait_for()
    expect(strip.locator("img[src*='thumbnail']")).to_have_count(0)
    strip.locator("[aria-label='Show Ann in image 3']").click()
    shows(page, 3)
    page.click("[aria-label=Next]")
    shows(page, 1)
    page.click("text=Back")
    page.wait_for_selector("[aria-label='Show Ann in image 3']:focus")


def test_an_image_that_is_gone_says_so_and_the_next_one_shows(seen_in, world):
    del world.stash.library.images[2]
    seen_in.click("[aria-label=Next]")
    seen_in.wait_for_selector("text=Stash no longer has image 2.")
    seen_in.click("[aria-label=Next]")
    shows(seen_in, 3)
