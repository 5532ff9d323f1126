"""Whom an unknown person of a gallery may be: asked, and never given as a name."""

import re

import pytest

from pages import expect

from .steps import group, said
from .world import BOX, group_of, match_of, person_of

FACES = ["g1", "g2", "g3"]
IMAGES = ["1", "2", "3"]


@pytest.fixture
def between(world):
    """A group that may be either of two people, of whom the library has the first: her id."""
    world.crops(*FACES)
    local_id = world.performer("Jane Doe", stash_ids=[(BOX, "j")])
    ids = [{"endpoint": BOX, "stash_id": "j"}]
    jane = match_of("Jane Doe", distance=0.45, performer_id="stashdb.example:j", stash_ids=ids)
    mary = match_of("Mary Major", distance=0.48, performer_id="stashdb.example:m")
    world.found(
        person_of("Ann", ["1"], world.performer("Ann")), unknown=[group_of("t1", FACES, IMAGES, jane, mary)]
    )
    return local_id


def test_who_it_may_be_is_a_question_and_no_name(open_gallery, world, between):
    page = open_gallery()
    group(page).locator("text=Is this Jane Doe or Mary Major?").wait_for()
    expect(group(page).locator("h6")).to_have_text(["Unknown person, 3 images"], use_inner_text=True)
    expect(group(page).locator(".sense-sure")).to_have_text(["Likely 55%", "Likely 52%"], use_inner_text=True)
    first = group(page).locator(".sense-choices .btn").first
    expect(first).to_have_text("It is Jane Doe", use_inner_text=True)
    expect(first).to_have_class(re.compile(r"\bbtn-primary\b"))
    expect(page.locator(".sense-accept")).to_have_text("Accept All (1)", use_inner_text=True)
    first.click()
    group(page).locator("text=Added to the gallery as Jane Doe").wait_for()
    assert said(world) == [(face, "confirmed", "stashdb.example:j") for face in FACES]
    assert world.on_gallery() == [int(between)]


def test_the_other_one_who_is_not_in_the_library_is_created(open_gallery, world, between):
    page = open_gallery()
    group(page).locator("text=Create Mary Major and tag").click()
    group(page).locator("text=Added to the gallery as Mary Major").wait_for()
    created = max(world.stash.library.performers)
    assert world.stash.library.performers[created].name == "Mary Major"
    assert world.on_gallery() == [created]
    assert said(world) == [(face, "confirmed", "stashdb.example:m") for face in FACES]


def test_of_one_the_question_is_whether_and_of_two_of_one_name_which(open_gallery, world):
    one, two = (world.performer("Jane Doe", disambiguation=each) for each in ("actress", "pilot"))
    jane = match_of("Jane Doe", one, 0.45)
    world.found(
        unknown=[
            group_of("t1", FACES, IMAGES, jane),
            group_of("t2", ["h1"], ["4"], jane, match_of("Jane Doe", two, 0.46)),
        ]
    )
    page = open_gallery()
    group(page, 1).locator("text=Is this Jane Doe?").wait_for()
    group(page, 2).locator("text=Which Jane Doe is this?").wait_for()
    group(page, 2).locator("text=It is Jane Doe (pilot)").click()
    group(page, 2).locator("text=Added to the gallery as Jane Doe (pilot)").wait_for()
    assert said(world) == [("h1", "confirmed", f"local:{two}")]


def test_of_several_performers_with_one_id_the_user_chooses(open_gallery, world):
    world.performer("Ann One", stash_ids=[(BOX, "b")])
    second = world.performer("Ann Two", stash_ids=[(BOX, "b")])
    ann = match_of("Ann", performer_id="stashdb.example:b", stash_ids=[{"endpoint": BOX, "stash_id": "b"}])
    world.found(unknown=[group_of("t1", FACES, IMAGES, ann)])
    page = open_gallery()
    expect(group(page).locator("text=It is Ann")).to_be_disabled()
    group(page).locator("select").select_option(second)
    group(page).locator("text=It is Ann").click()
    group(page).locator("text=Added to the gallery as Ann Two").wait_for()
    assert world.on_gallery() == [int(second)]


def test_whom_an_unknown_group_is_near_is_folded_away(open_gallery, world):
    far = match_of("Far Away", distance=0.58, performer_id="far")
    world.found(unknown=[group_of("t1", FACES, IMAGES, far, verdict="unknown")])
    page = open_gallery()
    group(page).locator("text=Possible matches (1)").wait_for()
    expect(group(page).locator("text=Create Far Away and tag")).to_be_hidden()
    expect(page.locator("text=Is this")).to_have_count(0)
