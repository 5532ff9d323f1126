"""How old the face database is, its update on the spot, and whom it did not learn."""

import pytest

from fakes.sidecar import Problem
from pages import expect

from .world import face_of, person_of

NEWER = "12 performers are newer or changed."


@pytest.fixture
def lagging(world):
    """A face database that Stash has left behind, and a gallery with Ann."""
    world.sidecar.newer = {"new": 3, "changed": 9, "removed": 0}
    world.saw(face_of())
    world.found(person_of("Ann", [str(world.image)], world.performer("Ann")))


def pressed(page, text):
    page.locator(f"button:has-text('{text}')").click()


def asked(world, path):
    return [body for _, target, body in world.sidecar.asked if target == path]


def test_the_page_says_what_is_newer_and_updates_on_the_spot(world, lagging, open_page):
    page = open_page("/plugins/stash-sense")
    page.wait_for_selector("text=Face database from")
    page.wait_for_selector(f"text={NEWER}")
    pressed(page, "Update now")
    page.wait_for_selector(f"text={NEWER}", state="detached")
    expect(page.locator("button:has-text('Update now')")).to_have_count(0)
    assert asked(world, "/jobs/database") == [{"source": "all"}]


@pytest.mark.parametrize("dialogue", ["open_image", "open_gallery"])
def test_the_dialogues_say_it_too_and_offer_to_match_again_after_an_update(request, lagging, dialogue):
    page = request.getfixturevalue(dialogue)()
    page.wait_for_selector(f"text={NEWER}")
    pressed(page, "Update now")
    page.wait_for_selector("text=The face database is newer than this result.")
    pressed(page, "Match again")
    page.wait_for_selector("text=The face database is newer", state="detached")


def test_an_old_result_of_a_gallery_is_matched_again_without_being_forced(world, lagging, open_gallery):
    open_gallery()
    world.sidecar.build()
    page = open_gallery(run=False)
    pressed(page, "Match again")
    page.wait_for_selector("text=The face database is newer", state="detached")
    assert asked(world, "/jobs/gallery")[-1] == {"gallery_id": str(world.gallery)}


def test_nothing_is_offered_where_nothing_is_newer(world, open_image):
    world.saw(face_of())
    page = open_image()
    page.wait_for_selector("text=Face database from")
    expect(page.locator("button:has-text('Update now')")).to_have_count(0)
    expect(page.locator("text=newer")).to_have_count(0)


def test_performers_without_a_face_are_listed_with_reason_and_link(world, open_page):
    ann, bea = world.performer("Ann"), world.performer("Bea", disambiguation="other")
    world.sidecar.unlearned = {ann: "no-portrait", bea: "no-face", "999": "a-later-code"}
    page = open_page("/plugins/stash-sense")
    page.wait_for_selector("text=The face database knows no face of 3 performers.")
    expect(page.locator(f"a[href$='/performers/{ann}']")).to_have_text("Ann", use_inner_text=True)
    texts = page.locator("section[aria-label='Performers without a known face'] li").all_inner_texts()
    assert [text.removesuffix(" Learn from tagged images") for text in texts] == [
        "Ann has no portrait",
        "Bea (other) no face found in the portrait",
        "a deleted performer reason of a-later-code",
    ]


def test_they_are_learned_from_tagged_images_on_a_click(world, open_page):
    world.sidecar.unlearned = {world.performer("Ann"): "no-portrait"}
    page = open_page("/plugins/stash-sense")
    world.sidecar.reached = 0.5
    pressed(page, "Learn all from tagged images")
    page.wait_for_selector("text=Learning faces:")
    world.sidecar.unlearned, world.sidecar.reached = {}, 1.0
    page.wait_for_selector("text=No performer was left out.")
    assert asked(world, "/jobs/database") == [{"images": "unlearned"}]


def test_one_of_them_alone_is_learned_and_told_where_no_image_serves(world, open_page):
    ann, bea = world.performer("Ann"), world.performer("Bea")
    world.sidecar.unlearned = {ann: "no-portrait", bea: "no-face"}
    page = open_page("/plugins/stash-sense")
    line = page.locator("section[aria-label='Performers without a known face'] li", has_text="Bea")
    line.locator("[aria-label='Learn Bea from tagged images']").click()
    line.locator("text=No suitable image was found.").wait_for()
    assert asked(world, "/jobs/database") == [{"images": [bea]}]
    expect(page.locator("text=No suitable image")).to_have_count(1)
    world.sidecar.reached = 0.5
    page.click("[aria-label='Learn Ann from tagged images']")
    page.wait_for_selector("text=Learning faces:")
    world.sidecar.unlearned, world.sidecar.reached = {bea: "no-face"}, 1.0
    page.locator("text=The face database knows no face of 1 performer.").wait_for()
    assert asked(world, "/jobs/database")[-1] == {"images": [ann]}


def test_an_update_that_would_lose_most_people_is_started_all_the_same_on_a_click(world, lagging, open_page):
    world.sidecar.job_fails, world.sidecar.job_fails_code = "Most people are gone.", "people-vanished"
    page = open_page("/plugins/stash-sense")
    pressed(page, "Update now")
    page.wait_for_selector("text=Most people are gone.")
    world.sidecar.job_fails = ""
    pressed(page, "Build anyway")
    page.wait_for_selector("button:has-text('Build anyway')", state="detached")
    assert asked(world, "/jobs/database")[-1] == {"allow_empty": True}


def test_a_sidecar_that_cannot_compare_hides_it_and_the_dialogue_works(world, lagging, open_image):
    world.sidecar.faults["/database/changes"] = Problem(502, "stash-unreachable", "Stash is away.")
    page = open_image()
    page.wait_for_selector("text=Detected 1 face")
    expect(page.locator(".sense-database")).to_have_count(0)
