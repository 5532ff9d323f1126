"""The job behind a gallery's dialogue: started, watched, cut short, found again, and run anew."""

import threading

from fakes.sidecar import Problem
from pages import row
from waiting import until


def test_progress_shows_and_people_appear_as_they_are_found(open_gallery, world, five):
    world.sidecar.job_s = 1.5
    page = open_gallery(run=False)
    page.click("text=Identify performers in this gallery")
    page.wait_for_selector(".sense-running >> text=/[1-8] of 9 images/")
    page.wait_for_selector(".sense-running ~ div .sense-person")
    assert page.locator(".sense-person").count() < 5
    page.wait_for_selector("text=images per second")
    page.wait_for_selector(".sense-summary")
    assert page.locator(".sense-person").count() == 5


def test_after_a_cancel_the_results_stand_and_it_can_be_resumed(open_gallery, world, five):
    world.sidecar.job_s = 3.0
    page = open_gallery(run=False)
    page.click("text=Identify performers in this gallery")
    page.wait_for_selector(".sense-running ~ div .sense-person")
    page.click(".sense-running >> text=Cancel")
    page.wait_for_selector("text=Cancelled. Partial results below.")
    assert 0 < page.locator(".sense-person").count() < 5
    assert world.sidecar.jobs["job-1"].view()["status"] == "cancelled"
    page.click("text=Resume")
    page.wait_for_selector(".sense-running")
    page.wait_for_selector("text=processed 9/9 images")
    assert page.locator(".sense-person").count() == 5
    assert list(world.sidecar.jobs) == ["job-1"]
    assert page.locator("text=Resume").count() == 0


def test_the_latest_result_is_shown_when_the_dialogue_opens_again(open_gallery, world, five):
    page = open_gallery()
    page.keyboard.press("Escape")
    page.click("#sense-button")
    page.wait_for_selector("text=Results from")
    assert page.locator(".sense-person").count() == 5
    assert len(world.sidecar.jobs) == 1


def test_a_running_job_is_picked_up_after_a_reload(open_gallery, world, five):
    world.sidecar.job_s = 4.0
    page = open_gallery(run=False)
    page.click("text=Identify performers in this gallery")
    page.wait_for_selector(".sense-running")
    page.reload()
    page.click("#sense-button")
    page.wait_for_selector(".sense-running")
    page.wait_for_selector(".sense-summary")
    assert len(world.sidecar.jobs) == 1


def test_a_job_that_breaks_off_says_why_and_keeps_what_it_has(open_gallery, world, five):
    world.sidecar.job_fails = "the disk is full"
    page = open_gallery()
    page.wait_for_selector("text=Stopped early: the disk is full")
    assert page.locator(".sense-person").count() == 5
    page.click("text=Resume")
    page.wait_for_selector("text=Stopped early", state="detached")
    assert world.sidecar.jobs["job-1"].view()["status"] == "done"


def test_a_lost_look_or_two_at_a_job_does_no_harm(open_gallery, world, five):
    world.sidecar.job_s = 1.5
    page = open_gallery(run=False)
    page.click("text=Identify performers in this gallery")
    page.wait_for_selector(".sense-running")
    world.sidecar.faults["/jobs/job-1"] = Problem(504, "stash-too-slow", "for a moment")
    threading.Timer(0.5, world.sidecar.faults.clear).start()
    page.wait_for_selector(".sense-summary")


def test_again_and_from_scratch(open_gallery, world, five):
    page = open_gallery()
    for text, force in (("text=Run again from scratch", True), ("text=Run again >> nth=0", None)):
        before = list(world.sidecar.jobs)
        page.click(text)
        until(lambda jobs=before: (page.wait_for_timeout(50), list(world.sidecar.jobs) != jobs)[1])
        page.wait_for_selector(".sense-summary")
        assert len(world.sidecar.jobs) == len(before) + 1
        asked = [body for _, path, body in world.sidecar.asked if path == "/jobs/gallery"]
        assert asked[-1].get("force") is force


def test_another_run_reads_anew_who_is_tagged(open_gallery, world, five):
    page = open_gallery()
    world.on_gallery().append(int(five[0]))
    page.click("text=Run again >> nth=0")
    row(page, "Ann").locator("text=Already tagged").wait_for()


def test_no_look_at_a_job_while_the_tab_is_hidden(open_gallery, world, five):
    world.sidecar.job_s = 10
    page = open_gallery(run=False)
    page.click("text=Identify performers in this gallery")
    page.wait_for_selector(".sense-running >> text=/[1-8] of 9 images/")
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true, configurable: true })")
    page.wait_for_timeout(400)  # a look that was under way
    world.stash.record.forget()
    page.wait_for_timeout(800)
    assert world.stash.record.counts["graphql"] == 0
    page.evaluate("delete document.hidden")
    until(lambda: (page.wait_for_timeout(50), world.stash.record.counts["graphql"] > 0)[1])


def test_nothing_is_asked_once_the_job_has_ended(open_gallery, world, five):
    page = open_gallery()
    page.wait_for_timeout(400)
    world.stash.record.forget()
    page.wait_for_timeout(800)
    assert world.stash.record.counts["graphql"] == 0


def test_a_gallery_that_is_gone_is_told(open_gallery, world, five):
    page = open_gallery()
    del world.stash.library.galleries[world.gallery]
    page.click("text=Run again >> nth=0")
    page.wait_for_selector(f"text=Stash no longer has gallery {world.gallery}.")
    page.keyboard.press("Escape")
    page.click("#sense-button")
    page.wait_for_selector(f".sense-problem >> text=Stash no longer has gallery {world.gallery}.")


def test_without_a_sidecar_the_contracts_message(open_gallery, world, five):
    world.sidecar.down()
    page = open_gallery(run=False)
    page.wait_for_selector("text=Connection refused - is Stash Sense running?")


def test_no_database_offers_to_build_one(open_gallery, world, five):
    world.sidecar.people = None
    page = open_gallery(run=False)
    page.click("text=Identify performers in this gallery")
    page.click("text=Build from my performers")
    page.wait_for_selector("text=The face database is ready.")
    page.click(".sense-empty >> text=Identify Performers")
    page.wait_for_selector(".sense-summary")
