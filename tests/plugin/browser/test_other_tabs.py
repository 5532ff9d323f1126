"""What another tab or browser did to the gallery whose result shows."""

import pytest

from pages import expect, once
from waiting import until

from .scenes import found_in_scene, known_scene, scene_person
from .steps import group, settled
from .world import group_of, match_of, person_of


@pytest.fixture
def rejected(world):
    """A decision that stands, and the result that it leads to: nobody is named."""
    decision = world.sidecar.decide({"face_id": "a1", "performer_id": "ann", "word": "rejected"})
    world.found()
    return decision["decision_id"]


def come_back(page):
    """The user returns to the window."""
    page.evaluate("window.dispatchEvent(new Event('focus'))")


def starts(world):
    """How often the gallery's job was started."""
    return [path for _, path, _ in world.sidecar.asked].count("/jobs/gallery")


@pytest.mark.parametrize("reopened", [True, False], ids=["opened again", "still open"])
def test_a_decision_taken_back_elsewhere_is_followed(world, open_gallery, rejected, reopened):
    page = open_gallery()
    page.wait_for_selector("text=No performers identified")
    world.sidecar.undecide(str(rejected))
    world.found(person_of("Ann", ["1"]))
    if reopened:
        page = open_gallery(run=False)
    else:
        come_back(page)
    page.locator(".sense-person h6", has_text="Ann").wait_for()
    assert starts(world) == 2


def test_a_decision_made_elsewhere_is_followed_once(world, open_gallery):
    world.found(person_of("Ann", ["1"]))
    page = open_gallery()
    page.locator(".sense-person h6", has_text="Ann").wait_for()
    world.sidecar.decide({"face_id": "a1", "performer_id": "ann", "word": "rejected"})
    world.found(person_of("Bob", ["1"]))
    come_back(page)
    page.locator(".sense-person h6", has_text="Bob").wait_for()
    page.locator(".sense-person h6", has_text="Ann").wait_for(state="detached")
    asked = len(world.sidecar.asked)
    come_back(page)
    until(lambda: any(path.startswith("/decisions/revision") for _, path, _ in world.sidecar.asked[asked:]))
    settled(page)
    assert starts(world) == 2


def test_a_user_who_decided_in_this_window_is_asked_before_the_groups_change(world, open_gallery):
    world.crops("g1", "g2")
    world.found(unknown=[group_of("t1", ["g1"], ["1"]), group_of("t2", ["g2"], ["2"])])
    page = open_gallery()
    group(page, 2).locator("text=Ignore").click()
    group(page, 2).locator("text=Ignored").wait_for()
    come_back(page)
    page.wait_for_selector("text=Faces of this gallery were decided on since this result.")
    assert starts(world) == 1
    world.found(unknown=[group_of("t1", ["g1"], ["1"])])
    page.click("text=Update groups")
    page.locator(".sense-update").wait_for(state="detached")
    assert starts(world) == 2


@pytest.mark.parametrize("reopened", [True, False], ids=["opened again", "still open"])
def test_a_decision_on_a_scene_taken_back_elsewhere_is_followed(world, open_page, reopened):
    scene, ann = known_scene(world)
    decision = world.sidecar.decide({"face_id": "s-Ann-1", "performer_id": "local:1", "word": "rejected"})
    found_in_scene(world, scene)
    page = open_page(f"/scenes/{scene}")
    once(page, "scene").click()
    page.wait_for_selector("text=No performers identified")
    world.sidecar.undecide(str(decision["decision_id"]))
    found_in_scene(world, scene, scene_person(match_of("Ann", ann), [[5.0, 12.0]]))
    if reopened:
        page = open_page(f"/scenes/{scene}")
        once(page, "scene").click()
    else:
        come_back(page)
    page.locator(".sense-person h6", has_text="Ann").wait_for()
    assert [path for _, path, _ in world.sidecar.asked].count("/jobs/scene") == 2


@pytest.mark.parametrize("still", ["running", "done"])
def test_a_run_that_another_tab_began_is_followed(world, open_gallery, still):
    world.found(person_of("Ann", ["1"]))
    page = open_gallery()
    page.locator(".sense-person h6", has_text="Ann").wait_for()
    world.found(person_of("Bob", ["2"]))
    target = f"gallery:{world.gallery}"
    if still == "running":
        world.sidecar.reached = 0.5
    world.sidecar.start("gallery", target, world.sidecar.gallery(str(world.gallery)))
    come_back(page)
    if still == "running":
        page.wait_for_selector(".sense-running >> text=Cancel")
        expect(page.locator(".sense-person h6")).to_have_text(["Ann"], use_inner_text=True)
        world.sidecar.reached = 1.0
    page.locator(".sense-person h6", has_text="Bob").wait_for()
    assert starts(world) == 1


def test_a_run_begun_elsewhere_is_followed_where_none_was_before(world, open_gallery):
    world.found(person_of("Ann", ["1"]))
    page = open_gallery(run=False)
    page.wait_for_selector("text=Identify performers in this gallery")
    world.sidecar.start("gallery", f"gallery:{world.gallery}", world.sidecar.gallery(str(world.gallery)))
    come_back(page)
    page.locator(".sense-person h6", has_text="Ann").wait_for()


def test_a_sidecar_that_is_away_when_the_user_returns_changes_nothing(world, open_gallery):
    world.found(person_of("Ann", ["1"]))
    page = open_gallery()
    page.locator(".sense-person h6", has_text="Ann").wait_for()
    world.sidecar.down()
    logged = len(world.stash.plugins.logs)
    come_back(page)
    until(lambda: len(world.stash.plugins.logs) > logged)
    settled(page)
    expect(page.locator(".sense-person h6")).to_have_text(["Ann"], use_inner_text=True)
    expect(page.locator(".sense-problem")).to_have_count(0)
