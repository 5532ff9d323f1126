"""The timeline of a person in a scene, and Stash's player that it seeks."""

import pytest

from fakes.videos import write_video
from pages import expect, once, row

from .scenes import MINUTE_S, known_scene
from .test_bars import findings

RATE = 4
PLAYS_FROM = "seconds => seeks.at(-1) === seconds && document.querySelector('video').currentTime >= seconds"


@pytest.fixture(scope="session")
def video(tmp_path_factory):
    """A minute of numbered pictures, in a format that every Chromium plays."""
    path = tmp_path_factory.mktemp("video") / "minute.webm"
    return write_video(path, codec="libvpx-vp9", size=(64, 36), frames=int(MINUTE_S) * RATE, rate=RATE, gop=8)


@pytest.fixture
def open_scene(open_page, world, video):
    number, _ = known_scene(world, content=video, path="/data/minute.webm")

    def open_scene(query="", **options):
        page = open_page(f"/scenes/{number}{query}", **options)
        once(page, "scene").click()
        page.wait_for_selector(".sense-summary")
        return page

    return open_scene


def plays_from(page, seconds):
    page.wait_for_function(PLAYS_FROM, arg=seconds)


def test_a_time_plays_the_scene_from_there_and_the_results_come_back_as_they_were(open_scene):
    page = open_scene()
    row(page, "Ann").locator("text=Other possible matches (1)").click()
    page.locator(".sense-spans >> text=0:30 to 0:31").click()
    plays_from(page, 30)
    page.wait_for_selector(".sense-aside >> text=Playing from 0:30")
    page.locator(".modal").wait_for(state="detached")
    expect(page.locator("[aria-hidden=true] video")).to_have_count(0)
    assert findings(page, ".sense-aside") == []
    page.keyboard.press("Enter")  # the focus is on the way back
    row(page, "Ann").locator("text=Choose Bea").wait_for()
    page.wait_for_selector(".sense-spans li:nth-child(2) button:focus")


def test_a_bar_and_a_face_do_the_same(open_scene):
    page = open_scene()
    first = row(page, "Ann").locator(".sense-span").first
    track = row(page, "Ann").locator(".sense-timeline").bounding_box()
    bar = first.bounding_box()
    assert bar["x"] - track["x"] == pytest.approx(track["width"] * 5 / 60, abs=1.5)
    assert bar["width"] == pytest.approx(track["width"] * 7 / 60, abs=1.5)
    row(page, "Ann").locator(".sense-span").nth(1).click()
    plays_from(page, 30)
    page.click("text=Back to the results")
    row(page, "Ann").locator("[aria-label='Face 1 of Ann: play from 0:05']").click()
    plays_from(page, 5)


def test_the_bars_are_hidden_from_a_screen_reader_which_has_the_times(open_scene):
    page = open_scene()
    expect(row(page, "Ann").locator(".sense-timeline")).to_have_attribute("aria-hidden", "true")
    times = row(page, "Ann").locator("ul[aria-label='When Ann is on screen'] button")
    expect(times.nth(0)).to_have_attribute("aria-label", "0:05 to 0:12: Play from 0:05")


def test_the_dialogue_can_be_closed_while_the_player_shows(open_scene):
    page = open_scene()
    page.locator(".sense-spans >> text=0:05 to 0:12").click()
    page.click(".sense-aside >> text=Close")
    page.locator(".sense-aside").wait_for(state="detached")
    page.wait_for_selector("#sense-button:focus")


def test_keys_of_the_results_do_not_reach_stashs_shortcuts(open_scene):
    page = open_scene()
    page.locator(".sense-spans button").first.focus()
    page.keyboard.press("o")
    assert page.evaluate("shortcuts") == []


def test_a_page_without_a_player_says_so(open_scene):
    page = open_scene("?playerless")
    page.locator(".sense-spans >> text=0:05 to 0:12").click()
    page.wait_for_selector("text=This page shows no player.")
    expect(page.locator(".sense-aside")).to_have_count(0)
