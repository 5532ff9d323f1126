"""The references that deserve a look, on the page: pictures, why, and setting aside or using again."""

import pytest

from pages import expect
from waiting import until


def person(name, *reference_ids, local_id=None):
    return {
        "performer_id": f"local:{local_id}" if local_id else name,
        "name": name,
        "local_id": local_id,
        "reference_ids": list(reference_ids),
    }


def finding(number, whose, code="other-person", **fields):
    return {
        "reference": f"{number:016x}",
        "reference_id": f"ref-{number}",
        "photo": "/people/Ann/wrong.jpg",
        "code": code,
        "reason": "more like another",
        "in_use": True,
        "kept": False,
        "person": whose,
        "like": None,
        **fields,
    }


@pytest.fixture
def doubtful(world):
    """A reference that looks like another performer, one that is set aside, and two people who look alike."""
    ann = world.performer("<b>Ann</b>")
    whose = person("<b>Ann</b>", "ref-9", local_id=ann)
    world.sidecar.findings = [
        finding(1, whose, like=person("Berta", "ref-8")),
        finding(2, whose, "several-faces", in_use=False, reference_id=None, photo="stash:image/3"),
    ]
    world.sidecar.look_alikes = [
        {
            "people": [person("Cleo", "ref-3"), person("Chloe", "ref-4")],
            "references": [f"{3:016x}", None],
            "confidence": 0.63,
        }
    ]
    world.crops("ref-1", "ref-3", "ref-4", "ref-8", "ref-9")
    return ann


@pytest.fixture
def section(open_page):
    """The section of the page, once the references are being checked."""

    def section(**options):
        page = open_page("/plugins/stash-sense", **options)
        section = page.locator("section[aria-label='Doubtful references']")
        section.locator("text=Check the references").click()
        return section

    return section


def test_nothing_is_compared_until_it_is_asked_for(world, open_page, doubtful):
    page = open_page("/plugins/stash-sense")
    expect(page.locator("text=Check the references")).to_be_visible()
    expect(page.locator("section[aria-label='Decisions']")).to_contain_text("No decisions yet")
    assert not [path for _, path, _ in world.sidecar.asked if "hygiene" in path]


def test_pictures_reasons_and_where(world, doubtful, section):
    shown = section()
    expect(shown).to_contain_text("3 entries deserve a look.")
    first, second, pair = (shown.locator("li").nth(at) for at in range(3))
    expect(first).to_contain_text("More like Berta than like the other pictures of this person")
    expect(first.locator(f"a[href$='/performers/{doubtful}']")).to_contain_text("<b>Ann</b>")
    expect(first.locator("img")).to_have_count(3)
    expect(second).to_contain_text("Shows several people")
    expect(second.locator("a[href$='/images/3']")).to_have_count(1)
    second.scroll_into_view_if_needed()
    expect(second.locator("img[src*='/image/3/thumbnail']")).to_have_count(1)
    expect(pair).to_contain_text("Look alike (63")
    pair.scroll_into_view_if_needed()
    expect(pair.locator("img")).to_have_count(2)
    expect(pair.locator("button")).to_have_count(1)


def test_one_kind_alone(world, doubtful, section):
    shown = section()
    shown.locator("select").select_option(label="Shows several people (1)")
    asked = "/database/hygiene?kind=several-faces&limit=20"
    until(lambda: asked in [path for _, path, _ in world.sidecar.asked])


def test_set_aside_and_back(world, doubtful, section):
    line = section().locator("li").nth(0)
    line.locator("text='Set aside'").click()
    expect(line).to_contain_text("Set aside: no face is compared with it.")
    assert not world.sidecar.findings[0]["kept"]
    line.locator("text='Undo'").click()
    expect(line).to_contain_text("Used again from the next update on.")
    assert world.sidecar.findings[0]["kept"]
    expect(line.locator("text='Set aside'")).to_be_visible()


def test_what_a_build_left_out_can_be_used_again(world, doubtful, section):
    line = section().locator("li").nth(1)
    line.locator("text='Use again'").click()
    expect(line).to_contain_text("Used again from the next update on.")
    assert world.sidecar.findings[1]["kept"]


def test_a_failure_is_said_and_can_be_tried_again(world, doubtful, section):
    line = section().locator("li").nth(0)
    expect(line).to_contain_text("More like Berta")
    gone = world.sidecar.findings.pop(0)
    line.locator("text='Set aside'").click()
    expect(line.locator(".sense-error")).to_be_visible()
    world.sidecar.findings.append(gone)
    line.locator("text='Set aside'").click()
    expect(line).to_contain_text("Set aside: no face is compared with it.")


def test_a_long_comparison_shows_how_far_it_is(world, doubtful, section):
    world.sidecar.compared = False
    shown = section()
    expect(shown).to_contain_text("Comparing: 1 of 4")
    world.sidecar.compared = True
    expect(shown).to_contain_text("3 entries deserve a look.")


def test_a_clean_database(world, section):
    expect(section()).to_contain_text("All 4 references look right.")


def test_nothing_is_wider_than_a_phone(world, doubtful, section):
    shown = section(width=400)
    expect(shown.locator("li")).to_have_count(3)
    assert shown.evaluate("(section) => section.scrollWidth <= section.clientWidth")
