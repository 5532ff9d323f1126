"""A single face of an image that has no name: named, created, ignored."""

import pytest

from fakes.sidecar import Problem
from pages import card, expect

from .steps import choose
from .world import face_of, match_of


def boxes_say(page, *labels):
    """These and no others, in this order."""
    expect(page.locator(".sense-box")).to_have_count(len(labels))
    for number, label in enumerate(labels):
        expect(page.locator(".sense-box").nth(number)).to_have_attribute("aria-label", label)


@pytest.fixture
def ann(world):
    """Somebody of the library: id and match."""
    local_id = world.performer("Ann")
    return local_id, match_of("Ann", local_id)


def test_a_face_without_a_match_is_named(open_image, world, ann):
    world.saw(face_of())
    page = open_image()
    page.wait_for_selector("text=No match found in database")
    choose(page, "ann")
    page.wait_for_selector("text=Added to the image as Ann")
    assert world.on_image() == [int(ann[0])]
    (decision,) = world.sidecar.decisions
    assert (decision["word"], decision["performer_id"], decision["entry_id"]) == (
        "confirmed",
        f"local:{ann[0]}",
        1,
    )
    boxes_say(page, "Face 1: Ann")
    card(page).locator(".sense-done >> text=Undo").click()
    page.wait_for_selector("text=Undone")
    assert (world.on_image(), world.sidecar.decisions) == ([], [])


def test_a_face_without_a_match_makes_a_performer(open_image, world):
    world.crops("face-1")
    world.saw(face_of())
    page = open_image()
    page.click("text=Create performer")
    page.keyboard.type("Jane Newcomer")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Added to the image as Jane Newcomer")
    (performer,) = world.stash.library.performers.values()
    assert (performer.name, performer.image) == ("Jane Newcomer", world.sidecar.pictures["face-1"])
    assert world.on_image() == [performer.id]


def test_a_face_without_a_match_is_ignored(open_image, world):
    world.saw(face_of())
    page = open_image()
    page.click("text=Ignore")
    page.wait_for_selector("text=Ignored")
    assert [each["word"] for each in world.sidecar.decisions] == ["ignored"]
    page.click("text=Undo")
    page.wait_for_selector("text=Choose performer")
    assert world.sidecar.decisions == []


def test_one_of_two_is_chosen_on_the_card(open_image, world, ann):
    _, match = ann
    world.saw(face_of(match, match_of("Mary", performer_id="m", distance=0.3), verdict="ambiguous"))
    page = open_image()
    page.wait_for_selector("text=Is this Ann or Mary?")
    page.locator(".sense-card").focus()
    page.keyboard.press("Enter")  # there is nothing that it could add
    assert world.sidecar.journal == []
    page.click("text=It is Ann")
    page.wait_for_selector("text=Added to the image as Ann")
    assert world.on_image() == [int(ann[0])]
    assert world.sidecar.decisions[0]["performer_id"] == f"local:{ann[0]}"


def test_a_face_whose_word_could_not_be_kept_says_so(open_image, world, ann):
    world.saw(face_of())
    world.sidecar.faults["/decisions/faces"] = Problem(503, "busy", "The state is busy.")
    page = open_image()
    choose(page, "ann")
    page.wait_for_selector("text=Tagged, but the faces could not be linked")
    assert world.on_image() == [int(ann[0])]
    world.sidecar.faults.clear()
    page.click("text=Try again")
    page.wait_for_selector("text=Added to the image as Ann")
    assert len(world.sidecar.decisions) == 1
