"""The pages of the whole library: from its job to written tags and back, and who is unknown."""

import pytest

from pages import expect
from waiting import until


@pytest.fixture
def suggestions(open_page):
    """The page once the library's job, begun there, has suggested somebody."""
    page = open_page("/plugins/stash-sense/suggestions")
    page.click("text=Look at the whole library")
    page.locator(".sense-suggested").first.wait_for()
    return page


def undo(page):
    page.click(".sense-action-bar button:has-text('Undo')")


def test_all_of_a_person_are_tagged_as_one_and_undone(suggestions, library, tagged):
    obama = suggestions.locator(".sense-suggested", has_text="Barack Obama")
    expect(obama.locator(".sense-tile img").first).to_be_visible()
    obama.locator("text=/^Accept All/").click()
    expect(suggestions.locator(".sense-action-bar")).to_contain_text("0 failed")
    on_gallery, on_images = tagged()
    person = library.people["Barack Obama"]
    assert on_gallery == {person}
    assert {library.images["obama2.jpg"], library.images["obama3.jpg"]} <= set(on_images)
    assert set().union(*on_images.values()) == {person}
    undo(suggestions)
    until(lambda: tagged() == (set(), {}))


def test_an_unknown_person_is_hidden_and_shown_again(suggestions):
    suggestions.click("nav >> text=Unknown people")
    cluster = suggestions.locator(".sense-cluster").first
    expect(cluster.locator("img").first).to_be_visible()
    cluster.locator("text='Hide'").click()
    undo(suggestions)
    expect(cluster.locator("text='Hide'")).to_be_visible()
