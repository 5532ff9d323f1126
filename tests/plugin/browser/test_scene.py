"""The dialogue of a scene: found, tagged, named, and looked at again."""

import pytest

from fakes.sidecar import Problem
from pages import expect, once, outcome, row
from waiting import until

from .scenes import found_in_scene, known_scene, on_scene, scene_person, scene_unknown
from .steps import choose, group, said, settled
from .test_bars import findings
from .world import match_of, thumbnail


@pytest.fixture
def scene(world):
    return known_scene(world)


@pytest.fixture
def open_scene(open_page, scene):
    """The scene's page with its dialogue open; the job starts by itself."""

    def open_scene(*, ended=True, **options):
        page = open_page(f"/scenes/{scene[0]}", **options)
        once(page, "scene").click()
        if ended:
            page.wait_for_selector(".sense-summary")
        return page

    return open_scene


def jobs(world):
    return [body for _, path, body in world.sidecar.asked if path == "/jobs/scene"]


def test_who_is_seen_and_when(open_scene, world, scene):
    page = open_scene()
    assert (
        page.locator(".sense-summary").inner_text() == "Looked at 40 frames of 1:00: 12 faces, 1 performers"
    )
    page.wait_for_selector("text=Read from the file.")
    ann = row(page, "Ann")
    ann.locator("text=In library as: Ann").wait_for()
    expect(ann).to_contain_text("On screen for 8 s", use_inner_text=True)
    expect(ann).to_contain_text("Seen in 8 frames", use_inner_text=True)
    expect(ann.locator(".sense-verdict")).to_contain_text("Match", use_inner_text=True)
    ann.locator("text=Looks like Ann (75%), and nobody else comes near").wait_for()
    ann.locator(".sense-best-face img[src^='data:image/jpeg']").wait_for()
    expect(ann.locator(".sense-spans li")).to_have_text(["0:05 to 0:12", "0:30 to 0:31"], use_inner_text=True)
    assert jobs(world) == [{"scene_id": str(scene[0])}]


def test_somebody_is_added_and_taken_back(open_scene, world, scene):
    number, ann = scene
    page = open_scene()
    row(page, "Ann").locator("text=Add to Scene").click()
    row(page, "Ann").locator("text=Added!").wait_for()
    page.wait_for_selector(".performers >> text=Ann")  # Stash's own page, behind the dialogue
    assert on_scene(world, number) == [int(ann)]
    (entry,) = world.sidecar.journal
    assert (entry["target_type"], entry["status"], entry["added_ids"]) == ("scene", "done", [str(number)])
    row(page, "Ann").locator("text=Undo").click()
    row(page, "Ann").locator("text=Undone").wait_for()
    assert (on_scene(world, number), entry["status"]) == ([], "undone")
    page.keyboard.press("Escape")
    page.wait_for_selector("#sense-button:focus")


def test_accept_all_adds_everyone_and_undoes_it_as_one(open_scene, world, scene):
    number, ann = scene
    ben = world.performer("Ben")
    found_in_scene(
        world,
        number,
        scene_person(match_of("Ann", ann), [[1.0, 2.0]]),
        scene_person(match_of("Ben", ben, 0.35), [[3.0, 4.0]]),
        scene_person(match_of("New", performer_id="new", distance=0.4), [[5.0, 6.0]]),
    )
    page = open_scene()
    row(page, "New").locator("text=Not in library").wait_for()
    page.click(".sense-accept")
    assert outcome(page) == "2 added, 0 failed, 1 skipped"
    assert on_scene(world, number) == [int(ann), int(ben)]
    page.click("text=Undo all (2)")
    page.wait_for_selector(".sense-filters >> text=Undone")
    assert on_scene(world, number) == []


def test_another_match_that_is_chosen_is_confirmed_for_the_faces(open_scene, world, scene):
    number, _ = scene
    page = open_scene()
    page.click("text=Other possible matches (1)")
    page.click("text=Choose Bea")
    row(page, "Bea").locator("text=You chose Bea (50%)").wait_for()
    row(page, "Bea").locator("text=Create and tag").click()
    row(page, "Bea").locator("text=Added!").wait_for()
    assert on_scene(world, number) == [max(world.stash.library.performers)]
    assert said(world) == [("s-Ann-1", "confirmed", "b"), ("s-Ann-2", "confirmed", "b")]
    row(page, "Bea").locator("text=Undo").click()
    row(page, "Bea").locator("text=Undone").wait_for()
    assert said(world) == []


