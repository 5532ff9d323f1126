"""The page of suggestions: tagging and refusing, undone as one; the job of the library; long lists."""

import pytest

from fakes.sidecar import Problem, performer_of, suggestion_of
from pages import expect
from waiting import until

PAGE = "/plugins/stash-sense/suggestions"
MANY_PEOPLE, OF_EACH = 250, 80
"""20,000 suggestions."""
LONGEST_TASK_MS = 100
FIRST_PAINT_MS = 300


@pytest.fixture
def library(world):
    """Ann on three images, a gallery and a scene, Ben on two images: their ids."""
    ann, ben = world.performer("<b>Ann</b>"), world.performer("Ben")
    world.scene = str(world.stash.library.add_scene(title="A scene"))
    images = [str(number) for number in sorted(world.stash.library.images)]
    whose = performer_of("<b>Ann</b>", ann)
    world.sidecar.suggestions = [
        *(suggestion_of(at + 1, whose, "image", images[at], 0.95 - at / 20) for at in range(3)),
        suggestion_of(4, whose, "gallery", str(world.gallery), 0.7, title="Free photos"),
        suggestion_of(5, whose, "scene", world.scene, 0.6, times_s=[61.5]),
        *(suggestion_of(6 + at, performer_of("Ben", ben), "image", images[at], 0.8) for at in range(2)),
    ]
    world.crops(*(f"f{number}" for number in range(1, 8)))
    return ann, ben


def tile(page, number):
    return page.locator(f"[data-sense-item='{number}']")


def bar(page):
    return page.locator(".sense-action-bar")


def undo(page):
    bar(page).locator("button:has-text('Undo')").click()


def batches(world):
    return {entry["batch_id"] for entry in world.sidecar.journal}


def test_who_and_where_best_first_and_accepting_and_refusing_one_are_undone(world, open_page, library):
    ann, _ = library
    page = open_page("/plugins/stash-sense")
    page.click("nav >> text=Suggestions")
    groups = page.locator(".sense-suggested")
    expect(groups.locator("h5")).to_have_text(["<b>Ann</b> (5)", "Ben (2)"])
    expect(tile(page, 5)).to_contain_text("60% · 1:01")
    expect(tile(page, 5).locator("a")).to_have_attribute("href", f"/scenes/{world.scene}?t=61")
    tile(page, 1).locator("text='Tag'").click()
    expect(tile(page, 1)).to_contain_text("Tagged")
    (image, *_) = world.images_with(ann)
    assert world.images_with(ann) == [image]
    tile(page, 2).locator("[data-sense-key=r]").click()
    expect(tile(page, 2)).to_contain_text("Refused")
    (decision,) = world.sidecar.decisions
    assert (decision["word"], decision["face_id"], decision["local_id"]) == ("rejected", "f2", ann)
    undo(page)
    expect(tile(page, 2).locator("text='Tag'")).to_be_visible()
    assert world.sidecar.decisions == []
    undo(page)
    expect(tile(page, 1).locator("text='Tag'")).to_be_visible()
    assert world.images_with(ann) == []
    assert [entry["status"] for entry in world.sidecar.journal] == ["undone"]


def test_all_of_a_person_all_shown_and_everything_are_one_action_each(world, open_page, library):
    ann, ben = library
    page = open_page(PAGE)
    page.locator("[aria-label='Ben'] >> text=Accept All (2)").click()
    expect(bar(page)).to_contain_text("2 done, 0 failed, 0 skipped")
    assert len(batches(world)) == 1
    undo(page)
    until(lambda: world.images_with(ben) == [])
    tile(page, 3).locator("[data-sense-key=r]").click()
    expect(tile(page, 3)).to_contain_text("Refused")
    page.click("text=Accept all shown (6)")
    expect(bar(page)).to_contain_text("6 done, 0 failed, 0 skipped")
    assert (len(world.images_with(ann)), len(world.images_with(ben))) == (2, 2)
    assert world.on_gallery() == world.stash.library.scenes[int(world.scene)].performers == [int(ann)]
    undo(page)
    until(lambda: (world.images_with(ann), world.images_with(ben), world.on_gallery()) == ([], [], []))
    page.locator("select[aria-label='Minimum confidence']").select_option("80")
    page.click("text=Accept everything from 80%")
    page.locator("[role=group] >> text=Accept everything from 80%").click()
    expect(bar(page)).to_contain_text("4 done")  # but what was refused
    assert (len(world.images_with(ann)), len(world.images_with(ben))) == (2, 2)
    assert world.on_gallery() == []


