"""The dialogue of an image: from the button to a written tag, and everything that can be in between."""

import re

import pytest

from fakes.sidecar import Problem
from fakes.stash import Status, Truncate
from pages import ROOT, card

from .world import BOX, face_of, group_of, match_of, thumbnail


@pytest.fixture
def obama(world):
    local_id, match = world.known("Barack Obama", "obama.jpg")
    world.saw(face_of(match, match_of("Joe Biden", distance=0.45, performer_id="joe")))
    return local_id


def _again(seen, asked):
    """Whether who is tagged is read for a second time."""
    asked += [1] * (seen.operation == "StashSenseOn")
    return seen.operation == "StashSenseOn" and len(asked) > 1


@pytest.mark.parametrize("prefix", ["", "/stash"])
def test_from_the_button_to_a_written_tag(open_image, world, obama):
    page = open_image()
    page.wait_for_selector("text=Detected 1 face(s)")
    one = card(page)
    assert "Face 1" in one.inner_text()
    one.locator("text=In library as: Barack Obama").wait_for()
    assert "Very likely" in one.inner_text()
    assert "75%" in one.inner_text()
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
    assert page.locator("text=Add to Image").count() == 0


def test_a_failed_write_is_said_and_can_be_tried_again(open_image, world, obama):
    page = open_image()
    image = world.stash.library.images.pop(world.image)
    page.click("text=Add to Image")
    page.wait_for_selector("text=Failed, try again")
    assert "Stash no longer has image" in card(page).inner_text()
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


@pytest.mark.parametrize("missing", ["original", "both"])
def test_a_picture_that_the_browser_cannot_show(open_image, world, obama, missing):
    world.stash.faults.add(Status(500), where="original")
    if missing == "both":
        world.stash.faults.add(Status(500), where="thumbnail")
        world.sidecar.pictures["face-1"] = world.sidecar.pictures["ref-Barack Obama"]
    page = open_image()
    if missing == "both":
        page.wait_for_selector(".sense-pair figure:first-child img[src^='data:image/jpeg']")
        return
    page.wait_for_selector(f".sense-frame img[src='/image/{world.image}/thumbnail']")
    box, frame = page.locator(".sense-box").bounding_box(), page.locator(".sense-frame img").bounding_box()
    size = world.stash.library.images[world.image].files[0]
    assert box["width"] / frame["width"] == pytest.approx(271.9 / size.width, abs=0.01)


def test_without_a_journal_nothing_is_written(open_image, world, obama):
    page = open_image()
    world.sidecar.down()
    page.click("text=Add to Image")
    page.wait_for_selector("text=Failed, try again")
    assert "Connection refused - is Stash Sense running?" in card(page).inner_text()
    assert world.on_image() == []


def test_another_candidate_can_be_chosen(open_image, world, obama):
    page = open_image()
    page.click("text=Other possible matches (1)")
    page.click("text=Choose Joe Biden")
    card(page).locator(".sense-who h6", has_text="Joe Biden").wait_for()
    assert "Not in library" in card(page).inner_text()


def test_not_this_person_is_remembered_and_can_be_taken_back(open_image, world, obama):
    page = open_image()
    page.click("text=Not this person")
    page.wait_for_selector("text=Marked as not Barack Obama.")
    assert [each["word"] for each in world.sidecar.decisions] == ["rejected"]
    card(page).locator("text=Possible matches (1)").wait_for()
    assert card(page).locator("h6").count() == 0
    page.click(".sense-rejected >> text=Undo")
    card(page).locator(".sense-who h6", has_text="Barack Obama").wait_for()
    assert world.sidecar.decisions == []


def test_a_person_is_created_and_tagged(open_image, world):
    world.sidecar.pictures["ref-9"] = thumbnail(world.samples / "gallery" / "obama2.jpg")
    stash_ids = [{"endpoint": BOX, "stash_id": "b1"}, {"endpoint": "https://other.example", "stash_id": "x"}]
    world.saw(face_of(match_of("New Person", performer_id="p9", reference_id="ref-9", stash_ids=stash_ids)))
    page = open_image()
    page.click("text=Create and tag")
    page.wait_for_selector("text=Added!")
    (performer,) = world.stash.library.performers.values()
    assert performer.name == "New Person"
    assert performer.stash_ids == [(BOX, "b1")]
    assert performer.image == world.sidecar.pictures["ref-9"]
    assert world.on_image() == [performer.id]


def test_a_person_created_in_another_tab_is_not_created_again(open_image, world):
    stash_ids = [{"endpoint": BOX, "stash_id": "b1"}]
    world.saw(face_of(match_of("New Person", performer_id="p9", stash_ids=stash_ids)))
    page = open_image()
    page.wait_for_selector("text=Create and tag")
    made = world.performer("New Person, by another name", stash_ids=[(BOX, "b1")])
    page.click("text=Create and tag")
    page.wait_for_selector("text=Added!")
    assert list(world.stash.library.performers) == [int(made)]
    assert world.on_image() == [int(made)]


