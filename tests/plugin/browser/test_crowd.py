"""The labels of many boxes on one picture: none lies over another, and the keyboard reads them all."""

import itertools

import pytest

from .world import face_of, match_of

FACES, IN_A_ROW = 60, 12


@pytest.fixture
def crowd(world):
    """Sixty faces on the image, shoulder to shoulder."""
    size = world.stash.library.images[world.image].files[0]
    wide, high = size.width / IN_A_ROW, size.height / (FACES // IN_A_ROW + 1)
    faces = []
    for number in range(FACES):
        line, place = divmod(number, IN_A_ROW)
        box = {"x": place * wide + 1, "y": line * high + 1, "width": 0.9 * wide, "height": 0.9 * high}
        person = match_of(f"Person {number}", performer_id=f"p{number}")
        faces.append(face_of(person, face_id=f"c{number}", box={**box, "confidence": 0.9}))
    world.saw(*faces)


def labels(page):
    """What the visible labels say, and where they are."""
    visible = [each for each in page.locator(".sense-box-label").all() if each.is_visible()]
    return [(" ".join(each.inner_text().split()), each.bounding_box()) for each in visible]


def overlap(one, other):
    apart = (
        one["x"] + one["width"] <= other["x"] + 1 or other["x"] + other["width"] <= one["x"] + 1,
        one["y"] + one["height"] <= other["y"] + 1 or other["y"] + other["height"] <= one["y"] + 1,
    )
    return not any(apart)


@pytest.mark.parametrize("width", [400, 1280])
def test_no_label_lies_over_another(open_image, world, crowd, width):
    page = open_image(width=width)
    page.locator(".sense-box").nth(FACES - 1).wait_for()
    page.wait_for_function("document.querySelector('.sense-frame').clientWidth > 100")
    places = [place for _, place in labels(page)]
    assert places
    assert not any(overlap(one, other) for one, other in itertools.combinations(places, 2))


def test_the_box_that_is_pointed_at_or_focused_is_named(open_image, world, crowd):
    page = open_image(width=400)
    page.locator(".sense-crowd .sense-box").nth(FACES - 1).wait_for()
    assert [text for text, _ in labels(page)] == ["1"]
    page.locator(".sense-box").nth(17).focus()
    page.wait_for_function("document.activeElement.matches('.sense-box')")
    assert [text for text, _ in labels(page)] == ["18 Person 17"]
    page.keyboard.press("Tab")
    assert [text for text, _ in labels(page)] == ["19 Person 18"]
    page.locator(".sense-box").nth(30).hover()
    assert [text for text, _ in labels(page)] == ["31 Person 30"]


def test_a_label_stays_on_the_picture(open_image, world, crowd):
    page = open_image(width=400)
    page.locator(".sense-crowd .sense-box").nth(FACES - 1).wait_for()
    frame = page.locator(".sense-frame").bounding_box()
    for number in (0, IN_A_ROW - 1):
        page.locator(".sense-box").nth(number).hover()
        ((_, place),) = labels(page)
        assert place["y"] >= frame["y"] - 1
        assert place["x"] + place["width"] <= frame["x"] + frame["width"] + 1
