"""Why a verdict is what it is: in the user's language, with the library's own names, and in one number."""

import pytest

from pages import card, expect

from .steps import group
from .world import face_of, group_of, match_of, reason_of

OLDER = {"reason": "Ann at 0.32", "reason_code": None, "reason_people": [], "reason_count": None}
NEWER = {**reason_of("ignored"), "reason": "The moon was full", "reason_code": "moon"}


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("en-GB", "Looks like B. Obama (75%), together with 3 other photos of this person"),
        ("de-DE", "Sieht aus wie B. Obama (75 %), zusammen mit 3 anderen Fotos dieser Person"),
        ("fr-FR", "Looks like B. Obama (75%), together with 3 other photos of this person"),
    ],
)
def test_a_reason_is_told_with_the_librarys_name_and_the_number_of_the_card(open_page, world, locale, text):
    local_id, match = world.known("Barack Obama", "obama.jpg")
    world.stash.library.performers[int(local_id)].name = "B. Obama"
    world.saw(face_of(match, **reason_of("together", match, count=3)))
    page = open_page(f"/images/{world.image}?locale={locale}")
    page.click("#sense-button")
    card(page).locator(".sense-reason", has_text=text).wait_for()
    expect(card(page).locator(".sense-sure-number")).to_have_text(
        ("75 %" if locale[:2] == "de" else "75%"), use_inner_text=True
    )


@pytest.mark.parametrize("reason", [OLDER, NEWER], ids=["of an older sidecar", "of a newer one"])
def test_a_reason_without_a_known_code_is_shown_as_it_came(open_image, world, reason):
    world.saw(face_of(match_of("Ann", world.performer("Ann")), **reason))
    expect(card(open_image()).locator(".sense-reason")).to_have_text(reason["reason"], use_inner_text=True)


def test_a_result_without_the_fields_of_a_reason_shows_its_sentence(open_gallery, world):
    older = group_of("t1", ["g1"], ["1"])
    for field in ("reason_code", "reason_people", "reason_count"):
        del older[field]
    world.found(unknown=[{**older, "reason": "nobody near"}])
    expect(group(open_gallery()).locator(".sense-reason")).to_have_text("nobody near", use_inner_text=True)


def test_a_groups_reason_names_people_as_the_library_does(open_gallery, world):
    ann, ben = (match_of(name, world.performer(name), 0.5) for name in ("Ann", "Ben"))
    world.stash.library.performers[int(ann["local_id"])].name = "Anna"
    world.found(unknown=[group_of("t1", ["g1"], ["1"], ann, ben, **reason_of("rival", ann, ben))])
    page = open_gallery()
    group(page).locator("text=Not sure: 50% like Anna, but 50% like Ben").wait_for()
    group(page).locator("text=Is this Anna or Ben?").wait_for()
