"""What a scene's dialogue writes beside tags, each on request: a performer's picture, and markers."""

import base64
import re

import pytest

from fakes.sidecar import Problem
from fakes.stash import Status
from pages import expect, once, row
from waiting import until

from .scenes import known_scene
from .test_bars import findings
from .world import thumbnail


@pytest.fixture
def scene(world):
    return known_scene(world)


@pytest.fixture
def ann(world, scene):
    """Ann of the library, who has a picture."""
    performer = world.stash.library.performers[int(scene[1])]
    performer.image = thumbnail(world.samples / "gallery" / "grace_hopper.jpg")
    return performer


@pytest.fixture
def open_scene(open_page, scene):
    def open_scene(**options):
        page = open_page(f"/scenes/{scene[0]}", **options)
        once(page, "scene").click()
        page.wait_for_selector(".sense-summary")
        row(page, "Ann").locator("text=In library as: Ann").wait_for()
        return page

    return open_scene


def url(picture):
    return "data:image/jpeg;base64," + base64.b64encode(picture).decode()


def replaced(page):
    row(page, "Ann").locator("text=Use as performer's picture…").click()
    row(page, "Ann").locator("text=Replace the picture of Ann?").wait_for()
    row(page, "Ann").locator("text=/^Replace the picture$/").click()
    row(page, "Ann").locator("text=Picture replaced").wait_for()


def test_a_face_becomes_the_performers_picture_only_when_confirmed_and_can_be_put_back(
    open_scene, world, ann
):
    before, face = ann.image, world.sidecar.pictures["s-Ann-1"]
    page = open_scene()
    row(page, "Ann").locator("text=Use as performer's picture…").click()
    form = row(page, "Ann").locator(".sense-picture-form")
    form.locator("figure:nth-child(1) img[src*='/performer/']").wait_for()
    form.locator("figure:nth-child(2) img[src^='data:image/jpeg']").wait_for()
    assert findings(page, ".sense-dialogue") == []
    form.locator("text=Cancel").click()
    assert ann.image == before
    replaced(page)
    assert ann.image == face
    page.keyboard.press("Escape")
    once(page, "scene").click()
    row(page, "Ann").locator("text=Put the former picture back").click()
    row(page, "Ann").locator("text=Picture replaced").wait_for(state="detached")
    assert ann.image == before


def test_another_of_the_faces_can_be_taken(open_scene, world, ann):
    world.sidecar.pictures["s-Ann-2"] = thumbnail(world.samples / "gallery" / "astronaut_mirrored.jpg")
    page = open_scene()
    row(page, "Ann").locator("text=Use as performer's picture…").click()
    row(page, "Ann").locator(".sense-picture-form [aria-label='Face 2']").click()
    row(page, "Ann").locator(".sense-picture-form [aria-pressed=true][aria-label='Face 2']").wait_for()
    row(page, "Ann").locator("text=/^Replace the picture$/").click()
    row(page, "Ann").locator("text=Picture replaced").wait_for()
    assert ann.image == world.sidecar.pictures["s-Ann-2"]


def test_after_two_replacements_the_very_first_picture_comes_back(open_scene, world, ann):
    before = ann.image
    world.sidecar.pictures["s-Ann-2"] = thumbnail(world.samples / "gallery" / "astronaut_mirrored.jpg")
    page = open_scene()
    replaced(page)
    row(page, "Ann").locator("text=Use as performer's picture…").click()
    row(page, "Ann").locator(".sense-picture-form [aria-label='Face 2']").click()
    row(page, "Ann").locator("text=/^Replace the picture$/").click()
    until(lambda: ann.image == world.sidecar.pictures["s-Ann-2"])
    row(page, "Ann").locator("text=Put the former picture back").click()
    until(lambda: ann.image == before)


def test_where_there_was_none_putting_back_takes_the_picture_away(open_scene, world, ann):
    ann.image = None
    page = open_scene()
    replaced(page)
    row(page, "Ann").locator("text=Put the former picture back").click()
    row(page, "Ann").locator("text=Picture replaced").wait_for(state="detached")
    assert ann.image is None