def test_not_this_person_is_remembered_and_matched_again_without_the_video(open_scene, world, scene):
    page = open_scene()
    row(page, "Ann").locator("text=Not this person").click()
    row(page, "Ann").locator("text=Marked as not Ann.").wait_for()
    assert said(world) == [(f"s-Ann-{n}", "rejected", f"local:{scene[1]}") for n in (1, 2)]
    expect(row(page, "Ann").locator("text=Add to Scene")).to_have_count(0)
    page.click(".sense-update >> text=Match again")
    until(lambda: len(jobs(world)) == 2)
    assert "force" not in jobs(world)[1]
    page.wait_for_selector(".sense-update", state="detached")


def test_a_rejection_can_be_taken_back_after_matching_again(open_scene, world, scene):
    page = open_scene()
    row(page, "Ann").locator("text=Not this person").click()
    found_in_scene(world, scene[0])
    page.click(".sense-update >> text=Match again")
    row(page, "Ann").locator("text=No longer in the results").wait_for()
    row(page, "Ann").locator(".sense-rejected >> text=Undo").click()
    page.wait_for_selector(".sense-update >> text=Match again")
    assert said(world) == []


def test_a_rejection_is_taken_back(open_scene, world, scene):
    page = open_scene()
    row(page, "Ann").locator("text=Not this person").click()
    row(page, "Ann").locator(".sense-rejected >> text=Undo").click()
    row(page, "Ann").locator("text=Add to Scene").wait_for()
    assert said(world) == []


def test_an_unknown_person_is_named_and_it_is_undone(open_scene, world, scene):
    number, ann = scene
    page = open_scene()
    group(page).locator("text=On screen for 7 s").wait_for()
    choose(group(page), "ann")
    group(page).locator("text=Added to the scene as Ann").wait_for()
    assert on_scene(world, number) == [int(ann)]
    assert said(world) == [("s-x-1", "confirmed", f"local:{ann}")]
    row(page, "Ann").locator("text=Already tagged").wait_for()
    group(page).locator("text=Undo").click()
    group(page).locator("text=Choose performer").wait_for()
    assert (on_scene(world, number), said(world)) == ([], [])


def test_an_unknown_person_is_created_with_the_face_or_ignored(open_scene, world, scene):
    number, _ = scene
    page = open_scene()
    group(page).locator("text=Create performer").click()
    page.keyboard.type("Zoe")
    page.keyboard.press("Enter")
    group(page).locator("text=Added to the scene as Zoe").wait_for()
    zoe = world.stash.library.performers[max(world.stash.library.performers)]
    assert (zoe.name, zoe.image) == ("Zoe", world.sidecar.pictures["s-x-1"])
    group(page).locator("text=Undo").click()
    group(page).locator("text=Ignore").click()
    group(page).locator("text=Ignored").wait_for()
    assert said(world) == [("s-x-1", "ignored", None)]
    assert on_scene(world, number) == []


def test_of_two_likely_people_it_asks_which(open_scene, world, scene):
    number, ann = scene
    two = match_of("Ann", ann, 0.4), match_of("Bea", performer_id="b", distance=0.45)
    found_in_scene(world, number, unknown=[scene_unknown("x", [[1.0, 2.0]], *two)])
    page = open_scene()
    page.wait_for_selector("text=No performers identified")
    group(page).locator("text=Is this Ann or Bea?").wait_for()
    group(page).locator("text=It is Ann").click()
    group(page).locator("text=Added to the scene as Ann").wait_for()
    assert on_scene(world, number) == [int(ann)]


def test_progress_counts_frames_and_it_can_be_cancelled_and_resumed(open_scene, world, scene):
    world.sidecar.reached = 0.5
    page = open_scene(ended=False)
    page.wait_for_selector(".sense-running >> text=20 of at most 40 frames, 6 faces")
    page.wait_for_selector("text=2.5 frames per second, about 1:05 min left")
    page.click(".sense-running >> text=Cancel")
    page.wait_for_selector("text=Cancelled. Partial results below.")
    page.click("text=Resume")
    page.wait_for_selector(".sense-running")
    world.sidecar.reached = 1.0
    page.wait_for_selector("text=Looked at 40 frames")
    expect(row(page, "Ann")).to_have_count(1)
    assert list(world.sidecar.jobs) == ["job-1"]


