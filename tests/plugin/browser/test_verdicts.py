"""The card, the box, the row and the tag name the same person, and nobody where the verdict names nobody."""

import pytest

from pages import card, expect, row
from waiting import until

from .steps import choose
from .world import BOX, face_of, match_of, person_of


def boxes_say(page, *labels):
    """These and no others, in this order."""
    expect(page.locator(".sense-box")).to_have_count(len(labels))
    for number, label in enumerate(labels):
        expect(page.locator(".sense-box").nth(number)).to_have_attribute("aria-label", label)


def seen(**fields):
    return {"face_count": 1, "faces_alone": 1, "confirmed": False, **fields}


@pytest.fixture
def ann(world):
    """Somebody of the library: id and match."""
    local_id = world.performer("Ann")
    return local_id, match_of("Ann", local_id)


def test_nobody_is_named_for_being_the_nearest(open_image, world, ann):
    _, match = ann
    ben = match_of("Ben", world.performer("Ben"), 0.4)
    world.saw(
        face_of(match),
        face_of(match, ben, number=2, verdict="unknown", reason="Ann is in this picture already"),
        face_of(match, ben, number=3, verdict="ambiguous", reason="Ann and Ben are about equally near"),
    )
    page = open_image()
    card(page, 1).locator("text=In library as: Ann").wait_for()
    boxes_say(page, "Face 1: Ann", "Face 2", "Face 3")
    expect(page.locator(".sense-card h6")).to_have_text(["Ann"], use_inner_text=True)
    expect(page.locator(".sense-add")).to_have_count(1)
    card(page, 2).locator("text=Possible matches (2)").wait_for()
    expect(card(page, 2).locator("text=It is Ann")).not_to_be_visible()
    card(page, 3).locator("text=Is this Ann or Ben?").wait_for()
    expect(card(page, 3).locator("text=No match found in database")).to_have_count(0)


def test_the_verdict_counts_and_not_the_order_of_the_matches(open_image, world, ann):
    _, match = ann
    ben = match_of("Ben", world.performer("Ben"), 0.2)
    world.saw(face_of(ben, match, performer_id=match["performer_id"], name="Ann"))
    page = open_image()
    card(page).locator(".sense-who h6", has_text="Ann").wait_for()
    boxes_say(page, "Face 1: Ann")
    page.click("text=Add to Image")
    page.wait_for_selector("text=Added!")
    assert world.on_image() == [int(ann[0])]
    until(lambda: world.sidecar.decisions)  # which follow the tag
    (decision,) = world.sidecar.decisions
    assert (decision["performer_id"], decision["name"]) == (f"local:{ann[0]}", "Ann")


def test_whom_only_a_decision_names_is_found_by_the_key(open_image, world):
    jane = world.performer("Jane", stash_ids=[(BOX, "j")])
    world.saw(
        face_of(match_of("Somebody nearer", distance=0.1), performer_id="stashdb.example:j", name="Jane")
    )
    page = open_image()
    card(page).locator("text=In library as: Jane").wait_for()
    page.click("text=Add to Image")
    page.wait_for_selector("text=Added!")
    assert world.on_image() == [int(jane)]


def test_the_box_follows_what_is_said_on_the_card(open_image, world, ann):
    ben = world.performer("Ben")
    world.saw(face_of(ann[1], match_of("Cleo", performer_id="c", distance=0.5)))
    page = open_image()
    page.click("text=Not this person")
    page.wait_for_selector("text=Marked as not Ann.")
    boxes_say(page, "Face 1")
    expect(page.locator(".sense-card h6")).to_have_count(0)
    card(page).locator("text=Possible matches (1)").wait_for()
    choose(page, "ben")
    page.wait_for_selector("text=Added to the image as Ben")
    boxes_say(page, "Face 1: Ben")
    assert world.on_image() == [int(ben)]
    card(page).locator(".sense-done >> text=Undo").click()
    card(page).locator("text=Choose performer").wait_for()
    boxes_say(page, "Face 1")
    page.click(".sense-rejected >> text=Undo")
    card(page).locator(".sense-who h6", has_text="Ann").wait_for()
    boxes_say(page, "Face 1: Ann")


