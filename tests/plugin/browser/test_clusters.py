"""The page of the unknown people of the library: named, merged, split and hidden, each undone; long lists."""

import pytest

from pages import expect
from waiting import until

from .world import match_of

PAGE = "/plugins/stash-sense/unknown"
MANY = 600


@pytest.fixture
def unknown(world):
    """Ann, who is near to the largest of three unknown people: her id."""
    ann = world.performer("Ann")
    world.sidecar.clusters = {
        1: {"faces": ["a1", "a2"]},
        2: {"faces": [f"b{at}" for at in range(10)], "nearest": [match_of("Ann", ann, 0.5)]},
        3: {"faces": ["c1"]},
    }
    faces = [face for each in world.sidecar.clusters.values() for face in each["faces"]]
    world.crops(*faces)
    world.sidecar.face_images = dict.fromkeys(faces, str(world.image))
    return ann


def card(page, number):
    return page.locator(f"[data-sense-item='{number}']")


def bar(page):
    return page.locator(".sense-action-bar")


def undo(page):
    bar(page).locator("button:has-text('Undo')").click()


def test_the_largest_first_taken_for_the_nearest_or_named_by_choice_and_undone(world, open_page, unknown):
    page = open_page("/plugins/stash-sense")
    page.click("nav >> text=Unknown people")
    expect(page.locator("[data-sense-item]")).to_have_count(3)
    numbers = "[...document.querySelectorAll('[data-sense-item]')].map((each) => each.dataset.senseItem)"
    assert page.evaluate(numbers) == ["2", "1", "3"]
    expect(card(page, 2).locator("small").first).to_have_text("10 images")
    card(page, 2).locator("text=It is Ann").click()
    expect(card(page, 2)).to_contain_text("Named.")
    named = world.sidecar.clusters[2]
    assert (named["status"], named["performer_id"], named["name"]) == ("named", f"local:{unknown}", "Ann")
    card(page, 1).locator("text=Choose performer").click()
    page.keyboard.type("Ann")
    page.locator("[role=option]").first.wait_for()
    page.keyboard.press("Enter")
    expect(card(page, 1)).to_contain_text("Named.")
    card(page, 3).locator("text=Create performer").click()
    page.keyboard.type("New one")
    page.keyboard.press("Enter")
    expect(card(page, 3)).to_contain_text("Named.")
    created = world.stash.library.performers[int(world.sidecar.clusters[3]["performer_id"].split(":")[1])]
    assert created.name == "New one"
    for number in (3, 1, 2):
        undo(page)
        expect(card(page, number).locator("text=Choose performer")).to_be_visible()
    assert {each["status"] for each in world.sidecar.clusters.values()} == {"open"}


def test_merged_split_and_hidden_and_each_is_undone(world, open_page, unknown):
    before = {number: [*each["faces"]] for number, each in world.sidecar.clusters.items()}
    page = open_page(PAGE)
    card(page, 1).locator("text=Select").click()
    card(page, 3).locator("text=Select").click()
    page.click("text=Merge as one person (2)")
    expect(card(page, 3)).to_contain_text("Merged")
    expect(card(page, 1)).to_contain_text("Unknown person, 3 faces")
    card(page, 2).locator("text=Show all faces").click()
    expect(card(page, 2).locator(f"a[href='/images/{world.image}']")).to_have_count(10)
    card(page, 2).locator(".sense-take-out").nth(8).click()
    card(page, 2).locator(".sense-take-out").nth(9).click()
    card(page, 2).locator("text=Split off (2)").click()
    expect(card(page, 4)).to_contain_text("Unknown person, 2 faces")
    expect(card(page, 2)).to_contain_text("Unknown person, 8 faces")
    assert world.sidecar.clusters[4]["faces"] == ["b8", "b9"]
    card(page, 4).locator("text='Hide'").click()
    expect(card(page, 4)).to_contain_text("Hidden")
    assert world.sidecar.clusters[4]["status"] == "hidden"
    undo(page)
    expect(card(page, 4).locator("text='Hide'")).to_be_visible()
    undo(page)
    expect(card(page, 4)).to_have_count(0)
    undo(page)
    expect(card(page, 3).locator("text='Hide'")).to_be_visible()
    expect(card(page, 1)).to_contain_text("Unknown person, 2 faces")
    assert {number: world.sidecar.clusters[number]["faces"] for number in before} == before


def test_keys_take_the_nearest_and_hide_and_the_hidden_are_shown_again_on_a_phone(world, open_page, unknown):
    page = open_page(PAGE, width=400)
    expect(card(page, 2).locator("text=It is Ann")).to_be_enabled()
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(card(page, 2)).to_contain_text("Named.")
    page.keyboard.press("j")
    page.keyboard.press("r")
    expect(card(page, 1)).to_contain_text("Hidden")
    assert page.evaluate("document.querySelector('.sense-page').scrollWidth <= window.innerWidth")
    page.keyboard.press("u")
    expect(card(page, 1).locator("text='Hide'")).to_be_visible()
    card(page, 3).locator("text='Hide'").click()
    expect(card(page, 3)).to_contain_text("Hidden")
    page.click("text=Show the hidden ones")
    card(page, 3).locator("text=Show again").click()
    expect(card(page, 3)).to_contain_text("Shown again")
    assert world.sidecar.clusters[3]["status"] == "open"


def test_a_form_that_is_open_stays_while_the_list_is_scrolled_and_little_is_in_the_page(world, open_page):
    world.sidecar.clusters = {number: {"faces": [f"f{number}"]} for number in range(1, MANY + 1)}
    page = open_page(PAGE)
    card(page, 1).locator("text=Create performer").click()
    page.keyboard.type("half a name")
    page.mouse.move(600, 500)
    last = card(page, MANY)

    def at_the_end():
        page.mouse.wheel(0, 5000)
        return last.count()

    until(at_the_end)
    assert page.locator("[data-sense-item]").count() < MANY / 2
    expect(card(page, 1).locator("input[type=text]")).to_have_value("half a name")
