"""The plugin's own page: the state, the jobs, and taking tags back later."""

import pytest

from pages import expect, outcome
from waiting import until

from .world import face_of


@pytest.fixture
def tagged(world, open_image):
    """An image tagged through the dialogue, its face thereby confirmed, and all left: the performer's id."""
    local_id, match = world.known("Barack Obama", "obama.jpg")
    world.saw(face_of(match))
    page = open_image()
    page.click("text=Add to Image")
    page.wait_for_selector("text=Added!")
    until(lambda: world.sidecar.decisions)
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
    expect(entry(page).locator("button")).to_have_count(0)


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
    expect(entry(page)).to_have_count(50)
    page.click("text=Show older entries")
    page.wait_for_selector(".sense-list li >> nth=59")
    expect(page.locator("text=Show older entries")).to_have_count(0)


@pytest.fixture
def accepted(world, open_gallery, five):
    """A gallery whose five people were added with their images by Accept All, and all left."""
    page = open_gallery()
    page.click("text=Also tag individual images (all)")
    page.click(".sense-accept")
    assert outcome(page) == "5 added, 0 failed, 0 skipped"
    return five


def test_one_accept_all_is_one_undo(open_page, world, accepted):
    world.sidecar.begin({"target_type": "image", "target_ids": ["1"], "local_id": accepted[0]})
    page = open_page("/plugins/stash-sense")
    batch = page.locator(".sense-list li", has_text="Accept All:")
    batch.locator("text=Ann").first.wait_for()
    expect(page.locator("section[aria-label='Tag history'] li")).to_have_count(2)
    expect(batch).to_contain_text("Emil, Dora, Cleo, Ben, Ann on 1 gallery", use_inner_text=True)
    expect(batch).to_contain_text("on 6 images", use_inner_text=True)
    batch.locator("text=Undo").click()
    batch.locator("text=undone").wait_for()
    assert world.on_gallery() == []
    assert all(world.images_with(each) == [] for each in accepted)
    assert [each["status"] for each in world.sidecar.journal] == ["undone"] * 10 + ["open"]


def test_what_another_tab_has_undone_shows_once_the_page_is_reloaded(open_page, world, tagged):
    first, second = (open_page("/plugins/stash-sense") for _ in range(2))
    entry(second).locator("text=Undo").wait_for()
    entry(first).locator("text=Undo").click()
    entry(first).locator("text=undone").wait_for()
    second.click("text=Reload")
    entry(second).locator("text=undone").wait_for()


def test_an_accept_all_longer_than_a_page_of_the_journal_is_still_one(open_page, world):
    local_id = world.performer("Barack Obama")
    asked = {"target_type": "image", "target_ids": ["1"], "local_id": local_id}
    for batch_id in ["an older one"] * 9 + ["a batch"] * 60 + [None]:
        world.sidecar.begin({**asked, "batch_id": batch_id})
    page = open_page("/plugins/stash-sense")
    entry(page).first.wait_for()
    expect(entry(page)).to_have_count(1)
    page.click("text=Show older entries")
    page.locator(".sense-list li >> nth=2").wait_for()
    expect(entry(page)).to_have_count(3)
    expect(page.locator("text=Accept All:")).to_have_count(2)
    expect(page.locator("text=Show older entries")).to_have_count(0)


PARTS = ("Status", "Jobs", "Tag history")


def test_without_a_sidecar_each_part_says_so_and_all_are_tried_again_at_once(open_page, world):
    world.sidecar.down()
    page = open_page("/plugins/stash-sense")
    for part in PARTS:
        page.wait_for_selector(f"section[aria-label='{part}'] >> text=Connection refused")
    expect(page.locator("text=Try again")).to_have_count(1)
    world.sidecar.up()
    page.click("text=Try again")
    page.wait_for_selector("text=Everything works")
    page.wait_for_selector("text=No jobs yet.")
    page.wait_for_selector("text=Nothing tagged yet.")
    expect(page.locator("text=Try again")).to_have_count(0)


def test_without_a_database_it_offers_to_build_one(open_page, world):
    world.sidecar.people = None
    page = open_page("/plugins/stash-sense")
    page.click("text=Build from my performers")
    page.wait_for_selector("text=The face database is ready.")