def test_the_people_found_so_far_show_while_it_runs(open_scene, world, scene):
    number, ann = scene
    ben = scene_person(match_of("Ben", world.performer("Ben")), [[3.0, 4.0]])
    found_in_scene(world, number, scene_person(match_of("Ann", ann), [[1.0, 2.0]]), ben)
    world.sidecar.reached = 0.5
    page = open_scene(ended=False)
    page.wait_for_selector(".sense-running ~ div .sense-person")
    expect(page.locator(".sense-person")).to_have_count(1)
    world.sidecar.reached = 1.0
    page.wait_for_selector(".sense-summary")
    expect(page.locator(".sense-person")).to_have_count(2)


def test_what_was_found_shows_at_once_when_it_is_opened_again(open_scene, world, scene):
    page = open_scene()
    page.keyboard.press("Escape")
    page.click("#sense-button")
    page.wait_for_selector("text=Results from")
    row(page, "Ann").wait_for()
    settled(page)
    assert len(jobs(world)) == 1


def test_another_tab_follows_the_same_job(open_scene, world, scene):
    world.sidecar.reached = 0.5
    first = open_scene(ended=False)
    first.wait_for_selector(".sense-running")
    second = open_scene(ended=False)
    second.wait_for_selector(".sense-running >> text=20 of at most 40 frames")
    world.sidecar.reached = 1.0
    first.wait_for_selector(".sense-summary")
    second.wait_for_selector(".sense-summary")
    assert list(world.sidecar.jobs) == ["job-1"]


def test_identify_again_looks_at_the_video_again(open_scene, world, scene):
    page = open_scene()
    settled(page)  # a picture that arrives moves the button away from under a click
    page.click("text=Identify again")
    until(lambda: len(jobs(world)) == 2)
    assert jobs(world)[1]["force"] is True


def test_a_newer_database_is_offered_to_be_matched_with(open_scene, world, scene):
    page = open_scene()
    page.wait_for_selector("text=Face database from")
    page.keyboard.press("Escape")
    world.sidecar.built += 1
    page.click("#sense-button")
    page.click("text=The face database is newer than this result. >> text=Match again")
    until(lambda: len(jobs(world)) == 2)
    assert "force" not in jobs(world)[1]


def test_the_sprite_alone_is_said_to_miss_small_faces(open_scene, world, scene):
    world.sidecar.scenes[str(scene[0])] |= {"source": "sprite", "stopped": "max-frames"}
    page = open_scene()
    page.wait_for_selector("text=Looked at the preview sprite only; small faces are missed.")
    page.wait_for_selector("text=Stopped at the limit of frames.")


def test_a_scene_that_cannot_be_looked_at_says_why(open_scene, world, scene):
    number, _ = scene
    world.sidecar.faults["/jobs/scene"] = Problem(503, "starting", "The sidecar is starting.")
    page = open_scene(ended=False)
    page.wait_for_selector("text=Identification failed: The sidecar is starting.")
    world.sidecar.faults.clear()
    found_in_scene(world, number)
    page.click("text=Try again")
    page.wait_for_selector("text=No performers identified")


def test_a_broken_file_is_told_by_its_code(open_scene, world, scene):
    world.sidecar.job_fails, world.sidecar.job_fails_code = "the file is cut off", "broken-file"
    found_in_scene(world, scene[0], errors=["at 0:31: the file is cut off"])
    page = open_scene()
    page.wait_for_selector("text=Stopped early: the file is cut off")
    page.wait_for_selector("text=at 0:31: the file is cut off")
    page.wait_for_selector("text=Resume")


def test_without_a_sidecar_the_contracts_message(open_page, world, scene):
    page = open_page(f"/scenes/{scene[0]}")
    once(page, "scene").wait_for()
    world.sidecar.down()
    page.click("#sense-button")
    page.wait_for_selector("text=Connection refused - is Stash Sense running?")


def test_no_database_offers_to_build_one(open_scene, world, scene):
    world.sidecar.people = None
    page = open_scene(ended=False)
    page.click("text=Build from my performers")
    page.wait_for_selector("text=The face database is ready.")
    page.click(".sense-empty >> text=Identify Performers")
    page.wait_for_selector(".sense-summary")


