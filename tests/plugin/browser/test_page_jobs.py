"""The jobs on the plugin's own page."""

import pytest

from fakes.sidecar import Problem
from pages import expect

from .scenes import known_scene


@pytest.fixture
def jobs_page(open_page, world):
    """The page, with the job of the gallery that runs, and one of the face database that is done."""
    world.found()
    world.sidecar.start("database", "database", world.sidecar.gallery(str(world.gallery)))
    world.sidecar.jobs["job-1"].cancel()
    world.sidecar.reached = 0.5
    world.sidecar.start("gallery", f"gallery:{world.gallery}", world.sidecar.gallery(str(world.gallery)))
    page = open_page("/plugins/stash-sense")
    line(page, "Gallery").wait_for()
    return page


def line(page, text):
    return page.locator("section[aria-label='Jobs'] li", has_text=text)


def test_the_state_and_the_way_to_the_settings(open_page, world):
    page = open_page("/plugins/stash-sense")
    page.wait_for_selector("text=Everything works")
    page.wait_for_selector("text=3 people, 3 faces")
    expect(page.locator("text=Settings")).to_have_attribute("href", "/settings?tab=plugins")


def test_a_job_is_listed_by_title_and_time_with_a_link(jobs_page, world):
    link = line(jobs_page, "Gallery").locator("a")
    jobs_page.wait_for_selector("a >> text=Free photos")
    expect(link).to_have_attribute("href", f"/galleries/{world.gallery}")
    text = "running: 4 of 9 images, 6 faces, 0 performers"
    expect(line(jobs_page, "Gallery")).to_contain_text(text, use_inner_text=True)
    expect(line(jobs_page, "Gallery")).to_contain_text("02/01/2026", use_inner_text=True)
    expect(line(jobs_page, "Face database")).to_contain_text(
        "done: Learning faces: 9 of 9", use_inner_text=True
    )


def test_what_a_build_did_is_shown_for_each_source(open_page, world):
    refused = {
        "name": "<b>Ann</b>",
        "local_id": "7",
        "picture": "performer/7",
        "code": "several-faces",
        "why": "2 faces",
    }
    stash = {"people": 5, "faces": 9, "added": 2, "updated": 1, "gone": ["Old One"], "skipped_count": 1}
    report = {**stash, "skipped": [refused], "quarantined": [], "problems": ["people/: cannot be read"]}
    result = {
        **world.sidecar.build_of_nothing(),
        "sources": [
            {"source": "stash", "outcome": "updated", "detail": "", "report": report},
            {
                "source": "/people",
                "outcome": "kept",
                "detail": "The folder is not there now.",
                "report": None,
            },
        ],
    }
    world.sidecar.start("database", "database", result)
    page = open_page("/plugins/stash-sense")
    shown = line(page, "Face database")
    assert not [path for _, path, _ in world.sidecar.asked if path == "/jobs/job-1"]
    shown.locator("text=Report").click()
    expect(shown).to_contain_text("5 people with 9 faces: 2 new, 1 with new faces.")
    expect(shown).to_contain_text("No longer known: Old One")
    expect(shown).to_contain_text("No face was taken from 1 picture:")
    expect(shown.locator("a[href$='/performers/7']")).to_contain_text("<b>Ann</b>")
    expect(shown).to_contain_text("Shows several people")
    expect(shown).to_contain_text("people/: cannot be read")
    expect(shown).to_contain_text("Left as it is. The folder is not there now.")


def test_a_gallery_without_a_title_goes_by_its_folder(open_page, world):
    gallery = world.stash.library.add_gallery("", folder="/data/beach of 2019")
    world.found()
    world.sidecar.start("gallery", f"gallery:{gallery}", world.sidecar.gallery(str(world.gallery)))
    page = open_page("/plugins/stash-sense")
    page.wait_for_selector("section[aria-label='Jobs'] a >> text=beach of 2019")


def test_a_gallery_that_is_gone_goes_by_its_number(jobs_page, world):
    del world.stash.library.galleries[world.gallery]
    jobs_page.reload()
    jobs_page.wait_for_selector(f"section[aria-label='Jobs'] a >> text=#{world.gallery}")


def test_a_scenes_job_is_listed_by_its_title_with_its_frames(open_page, world):
    known_scene(world)
    world.sidecar.reached = 0.5
    world.sidecar.start("scene", "scene:1", world.sidecar.scene("1"))
    page = open_page("/plugins/stash-sense")
    page.wait_for_selector("section[aria-label='Jobs'] a >> text=A scene")
    expect(line(page, "Scene").locator("a")).to_have_attribute("href", "/scenes/1")
    expect(line(page, "Scene")).to_contain_text(
        "running: 20 of at most 40 frames, 6 faces", use_inner_text=True
    )


def test_the_list_follows_what_runs(jobs_page, world):
    world.sidecar.reached = 1.0
    jobs_page.wait_for_selector("text=done: 9 of 9 images")


def test_jobs_are_filtered_by_kind_and_status(jobs_page):
    jobs_page.select_option("[aria-label='All kinds']", "database")
    line(jobs_page, "Gallery").wait_for(state="detached")
    expect(line(jobs_page, "Face database")).to_have_count(1)
    jobs_page.select_option("[aria-label='Any status']", "running")
    jobs_page.wait_for_selector("text=No job matches the filter.")
    jobs_page.select_option("[aria-label='All kinds']", "")
    line(jobs_page, "Gallery").wait_for()
    expect(line(jobs_page, "Face database")).to_have_count(0)


def test_finished_jobs_are_cleared_and_their_results_stay(jobs_page, world):
    jobs_page.click("text=Clear finished")
    line(jobs_page, "Face database").wait_for(state="detached")
    expect(line(jobs_page, "Gallery")).to_have_count(1)
    world.sidecar.reached = 1.0
    jobs_page.wait_for_selector("text=done: 9 of 9 images")
    jobs_page.click("text=Clear finished")
    jobs_page.wait_for_selector("text=No jobs yet.")
    jobs_page.goto(f"{world.stash.url}/galleries/{world.gallery}")
    jobs_page.click(".gallery-toolbar #sense-button")
    jobs_page.wait_for_selector("text=Results from")


def test_a_running_job_is_cancelled_and_resumed(jobs_page, world):
    gallery = line(jobs_page, "Gallery")
    gallery.locator("text=Cancel").click()
    gallery.locator("text=cancelled").wait_for()
    gallery.locator("text=Resume").click()
    gallery.locator("text=running").wait_for()
    gallery.locator("text=Cancel").click()
    gallery.locator("text=cancelled").wait_for()
    world.sidecar.faults["/jobs/job-2/resume"] = Problem(409, "refused", "It was requested again.")
    gallery.locator("text=Resume").click()
    gallery.locator("text=It was requested again.").wait_for()


def test_jobs_found_stay_while_the_sidecar_is_away(jobs_page, world):
    world.sidecar.down()
    jobs_page.wait_for_selector("section[aria-label='Jobs'] >> text=Connection refused")
    expect(line(jobs_page, "Gallery")).to_have_count(1)
    world.sidecar.up()
    jobs_page.click("text=Try again")
    jobs_page.wait_for_selector("section[aria-label='Jobs'] >> text=Connection refused", state="detached")
