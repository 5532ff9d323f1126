"""The plugin's own page: the state, the jobs, and taking tags back later."""

import pytest

from fakes.sidecar import Problem

from .world import face_of


@pytest.fixture
def tagged(world, open_image):
    """An image tagged through the dialogue, its face thereby confirmed, and all left: the performer's id."""
    local_id, match = world.known("Barack Obama", "obama.jpg")
    world.saw(face_of(match))
    page = open_image()
    page.click("text=Add to Image")
    page.wait_for_selector("text=Added!")
    for _ in range(100):
        if world.sidecar.decisions:
            break
        page.wait_for_timeout(50)
    assert [(each["word"], each["entry_id"]) for each in world.sidecar.decisions] == [("confirmed", 1)]
    return local_id


def entry(page, name="Barack Obama"):
    return page.locator(".sense-list li", has_text=name)


@pytest.mark.parametrize("prefix", ["", "/stash"])
def test_a_tag_is_taken_back_later(open_page, world, tagged):
    other = int(world.performer("Tagged by somebody else"))
    world.on_image().insert(0, other)
    page = open_page("/plugins/stash-sense")
    entry(page).locator("text=Undo").click()
    entry(page).locator("text=undone").wait_for()
    assert world.on_image() == [other]
    assert world.sidecar.decisions == []
    page.reload()
    entry(page).locator("text=undone").wait_for()
    assert entry(page).locator("button").count() == 0


def test_taking_back_what_somebody_else_took_back_already(open_page, world, tagged):
    world.on_image().clear()
    page = open_page("/plugins/stash-sense")
    entry(page).locator("text=Undo").click()
    entry(page).locator("text=undone").wait_for()
    assert world.on_image() == []


def test_what_was_tagged_again_after_an_undo_in_another_tab_stays(open_page, world, tagged):
    first, second = (open_page("/plugins/stash-sense") for _ in range(2))
    for page in (first, second):
        entry(page).locator("text=Undo").wait_for()
    entry(first).locator("text=Undo").click()
    entry(first).locator("text=undone").wait_for()
    world.on_image().append(int(tagged))  # by hand
    entry(second).locator("text=Undo").click()
    entry(second).locator("text=undone").wait_for()
    assert world.on_image() == [int(tagged)]


def test_taking_back_where_the_image_is_gone(open_page, world, tagged):
    world.stash.library.delete_image(world.image)
    page = open_page("/plugins/stash-sense")
    entry(page).locator("text=Undo").click()
    entry(page).locator("text=undone").wait_for()


@pytest.mark.parametrize("restored", [True, False])
def test_what_another_state_of_the_sidecar_noted_is_left_alone(open_page, world, tagged, restored):
    page = open_page("/plugins/stash-sense")
    entry(page).locator("text=Undo").wait_for()
    other = world.performer("Tagged after the state was restored")
    world.on_image().append(int(other))
    world.sidecar.journal.clear()
    if restored:
        begun = world.sidecar.begin(
            {"target_type": "image", "target_ids": [str(world.image)], "local_id": other}
        )
        world.sidecar.end(str(begun["entry_id"]), {"status": "done", "added_ids": [str(world.image)]})
    entry(page).locator("text=Undo").click()
    entry(page).locator("text=journal no longer has this entry").wait_for()
    assert world.on_image() == [int(tagged), int(other)]


@pytest.mark.parametrize("written", [True, False])
def test_an_entry_left_open_by_a_closed_tab_is_settled(open_page, world, written):
    local_id = world.performer("Barack Obama")
    world.sidecar.begin({"target_type": "image", "target_ids": [str(world.image)], "local_id": local_id})
    if written:
        world.on_image().append(int(local_id))
    page = open_page("/plugins/stash-sense")
    entry(page).locator("text=unfinished").wait_for()
    entry(page).locator("text=Undo").click()
    entry(page).locator("text=undone" if written else "text=failed").wait_for()
    assert world.on_image() == []


def test_an_undo_that_fails_says_why_and_can_be_tried_again(open_page, world, tagged):
    page = open_page("/plugins/stash-sense")
    button = entry(page).locator("button")
    button.wait_for()
    world.sidecar.down()
    button.click()
    entry(page).locator("text=Connection refused").wait_for()
    world.sidecar.up()
    entry(page).locator("text=Failed, try again").click()
    entry(page).locator("text=undone").wait_for()


def test_the_journal_comes_page_by_page(open_page, world):
    local_id = world.performer("Barack Obama")
    for _ in range(60):
        world.sidecar.begin({"target_type": "image", "target_ids": ["1"], "local_id": local_id})
    page = open_page("/plugins/stash-sense")
    page.wait_for_selector(".sense-list li >> nth=49")
    assert entry(page).count() == 50
    page.click("text=Show older entries")
    page.wait_for_selector(".sense-list li >> nth=59")
    assert page.locator("text=Show older entries").count() == 0


def test_state_jobs_and_the_way_to_the_settings(open_page, world):
    world.found()
    world.sidecar.start("gallery", "gallery:1", world.sidecar.gallery("1"))
    page = open_page("/plugins/stash-sense")
    page.wait_for_selector("text=Everything works")
    page.wait_for_selector("text=3 people, 3 faces")
    page.wait_for_selector("text=done: 9 of 9 images, 12 faces, 0 performers")
    assert page.locator("text=Settings").get_attribute("href") == "/settings?tab=plugins"


def test_a_running_job_is_followed_cancelled_and_resumed(open_page, world):
    world.found()
    world.sidecar.job_s = 60
    world.sidecar.start("gallery", "gallery:1", world.sidecar.gallery("1"))
    page = open_page("/plugins/stash-sense")
    page.wait_for_selector("text=running")
    page.click(".sense-list >> text=Cancel")
    page.wait_for_selector("text=cancelled")
    page.click(".sense-list >> text=Resume")
    page.wait_for_selector("text=running")
    assert list(world.sidecar.jobs) == ["job-1"]
    page.click(".sense-list >> text=Cancel")
    page.wait_for_selector("text=cancelled")
    world.sidecar.faults["/jobs/job-1/resume"] = Problem(409, "refused", "It was asked for anew.")
    page.click(".sense-list >> text=Resume")
    page.wait_for_selector(".sense-list >> text=It was asked for anew.")


def test_without_a_sidecar_each_part_says_so(open_page, world):
    world.sidecar.down()
    page = open_page("/plugins/stash-sense")
    for part in ("Status", "Jobs", "Tag history"):
        page.wait_for_selector(f"section[aria-label='{part}'] >> text=Connection refused")


def test_without_a_database_it_offers_to_build_one(open_page, world):
    world.sidecar.people = None
    page = open_page("/plugins/stash-sense")
    page.click("text=Build from my performers")
    page.wait_for_selector("text=The face database is ready.")