def test_while_stash_is_away_it_waits_and_goes_on(open_scene, world, scene):
    world.sidecar.reached = 0.5
    page = open_scene(ended=False)
    page.wait_for_selector(".sense-running >> text=20 of at most 40 frames")
    world.stash.down()
    page.wait_for_selector(".sense-problem >> text=This window continues by itself once Stash is back.")
    world.sidecar.reached = 1.0
    world.stash.up()
    page.wait_for_selector(".sense-summary")


def test_a_scene_that_is_gone_is_said_to_be(open_page, world, scene):
    number, _ = scene
    page = open_page(f"/scenes/{number}")
    once(page, "scene").wait_for()
    del world.stash.library.scenes[number]
    once(page, "scene").click()
    page.wait_for_selector(f"text=Stash no longer has scene {number}.")


def test_a_scene_that_is_deleted_meanwhile_is_said_to_be_gone(open_scene, world, scene):
    number, _ = scene
    page = open_scene()
    del world.stash.library.scenes[number]
    row(page, "Ann").locator("text=Add to Scene").click()
    row(page, "Ann").locator(f"text=Stash no longer has scene {number}.").wait_for()


def test_a_scene_without_a_file_says_so(open_page, world, scene):
    world.stash.library.scenes[scene[0]].files.clear()
    page = open_page(f"/scenes/{scene[0]}")
    once(page, "scene").click()
    page.wait_for_selector("text=This scene has no file.")
    assert jobs(world) == []


HOSTILE = "<img src=x onerror=alert(1)>"


def test_nothing_from_outside_becomes_markup(open_scene, world, scene):
    number, _ = scene
    person = scene_person(match_of(HOSTILE, performer_id="h"), [[1.0, 2.0]])
    odd = {"spans": [[None, 1], "x", [5, 2], [1e9, 2e9]], "reason_code": HOSTILE, "reason": HOSTILE}
    found_in_scene(
        world, number, {**person, **odd}, source=HOSTILE, stopped=HOSTILE, errors=[HOSTILE], duration_s=None
    )
    page = open_scene()
    row(page, HOSTILE).locator("text=Not in library").wait_for()
    expect(page.locator(".sense-dialogue img[src='x']")).to_have_count(0)
    expect(row(page, HOSTILE).locator(".sense-spans li")).to_have_text(["0:05", "1:00"], use_inner_text=True)


@pytest.mark.parametrize("locale", ["de-DE"])
def test_in_german(open_page, world, scene, locale):
    page = open_page(f"/scenes/{scene[0]}?locale={locale}")
    once(page, "scene").click()
    page.wait_for_selector("text=40 Einzelbilder aus 1:00 betrachtet: 12 Gesichter, 1 Darsteller")
    page.wait_for_selector("text=Zur Szene hinzufügen")
    group(page).locator("text=Unbekannte Person").first.wait_for()


def test_it_is_accessible_and_fits_a_phone(open_scene, world, scene):
    page = open_scene(width=400)
    row(page, "Ann").locator("text=In library as: Ann").wait_for()
    group(page).scroll_into_view_if_needed()
    group(page).locator("img[src^='data:image/jpeg']").first.wait_for()
    page.click("text=Other possible matches (1)")
    assert findings(page, ".sense-dialogue") == []
    assert page.evaluate("document.querySelector('.modal-content').scrollWidth - window.innerWidth") <= 0


TWO_CHANGES_AT_ONCE = """
const Watch = window.IntersectionObserver;
window.IntersectionObserver = class extends Watch {
  constructor(tell) {
    super((changes) => tell([{ isIntersecting: false }, ...changes]));
  }
};
"""


def test_a_portrait_that_came_into_sight_on_a_busy_page_is_shown(open_page, world, scene):
    number, _ = scene
    stranger = match_of("Stranger", performer_id="s", distance=0.45, reference_id="ref-s")
    world.sidecar.pictures["ref-s"] = thumbnail(world.samples / "gallery" / "obama2.jpg")
    found_in_scene(world, number, scene_person(stranger, [[1.0, 2.0]]))
    page = open_page(f"/scenes/{number}")
    page.add_init_script(TWO_CHANGES_AT_ONCE)
    page.reload()
    once(page, "scene").click()
    row(page, "Stranger").locator("img.sense-portrait[src^='data:image/jpeg']").wait_for()
