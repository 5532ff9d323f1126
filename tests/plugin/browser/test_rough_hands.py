"""Double clicks, two tabs at once, and names that are cut where a character takes two places."""

import pytest

from pages import row

from .steps import group, said, settled
from .world import face_of, group_of, match_of, person_of

SMILES = "x" + "\U0001f600" * 1500
HALVES = r"/[\uD800-\uDBFF](?![\uDC00-\uDFFF])/.test(document.querySelector('.sense-dialogue').outerHTML)"


def asked(world, path):
    return [target for _, target, _ in world.sidecar.asked].count(path)


def test_no_name_is_cut_through_an_emoji(world, open_image, open_gallery):
    world.saw(
        face_of(match_of(SMILES, performer_id="a"), match_of(f"y{SMILES}", performer_id="b", distance=0.5))
    )
    page = open_image()
    page.wait_for_selector("text=Not in library")
    settled(page)
    assert not page.evaluate(HALVES)
    near = match_of(f"y{SMILES}", performer_id="b"), match_of(SMILES, performer_id="c")
    seen = {"face_ids": ["a1"], "face_count": 1, "faces_alone": 1, "confirmed": False}
    world.found(person_of(SMILES, ["1"], **seen), unknown=[group_of("t1", ["g1"], ["2"], *near)])
    page = open_gallery()
    group(page).locator("text=Not in library").first.wait_for()
    settled(page)
    assert not page.evaluate(HALVES)


def test_namesakes_with_long_names_are_told_apart_by_their_ids(world, open_image):
    name = "N" * 2000
    ids = [world.performer(name), world.performer(name, disambiguation="another")]
    world.saw(face_of(match_of(name)))
    page = open_image()
    page.wait_for_selector("select")
    options = page.locator("select option").all_inner_texts()[1:]
    assert [text.rpartition("#")[2] for text in options] == ids


def test_a_double_click_does_each_thing_once(world, open_image, obama):
    page = open_image()
    page.dblclick("text=Add to Image")
    page.wait_for_selector("text=Added!")
    assert (world.on_image(), asked(world, "/journal")) == ([int(obama)], 1)
    page.dblclick("text=Not this person")
    page.wait_for_selector("text=Marked as not Barack Obama.")
    settled(page)
    assert [word for _, word, _ in said(world)] == ["rejected"]


def test_a_double_click_starts_one_job_and_ignores_a_group_once(world, open_gallery):
    world.crops("g1")
    world.found(unknown=[group_of("t1", ["g1"], ["1"])])
    page = open_gallery(run=False)
    page.dblclick("text=Identify performers in this gallery")
    page.wait_for_selector(".sense-summary")
    assert asked(world, "/jobs/gallery") == 1
    group(page).locator("button", has_text="Ignore").dblclick()
    group(page).locator("text=Ignored").wait_for()
    settled(page)
    assert [(face, word) for face, word, _ in said(world)] == [("g1", "ignored")]


@pytest.mark.parametrize("first", [0, 1])
def test_two_tabs_that_tag_the_same_person_undo_it_once(world, open_gallery, first):
    ann = world.performer("Ann")
    world.found(person_of("Ann", ["1"], ann))
    tabs = [open_gallery(), open_gallery(run=False)]
    rows = [row(tab, "Ann") for tab in tabs]
    for each in rows:
        each.locator("text=Add to Gallery").wait_for()
    for each in rows:
        each.locator("text=Add to Gallery").click(no_wait_after=True)
    for each in rows:
        each.locator("text=/^(Added!|Already tagged)$/").wait_for()
    assert world.on_gallery() == [int(ann)]
    undo = [each.locator("button", has_text="Undo") for each in rows]
    for button in (undo[first], undo[1 - first]):
        if button.count():
            button.click()
    for each in rows:
        each.locator("button", has_text="Undo").wait_for(state="detached")
    assert world.on_gallery() == []
