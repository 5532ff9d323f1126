"""Performers whom no stash-box knows: found by their name or alias, and offered where the name is taken."""

import pytest

from .world import BOX, face_of, match_of

ADA = "Ada Lovelace"
BY_BOX = {"performer_id": "stashdb.example:u1", "stash_ids": [{"endpoint": BOX, "stash_id": "u1"}]}


@pytest.fixture
def dialogue(world, open_image):
    """The dialogue of an image with this match."""

    def dialogue(**fields):
        world.saw(face_of(match_of(ADA, **fields)))
        return open_image()

    return dialogue


def named(world):
    return [each.name for each in world.stash.library.performers.values()]


def test_a_performer_created_once_is_found_the_next_time(world, dialogue):
    page = dialogue()
    page.click("text=Create and tag")
    page.wait_for_selector("text=Added!")
    world.on_image().clear()
    page = dialogue()
    page.wait_for_selector(f"text=In library as: {ADA}")
    page.click("text=Add to Image")
    page.wait_for_selector("text=Added!")
    assert named(world) == [ADA]
    assert len(world.on_image()) == 1


def test_a_performer_is_found_by_an_alias_and_whatever_the_case(world, dialogue):
    world.performer("Countess", alias_list=["somebody", "ADA LOVELACE"])
    world.performer("Ada Lovelace the second")
    dialogue().wait_for_selector("text=In library as: Countess")


def test_the_name_goes_before_an_alias_and_several_of_a_name_are_chosen_from(world, dialogue):
    world.performer("Countess", alias_list=[ADA])
    ids = [world.performer(ADA), world.performer(ADA, disambiguation="programmer")]
    page = dialogue()
    page.wait_for_selector("select")
    values = page.locator("select option").evaluate_all("all => all.map((each) => each.value)")
    assert values == ["", *ids]


def test_a_performer_deleted_meanwhile_is_found_under_the_id_of_a_namesake(world, dialogue):
    world.performer(ADA)
    dialogue(local_id="999").wait_for_selector(f"text=In library as: {ADA}")


def test_a_stash_box_person_is_not_taken_for_a_namesake_and_a_taken_name_is_offered(world, dialogue):
    local_id = world.performer(ADA)
    page = dialogue(**BY_BOX)
    page.wait_for_selector("text=Not in library")
    page.click("text=Create and tag")
    page.wait_for_selector(f"text=Your library already has a performer named {ADA}")
    page.wait_for_selector(f"text=In library as: {ADA}")
    page.click("text=Add to Image")
    page.wait_for_selector("text=Added!")
    assert world.on_image() == [int(local_id)]
    assert named(world) == [ADA]


def test_a_namesake_with_a_disambiguation_does_not_stand_in_the_way(world, dialogue):
    world.performer(ADA, disambiguation="programmer")
    page = dialogue(**BY_BOX)
    page.click("text=Create and tag")
    page.wait_for_selector("text=Added!")
    assert named(world) == [ADA, ADA]


def test_an_alias_counts_as_taken_when_a_performer_is_typed(world, open_image):
    world.performer("Countess", alias_list=[ADA])
    world.saw(face_of())
    page = open_image()
    page.click("text=Create performer")
    page.keyboard.type(ADA)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Choose Countess")
