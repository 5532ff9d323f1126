"""Stash behind a reverse proxy, below a path prefix."""

import json

import pytest

from live.passing import Passing
from pages import card, once, row

PREFIX = "/stash"


@pytest.fixture(scope="module")
def front(stash_url):
    with Passing(stash_url, PREFIX) as proxy:
        yield proxy.url


def test_an_image_from_the_button_to_a_written_tag_and_back(open_page, library, tagged):
    image, obama = library.images["obama2.jpg"], library.people["Barack Obama"]
    page = open_page(f"/images/{image}")
    once(page, "image").click()
    page.wait_for_selector("text=Detected 1 face(s)")
    page.wait_for_selector(f".sense-frame img[src*='{PREFIX}/image/{image}/image']")
    card(page).locator(".sense-pair figure:nth-child(2) img[src^='data:image/jpeg']").wait_for()
    page.click("text=Add to Image")
    page.wait_for_selector("text=Added!")
    assert tagged() == (set(), {image: {obama}})
    page.click(".sense-tagging >> text=Undo")
    page.wait_for_selector("text=Undone")
    assert tagged() == (set(), {})


def test_a_gallery_with_its_pictures_and_the_way_to_the_plugins_own_page(open_gallery, front, library):
    page = open_gallery()
    person = row(page, "Barack Obama")
    person.locator(f"img[src*='{PREFIX}/performer/{library.people['Barack Obama']}/image']").wait_for()
    for picture in person.locator("img").all():
        picture.scroll_into_view_if_needed()
        assert picture.evaluate("async (each) => { await each.decode(); return each.naturalWidth; }") > 0
    person.locator(".sense-strip button").first.click()
    page.wait_for_selector(".sense-seen-in .sense-box")
    page.click(".sense-to-page")
    assert page.url == f"{front}/plugins/stash-sense"
    page.reload()
    page.wait_for_selector(".sense-list li")


def test_the_sidecar_below_the_prefix_too(command, built, front):
    report = json.loads(command("database", "build", "--from-stash", "--json", stash=front))
    assert (report["people"], report["reused"]) == (3, 3)
    checks = json.loads(command("doctor", "--json", stash=front))
    assert {each["state"] for each in checks} == {"ok"}, checks