def test_looking_again_reads_anew_who_is_tagged(open_image, world, obama):
    page = open_image()
    world.on_image().append(int(obama))
    page.click("text=Identify again")
    page.wait_for_selector("text=Already tagged")


def test_a_performer_who_was_deleted_meanwhile(open_image, world, obama):
    page = open_image()
    page.wait_for_selector("text=In library as: Barack Obama")
    del world.stash.library.performers[int(obama)]
    page.click("text=Add to Image")
    page.wait_for_selector("text=This performer is no longer in your library.")
    assert world.on_image() == []


def test_a_portrait_that_failed_once_is_asked_for_again(open_image, world, obama):
    world.sidecar.faults["/references/ref-Barack%20Obama"] = Problem(504, "stash-too-slow", "for a moment")
    page = open_image()
    page.wait_for_selector("text=In library as")
    page.wait_for_timeout(500)
    world.sidecar.faults.clear()
    page.keyboard.press("Escape")
    page.click("#sense-button")
    card(page).locator(".sense-pair figure:nth-child(2) img[src^='data:image/jpeg']").wait_for()


def test_a_stash_id_finds_the_performer_and_no_wildcard_does(open_image, world):
    world.performer("Somebody Else", stash_ids=[(BOX, "abc")])
    world.saw(face_of(match_of("Wild", performer_id="w", stash_ids=[{"endpoint": BOX, "stash_id": "a%"}])))
    page = open_image()
    page.wait_for_selector("text=Not in library")


def test_of_several_performers_the_user_chooses(open_image, world):
    world.performer("Ann One", stash_ids=[(BOX, "b1")])
    second = world.performer("Ann Two", stash_ids=[(BOX, "b1")])
    world.saw(face_of(match_of("Ann", performer_id="a", stash_ids=[{"endpoint": BOX, "stash_id": "b1"}])))
    page = open_image()
    assert card(page).locator(".sense-add").is_disabled()
    page.select_option(".sense-tagging select", second)
    page.click("text=Add to Image")
    page.wait_for_selector("text=Added!")
    assert world.on_image() == [int(second)]


def test_no_match_and_no_faces(open_image, world):
    world.saw(face_of())
    page = open_image()
    page.wait_for_selector("text=No match found in database")
    world.saw()
    page.click("text=Identify again")
    page.wait_for_selector("text=No faces detected")
    assert world.sidecar.asked[-1][2] == {"image_id": str(world.image), "force": True}


def test_a_picture_from_outside_is_loaded_only_on_a_click(open_image, world):
    world.saw(face_of(match_of("Far", performer_id="f", image_url="http://pictures.invalid/far.jpg")))
    page = open_image()
    page.wait_for_selector("text=No image")
    assert page.troubles == []
    page.click("text=Show picture from pictures.invalid")
    page.wait_for_timeout(200)
    assert page.troubles == ["left the page's origin: http://pictures.invalid/far.jpg"]
    page.troubles.clear()


def test_the_link_leads_to_the_stash_box(open_image, world):
    world.saw(face_of(match_of("Ann", performer_id="a", stash_ids=[{"endpoint": BOX, "stash_id": "b/1"}])))
    page = open_image()
    link = page.locator(".sense-box-link")
    assert link.get_attribute("href") == "https://stashdb.example/performers/b%2F1"
    assert link.get_attribute("rel") == "noopener noreferrer"


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
    assert "Connection refused - is Stash Sense running?" in page.locator(".sense-problem").inner_text()
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


def test_in_german(open_page, world, obama):
    page = open_page(f"/images/{world.image}?locale=de-DE")
    page.click("#sense-button")
    page.wait_for_selector("text=1 Gesicht(er) gefunden")
    page.wait_for_selector("text=Zum Bild hinzufügen")


def test_an_unknown_person_in_german(open_page, world):
    world.found(unknown=[group_of("t1", ["g1", "g2"], ["1", "2"]), group_of("t2", ["g3"], ["3"])])
    page = open_page(f"/galleries/{world.gallery}?locale=de-DE")
    page.click(".gallery-toolbar #sense-button")
    page.click("text=Darsteller in dieser Galerie erkennen")
    page.wait_for_selector("text=Unbekannte Person, 2 Bilder")
    page.wait_for_selector("text=Unbekannte Person, 1 Bild")
    page.click("text=Darsteller wählen >> nth=0")
    page.wait_for_selector("text=Darsteller nach Name oder Alias suchen")


def test_both_languages_name_the_same_values():
    tables = {}
    for name in ("texts", "texts-de"):
        source = (ROOT / "plugin" / "scripts" / f"{name}.js").read_text()
        pairs = re.findall(r"^    (\w+):\s*\"(.*)\",$", source, re.MULTILINE)
        tables[name] = {key: set(re.findall(r"\{(\w+)\}", text)) for key, text in pairs}
    english, german = tables["texts"], tables["texts-de"]
    assert len(german) > 140
    assert {key: english[key] for key in german} == german
