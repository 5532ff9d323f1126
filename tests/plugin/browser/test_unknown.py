"""The unknown people of a gallery: named, created, ignored, and all of it taken back."""

import pytest

from fakes.stash import Delay
from pages import expect, row
from stash_sense.domain.identity import StashId, performer_key

from .steps import choose, group, said
from .world import BOX, group_of, person_of

FACES = ["g1", "g2", "g3"]
IMAGES = ["1", "2", "3"]


@pytest.fixture
def hopper(world):
    """Somebody of the library whom no face database knows, on three images: her id."""
    world.crops(*FACES)
    world.found(unknown=[group_of("17.0", FACES, IMAGES)])
    world.performer("Grace Kelly")
    return world.performer("Grace Hopper", disambiguation="admiral", alias_list=["Amazing Grace"])


def test_the_largest_group_comes_first_with_its_faces(open_gallery, world):
    world.crops(*FACES)
    world.found(unknown=[group_of("small", ["s"], ["1"]), group_of("large", FACES, IMAGES)])
    page = open_gallery()
    titles = ["Unknown person, 3 images", "Unknown person, 1 image"]
    expect(page.locator(".sense-group h6")).to_have_text(titles, use_inner_text=True)
    group(page).locator("img[src^='data:image/jpeg'] >> nth=2").wait_for()
    expect(group(page)).to_contain_text("The face database has nobody to compare with", use_inner_text=True)
    page.wait_for_selector("text=No performers identified")


@pytest.mark.parametrize("prefix", ["", "/stash"])
def test_a_group_is_named_after_a_performer_found_by_an_alias(open_gallery, world, hopper):
    page = open_gallery()
    choose(group(page), "amazing")
    group(page).locator("text=Added to the gallery as Grace Hopper (admiral)").wait_for()
    assert world.on_gallery() == [int(hopper)]
    assert world.images_with(hopper) == []
    assert said(world) == [(face, "confirmed", f"local:{hopper}") for face in FACES]
    (entry,) = world.sidecar.journal
    assert (entry["status"], entry["added_ids"]) == ("done", [str(world.gallery)])
    assert {each["entry_id"] for each in world.sidecar.decisions} == {entry["entry_id"]}
    assert {each["name"] for each in world.sidecar.decisions} == {"Grace Hopper"}
    page.wait_for_selector(".performers >> text=Grace Hopper")
    page.wait_for_selector(".sense-group >> text=Undo >> visible=true")
    page.wait_for_function('document.activeElement.textContent === "Undo"')


def test_undo_takes_back_the_tag_and_what_was_said(open_gallery, world, hopper):
    page = open_gallery()
    choose(group(page), "hopper")
    group(page).locator("text=Undo").click()
    group(page).locator("text=Undone").wait_for()
    assert (world.on_gallery(), world.sidecar.decisions) == ([], [])
    assert world.sidecar.journal[0]["status"] == "undone"
    page.wait_for_function('document.activeElement.textContent === "Choose performer"')
    choose(group(page), "hopper")
    group(page).locator("text=Added to the gallery as").wait_for()
    assert len(said(world)) == 3


def test_with_the_switch_the_groups_images_too(open_gallery, world, hopper):
    page = open_gallery()
    group(page).locator("text=Also tag individual images").click()
    choose(group(page), "hopper")
    group(page).locator("text=Added to the gallery and its images as Grace Hopper").wait_for()
    assert world.images_with(hopper) == IMAGES
    assert [entry["target_type"] for entry in world.sidecar.journal] == ["gallery", "image"]
    group(page).locator("text=Undo").click()
    group(page).locator("text=Undone").wait_for()
    assert (world.on_gallery(), world.images_with(hopper), world.sidecar.decisions) == ([], [], [])


def test_after_the_gallery_its_images_can_follow(open_gallery, world, hopper):
    page = open_gallery()
    choose(group(page), "hopper")
    group(page).locator("text=Added to the gallery as").wait_for()
    group(page).locator("text=Also tag individual images").click()
    group(page).locator("text=Tag the images too").click()
    group(page).locator("text=Added to the gallery and its images").wait_for()
    assert world.images_with(hopper) == IMAGES
    assert [entry["target_type"] for entry in world.sidecar.journal] == ["gallery", "image"]


def test_the_switch_for_all_is_the_groups_too(open_gallery, world, hopper):
    world.stash.library.plugins["stash-sense"]["tagImages"] = True
    page = open_gallery()
    choose(group(page), "hopper")
    group(page).locator("text=Added to the gallery and its images").wait_for()
    assert world.images_with(hopper) == IMAGES


def test_where_the_gallery_has_them_already_undo_takes_back_what_was_said(open_gallery, world, hopper):
    world.on_gallery().append(int(hopper))
    page = open_gallery()
    choose(group(page), "hopper")
    group(page).locator("text=Added to the gallery as").wait_for()
    assert world.sidecar.journal == []
    assert len(said(world)) == 3
    group(page).locator("text=Undo").click()
    group(page).locator("text=Undone").wait_for()
    assert (world.on_gallery(), world.sidecar.decisions) == ([int(hopper)], [])


UUID = "50459D16-0000-4000-8000-00000000000A"


