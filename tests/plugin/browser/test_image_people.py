"""Which performer of the library a recognised person is: found, chosen among several, or created."""

from pages import card, expect

from .world import BOX, face_of, match_of, thumbnail


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
    expect(card(page).locator(".sense-add")).to_be_disabled()
    page.select_option(".sense-tagging select", second)
    page.click("text=Add to Image")
    page.wait_for_selector("text=Added!")
    assert world.on_image() == [int(second)]


def test_the_link_leads_to_the_stash_box(open_image, world):
    world.saw(face_of(match_of("Ann", performer_id="a", stash_ids=[{"endpoint": BOX, "stash_id": "b/1"}])))
    page = open_image()
    link = page.locator(".sense-box-link")
    expect(link).to_have_attribute("href", "https://stashdb.example/performers/b%2F1")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
