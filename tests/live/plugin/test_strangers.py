"""Somebody whom the face database knows and Stash does not: created and tagged in one step."""

import base64
import json

import pytest

from pages import card, once, row
from waiting import until

NAME, BOX, STASH_ID = "Grace Hopper", "https://box.invalid/graphql", "b-7"
CREATE = "mutation($i: PerformerCreateInput!) { performerCreate(input: $i) { id } }"
DESTROY = "mutation($ids: [ID!]!) { performersDestroy(ids: $ids) }"
FIND = """query($n: String!) { findPerformers(performer_filter: {name: {value: $n, modifier: EQUALS}}) {
  performers { id name image_path stash_ids { endpoint stash_id } } } }"""
BOXES = "{ configuration { general { stashBoxes { endpoint api_key name } } } }"
SET_BOXES = "mutation($i: ConfigGeneralInput!) { configureGeneral(input: $i) { stashBoxes { endpoint } } }"


def build(command):
    return json.loads(command("database", "build", "--from-stash", "--json"))["people"]


@pytest.fixture(scope="module")
def known(ask, library, command, samples, sidecar):
    """Enrolled from Stash with a portrait and a stash id, then deleted there."""
    boxes = ask(BOXES)["configuration"]["general"]["stashBoxes"]
    ask(SET_BOXES, i={"stashBoxes": [*boxes, {"endpoint": BOX, "api_key": "none", "name": "Box"}]})
    photo = (samples / "gallery" / "grace_hopper.jpg").read_bytes()
    portrait = "data:image/jpeg;base64," + base64.b64encode(photo).decode()
    ids = [{"endpoint": BOX, "stash_id": STASH_ID}]
    created = ask(CREATE, i={"name": NAME, "image": portrait, "stash_ids": ids})["performerCreate"]["id"]
    people = build(command)
    ask(DESTROY, ids=[created])
    assert people == len(library.people) + 1
    yield
    assert build(command) == len(library.people)
    ask(SET_BOXES, i={"stashBoxes": boxes})


@pytest.fixture
def hers(ask, known):
    """Stash's performers of her name, all gone afterwards."""

    def hers():
        return ask(FIND, n=NAME)["findPerformers"]["performers"]

    yield hers
    if hers():
        ask(DESTROY, ids=[each["id"] for each in hers()])


def check(created):
    """With name and stash id, and the stored face as portrait."""
    assert created["stash_ids"] == [{"endpoint": BOX, "stash_id": STASH_ID}]
    assert "default=true" not in created["image_path"]


def test_from_an_image(open_page, library, hers, tagged, sidecar):
    image = library.images["grace_hopper.jpg"]
    page = open_page(f"/images/{image}")
    once(page, "image").click()
    card(page).locator("text=Not in library").wait_for()
    page.click("text=Create and tag")
    page.wait_for_selector("text=Added!")
    (created,) = hers()
    check(created)
    assert tagged() == (set(), {image: {created["id"]}})
    page.wait_for_selector(f".performer-card >> text={NAME}")  # Stash's own page, behind the dialogue
    card(page).locator(f"text=In library as: {NAME}").wait_for()
    page.click(".sense-tagging >> text=Undo")
    page.wait_for_selector("text=Undone")
    assert tagged() == (set(), {})
    assert hers() == [created]  # undoing a tag deletes nobody
    look = {"image_id": image}
    until(lambda: "confirmed" not in sidecar.post("/identify/image", json=look).json()["faces"][0]["reason"])


def test_from_a_gallery_also_on_her_image(open_gallery, library, hers, tagged):
    page = open_gallery()
    person = row(page, NAME)
    person.locator("text=Not in library").wait_for()
    person.locator("label").click()
    person.locator("text=Create and tag").click()
    person.locator("text=Added!").wait_for()
    (created,) = hers()
    check(created)
    assert tagged() == ({created["id"]}, {library.images["grace_hopper.jpg"]: {created["id"]}})
    person.locator("text=Undo").click()
    person.locator("text=Undone").wait_for()
    assert tagged() == (set(), {})


def test_accept_all_leaves_her_out(open_gallery, library, hers, tagged):
    page = open_gallery()
    row(page, NAME).locator("text=Not in library").wait_for()
    page.click(".sense-accept")
    page.wait_for_selector("text=3 added, 0 failed, 1 skipped")
    assert tagged()[0] == set(library.people.values())
    for name in library.people:
        row(page, name).locator("text=Undo").click()
        row(page, name).locator("text=Undone").wait_for()
    assert tagged() == (set(), {})
    assert hers() == []
