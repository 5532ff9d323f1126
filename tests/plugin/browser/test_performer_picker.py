"""Choosing a performer by typing."""

import threading

import pytest

from fakes.stash import Hold, Status
from pages import expect

from .steps import group, tagged_as
from .world import group_of


@pytest.fixture
def picker(open_gallery, three):
    """The gallery's dialogue with the field for a performer open."""
    page = open_gallery()
    page.click("text=Choose performer")
    page.wait_for_selector("[role=combobox]:focus")
    return page


def are_offered(page, names):
    """These and nobody else, in this order."""
    expect(page.locator("[role=option]")).to_have_text(names, use_inner_text=True)


def names(page):
    page.locator("[role=option]").first.wait_for()
    return page.locator("[role=option]").all_inner_texts()


def test_who_begins_with_the_text_comes_first_and_namesakes_are_told_apart(picker):
    picker.keyboard.type("grace")
    are_offered(picker, ["Grace Hopper (admiral)", "?\nGrace Hopper (dancer)", "?\nMary Grace"])
    expect(picker.locator("[role=option] img[src*='/performer/1/image']")).to_have_count(1)
    picker.wait_for_selector("text=3 performers found")


def test_the_alias_that_was_typed_is_shown(picker):
    picker.keyboard.type("amazing")
    are_offered(picker, ["Grace Hopper (admiral) also Amazing Grace"])


def test_arrows_and_enter_choose(picker, world, three):
    picker.keyboard.type("grace hop")
    assert len(names(picker)) == 2
    field = picker.locator("[role=combobox]")
    first = field.get_attribute("aria-activedescendant")
    picker.keyboard.press("ArrowDown")
    second = field.get_attribute("aria-activedescendant")
    assert first != second
    expect(picker.locator(f"#{second}")).to_have_attribute("aria-selected", "true")
    picker.keyboard.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", first)
    picker.keyboard.press("ArrowUp")
    picker.keyboard.press("Enter")
    tagged_as(picker, "Grace Hopper (dancer)")
    assert world.on_gallery() == [int(three[1])]


def test_a_click_chooses(picker, world, three):
    picker.keyboard.type("mary")
    picker.click("[role=option]")
    tagged_as(picker, "Mary Grace")
    assert world.on_gallery() == [int(three[2])]


def test_escape_clears_then_closes_the_field_and_only_then_the_dialogue(picker):
    picker.keyboard.type("grace")
    names(picker)
    picker.keyboard.press("Escape")
    expect(picker.locator("[role=combobox]")).to_have_value("")
    picker.keyboard.press("Escape")
    picker.locator("[role=combobox]").wait_for(state="detached")
    picker.wait_for_function('document.activeElement.textContent === "Choose performer"')
    picker.keyboard.press("Escape")
    picker.locator(".sense-dialogue").wait_for(state="detached")


def test_the_pages_shortcuts_sleep_while_somebody_types(picker):
    picker.evaluate("addEventListener('keydown', (event) => shortcuts.push(event.key))")
    picker.keyboard.type("aefo")
    for key in ("ArrowDown", "ArrowLeft", "Enter"):
        picker.keyboard.press(key)
    picker.click("text=Create performer")
    picker.keyboard.type("aefo")
    assert picker.evaluate("shortcuts") == []


def test_an_answer_that_comes_late_is_dropped(picker, world):
    go = threading.Event()
    world.stash.faults.add(Hold(go), where="StashSenseSearch", times=1)
    with picker.expect_request(lambda request: "StashSenseSearch" in (request.post_data or "")):
        picker.keyboard.type("mary")
    picker.fill("[role=combobox]", "hopper")
    picker.keyboard.press("Enter")  # of the old list there is nothing to choose
    are_offered(picker, ["Grace Hopper (admiral)", "?\nGrace Hopper (dancer)"])
    with picker.expect_response(lambda answer: '"mary' in (answer.request.post_data or "").replace("\\", "")):
        go.set()
    are_offered(picker, ["Grace Hopper (admiral)", "?\nGrace Hopper (dancer)"])
    assert world.on_gallery() == []