def test_a_doubtful_tag_goes_and_comes_back_and_no_other_performer_is_touched(world, open_page, library):
    ann, ben = map(int, library)
    images = world.stash.library.images
    first, second = sorted(images)[:2]
    images[first].performers[:] = images[second].performers[:] = [ann, ben]
    seen = [{**performer_of("Ben", str(ben)), "face_ids": ["f6"]}]
    world.sidecar.suggestions = [
        suggestion_of(11 + at, performer_of("<b>Ann</b>", str(ann)), "image", str(image), seen=seen)
        for at, image in enumerate((first, second))
    ]
    page = open_page(PAGE)
    page.locator("select[aria-label='What is suggested']").select_option("tagged-not-seen")
    expect(tile(page, 11)).to_contain_text("Ben is seen")
    tile(page, 11).locator("text='Remove tag'").click()
    expect(tile(page, 11)).to_contain_text("Removed")
    assert images[first].performers == [ben]
    (entry,) = world.sidecar.journal
    assert (entry["action"], entry["added_ids"]) == ("remove", [str(first)])
    tile(page, 12).locator("text='Keep'").click()
    expect(tile(page, 12)).to_contain_text("Kept")
    assert [each["suggestion_id"] for each in world.sidecar.suggestions] == [11]
    page.goto(f"{world.stash.url}/plugins/stash-sense")
    history = page.locator("section[aria-label='Tag history'] li")
    expect(history).to_contain_text("Removed: <b>Ann</b> on 1 image")
    history.locator("text=Undo").click()
    expect(history).to_contain_text("undone")
    assert images[first].performers == [ben, ann]


def test_one_that_fails_or_is_gone_is_counted_and_the_others_are_tagged(world, open_page, library):
    ann, _ = library
    page = open_page(PAGE)
    expect(tile(page, 1)).to_be_visible()
    del world.stash.library.images[int(world.sidecar.suggestions[0]["target_id"])]
    world.sidecar.faults["/journal"] = Problem(503, "state-unavailable", "The disk is full.")
    tile(page, 2).locator("text='Tag'").click()
    expect(tile(page, 2)).to_contain_text("Failed, try again")
    assert world.images_with(ann) == []
    del world.sidecar.faults["/journal"]
    page.locator(".sense-suggested").first.locator("text=Accept All (5)").click()
    expect(bar(page)).to_contain_text("4 done, 1 failed, 0 skipped")
    expect(tile(page, 1)).to_contain_text("No longer in Stash")
    assert len(world.images_with(ann)) == 2


def test_keys_move_tag_refuse_and_undo_but_not_while_somebody_types(world, open_page, library):
    ann, _ = library
    page = open_page(PAGE, width=400)
    expect(tile(page, 1)).to_be_visible()
    page.keyboard.press("j")
    expect(tile(page, 1)).to_be_focused()
    page.keyboard.press("a")
    expect(tile(page, 1)).to_contain_text("Tagged")
    page.keyboard.press("j")
    page.keyboard.press("r")
    expect(tile(page, 2)).to_contain_text("Refused")
    page.keyboard.press("u")
    expect(tile(page, 2).locator("text='Tag'")).to_be_visible()
    page.keyboard.press("k")
    expect(tile(page, 1)).to_be_focused()
    page.click("text=One performer only")
    page.locator(".sense-search input").fill("b")
    page.keyboard.type("juar")
    expect(page.locator(".sense-search input")).to_have_value("bjuar")
    assert world.images_with(ann) != []
    assert page.evaluate("window.shortcuts") == []
    page.locator(".sense-search input").fill("Ben")
    page.locator("[role=option]").first.wait_for()
    page.keyboard.press("Enter")
    expect(page.locator(".sense-suggested h5")).to_have_text(["Ben (2)"])
    assert page.evaluate("document.querySelector('.sense-page').scrollWidth <= window.innerWidth")


