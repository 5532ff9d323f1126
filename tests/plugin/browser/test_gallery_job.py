"""The job behind a gallery's dialogue: started, watched, cut short, found again, and run again."""

from fakes.sidecar import Problem
from pages import expect, row
from waiting import until

from .steps import settled, turned_until

HOLD_AN_ANSWER = """() => {
  const send = window.fetch;
  window.held = new Promise((done) => {
    window.fetch = async (address, options) => {
      const answer = await send(address, options);
      if (window.release || !options.body.includes('"mode":"job"')) return answer;
      await new Promise((go) => {
        window.release = go;
        done();
      });
      return answer;
    };
  });
}"""
"""The next answer of a job is held back until `release()`."""


def begun(page, world, reached=0.5):
    """The gallery's job runs, and stands at a share."""
    world.sidecar.reached = reached
    page.click("text=Identify performers in this gallery")
    page.wait_for_selector(f".sense-running >> text={int(9 * reached)} of 9 images")


def test_progress_shows_and_people_appear_as_they_are_found(open_gallery, world, five):
    page = open_gallery(run=False)
    begun(page, world)
    page.wait_for_selector(".sense-running ~ div .sense-person")
    expect(page.locator(".sense-person")).to_have_count(2)
    page.wait_for_selector("text=2.5 images per second, about 1:05 min left")
    world.sidecar.reached = 1.0
    page.wait_for_selector(".sense-summary")
    expect(page.locator(".sense-person")).to_have_count(5)


def test_the_time_left_shows_once_it_is_known(open_gallery, world, five):
    page = open_gallery(run=False)
    begun(page, world, reached=0.01)
    expect(page.locator("text=left")).to_have_count(0)


def test_after_a_cancel_the_results_stand_and_it_can_be_resumed(open_gallery, world, five):
    page = open_gallery(run=False)
    begun(page, world)
    page.click(".sense-running >> text=Cancel")
    page.wait_for_selector("text=Cancelled. Partial results below.")
    expect(page.locator(".sense-person")).to_have_count(2)
    assert world.sidecar.jobs["job-1"].view()["status"] == "cancelled"
    page.click("text=Resume")
    page.wait_for_selector(".sense-running")
    world.sidecar.reached = 1.0
    page.wait_for_selector("text=processed 9/9 images")
    expect(page.locator(".sense-person")).to_have_count(5)
    assert list(world.sidecar.jobs) == ["job-1"]
    expect(page.locator("text=Resume")).to_have_count(0)


def test_an_answer_from_before_the_cancel_does_not_show_it_running_again(open_gallery, world, five):
    page = open_gallery(run=False)
    begun(page, world)
    page.evaluate(HOLD_AN_ANSWER)
    page.evaluate("held")
    page.click(".sense-running >> text=Cancel")
    page.wait_for_selector("text=Cancelled. Partial results below.")
    page.evaluate("release()")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(page.locator(".sense-running")).to_have_count(0)


def test_another_tab_follows_a_resume(open_gallery, world, five):
    first = open_gallery(run=False)
    begun(first, world)
    first.click(".sense-running >> text=Cancel")
    first.wait_for_selector("text=Cancelled. Partial results below.")
    second = open_gallery(run=False)
    second.wait_for_selector("text=Cancelled. Partial results below.")
    first.click("text=Resume")
    second.wait_for_selector(".sense-running")
    world.sidecar.reached = 1.0
    second.wait_for_selector("text=processed 9/9 images")


def test_the_latest_result_is_shown_when_the_dialogue_opens_again(open_gallery, world, five):
    page = open_gallery()
    page.keyboard.press("Escape")
    page.click("#sense-button")
    page.wait_for_selector("text=Results from")
    expect(page.locator(".sense-person")).to_have_count(5)
    assert len(world.sidecar.jobs) == 1


def test_a_running_job_is_picked_up_after_a_reload(open_gallery, world, five):
    page = open_gallery(run=False)
    begun(page, world)
    page.reload()
    page.click("#sense-button")
    page.wait_for_selector(".sense-running")
    world.sidecar.reached = 1.0
    page.wait_for_selector(".sense-summary")
    assert len(world.sidecar.jobs) == 1


def test_a_job_that_breaks_off_says_why_and_keeps_what_it_has(open_gallery, world, five):
    world.sidecar.job_fails = "the disk is full"
    page = open_gallery()
    page.wait_for_selector("text=Stopped early: the disk is full")
    expect(page.locator(".sense-person")).to_have_count(5)
    page.click("text=Resume")
    page.wait_for_selector("text=Stopped early", state="detached")
    assert world.sidecar.jobs["job-1"].view()["status"] == "done"


def looks(world):
    """The polls of the first job: the revisions that they bring."""
    paths = [path for _, path, _ in world.sidecar.asked if path.partition("?")[0] == "/jobs/job-1"]
    return [path.partition("?since=")[2] for path in paths]


def test_a_lost_look_or_two_at_a_job_does_no_harm(open_gallery, world, five):
    page = open_gallery(run=False)
    begun(page, world)
    lost = len(looks(world)) + 3
    world.sidecar.faults["/jobs/job-1"] = Problem(504, "stash-too-slow", "for a moment")
    until(lambda: len(looks(world)) >= lost)
    expect(page.locator(".sense-problem")).to_have_count(0)
    world.sidecar.faults.clear()
    world.sidecar.reached = 1.0
    page.wait_for_selector(".sense-summary")


