"""Clips among the images: they are looked at as scenes, and the way there is shown."""

import pytest

from fakes.sidecar import Problem

from .test_bars import findings

OSHASH = {"oshash": "1234567890abcdef"}


@pytest.fixture
def clip(world):
    """The number of a clip, of which the sidecar makes no image."""
    world.sidecar.features.append("scenes")
    library = world.stash.library
    place = "/data/free/clip.mp4"
    number = library.add_image(galleries=[world.gallery], path=place, video=True, fingerprints=dict(OSHASH))
    said = f"Image {number}: it is a clip."
    world.sidecar.faults["/identify/image"] = Problem(415, "not-a-picture", said)
    world.found(skipped=[{"image_id": str(number), "reason": said}])
    return number


def open_clip(open_page, clip):
    page = open_page(f"/images/{clip}")
    page.click("#sense-button")
    page.wait_for_selector(".sense-dialogue >> text=This image is a clip.")
    return page


def test_the_scene_of_the_same_file_is_linked(open_page, world, clip):
    scene = world.stash.library.add_scene("The clip", fingerprints=dict(OSHASH))
    page = open_clip(open_page, clip)
    page.click(f".sense-dialogue >> text=Open scene {scene}")
    assert page.url == f"{world.stash.url}/scenes/{scene}"


def test_a_file_without_fingerprints_is_found_by_its_path(open_page, world, clip):
    library = world.stash.library
    library.images[clip].files[0].fingerprints.clear()
    scene = library.add_scene("The clip", path="/data/free/clip.mp4")
    library.add_scene("Another")
    page = open_clip(open_page, clip)
    page.wait_for_selector(f".sense-dialogue >> text=Open scene {scene}")


def test_without_a_scene_it_says_how_to_get_one(open_page, world, clip):
    world.stash.library.add_scene("Another")
    page = open_clip(open_page, clip)
    page.wait_for_selector("text=Stash has no scene of this file yet. Let Stash scan its folder for videos")
    assert findings(page, ".sense-dialogue") == []


def test_another_failure_of_an_image_is_told_as_before(open_page, world, clip):
    page = open_page(f"/images/{world.image}")
    page.click("#sense-button")
    page.wait_for_selector("text=Identification failed:")


def test_the_clips_that_a_gallery_skipped_are_linked(open_gallery, world, clip):
    scene = world.stash.library.add_scene("The clip", fingerprints=dict(OSHASH))
    page = open_gallery()
    page.click("text=Skipped (1)")
    page.wait_for_selector("text=1 of these is a clip. Clips are looked at as scenes.")
    page.wait_for_selector(f"a >> text=Open scene {scene}")


def test_a_gif_is_a_picture(open_page, world, clip):
    gif = world.stash.library.add_image(path="/data/free/waves.gif", video=True)
    page = open_page(f"/images/{gif}")
    page.click("#sense-button")
    page.wait_for_selector("text=Identification failed:")