def test_the_job_of_the_library_is_begun_paused_resumed_and_followed(world, open_page, library):
    world.sidecar.reached = 0.4
    page = open_page(PAGE)
    page.click("text=Look at the whole library")
    expect(page.locator(".sense-library-job")).to_contain_text("1 of 3 looked at")
    page.click("text=Pause")
    expect(page.locator(".sense-library-job")).to_contain_text("Paused")
    page.click("text=Resume")
    page.locator("text=Pause").wait_for()
    world.sidecar.suggestions.pop()
    world.sidecar.reached = 1.0
    page.locator("text=Look at the whole library").wait_for()
    expect(page.locator(".sense-suggested h5")).to_have_text(["<b>Ann</b> (5)", "Ben (1)"])


def test_two_tabs_that_accept_the_same_tag_each_once_and_lose_nothing(world, open_page, library):
    ann, ben = library
    pages = [open_page(PAGE), open_page(PAGE)]
    for page in pages:
        expect(tile(page, 1)).to_be_visible()
    for page in pages:
        page.click("text=Accept all shown (7)")
    for page in pages:
        expect(bar(page)).to_contain_text("7 done, 0 failed, 0 skipped")
    assert (len(world.images_with(ann)), len(world.images_with(ben)), world.on_gallery()) == (
        3,
        2,
        [int(ann)],
    )
    for page in pages:
        if bar(page).locator("button").count():
            undo(page)
            bar(page).wait_for(state="detached")
    assert (world.images_with(ann), world.images_with(ben), world.on_gallery()) == ([], [], [])


def test_20000_suggestions_keep_little_in_the_page_and_scroll_without_a_long_task(world, open_page, torture):
    first = world.performer("Person 0")
    world.sidecar.suggestions = [
        suggestion_of(
            1 + at * OF_EACH + each,
            performer_of(f"Person {at}", first if at == 0 else f"{9000 + at}"),
            "image",
            str(each + 1),
            0.999 - at / 1000,
        )
        for at in range(MANY_PEOPLE)
        for each in range(OF_EACH)
    ]
    page = open_page(PAGE)
    expect(tile(page, 1)).to_be_visible()
    expect(page.locator(".sense-above")).to_contain_text("20000 suggestions")
    page.evaluate(
        """() => {
          window.longest = window.arrived = window.painted = 0;
          const send = window.fetch;
          window.fetch = async (...given) => {
            const answer = await send(...given);
            if (String(given[1]?.body).includes('"suggestions"')) window.arrived ||= performance.now();
            return answer;
          };
          new MutationObserver(() => {
            if (!window.arrived || window.painted || !document.querySelector("[data-sense-item]")) return;
            requestAnimationFrame(() => setTimeout(() => (window.painted ||= performance.now())));
          }).observe(document.body, { childList: true, subtree: true });
          new PerformanceObserver((list) => {
            for (const task of list.getEntries()) window.longest = Math.max(window.longest, task.duration);
          }).observe({ type: "longtask" });
        }"""
    )
    page.click("text=Reload")
    until(lambda: page.evaluate("window.painted"))
    page.locator(".sense-suggested").first.locator(f"text={OF_EACH - 8} more").click()
    expect(tile(page, 20)).to_be_attached()
    last = page.locator(f"[aria-label='Person {MANY_PEOPLE - 1}']")

    def at_the_end():
        page.mouse.wheel(0, 5000)
        return last.count()

    until(at_the_end)
    order = page.evaluate(
        "[...document.querySelectorAll('[data-sense-item]')].map((each) => +each.dataset.senseItem)"
    )
    assert order == sorted(order)
    assert len(order) < 500
    if torture:  # on a machine that does nothing else
        assert page.evaluate("window.painted - window.arrived") <= FIRST_PAINT_MS
        assert page.evaluate("window.longest") <= LONGEST_TASK_MS
