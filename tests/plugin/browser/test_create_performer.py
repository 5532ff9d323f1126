"""Creating a performer from a face: the name, the portrait, and performers who have the name already."""

from fakes.sidecar import Problem
from fakes.stash import Status
from pages import expect

from .steps import group, tagged_as


def create(page, name):
    page.click("text=Create performer")
    page.keyboard.type(name)
    page.keyboard.press("Enter")


def created(world, three):
    return [each for number, each in world.stash.library.performers.items() if number > int(three[-1])]


def test_a_performer_is_created_with_the_best_face_as_portrait(open_gallery, world, three):
    page = open_gallery()
    create(page, " Jane Newcomer ")
    tagged_as(page, "Jane Newcomer")
    (performer,) = created(world, three)
    assert (performer.name, performer.image) == ("Jane Newcomer", world.sidecar.pictures["g1"])
    assert world.on_gallery() == [performer.id]
    assert {each["performer_id"] for each in world.sidecar.decisions} == {f"local:{performer.id}"}


def test_a_face_without_a_picture_makes_no_portrait(open_gallery, world, three):
    world.sidecar.pictures.clear()
    page = open_gallery()
    create(page, "Jane Newcomer")
    tagged_as(page, "Jane Newcomer")
    assert created(world, three)[0].image is None


def test_without_a_sidecar_nobody_is_created(open_gallery, world, three):
    page = open_gallery()
    page.click("text=Create performer")
    world.sidecar.down()
    page.keyboard.type("Jane Newcomer")
    page.keyboard.press("Enter")
    world.sidecar.pictures.clear()
    page.wait_for_selector(".sense-group >> text=Connection refused")
    assert (world.on_gallery(), world.sidecar.decisions) == ([], [])


def test_a_name_is_needed(open_gallery, world, three):
    page = open_gallery()
    create(page, "  ")
    page.wait_for_selector("text=Enter a name.")
    expect(page.locator(".sense-create input")).to_have_attribute("aria-invalid", "true")
    page.keyboard.press("Escape")
    page.locator(".sense-create").wait_for(state="detached")
    expect(page.locator(".sense-dialogue")).to_have_count(1)


def test_whoever_has_the_name_is_offered(open_gallery, world, three):
    page = open_gallery()
    create(page, "grace hopper")
    page.wait_for_selector("text=Your library already has a performer with this name:")
    expect(page.locator(".sense-same li")).to_have_count(2)
    page.click(".sense-same li:nth-child(2) .btn")
    tagged_as(page, "Grace Hopper (dancer)")
    assert created(world, three) == []
    assert world.on_gallery() == [int(three[1])]


def test_another_one_of_the_name_needs_a_disambiguation(open_gallery, world, three):
    page = open_gallery()
    create(page, "Mary Grace")
    page.wait_for_selector("text=Your library already has")
    page.click(".sense-create >> text=/^Create$/")
    page.wait_for_selector(".sense-create >> text=/^Create$/")
    assert created(world, three) == []
    page.fill("text=Disambiguation, to create another performer", "singer")
    page.click(".sense-create >> text=/^Create$/")
    tagged_as(page, "Mary Grace (singer)")
    assert [(each.name, each.disambiguation) for each in created(world, three)] == [("Mary Grace", "singer")]


def test_a_name_that_somebody_takes_meanwhile_is_offered_too(open_gallery, world, three):
    page = open_gallery()

    def taken(seen):
        if seen.operation == "StashSenseCreate" and not created(world, three):
            world.performer("Jane Newcomer")
        return False

    world.stash.faults.add(Status(500), where=taken)
    create(page, "Jane Newcomer")
    page.wait_for_selector("text=Your library already has")
    page.click(".sense-same .btn")
    tagged_as(page, "Jane Newcomer")
    assert len(created(world, three)) == 1


def test_once_created_a_performer_is_not_created_again(open_gallery, world, three):
    world.sidecar.faults["/journal"] = Problem(503, "busy", "The state is busy.")
    page = open_gallery()
    create(page, "Jane Newcomer")
    group(page).locator("text=The state is busy.").wait_for()
    world.sidecar.faults.clear()
    page.click(".sense-create >> text=/^Create$/")
    page.click(".sense-same .btn")
    tagged_as(page, "Jane Newcomer")
    assert len(created(world, three)) == 1
