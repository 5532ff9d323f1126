"""The dialogue of a scene, on a sidecar that can do scenes."""

import pytest

from fakes.sidecar import Problem
from pages import once, row

from .test_bars import findings
from .world import match_of, thumbnail


@pytest.fixture
def scene(world):
    """A scene with Ann of the library, a stranger, and somebody unknown: its id, and Ann's."""
    world.sidecar.features.append("identify-scene")
    number = world.stash.library.add_scene("A scene")
    ann = world.performer("Ann")
    known, other = match_of("Ann", ann), match_of("Bea", performer_id="b", distance=0.5)
    stranger = match_of("Stranger", performer_id="s", distance=0.45, reference_id="ref-s")
    world.sidecar.pictures["ref-s"] = thumbnail(world.samples / "gallery" / "obama2.jpg")
    world.sidecar.scenes[str(number)] = {
        "persons": [
            {"frame_count": 12, "best_match": known, "all_matches": [known, other]},
            {"frame_count": 3, "best_match": stranger, "all_matches": [stranger]},
            {"frame_count": 1, "best_match": None, "all_matches": []},
        ]
    }
    return number, ann


def on_scene(world, scene):
    return world.stash.library.scenes[scene].performers


def test_people_are_tagged_and_taken_back(open_page, world, scene):
    number, ann = scene
    page = open_page(f"/scenes/{number}")
    once(page, "scene").click()
    page.wait_for_selector("text=Found 3 people")
    assert "Seen in 12 frames" in row(page, "Ann").inner_text()
    row(page, "Stranger").locator("img.sense-portrait[src^='data:image/jpeg']").wait_for()
    page.wait_for_selector(".sense-person >> text=No match found in database")
    row(page, "Ann").locator("text=Add to Scene").click()
    row(page, "Ann").locator("text=Added!").wait_for()
    page.wait_for_selector(".performers >> text=Ann")  # Stash's own page, behind the dialogue
    assert on_scene(world, number) == [int(ann)]
    (entry,) = world.sidecar.journal
    assert (entry["target_type"], entry["status"], entry["added_ids"]) == ("scene", "done", [str(number)])
    row(page, "Ann").locator("text=Undo").click()
    row(page, "Ann").locator("text=Undone").wait_for()
    assert (on_scene(world, number), entry["status"]) == ([], "undone")
    page.click("text=Other possible matches (1)")
    assert findings(page, ".sense-dialogue") == []
    page.click("text=Choose Bea")
    row(page, "Bea").locator("text=Create and tag").click()
    row(page, "Bea").locator("text=Added!").wait_for()
    assert on_scene(world, number) == [max(world.stash.library.performers)]
    page.keyboard.press("Escape")
    page.wait_for_selector("#sense-button:focus")


def test_a_scene_that_cannot_be_looked_at_says_why(open_page, world, scene):
    number, _ = scene
    world.sidecar.faults["/identify/scene"] = Problem(501, "not-built", "This does not work yet.")
    page = open_page(f"/scenes/{number}")
    page.click("#sense-button")
    page.wait_for_selector("text=Identification failed: This does not work yet.")
    world.sidecar.faults.clear()
    world.sidecar.scenes[str(number)] = {"persons": []}
    page.click("text=Try again")
    page.wait_for_selector("text=No performers identified")


def test_a_scene_that_is_gone_is_said_to_be(open_page, world, scene):
    number, _ = scene
    page = open_page(f"/scenes/{number}")
    once(page, "scene").wait_for()
    del world.stash.library.scenes[number]
    once(page, "scene").click()
    page.wait_for_selector(f"text=Stash no longer has scene {number}.")


TWO_CHANGES_AT_ONCE = """
const Watch = window.IntersectionObserver;
window.IntersectionObserver = class extends Watch {
  constructor(tell) {
    super((changes) => tell([{ isIntersecting: false }, ...changes]));
  }
};
"""


def test_a_portrait_that_came_into_sight_on_a_busy_page_is_shown(open_page, world, scene):
    number, _ = scene
    page = open_page(f"/scenes/{number}")
    page.add_init_script(TWO_CHANGES_AT_ONCE)
    page.reload()
    once(page, "scene").click()
    row(page, "Stranger").locator("img.sense-portrait[src^='data:image/jpeg']").wait_for()