TYPED = """(field, text) => {
  const { set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value");
  for (const end of text.split("").keys()) {
    set.call(field, text.slice(0, end + 1));
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }
}"""
"""Quicker than any pause that the field may wait for, on a machine however busy."""


def test_typing_on_asks_once(picker, world):
    world.stash.record.forget()
    picker.locator("[role=combobox]").evaluate(TYPED, "grace hopper")
    assert len(names(picker)) == 2
    assert world.stash.record.counts["StashSenseSearch"] == 1


@pytest.mark.parametrize("text", ["zzz", "-grace", '"', "OR grace OR", "grace | mary"])
def test_whatever_is_typed_is_a_name(picker, text):
    picker.keyboard.type(text)
    picker.wait_for_selector("text=No performers found")


def test_a_search_that_fails_says_so_and_can_be_tried_again(picker, world):
    world.stash.faults.add(Status(500), where="StashSenseSearch", times=1)
    picker.keyboard.insert_text("mary")  # at once: one search
    picker.wait_for_selector(".sense-search >> text=Stash answered with status 500")
    picker.click(".sense-search button")
    are_offered(picker, ["?\nMary Grace"])


def test_a_performer_who_is_deleted_meanwhile(picker, world, three):
    picker.keyboard.type("mary")
    names(picker)
    del world.stash.library.performers[int(three[2])]
    picker.keyboard.press("Enter")
    group(picker).locator("text=This performer is no longer in your library.").wait_for()
    assert (world.on_gallery(), world.sidecar.decisions) == ([], [])


def test_an_open_picker_stays_open_when_a_run_ends(picker, world):
    world.found(unknown=[group_of("t5", ["g0", "g2", "g1"], ["1", "2"]), group_of("t6", ["h1"], ["3"])])
    picker.fill("[role=combobox]", "mary")
    names(picker)
    picker.click("text=Run again >> nth=0")
    group(picker, 2).wait_for()
    expect(picker.locator("[role=combobox]")).to_have_value("mary")
    group(picker).locator("[role=option]").click()
    tagged_as(picker, "Mary Grace")
    assert {each["face_id"] for each in world.sidecar.decisions} == {"g0", "g1", "g2"}


def test_an_open_picker_stays_open_while_a_run_goes_on_and_where_its_group_is_gone(
    open_gallery, world, three
):
    world.sidecar.job_fails = "the disk is full"
    page = open_gallery()
    page.click("text=Choose performer")
    page.fill("[role=combobox]", "mary")
    world.sidecar.jobs["job-1"].result["unknown"] = []
    world.sidecar.reached = 0.5
    page.click("text=Resume")
    page.wait_for_selector(".sense-running")
    expect(page.locator("[role=combobox]")).to_have_value("mary")
    world.sidecar.reached = 1.0
    page.wait_for_selector("text=processed 9/9 images")
    expect(page.locator("[role=combobox]")).to_have_value("mary")
    page.click("[role=option]")
    tagged_as(page, "Mary Grace")


@pytest.mark.parametrize("select", ["works", "throws", "empty", "fails", "hangs"])
def test_stashs_own_field_is_used_where_it_works(open_page, world, three, select):
    page = open_page(f"/galleries/{world.gallery}?select={select}")
    page.click(".gallery-toolbar #sense-button")
    page.click("text=Identify performers in this gallery")
    page.click("text=Choose performer")
    own = page.locator("[role=combobox]")
    if select == "works":
        page.wait_for_selector("input.react-select__input:focus")
        expect(own).to_have_count(0)
    else:
        own.wait_for()
    page.keyboard.type("mary")
    if select != "works":
        names(page)
    page.keyboard.press("Enter")
    tagged_as(page, "Mary Grace")
    assert world.on_gallery() == [int(three[2])]
    assert {each["performer_id"] for each in world.sidecar.decisions} == {f"local:{three[2]}"}
