"""Naming an unknown person while something fails, or another tab does something else."""

import pytest

from fakes.sidecar import Problem
from fakes.stash import Status
from pages import expect

from .steps import choose, group, said
from .world import group_of

FACES = ["g1", "g2", "g3"]


@pytest.fixture
def hopper(world):
    """Somebody of the library whom no face database knows, on three images: her id."""
    world.crops(*FACES)
    world.found(unknown=[group_of("t1", FACES, ["1", "2", "3"])])
    world.performer("Grace Kelly")
    return world.performer("Grace Hopper")


def test_the_sidecar_going_away_is_told_and_nothing_is_written(open_gallery, world, hopper):
    page = open_gallery()
    world.sidecar.down()
    choose(group(page), "hopper")
    group(page).locator("text=Connection refused - is Stash Sense running?").wait_for()
    assert world.on_gallery() == []
    world.sidecar.up()
    group(page).locator("[role=option]").first.click()
    group(page).locator("text=Added to the gallery as").wait_for()
    assert world.on_gallery() == [int(hopper)]


def test_a_tag_whose_faces_could_not_be_noted_can_be_gone_on_with(open_gallery, world, hopper):
    world.sidecar.faults["/decisions/faces"] = Problem(503, "busy", "The state is busy.")
    page = open_gallery()
    choose(group(page), "hopper")
    group(page).locator(
        "text=Tagged, but the faces could not be linked to the performer: Request failed: The"
    ).wait_for()
    assert (world.on_gallery(), world.sidecar.decisions) == ([int(hopper)], [])
    expect(group(page).locator("text=Choose performer")).to_have_count(0)
    world.sidecar.faults.clear()
    group(page).locator("text=Try again").click()
    group(page).locator("text=Added to the gallery as").wait_for()
    assert len(said(world)) == 3
    assert {each["entry_id"] for each in world.sidecar.decisions} == {1}


def test_a_tag_whose_faces_could_not_be_noted_can_be_taken_back(open_gallery, world, hopper):
    world.sidecar.faults["/decisions/faces"] = Problem(503, "busy", "The state is busy.")
    page = open_gallery()
    choose(group(page), "hopper")
    group(page).locator("text=Tagged, but the faces").wait_for()
    group(page).locator("text=Undo").click()
    group(page).locator("text=Choose performer").wait_for()
    assert (world.on_gallery(), world.sidecar.journal[0]["status"]) == ([], "undone")


def test_faces_that_are_no_longer_stored_are_told(open_gallery, world, hopper):
    world.sidecar.unstored = {"g2"}
    page = open_gallery()
    choose(group(page), "hopper")
    group(page).locator("text=The sidecar no longer has 1 of these faces").wait_for()
    assert [face for face, *_ in said(world)] == ["g1", "g3"]


def test_an_undo_that_fails_can_be_tried_again(open_gallery, world, hopper):
    page = open_gallery()
    choose(group(page), "hopper")
    group(page).locator("text=Added to the gallery as").wait_for()
    world.stash.faults.add(Status(500), where="StashSenseTag", times=1)
    group(page).locator("text=Undo").click()
    group(page).locator("text=Stash answered with status 500").wait_for()
    assert world.on_gallery() == [int(hopper)]
    group(page).locator("text=Undo").click()
    group(page).locator("text=Undone").wait_for()
    assert world.on_gallery() == []


def test_two_tabs_that_name_one_group_each_take_back_their_own(open_gallery, world, hopper):
    first, second = open_gallery(), open_gallery(run=False)
    choose(group(first), "hopper")
    group(first).locator("text=Added to the gallery as").wait_for()
    choose(group(second), "kelly")
    group(second).locator("text=Added to the gallery as Grace Kelly").wait_for()
    kelly = int(hopper) - 1
    assert sorted(world.on_gallery()) == [kelly, int(hopper)]
    assert said(world) == [(face, "confirmed", f"local:{kelly}") for face in FACES]
    group(first).locator("text=Undo").click()
    group(first).locator("text=Undone").wait_for()
    assert world.on_gallery() == [kelly]
    assert said(world) == [(face, "confirmed", f"local:{kelly}") for face in FACES]


def test_an_undo_in_another_tab_takes_no_later_tag(open_gallery, open_page, world, hopper):
    page = open_gallery()
    choose(group(page), "hopper")
    group(page).locator("text=Added to the gallery as").wait_for()
    other = open_page("/plugins/stash-sense")
    other.click(".sense-list li >> text=Undo")
    other.wait_for_selector(".sense-list li >> text=undone")
    world.on_gallery().append(int(hopper))  # by hand
    group(page).locator("text=Undo").click()
    group(page).locator("text=Undone").wait_for()
    assert (world.on_gallery(), world.sidecar.decisions) == ([int(hopper)], [])