def test_after_a_reload_the_plugins_page_puts_the_former_picture_back(open_scene, open_page, world, ann):
    before = ann.image
    replaced(open_scene())
    (entry,) = world.sidecar.journal
    assert (entry["target_type"], entry["status"], entry["added_ids"]) == ("picture", "done", [str(ann.id)])
    page = open_page("/plugins/stash-sense")
    line = page.locator(".sense-list li", has_text="Picture of Ann")
    expect(line.locator(f"a[href$='/performers/{ann.id}']")).to_have_count(1)
    line.locator("text=Undo").click()
    expect(line).to_contain_text("undone")
    assert (ann.image, entry["status"]) == (before, "undone")


def test_a_picture_that_was_changed_since_stays_when_the_page_is_asked_to_undo(
    open_scene, open_page, world, ann
):
    replaced(open_scene())
    ann.image = elsewhere = thumbnail(world.samples / "gallery" / "astronaut_mirrored.jpg")
    page = open_page("/plugins/stash-sense")
    line = page.locator(".sense-list li", has_text="Picture of Ann")
    line.locator("text=Undo").click()
    expect(line).to_contain_text("The picture was changed elsewhere meanwhile")
    assert ann.image == elsewhere


@pytest.mark.parametrize("written", [True, False])
def test_a_picture_of_a_tab_that_was_closed_half_way_is_settled(open_page, world, ann, written):
    new = thumbnail(world.samples / "gallery" / "astronaut_mirrored.jpg")
    before = ann.image
    world.sidecar.begin_picture({"local_id": str(ann.id), "before": url(before), "after": url(new)})
    if written:
        ann.image = new
    page = open_page("/plugins/stash-sense")
    line = page.locator(".sense-list li", has_text="Picture of Ann")
    line.locator("text=Undo").click()
    expect(line).to_contain_text("undone" if written else "failed")
    assert ann.image == before


def test_no_picture_is_replaced_without_a_journal(open_scene, world, ann):
    before = ann.image
    world.sidecar.faults["/journal/picture"] = Problem(503, "state-unavailable", "no state")
    page = open_scene()
    row(page, "Ann").locator("text=Use as performer's picture…").click()
    row(page, "Ann").locator(".sense-picture-form figure:nth-child(2) img").wait_for()
    row(page, "Ann").locator("text=/^Replace the picture$/").click()
    row(page, "Ann").locator(".sense-picture >> text=no state").wait_for()
    assert ann.image == before


def test_nothing_is_replaced_that_could_not_be_put_back(open_scene, world, ann):
    before = ann.image
    page = open_scene()
    row(page, "Ann").locator("text=Use as performer's picture…").click()
    row(page, "Ann").locator(".sense-picture-form figure:nth-child(2) img").wait_for()
    world.stash.faults.add(Status(500), where="portrait")
    row(page, "Ann").locator("text=/^Replace the picture$/").click()
    row(page, "Ann").locator("text=The present picture could not be read").wait_for()
    assert ann.image == before


def test_a_picture_that_was_changed_elsewhere_is_not_overwritten(open_scene, world, ann):
    page = open_scene()
    replaced(page)
    ann.image = elsewhere = thumbnail(world.samples / "gallery" / "astronaut_mirrored.jpg")
    row(page, "Ann").locator("text=Put the former picture back").click()
    row(page, "Ann").locator("text=The picture was changed elsewhere meanwhile").wait_for()
    assert ann.image == elsewhere


def markers(world):
    library = world.stash.library
    return [
        (each.title, library.tags[each.primary_tag], each.seconds, each.end_seconds)
        for each in library.markers.values()
    ]


def test_markers_are_made_on_request_only_with_their_own_tag_and_removed(open_scene, world, scene):
    page = open_scene()
    assert markers(world) == []
    row(page, "Ann").locator("text=Add 2 markers").click()
    row(page, "Ann").locator("text=/^2 markers$/").wait_for()
    assert markers(world) == [("Ann", "Stash Sense", 5.0, 12.0), ("Ann", "Stash Sense", 30.0, 31.0)]
    (entry,) = world.sidecar.journal
    assert (entry["target_type"], entry["target_ids"], entry["added_ids"]) == ("marker", ["1"], ["1", "2"])
    row(page, "Ann").locator("text=Remove these markers").click()
    row(page, "Ann").locator("text=Undone").wait_for()
    assert (markers(world), entry["status"]) == ([], "undone")