def test_a_result_is_fetched_only_when_it_has_changed(open_gallery, world, five):
    page = open_gallery(run=False)
    begun(page, world)
    revision = world.sidecar.jobs["job-1"].view()["revision"]
    until(lambda: looks(world)[-2:] == [revision] * 2)
    expect(page.locator(".sense-person")).to_have_count(2)
    world.sidecar.reached = 1.0
    page.wait_for_selector(".sense-summary")
    expect(page.locator(".sense-person")).to_have_count(5)


def test_the_pause_between_two_looks_grows_to_five_seconds(open_gallery, world, five):
    page = open_gallery(run=False)
    page.evaluate("waits.length = 0")
    begun(page, world)
    turned_until(page, "waits.includes(5000)")
    waits = page.evaluate("waits")
    assert waits[0] == 500
    assert waits == sorted(waits)


def test_after_giving_up_nothing_is_asked_and_the_results_stay(open_gallery, world, five):
    page = open_gallery(run=False)
    begun(page, world)
    page.wait_for_selector(".sense-person >> nth=1")
    world.sidecar.down()
    page.wait_for_selector(".sense-problem >> text=Connection refused")
    settled(page)
    calls = page.evaluate("calls")
    settled(page)
    assert page.evaluate("calls") == calls
    expect(page.locator(".sense-person")).to_have_count(2)
    world.sidecar.up()
    world.sidecar.reached = 1.0
    page.click(".sense-problem >> text=Try again")
    page.wait_for_selector(".sense-summary")


def test_while_stash_is_away_the_dialogue_waits_and_goes_on_by_itself(open_gallery, world, five):
    page = open_gallery(run=False)
    begun(page, world)
    world.stash.down()
    page.wait_for_selector(".sense-problem >> text=This window continues by itself once Stash is back.")
    turned_until(page, "waits.filter((each) => each === 5000).length > 6")
    expect(page.locator(".sense-person")).to_have_count(2)
    world.sidecar.reached = 1.0
    world.stash.up()
    page.wait_for_selector(".sense-summary")
    expect(page.locator(".sense-problem")).to_have_count(0)


def test_again_and_from_scratch(open_gallery, world, five):
    page = open_gallery()
    for text, force in (("text=Run again from scratch", True), ("text=Run again >> nth=0", None)):
        before = list(world.sidecar.jobs)
        page.click(text)
        until(lambda jobs=before: list(world.sidecar.jobs) != jobs)
        page.wait_for_selector(".sense-summary")
        assert len(world.sidecar.jobs) == len(before) + 1
        asked = [body for _, path, body in world.sidecar.asked if path == "/jobs/gallery"]
        assert asked[-1].get("force") is force


def test_another_run_reads_anew_who_is_tagged(open_gallery, world, five):
    page = open_gallery()
    world.on_gallery().append(int(five[0]))
    page.click("text=Run again >> nth=0")
    row(page, "Ann").locator("text=Already tagged").wait_for()


def test_no_look_at_a_job_while_the_tab_is_hidden(open_gallery, world, five):
    page = open_gallery(run=False)
    begun(page, world)
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true, configurable: true })")
    turned_until(page, "waits.filter((each) => each === 5000).length > 2")
    calls = page.evaluate("calls")
    turned_until(page, "waits.filter((each) => each === 5000).length > 6")
    assert page.evaluate("calls") == calls
    page.evaluate("delete document.hidden")
    world.sidecar.reached = 1.0
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_selector(".sense-summary")


def test_nothing_is_asked_once_the_job_has_ended(open_gallery, world, five):
    page = open_gallery()
    row(page, "Emil").locator("text=In library as: Emil").wait_for()
    settled(page)
    calls = page.evaluate("calls")
    settled(page)
    assert page.evaluate("calls") == calls


def test_a_gallery_without_images_says_so(open_gallery, world):
    for image in list(world.stash.library.images):
        world.stash.library.delete_image(image)
    page = open_gallery(run=False)
    page.wait_for_selector("text=This gallery has no images.")
    expect(page.locator("text=Identify performers in this gallery")).to_have_count(0)


def test_a_gallery_that_is_gone_is_told(open_gallery, world, five):
    page = open_gallery()
    del world.stash.library.galleries[world.gallery]
    page.click("text=Run again >> nth=0")
    page.wait_for_selector(f"text=Stash no longer has gallery {world.gallery}.")
    page.keyboard.press("Escape")
    page.click("#sense-button")
    page.wait_for_selector(f".sense-problem >> text=Stash no longer has gallery {world.gallery}.")


def test_without_a_sidecar_the_contracts_message(open_gallery, world, five):
    world.sidecar.down()
    page = open_gallery(run=False)
    page.wait_for_selector("text=Connection refused - is Stash Sense running?")


def test_no_database_offers_to_build_one(open_gallery, world, five):
    world.sidecar.people = None
    page = open_gallery(run=False)
    page.click("text=Identify performers in this gallery")
    page.click("text=Build from my performers")
    page.wait_for_selector("text=The face database is ready.")
    page.click(".sense-empty >> text=Identify Performers")
    page.wait_for_selector(".sense-summary")