def test_two_people_of_one_name_keep_their_own_faces_and_rows(open_gallery, world):
    one, two = (world.performer("Jane Doe", disambiguation=each) for each in ("actress", "pilot"))
    world.saw(
        face_of(match_of("Jane Doe", one), face_id="j1"),
        face_of(match_of("Jane Doe", two), face_id="j2", number=2),
        image=1,
    )
    world.crops("j1", "j2")
    world.found(
        person_of("Jane Doe", ["1"], one, face_ids=["j1"], **seen()),
        person_of("Jane Doe", ["1"], two, 0.3, face_ids=["j2"], **seen()),
    )
    page = open_gallery()
    second = page.locator(".sense-person").nth(1)
    second.locator("text=In library as: Jane Doe (pilot)").wait_for()
    second.locator(".sense-face").click()
    page.wait_for_selector(".sense-seen-in .sense-box")
    expect(page.locator(".sense-seen-in .sense-box")).to_have_count(1)
    box = page.locator(".sense-seen-in .sense-box").evaluate("each => each.style.height")
    page.click("text=Back")
    page.locator(".sense-person").nth(0).locator(".sense-face").click()
    page.wait_for_selector(".sense-seen-in .sense-box")
    expect(page.locator(".sense-seen-in .sense-box")).to_have_count(1)
    assert page.locator(".sense-seen-in .sense-box").evaluate("each => each.style.height") != box
    page.click("text=Back")
    second.locator("text=Add to Gallery").click()
    second.locator("text=Added!").wait_for()
    assert world.on_gallery() == [int(two)]


def test_of_a_contact_sheet_all_nine_faces_are_framed_and_no_other(open_gallery, world, ann):
    local_id, match = ann
    ids = [f"c{number}" for number in range(9)]
    sheet = [
        # Of themselves only some are near enough: the others go with them.
        face_of(match, face_id=each, number=2 + at, **({} if at % 2 else {"verdict": "unknown"}))
        for at, each in enumerate(ids)
    ]
    stranger = face_of(match, face_id="taken", verdict="unknown", reason="the nearest is somebody else's")
    other = face_of(match_of("Ben", world.performer("Ben")), face_id="ben", number=12)
    world.saw(*sheet, stranger, other, image=1)
    world.crops(*ids)
    world.found(person_of("Ann", ["1"], local_id, face_ids=ids, face_count=9, faces_alone=4, confirmed=False))
    page = open_gallery()
    row(page, "Ann").locator("text=4 of 9 faces match Ann on their own; the others match").wait_for()
    row(page, "Ann").locator(".sense-face").nth(4).click()
    page.wait_for_selector(".sense-seen-in .sense-box")
    expect(page.locator(".sense-seen-in .sense-box[title='Ann']")).to_have_count(9)
    expect(page.locator(".sense-seen-in .sense-box")).to_have_count(9)
    expect(page.locator(".sense-seen-in .sense-box.sense-current .sense-box-number")).to_have_text(
        "5", use_inner_text=True
    )


def test_a_face_that_the_image_names_otherwise_is_not_framed_as_theirs(open_gallery, world, ann):
    other = match_of("Ben", world.performer("Ben"))
    world.saw(face_of(ann[1], face_id="a1"), face_of(other, face_id="a2", number=2), image=1)
    world.found(person_of("Ann", ["1"], ann[0], face_ids=["a1", "a2"], **seen()))
    page = open_gallery()
    row(page, "Ann").locator(".sense-face").nth(0).click()
    page.wait_for_selector(".sense-seen-in .sense-box")
    expect(page.locator(".sense-seen-in .sense-box")).to_have_count(1)
