"""Decisions are taken back at any time: on the card after a reload, and on the plugin's page."""

import pytest

from pages import expect

from .world import face_of, match_of

PAGE = "/plugins/stash-sense"


@pytest.fixture
def rejected(world, open_image):
    """An image whose only candidate was rejected, in a page that is left now."""
    match = match_of("Barack Obama")
    world.saw(face_of(match))
    page = open_image()
    page.click("text=Not this person")
    page.wait_for_selector("text=Marked as not Barack Obama.")
    world.saw(face_of(verdict="unknown", reason="You rejected everyone this face looked like"))
    return match


def lines(page):
    return page.locator(".sense-decisions li")


def test_after_a_reload_the_card_takes_a_rejection_back(world, open_image, rejected):
    page = open_image()
    page.wait_for_selector("text=You said that this is not Barack Obama.")
    world.saw(face_of(rejected))  # what the sidecar answers once nothing is rejected
    page.click("text=Take back")
    page.wait_for_selector("text=Not this person")
    assert world.sidecar.decisions == []
    expect(page.locator("text=Take back")).to_have_count(0)


def test_the_page_lists_what_was_decided_and_takes_it_back(world, open_page, rejected):
    world.crops("face-1")
    for word in ("ignored", "apart"):
        world.sidecar.decide({"face_id": f"face-{word}", "word": word})
    page = open_page(PAGE)
    said = ["apart from its group", "ignore this face", "not Barack Obama"]
    for words in said:
        expect(lines(page).filter(has_text=words)).to_have_count(1)
    expect(lines(page)).to_have_count(3)
    expect(lines(page).last).to_contain_text(said[2], use_inner_text=True)
    page.select_option("select[aria-label='Which decisions']", "rejected")
    lines(page).filter(has_text="apart").wait_for(state="detached")
    expect(lines(page)).to_have_count(1)
    lines(page).scroll_into_view_if_needed()  # crops are fetched once they come into view
    lines(page).locator("img").wait_for()
    lines(page).locator("text=Take back").click()
    lines(page).locator("text=Taken back.").wait_for()
    assert [each["word"] for each in world.sidecar.decisions] == ["ignored", "apart"]
    page.reload()
    lines(page).nth(1).wait_for()
    expect(lines(page)).to_have_count(2)


def test_what_another_window_took_back_is_taken_back(world, open_page, rejected):
    page = open_page(PAGE)
    lines(page).first.wait_for()
    world.sidecar.decisions.clear()
    lines(page).locator("text=Take back").click()
    lines(page).locator("text=Taken back.").wait_for()


def test_older_decisions_come_page_by_page(world, open_page):
    for number in range(60):
        world.sidecar.decide({"face_id": f"face-{number}", "word": "ignored"})
    page = open_page(PAGE)
    lines(page).nth(49).wait_for()
    expect(lines(page)).to_have_count(50)
    page.locator("section", has_text="Decisions").last.locator("text=Show older entries").click()
    lines(page).nth(59).wait_for()
