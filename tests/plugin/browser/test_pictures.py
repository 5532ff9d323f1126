"""The pictures of a card: of the image itself, and of the person, from wherever they may be loaded."""

import pytest

from fakes.sidecar import Problem
from fakes.stash import Status
from pages import card, expect

from .steps import settled
from .world import face_of, match_of


@pytest.mark.parametrize("missing", ["original", "both"])
def test_a_picture_that_the_browser_cannot_show(open_image, world, obama, missing):
    world.stash.faults.add(Status(500), where="original")
    if missing == "both":
        world.stash.faults.add(Status(500), where="thumbnail")
        world.sidecar.pictures["face-1"] = world.sidecar.pictures["ref-Barack Obama"]
    page = open_image()
    if missing == "both":
        page.wait_for_selector(".sense-pair figure:first-child img[src^='data:image/jpeg']")
        return
    page.wait_for_selector(f".sense-frame img[src='/image/{world.image}/thumbnail']")
    box, frame = page.locator(".sense-box").bounding_box(), page.locator(".sense-frame img").bounding_box()
    size = world.stash.library.images[world.image].files[0]
    assert box["width"] / frame["width"] == pytest.approx(271.9 / size.width, abs=0.01)


def test_a_portrait_that_failed_once_is_asked_for_again(open_page, world, obama):
    world.sidecar.faults["/references/ref-Barack%20Obama"] = Problem(504, "stash-too-slow", "for a moment")
    page = open_page(f"/images/{world.image}")
    with page.expect_response(lambda answer: '"mode":"reference"' in (answer.request.post_data or "")):
        page.click("#sense-button")
    settled(page)
    world.sidecar.faults.clear()
    page.keyboard.press("Escape")
    page.click("#sense-button")
    card(page).locator(".sense-pair figure:nth-child(2) img[src^='data:image/jpeg']").wait_for()


@pytest.mark.parametrize("prefix", ["", "/stash"])
@pytest.mark.parametrize("host", ["localhost:9999", "nas.example/stash", "192.168.1.5"])
def test_the_librarys_own_picture_is_loaded_from_the_pages_origin(open_image, world, prefix, host):
    """Stash was called otherwise when the face database was built."""
    ann = world.performer("Ann")  # whose own path is that of Stash's placeholder
    world.saw(face_of(match_of("Ann", ann, image_url=f"http://{host}/performer/{ann}/image?t=7")))
    page = open_image()
    page.wait_for_selector(f"img.sense-portrait[src='{prefix}/performer/{ann}/image?t=7']")
    expect(page.locator("text=Show picture from")).to_have_count(0)


@pytest.mark.parametrize(
    "address", ["http://other.invalid/performer/77/image", "http://other.invalid/image?x=/performer/1/image"]
)
def test_a_picture_of_another_stash_is_not_taken_for_the_librarys(open_image, world, address):
    world.performer("Somebody Else")
    world.saw(face_of(match_of("Far", performer_id="f", image_url=address)))
    page = open_image()
    page.wait_for_selector("text=Show picture from other.invalid")


def test_a_picture_from_outside_is_loaded_only_on_a_click(open_image, world):
    world.saw(face_of(match_of("Far", performer_id="f", image_url="http://pictures.invalid/far.jpg")))
    page = open_image()
    page.wait_for_selector("text=No image")
    assert page.troubles == []
    with page.expect_request("http://pictures.invalid/**"):
        page.click("text=Show picture from pictures.invalid")
    assert page.troubles == ["left the page's origin: http://pictures.invalid/far.jpg"]
    page.troubles.clear()