@pytest.mark.parametrize(
    "stash_ids",
    [
        [],
        [("https://stashdb.example/graphql", UUID)],
        [("https://a.example/graphql", "x"), ("HTTPS://user:pass@StashDB.example:8443/g?q", f" {UUID} ")],
        [("https://second.example/graphql", "1"), ("https://b.example/graphql", "0")],
        [("https://z.example", "9"), ("https://b.example/graphql", "8")],
        [("not an address/x", "Ab")],
        [("http://[::1]:99/graphql", "Ab")],
    ],
)
def test_the_key_is_the_one_that_the_sidecar_makes(open_gallery, world, stash_ids):
    boxes = ["https://second.example/graphql", BOX, "HTTPS://user:pass@StashDB.example:8443/g?q"]
    world.stash.library.stash_boxes = [(each, each, "") for each in boxes]
    local_id = world.performer("Jane", stash_ids=stash_ids)
    world.found(unknown=[group_of("t1", FACES, IMAGES)])
    page = open_gallery()
    choose(group(page), "jane")
    group(page).locator("text=Added to the gallery as").wait_for()
    key = performer_key(local_id, [StashId(*each) for each in stash_ids], boxes).key
    assert {each["performer_id"] for each in world.sidecar.decisions} == {key}


def test_ignoring_is_remembered_and_taken_back(open_gallery, world, hopper):
    page = open_gallery()
    group(page).locator("text=Ignore").click()
    group(page).locator("text=Ignored").wait_for()
    assert said(world) == [(face, "ignored", None) for face in FACES]
    page.wait_for_function('document.activeElement.textContent === "Undo"')
    group(page).locator("text=Undo").click()
    group(page).locator("text=Choose performer").wait_for()
    assert (world.sidecar.decisions, world.on_gallery(), world.sidecar.journal) == ([], [], [])


def test_what_was_said_of_a_result_shows_once_the_dialogue_opens_again(open_gallery, world, hopper):
    page = open_gallery()
    group(page).locator("text=Ignore").click()
    group(page).locator("text=Ignored").wait_for()
    world.found()
    page.keyboard.press("Escape")
    page.click("#sense-button")
    page.wait_for_selector("text=No performers identified")
    page.locator(".sense-group").wait_for(state="detached")
    assert len(world.sidecar.jobs) == 2


def test_the_row_of_somebody_knows_of_a_group_named_after_them(open_gallery, world):
    ann = world.performer("Ann")
    world.found(person_of("Ann", ["4"], ann), unknown=[group_of("t1", FACES, IMAGES)])
    page = open_gallery()
    choose(group(page), "ann")
    row(page, "Ann").locator("text=Already tagged").wait_for()
    group(page).locator("text=Undo").click()
    row(page, "Ann").locator("text=Add to Gallery").wait_for()


def test_thirty_groups_come_in_parts_and_their_crops_in_few_calls(open_gallery, world):
    tracks = [[f"f{track}-{number}" for number in range(4)] for track in range(30)]
    world.crops(*(face for track in tracks for face in track))
    world.found(unknown=[group_of(f"t{at}", faces, IMAGES) for at, faces in enumerate(tracks)])
    world.stash.faults.add(Delay(0.1), where="StashSense")
    page = open_gallery()
    page.wait_for_selector("text=Unknown people (30)")
    expect(page.locator(".sense-group")).to_have_count(12)
    page.click("text=18 more")
    expect(page.locator(".sense-group")).to_have_count(30)
    last = group(page, 30)
    last.scroll_into_view_if_needed()
    last.locator("img >> nth=3").wait_for()
    crops = sum(path.endswith("/crop") for _, path, _ in world.sidecar.asked)
    assert crops < 30 * 4  # what was scrolled past was not fetched
    last.locator("text=Ignore").click()
    last.locator("text=Ignored").wait_for()
    assert {face for face, *_ in said(world)} == set(tracks[29])


def test_crops_come_two_calls_at_a_time_and_one_that_fails_is_a_gap(open_gallery, world):
    faces = [f"f{number}" for number in range(60)]
    world.crops(*faces)
    del world.sidecar.pictures["f3"]
    world.found(unknown=[group_of("t1", faces, IMAGES)])
    page = open_gallery()
    group(page).locator("text=54 more").click()
    group(page).locator(".sense-face img >> nth=58").wait_for()
    group(page).locator(".sense-face >> nth=3 >> text=No image").wait_for()
    # Each call fetches four at once.
    assert world.sidecar.most_at_once <= 8


def test_the_groups_wait_for_the_last_image(open_gallery, world, hopper):
    world.sidecar.reached = 0.5
    page = open_gallery(run=False)
    page.click("text=Identify performers in this gallery")
    page.wait_for_selector(".sense-running >> text=4 of 9 images")
    expect(page.locator(".sense-group")).to_have_count(0)
    world.sidecar.reached = 1.0
    page.wait_for_selector(".sense-summary")
    expect(page.locator(".sense-group")).to_have_count(1)


def test_a_result_of_an_older_sidecar_has_no_groups(open_gallery, world):
    world.found(person_of("Ann", ["1"], world.performer("Ann")))
    world.sidecar.galleries[str(world.gallery)]["unknown"] = None
    page = open_gallery()
    row(page, "Ann").locator("[aria-label='Show Ann in image 1']").wait_for()
    expect(page.locator(".sense-unknown-people")).to_have_count(0)
