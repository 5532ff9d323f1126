"""The dialogues in German: labels, reasons and failures."""

import pytest

from fakes.sidecar import Problem
from pages import expect

from .world import group_of


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


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (None, "läuft Stash Sense?"),
        (Problem(504, "stash-too-slow", "Stash took too long."), "Stash hat dem Sidecar nicht rechtzeitig"),
        (Problem(502, "of-tomorrow", "The moon was full."), "Identification failed: The moon was full."),
    ],
    ids=["no sidecar", "a code", "a code that is not known"],
)
def test_a_problem_is_told_in_german_by_its_code(open_page, world, obama, problem, text):
    if problem:
        world.sidecar.faults["/identify/image"] = problem
    else:
        world.sidecar.down()
    page = open_page(f"/images/{world.image}?locale=de")
    page.click(".image-toolbar #sense-button")
    page.locator(".sense-problem", has_text=text).wait_for()


def test_skipped_and_failed_images_are_told_in_german_with_their_numbers(open_page, world):
    small = {"width": 31.0, "height": 1200.0, "least": 32.0}
    world.found(
        skipped=[{"image_id": "3", "code": "not-a-picture", "reason": "is a video.", "numbers": {}}],
        errors=["Image 4: 31x1200 px; ...", "Image 5: The moon was full."],
        error_details=[
            {"image_id": "4", "code": "image-too-small", "reason": "31x1200 px; ...", "numbers": small},
            {"image_id": "5", "code": "of-tomorrow", "reason": "The moon was full.", "numbers": {"n": 1}},
        ],
        error_count=2,
    )
    page = open_page(f"/galleries/{world.gallery}?locale=de")
    page.click(".gallery-toolbar #sense-button")
    page.click("text=Darsteller in dieser Galerie erkennen")
    page.click("text=Übersprungen (1)")
    lines = page.locator(".sense-left-out li")
    skipped, small, unknown = lines.all_inner_texts()
    assert skipped.startswith("Bild 3: Das ist ein Video oder eine andere Datei")
    assert small == "Bild 4: Das Bild hat 31 mal 1.200 Pixel; die kürzere Seite braucht mindestens 32."
    assert unknown == "Bild 5: The moon was full."


def test_a_failed_job_and_what_is_missing_are_told_in_german(open_page, world, obama):
    world.found()
    world.sidecar.job_fails = "Stash is away."
    world.sidecar.start("gallery", f"gallery:{world.gallery}", world.sidecar.gallery(str(world.gallery)))
    world.sidecar.people = None
    page = open_page("/plugins/stash-sense?locale=de")
    page.wait_for_selector("text=Es gibt noch keine Gesichtsdatenbank.")
    page.wait_for_selector(".sense-list >> text=Der Sidecar erreicht Stash nicht.")
    expect(page.locator("text=Stash is away")).to_have_count(0)
