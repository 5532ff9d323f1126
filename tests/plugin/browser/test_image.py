"""The dialogue of an image: from the button to a written tag, by mouse and by keyboard."""

import pytest

from pages import card, expect

from .world import face_of, match_of


@pytest.mark.parametrize("prefix", ["", "/stash"])
def test_from_the_button_to_a_written_tag(open_image, world, obama):
    page = open_image()
    page.wait_for_selector("text=Detected 1 face(s)")
    one = card(page)
    expect(one).to_contain_text("Face 1", use_inner_text=True)
    one.locator("text=In library as: Barack Obama").wait_for()
    expect(one).to_contain_text("Very likely", use_inner_text=True)
    expect(one).to_contain_text("75%", use_inner_text=True)
    one.locator(".sense-pair figure:nth-child(2) img[src^='data:image/jpeg']").wait_for()
    page.click("text=Add to Image")
    page.wait_for_selector("text=Added!")
    assert world.on_image() == [int(obama)]
    (entry,) = world.sidecar.journal
    assert (entry["status"], entry["added_ids"]) == ("done", [str(world.image)])
    page.wait_for_selector(".performers >> text=Barack Obama")  # Stash's own page, behind the dialogue


def test_the_box_lies_over_the_face(open_image, world, obama):
    page = open_image()
    box = page.locator(".sense-box").bounding_box()
    frame = page.locator(".sense-frame img").bounding_box()
    size = world.stash.library.images[world.image].files[0]
    scale = frame["width"] / size.width
    assert box["x"] - frame["x"] == pytest.approx(197.8 * scale, abs=2)
    assert box["height"] == pytest.approx(382.3 * scale, abs=3)


def test_undo_restores_what_was_there(open_image, world, obama):
    other = world.performer("Somebody Else")
    world.on_image().append(int(other))
    page = open_image()
    page.click("text=Add to Image")
    page.wait_for_selector("text=Added!")
    later = world.performer("Tagged meanwhile")
    world.on_image().append(int(later))
    page.click(".sense-tagging >> text=Undo")
    page.wait_for_selector("text=Undone")
    assert world.on_image() == [int(other), int(later)]
    assert world.sidecar.decisions == []  # nor is the face taken for confirmed
    assert world.sidecar.journal[0]["status"] == "undone"


def test_who_is_tagged_already_is_said_to_be(open_image, world, obama):
    world.on_image().append(int(obama))
    page = open_image()
    page.wait_for_selector("text=Already tagged")
    expect(page.locator("text=Add to Image")).to_have_count(0)


def test_looking_again_reads_anew_who_is_tagged(open_image, world, obama):
    page = open_image()
    world.on_image().append(int(obama))
    page.click("text=Identify again")
    page.wait_for_selector("text=Already tagged")


def test_no_match_and_no_faces(open_image, world):
    world.saw(face_of())
    page = open_image()
    page.wait_for_selector("text=No match found in database")
    world.saw()
    page.click("text=Identify again")
    page.wait_for_selector("text=No faces detected")
    asked = [body for _, path, body in world.sidecar.asked if path == "/identify/image"]
    assert asked[-1] == {"image_id": str(world.image), "force": True}


def test_the_keyboard_alone(open_page, world, obama):
    _, joe = world.known("Joe Biden", "biden.jpg")
    world.saw(face_of(match_of("Barack Obama", obama)), face_of(joe, number=2))
    page = open_page(f"/images/{world.image}")
    page.focus("#sense-button")
    page.keyboard.press("Enter")
    page.wait_for_selector(".sense-card")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.face") == "1"
    page.locator(".sense-add").nth(1).wait_for()
    page.keyboard.press("Enter")
    card(page, 2).locator("text=Added!").wait_for()
    page.evaluate("addEventListener('keydown', (event) => shortcuts.push(event.key))")
    page.keyboard.type("aefo")  # Stash's own shortcuts; with arrows it turns the pages of a list
    for key in ("ArrowRight", "Shift+ArrowLeft", "Control+Home"):
        page.keyboard.press(key)
    assert page.evaluate("shortcuts") == []
    page.keyboard.press("Escape")
    page.wait_for_selector(".sense-dialogue", state="detached")
    page.wait_for_selector("#sense-button:focus")
    assert world.on_image() == [int(joe["local_id"])]


def test_without_a_sidecar_the_contracts_message(open_image, world, obama):
    world.sidecar.down()
    page = open_image()
    expect(page.locator(".sense-problem")).to_contain_text(
        "Connection refused - is Stash Sense running?", use_inner_text=True
    )
    world.sidecar.up()
    page.click("text=Try again")
    page.wait_for_selector("text=Detected 1 face(s)")


def test_no_database_offers_to_build_one(open_page, world, obama):
    world.sidecar.people = None
    page = open_page(f"/images/{world.image}")
    page.click("#sense-button")
    page.click("text=Build from my performers")
    page.wait_for_selector("text=The face database is ready.")
    page.click(".sense-empty >> text=Identify Performers")
    page.wait_for_selector("text=Detected 1 face(s)")


def test_not_this_person_is_remembered_and_can_be_taken_back(open_image, world, obama):
    page = open_image()
    page.click("text=Not this person")
    page.wait_for_selector("text=Marked as not Barack Obama.")
    assert [each["word"] for each in world.sidecar.decisions] == ["rejected"]
    card(page).locator("text=Possible matches (1)").wait_for()
    expect(card(page).locator("h6")).to_have_count(0)
    page.click(".sense-rejected >> text=Undo")
    card(page).locator(".sense-who h6", has_text="Barack Obama").wait_for()
    assert world.sidecar.decisions == []