def test_a_marker_that_is_there_already_is_not_made_twice(open_scene, world, scene):
    library = world.stash.library
    library.add_marker(scene[0], "Ann", 30.2, None, library.add_tag("Stash Sense"))
    page = open_scene()
    row(page, "Ann").locator("text=Add 1 marker").click()
    row(page, "Ann").locator("text=/^2 markers$/").wait_for()
    assert [start for _, _, start, _ in markers(world)] == [30.2, 5.0]
    row(page, "Ann").locator("text=Remove these markers").click()
    row(page, "Ann").locator("text=Undone").wait_for()
    assert [start for _, _, start, _ in markers(world)] == [30.2]


def test_markers_that_another_tab_makes_at_the_same_moment_are_not_made_twice(
    open_scene, world, scene, monkeypatch
):
    library = world.stash.library
    add_marker = library.add_marker

    def after_the_other_tab(*marker):
        monkeypatch.undo()
        for start, end in ((5.0, 12.0), (30.0, 31.0)):
            add_marker(scene[0], "Ann", start, end, marker[-1])
        return add_marker(*marker)

    page = open_scene()
    monkeypatch.setattr(library, "add_marker", after_the_other_tab)
    row(page, "Ann").locator("text=Add 2 markers").click()
    row(page, "Ann").locator("text=/^2 markers$/").wait_for()
    assert [start for _, _, start, _ in markers(world)] == [5.0, 30.0]
    (entry,) = world.sidecar.journal
    assert (entry["status"], entry["added_ids"]) == ("failed", [])
    expect(row(page, "Ann").locator("text=Remove these markers")).to_have_count(0)


def test_a_stash_before_0_28_gets_markers_without_an_end(open_scene, world, scene):
    world.stash.version = "0.26"
    page = open_scene()
    row(page, "Ann").locator("text=Add 2 markers").click()
    row(page, "Ann").locator("text=/^2 markers$/").wait_for()
    assert [(start, end) for _, _, start, end in markers(world)] == [(5.0, None), (30.0, None)]
    row(page, "Ann").locator("text=Remove these markers").click()
    row(page, "Ann").locator("text=Undone").wait_for()
    assert markers(world) == []


def test_markers_are_undone_on_the_plugins_page_and_one_removed_by_hand_is_no_failure(
    open_scene, open_page, world, scene
):
    page = open_scene()
    row(page, "Ann").locator("text=Add 2 markers").click()
    row(page, "Ann").locator("text=/^2 markers$/").wait_for()
    del world.stash.library.markers[1]
    page.click(".sense-to-page")
    page.locator(".sense-list >> text=2 markers of Ann").wait_for()
    expect(page.locator(".sense-list .sense-where")).to_have_attribute(
        "href", re.compile(f"/scenes/{scene[0]}$")
    )
    page.locator(".sense-list >> text=Undo").click()
    page.locator(".sense-list >> text=undone").wait_for()
    assert markers(world) == []


def test_markers_of_a_tab_that_was_closed_half_way_are_undone_too(open_page, world, scene):
    library = world.stash.library
    world.sidecar.begin({"target_type": "marker", "target_ids": [str(scene[0])], "local_id": scene[1]})
    library.add_marker(scene[0], "Ann", 5.0, 12.0, library.add_tag("Stash Sense"))
    library.add_marker(scene[0], "Ann", 5.0, 12.0, library.add_tag("Mine"))
    page = open_page("/plugins/stash-sense")
    page.locator(".sense-list >> text=Undo").click()
    page.locator(".sense-list >> text=undone").wait_for()
    assert [tag for _, tag, _, _ in markers(world)] == ["Mine"]


def test_no_marker_without_a_journal(open_scene, world, scene):
    world.sidecar.faults["/journal"] = Problem(503, "state-unavailable", "no state")
    page = open_scene()
    row(page, "Ann").locator("text=Add 2 markers").click()
    row(page, "Ann").locator(".sense-markers >> text=no state").wait_for()
    assert markers(world) == []
