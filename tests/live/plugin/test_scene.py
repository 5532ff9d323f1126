"""A scene: from the button to written tags and markers, and back."""

import pytest

from pages import once, outcome, row

TAGGED = """query($id: ID!) { findScene(id: $id) {
  performers { name } scene_markers { seconds end_seconds title } } }"""


@pytest.fixture
def open_scene(open_page, library):
    """The scene's page with the result of its dialogue."""

    def open_scene(name):
        page = open_page(f"/scenes/{library.scenes[name]}")
        once(page, "scene").click()
        page.wait_for_selector(".sense-summary")
        return page

    return open_scene


@pytest.fixture
def scene(ask, library):
    """What Stash says of a scene."""
    return lambda name: ask(TAGGED, id=library.scenes[name])["findScene"]


@pytest.mark.parametrize("name", ["film.mp4", "film_lying.mp4", "film_hevc.mp4"])
def test_who_is_in_a_video_and_when(open_scene, name):
    page = open_scene(name)
    for person, shown in (("Barack Obama", "0:00 to 0:0"), ("Eileen Collins", "0:0")):
        assert shown in row(page, person).locator(".sense-spans").inner_text()
    page.wait_for_selector("text=Read from the file.")


def test_accept_all_and_back(open_scene, scene):
    page = open_scene("film.mp4")
    page.click(".sense-accept")
    assert outcome(page) == "2 added, 0 failed, 0 skipped"
    tagged = {person["name"] for person in scene("film.mp4")["performers"]}
    assert tagged == {"Barack Obama", "Eileen Collins"}
    page.click("text=Undo all (2)")
    page.wait_for_selector(".sense-filters >> text=Undone")
    assert scene("film.mp4")["performers"] == []


def test_a_span_plays_in_stashs_own_player(open_scene):
    page = open_scene("film.mp4")
    row(page, "Eileen Collins").locator(".sense-spans button").first.click()
    page.wait_for_function("() => document.querySelector('.video-js video')?.currentTime > 4")
    page.click("text=Back to the results")
    row(page, "Eileen Collins").locator("text=Add to Scene").wait_for()


def test_markers_are_made_on_request_and_removed(open_scene, scene):
    page = open_scene("film.mp4")
    obama = row(page, "Barack Obama")
    obama.locator("text=/^Add \\d markers?$/").click()
    obama.locator("text=/^\\d markers?$/").wait_for()
    markers = scene("film.mp4")["scene_markers"]
    assert {marker["title"] for marker in markers} == {"Barack Obama"}
    assert all(marker["end_seconds"] > marker["seconds"] for marker in markers)
    obama.locator("text=Remove these markers").click()
    obama.locator("text=Undone").wait_for()
    assert scene("film.mp4")["scene_markers"] == []


def test_asked_again_reads_nothing_of_the_video(open_scene, counted):
    open_scene("film.mp4")
    before = counted.pictures.copy()
    row(open_scene("film.mp4"), "Barack Obama").wait_for()
    assert counted.pictures == before
