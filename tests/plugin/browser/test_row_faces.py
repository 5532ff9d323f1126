"""The faces of a row: how far they bear the name out, and the image that each is on."""

import pytest

from pages import expect, row

from .steps import group
from .world import face_of, group_of, match_of, person_of


def seen(**fields):
    return {"face_count": 1, "faces_alone": 1, "confirmed": False, **fields}


@pytest.fixture
def ann(world):
    """Somebody of the library: id and match."""
    local_id = world.performer("Ann")
    return local_id, match_of("Ann", local_id)


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"face_count": 9, "faces_alone": 3, "confirmed": True}, "✓ You confirmed this"),
        ({"face_count": 9, "faces_alone": 9}, "All 9 faces match Ann on their own"),
        ({"face_count": 1, "faces_alone": 1}, "The face matches Ann on its own"),
        (
            {"face_count": 9, "faces_alone": 6},
            "6 of 9 faces match Ann on their own; the others match those faces",
        ),
        (
            {"face_count": 3, "faces_alone": 0},
            "None of the 3 faces matches Ann on its own; together they do",
        ),
        ({"face_count": 1, "faces_alone": 0}, "On its own, the face does not match Ann well enough"),
    ],
)
def test_a_row_says_how_far_the_faces_bear_the_name_out(open_gallery, world, ann, facts, text):
    world.found(person_of("Ann", ["1"], ann[0], face_ids=["a1"], **{"confirmed": False, **facts}))
    page = open_gallery()
    shown = row(page, "Ann").locator(".sense-standing")
    mark = "✓ " if text.startswith("✓ ") else ""
    expect(shown).to_have_text(text.removeprefix(mark), use_inner_text=True)
    before = shown.evaluate("each => getComputedStyle(each, '::before').content").strip('"')
    assert (before if before != "none" else "") == mark


COUNT_GAPS = """() => {
  window.gaps = 0;
  const look = () => (window.gaps += document.querySelectorAll(".sense-face-crop .sense-none").length);
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
}"""


def test_a_face_that_is_being_fetched_is_not_called_missing(open_gallery, world, ann):
    world.crops("a1", "a2")
    world.found(person_of("Ann", ["1"], ann[0], face_ids=["a1", "a2"], **seen()))
    page = open_gallery(run=False)
    page.evaluate(COUNT_GAPS)
    page.click("text=Identify performers in this gallery")
    row(page, "Ann").locator(".sense-face img >> nth=1").wait_for()
    assert page.evaluate("gaps") == 0


def test_a_row_shows_the_best_faces_and_more_on_demand(open_gallery, world, ann):
    faces = [f"a{number}" for number in range(8)]
    world.crops(*faces)
    world.found(person_of("Ann", ["1", "2"], ann[0], face_ids=faces, **seen()))
    page = open_gallery()
    row(page, "Ann").locator(".sense-face img >> nth=5").wait_for()
    expect(row(page, "Ann").locator(".sense-face")).to_have_count(6)
    expect(row(page, "Ann").locator("img[src*='thumbnail']")).to_have_count(0)
    row(page, "Ann").locator("text=2 more").click()
    row(page, "Ann").locator(".sense-face img >> nth=7").wait_for()
    row(page, "Ann").locator("text=Show all images (2)").click()
    expect(row(page, "Ann").locator(".sense-images .sense-face")).to_have_count(2)
    row(page, "Ann").locator("text=Hide the images").click()
    expect(row(page, "Ann").locator(".sense-images")).to_have_count(0)


def looked_at(world):
    """The images whose faces were asked for."""
    return [body["image_id"] for _, path, body in world.sidecar.asked if path == "/identify/image"]


@pytest.fixture
def third(world, ann):
    """Ann's face is on the third of her images."""
    for image in (1, 2):
        world.saw(face_of(number=2, face_id=f"other-{image}"), image=image)
    world.saw(face_of(ann[1], face_id="a1"), image=3)
    world.found(
        person_of("Ann", ["1", "2", "3"], ann[0], face_ids=["a1"], face_image_ids=["3"], **seen()),
        unknown=[group_of("17.0", ["a1", "other-2"], ["2", "3"], face_image_ids=["3", "2"])],
    )


def test_a_face_opens_the_image_that_it_is_on(open_gallery, world, third):
    page = open_gallery()
    row(page, "Ann").locator("[aria-label='Show face 1 of Ann in its image']").click()
    page.wait_for_selector(".sense-seen-in img[src*='/image/3/']")
    page.wait_for_selector(".sense-seen-in .sense-box[title='Ann']")
    page.click("text=Back")
    page.wait_for_selector("[aria-label='Show face 1 of Ann in its image']:focus")
    group(page).locator(".sense-face").nth(1).click()
    page.wait_for_selector(".sense-seen-in img[src*='/image/2/']")
    page.wait_for_selector(".sense-seen-in .sense-box[title='Unknown person, 2 images']")
    assert looked_at(world) == ["3", "2"]


def test_a_face_of_an_older_result_opens_their_first_image(open_gallery, world, third):
    (older,) = world.sidecar.galleries[str(world.gallery)]["performers"]
    del older["face_image_ids"]
    page = open_gallery()
    with page.expect_response(lambda answer: "identify_image" in (answer.request.post_data or "")):
        row(page, "Ann").locator(".sense-face").click()
    page.wait_for_selector(".sense-seen-in img[src*='/image/1/']")
    assert looked_at(world) == ["1"]


def test_an_image_whose_faces_cannot_be_had_says_why(open_gallery, world, third):
    page = open_gallery()
    world.sidecar.down()
    row(page, "Ann").locator(".sense-face").click()
    page.wait_for_selector(".sense-seen-in >> text=Connection refused")
    world.sidecar.up()
    page.click(".sense-seen-in >> text=Try again")
    page.wait_for_selector(".sense-seen-in .sense-box[title='Ann']")
