"""A tag that cannot be written, read back or noted: the card says so, and nothing is half done."""

from fakes.sidecar import Problem
from fakes.stash import Status, Truncate
from pages import card, expect


def _again(seen, asked):
    """Whether who is tagged is read for a second time."""
    asked += [1] * (seen.operation == "StashSenseOn")
    return seen.operation == "StashSenseOn" and len(asked) > 1


def test_a_failed_write_is_said_and_can_be_tried_again(open_image, world, obama):
    page = open_image()
    image = world.stash.library.images.pop(world.image)
    page.click("text=Add to Image")
    page.wait_for_selector("text=Failed, try again")
    expect(card(page)).to_contain_text("Stash no longer has image", use_inner_text=True)
    world.stash.library.images[world.image] = image
    page.click("text=Failed, try again")
    page.wait_for_selector("text=Added!")


def test_a_write_whose_answer_was_lost_is_found_to_be_there(open_image, world, obama):
    page = open_image()
    world.stash.faults.add(Truncate(0.5), where="StashSenseTag", times=1)
    page.click("text=Add to Image")
    page.wait_for_selector("text=Added!")
    assert world.sidecar.journal[0]["added_ids"] == [str(world.image)]


def test_a_write_that_nobody_can_tell_of_stays_open_in_the_journal(open_image, world, obama):
    page = open_image()
    world.stash.faults.add(Truncate(0.5), where="StashSenseTag", times=1)
    asked = []
    world.stash.faults.add(Status(500), where=lambda seen: _again(seen, asked))
    page.click("text=Add to Image")
    page.wait_for_selector("text=Failed, try again")
    assert world.sidecar.journal[0]["status"] == "open"
    world.stash.faults.clear()
    page.goto(f"{world.stash.url}/plugins/stash-sense")
    page.click(".sense-list li >> text=Undo")
    page.wait_for_selector(".sense-list li >> text=undone")
    assert world.on_image() == []


def test_a_write_whose_end_cannot_be_noted_can_be_taken_back_all_the_same(open_image, world, obama):
    page = open_image()
    world.sidecar.faults["/journal/1"] = Problem(503, "busy", "The state is busy.")
    page.click("text=Add to Image")
    page.wait_for_selector("text=Added, but not recorded, so only this window can undo it: Request failed")
    assert world.on_image() == [int(obama)]
    world.sidecar.faults.clear()
    page.click(".sense-tagging >> text=Undo")
    page.wait_for_selector("text=Undone")
    assert (world.on_image(), world.sidecar.decisions) == ([], [])


def test_whoever_was_logged_out_reads_what_to_do(open_image, world, obama):
    page = open_image()
    page.wait_for_selector("text=Add to Image")
    world.stash.faults.add(Status(401))
    page.click("text=Add to Image")
    page.wait_for_selector("text=You are logged out of Stash. Log in again in another tab")
    world.stash.faults.clear()
    page.click("text=Failed, try again")
    page.wait_for_selector("text=Added!")


def test_without_a_journal_nothing_is_written(open_image, world, obama):
    page = open_image()
    world.sidecar.down()
    page.click("text=Add to Image")
    page.wait_for_selector("text=Failed, try again")
    expect(card(page)).to_contain_text("Connection refused - is Stash Sense running?", use_inner_text=True)
    assert world.on_image() == []


def test_a_performer_who_was_deleted_meanwhile(open_image, world, obama):
    page = open_image()
    page.wait_for_selector("text=In library as: Barack Obama")
    del world.stash.library.performers[int(obama)]
    page.click("text=Add to Image")
    page.wait_for_selector("text=This performer is no longer in your library.")
    assert world.on_image() == []
