"""Accessibility, size and memory of the dialogues."""

import time

import pytest

from pages import LIBRARIES, expect

from .steps import group
from .world import face_of, group_of, match_of, person_of, thumbnail

AXE = LIBRARIES / "axe-core" / "axe.min.js"
PEOPLE, IMAGES = 200, 5000
IN_SIGHT = 12
"""Rows of people that the window can show at once."""
OPENS_S = 1.0
OPENINGS, FEW_OPENINGS = 50, 15
GROWTH = {"JSHeapUsedSize": 2_000_000, "Nodes": 300, "JSEventListeners": 60}
"""Far less than a dialogue that stays would add each time."""
PHONE, DESKTOP = 400, 1280


def pytest_generate_tests(metafunc):
    """A phone's width is the harder one; a desktop's is left to --torture."""
    if "width" in metafunc.fixturenames:
        both = metafunc.config.getoption("--torture")
        metafunc.parametrize("width", [PHONE, DESKTOP] if both else [PHONE])


def findings(page, where):
    """What axe-core calls serious or critical there."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    found = page.evaluate("where => axe.run(where, { resultTypes: ['violations'] })", where)
    return [
        f"{each['id']}: {node['html'][:200]}"
        for each in found["violations"]
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"]
    ]


@pytest.fixture
def filled(world):
    """An image and a gallery with one of everything."""
    local_id, match = world.known("Barack Obama", "obama.jpg")
    two = [world.performer(f"Twin {n}", stash_ids=[("https://stashdb.example/graphql", "t")]) for n in (1, 2)]
    twin = {
        "performer_id": "t",
        "stash_ids": [{"endpoint": "https://stashdb.example/graphql", "stash_id": "t"}],
    }
    world.saw(
        face_of(match, match_of("New Person", performer_id="n", distance=0.5)),
        face_of(match_of("Twin", distance=0.42, **twin), number=2, verdict="ambiguous"),
        face_of(match_of("Far", performer_id="f", distance=0.7, image_url="http://x.invalid/"), number=3),
        face_of(number=4),
    )
    world.crops("o1", "o2", "u1", "u2", "u3")
    world.found(
        person_of(
            "Barack Obama",
            ["5", "6"],
            local_id,
            face_ids=["o1", "o2"],
            face_count=2,
            faces_alone=1,
            confirmed=False,
        ),
        person_of("Stranger", ["1"], None, 0.5, performer_id="s"),
        person_of("Twin", ["2"], None, 0.55, **twin),
        unknown=[
            group_of("t1", ["u1", "u2", "gone"], ["1", "2"]),
            group_of("t2", ["u3"], ["3"], match, match_of("Twin", distance=0.42, **twin)),
        ],
        errors=["Image 4: gone."],
        error_count=1,
        skipped=[{"image_id": "3", "reason": "a video"}],
    )
    return two


def test_the_images_dialogue_is_accessible(open_image, filled, width):
    page = open_image(width=width)
    page.wait_for_selector("text=In library as")
    page.click("text=Other possible matches (1)")
    page.click("text=Add to Image >> nth=0")
    page.wait_for_selector("text=Added!")
    page.click("text=Not this person >> nth=1")
    page.wait_for_selector("text=Marked as not Far.")
    assert findings(page, ".sense-dialogue") == []


def test_the_gallerys_dialogue_is_accessible(open_gallery, world, filled, width):
    world.sidecar.reached = 0.5
    page = open_gallery(run=False, width=width)
    page.wait_for_selector("text=Identify performers in this gallery")
    assert findings(page, ".sense-dialogue") == []
    page.click("text=Identify performers in this gallery")
    page.wait_for_selector(".sense-running")
    assert findings(page, ".sense-dialogue") == []
    world.sidecar.reached = 1.0
    page.wait_for_selector(".sense-summary")
    page.click("text=Skipped (1)")
    page.click(".sense-accept")
    page.wait_for_selector(".sense-outcome")
    assert findings(page, ".sense-dialogue") == []
    page.click(".sense-strip button >> nth=0")
    page.wait_for_selector(".sense-seen-in")
    assert findings(page, ".sense-dialogue") == []


def test_naming_and_splitting_are_accessible(open_gallery, world, filled, width):
    page = open_gallery(width=width)
    first = group(page)
    first.scroll_into_view_if_needed()
    first.locator(".sense-face >> text=No image").wait_for()
    group(page, 2).locator("text=Is this Barack Obama or Twin?").wait_for()
    first.locator(".sense-take-out").first.click()
    first.locator("text=Removed").wait_for()
    first.locator("text=Choose performer").click()
    page.keyboard.type("twin")
    first.locator("[role=option]").first.wait_for()
    group(page, 2).locator("text=Create performer").click()
    page.keyboard.type("twin 1")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Your library already has")
    assert findings(page, ".sense-dialogue") == []
    assert page.evaluate("document.querySelector('.modal-content').scrollWidth - window.innerWidth") <= 0
    group(page, 2).locator("text=Choose Twin 1").click()
    group(page, 2).locator("text=Added to the gallery as Twin 1").wait_for()
    page.keyboard.press("Escape")
    again = person_of("Barack Obama", ["5"], "1", face_ids=["o1"], face_count=1, faces_alone=1)
    world.found(again, unknown=[group_of("t3", ["u1", "u2"], ["1", "2", "3", "4"])])
    page.click("#sense-button")
    group(page).locator("text=Unknown person, 4 images").wait_for()
    group(page).locator("text=Ignore").click()
    group(page).locator("text=Ignored").wait_for()
    assert findings(page, ".sense-dialogue") == []
    page.locator(".sense-person .sense-face").first.click()
    page.wait_for_selector(".sense-seen-in >> text=Back")
    assert findings(page, ".sense-dialogue") == []


def test_failures_and_building_are_accessible(open_image, world, filled):
    world.sidecar.down()
    page = open_image()
    assert findings(page, ".sense-dialogue") == []
    world.sidecar.up()
    world.sidecar.people = None
    page.click("text=Try again")
    page.wait_for_selector("text=Build from my performers")
    assert findings(page, ".sense-dialogue") == []


def test_the_plugins_page_and_the_button_are_accessible(open_page, world, filled):
    world.sidecar.begin({"target_type": "image", "target_ids": ["1"], "local_id": filled[0]})
    world.sidecar.start("gallery", "gallery:1", world.sidecar.gallery("1"))
    page = open_page("/plugins/stash-sense")
    page.wait_for_selector(".sense-list >> text=Undo")
    assert findings(page, ".sense-page") == []
    page = open_page(f"/images/{world.image}")
    page.wait_for_selector("#sense-button")
    assert findings(page, ".sense-host") == []


@pytest.fixture
def large(world):
    """A finished job with 200 people over 5,000 images."""
    share = IMAGES // PEOPLE
    picture = thumbnail(world.samples / "gallery" / "obama2.jpg")
    world.sidecar.pictures |= {f"ref-{n}": picture for n in range(PEOPLE)}
    people = [
        person_of(
            f"Person {n}",
            [str(1 + n * share + each) for each in range(share)],
            world.performer(f"Person {n}"),
            0.1 + n / 500,
            reference_id=f"ref-{n}",
        )
        for n in range(PEOPLE)
    ]
    world.found(*people, total_images=IMAGES, images_processed=IMAGES, faces_detected=IMAGES)
    world.sidecar.start("gallery", f"gallery:{world.gallery}", world.sidecar.gallery(str(world.gallery)))


def test_200_people_over_5000_images_open_quickly_and_scroll(open_page, world, large, torture):
    page = open_page(f"/galleries/{world.gallery}")
    page.wait_for_selector("#sense-button.sense-is-ok")
    began = time.perf_counter()
    page.click("#sense-button")
    page.wait_for_selector(f".sense-person >> nth={PEOPLE - 1}", state="attached")
    if torture:  # on a machine that does nothing else
        assert time.perf_counter() - began <= OPENS_S
    last = page.locator(".sense-person").nth(PEOPLE - 1)
    page.locator("img.sense-portrait[src^='data:image/jpeg']").first.wait_for()
    last.scroll_into_view_if_needed()
    expect(last).to_be_visible()
    last.locator("img.sense-portrait[src^='data:image/jpeg']").wait_for()
    asked = sum(path.startswith("/references/") for _, path, _ in world.sidecar.asked)
    assert 0 < asked <= 2 * IN_SIGHT


def test_opening_again_and_again_leaves_nothing_behind(open_page, world, filled, torture):
    openings = OPENINGS if torture else FEW_OPENINGS
    page = open_page(f"/images/{world.image}")
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def measured():
        session.send("HeapProfiler.collectGarbage")
        metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
        return {name: metrics[name] for name in GROWTH}

    def opened(times):
        for _ in range(times):
            page.click("#sense-button")
            page.locator(".sense-card").first.wait_for()  # wait_for_selector would hold on to what it found
            page.keyboard.press("Escape")
            page.locator(".sense-dialogue").wait_for(state="detached")

    opened(5)
    before = measured()
    opened(openings)
    after = measured()
    grown = {name: after[name] - before[name] for name in GROWTH}
    assert all(grown[name] <= most for name, most in GROWTH.items()), grown
