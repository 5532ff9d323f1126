"""What the user chooses on a card is what its head, its reason and its pictures show."""

import pytest

from pages import card, expect, row

from .steps import choose, group
from .world import BOX, face_of, group_of, match_of, person_of


def is_headed(page, verdict, reason):
    """By these the card is."""
    header = card(page).locator(".sense-card-head")
    expect(header.locator(".sense-verdict")).to_have_text(verdict, use_inner_text=True)
    expect(header.locator(".sense-reason")).to_have_text(reason, use_inner_text=True)


def test_another_candidate_can_be_chosen(open_image, world, obama):
    page = open_image()
    page.click("text=Other possible matches (1)")
    page.click("text=Choose Joe Biden")
    card(page).locator(".sense-who h6", has_text="Joe Biden").wait_for()
    expect(card(page)).to_contain_text("Not in library", use_inner_text=True)


def test_after_a_choice_head_reason_and_picture_are_of_the_chosen(open_image, world, obama):
    _, joe = world.known("Joe Biden", "biden.jpg")
    first = match_of("Barack Obama", obama, reference_id="ref-Barack Obama")
    world.saw(face_of(first, {**joe, "distance": 0.45, "confidence": 0.55}))
    page = open_image()
    portrait = card(page).locator(".sense-pair figure:nth-child(2) img[src^='data:image/jpeg']")
    portrait.wait_for()
    before = portrait.get_attribute("src")
    is_headed(page, "Match", "Looks like Barack Obama (75%), and nobody else comes near")
    page.click("text=Other possible matches (1)")
    page.click("text=Choose Joe Biden")
    card(page).locator(".sense-verdict", has_text="Your choice").wait_for()
    is_headed(page, "Your choice", "You chose Joe Biden (55%)")
    portrait.wait_for()
    expect(portrait).not_to_have_attribute("src", before)
    page.click("text=Choose Barack Obama")
    card(page).locator(".sense-verdict", has_text="Match").wait_for()
    expect(portrait).to_have_attribute("src", before)


def test_after_not_this_person_the_head_no_longer_says_match(open_image, world, obama):
    page = open_image()
    page.click("text=Not this person")
    card(page).locator(".sense-verdict", has_text="No confident match").wait_for()
    is_headed(page, "No confident match", "You said that this is not Barack Obama")
    page.click(".sense-rejected >> text=Undo")
    card(page).locator(".sense-verdict", has_text="Match").wait_for()


def test_a_performer_who_was_chosen_by_name_stands_beside_the_face(open_image, world):
    portrait = world.samples / "people" / "Joe Biden" / "biden.jpg"
    ben = world.performer("Ben", disambiguation="pilot", image=portrait)
    world.saw(face_of())
    page = open_image()
    choose(page, "ben")
    page.wait_for_selector("text=Added to the image as Ben (pilot)")
    is_headed(page, "Your choice", "You named this person Ben (pilot)")
    page.wait_for_selector(f".sense-pair figure:nth-child(2) img[src*='/performer/{ben}/image']")
    expect(page.locator("text=No match found in database")).to_have_count(0)
    card(page).locator(".sense-done >> text=Undo").click()
    card(page).locator("text=No match found in database").wait_for()
    expect(page.locator(".sense-pair figure")).to_have_count(1)


def test_of_two_performers_with_one_id_the_chosen_ones_picture_and_name_show(open_image, world):
    people = world.samples / "people"
    stash_ids = [(BOX, "b1")]
    world.performer("Ann One", stash_ids=stash_ids, image=people / "Joe Biden" / "biden.jpg")
    second = world.performer("Ann Two", stash_ids=stash_ids, image=people / "Barack Obama" / "obama.jpg")
    world.saw(face_of(match_of("Ann", performer_id="a", stash_ids=[{"endpoint": BOX, "stash_id": "b1"}])))
    page = open_image()
    page.select_option(".sense-tagging select", second)
    card(page).locator(".sense-who h6", has_text="Ann Two").wait_for()
    page.wait_for_selector(f".sense-pair figure:nth-child(2) img[src*='/performer/{second}/image']")


def test_a_named_group_is_headed_by_the_name(open_gallery, world):
    world.performer("Ben")
    world.found(unknown=[group_of("t1", ["g1", "g2"], ["1", "2"])])
    page = open_gallery()
    choose(group(page), "ben")
    group(page).locator("h6", has_text="Ben").wait_for()
    expect(group(page).locator(".sense-reason")).to_have_text(
        "You named this person Ben", use_inner_text=True
    )
    group(page).locator("text=Undo").click()
    group(page).locator("h6", has_text="Unknown person, 2 images").wait_for()


@pytest.mark.parametrize(
    ("named", "title"),
    [("W. Pitt", "W. Pitt known as “Brad Pitt”"), ("brad pitt", "brad pitt"), ("Brad Pitt", "Brad Pitt")],
)
def test_the_librarys_name_leads_and_another_follows(open_image, open_gallery, world, named, title):
    local_id = world.performer(named)
    match = match_of("Brad Pitt", local_id)
    world.saw(face_of(match))
    world.found(person_of("Brad Pitt", ["1"], local_id, face_ids=["b1"], face_count=1, faces_alone=1))
    page = open_image()
    card(page).locator("text=In library as").wait_for()
    expect(card(page).locator(".sense-who h6")).to_have_text(title, use_inner_text=True)
    expect(page.locator(".sense-box")).to_have_attribute("aria-label", f"Face 1: {named}")
    page = open_gallery()
    row(page, named).locator(f'text="The face matches {named} on its own"').wait_for()
    expect(row(page, named).locator("h6")).to_have_text(title, use_inner_text=True)
