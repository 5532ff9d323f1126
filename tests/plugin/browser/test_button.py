"""The button stands exactly once on each page, however the user came there."""

import pytest

from pages import BUTTON, expect, once

from .steps import settled

FLOATS_MS = 6000


@pytest.mark.parametrize(("prefix", "width"), [("", 1280), ("/stash", 400)])
def test_after_a_direct_load(open_page, world, width):
    for path, kind in ((f"/images/{world.image}", "image"), (f"/galleries/{world.gallery}", "gallery")):
        button = once(open_page(path, width=width), kind)
        expect(button).to_be_visible()
        expect(button).to_have_attribute("title", "Identify Performers")


def test_it_stands_before_the_operations_menu(open_page, world):
    page = open_page(f"/images/{world.image}")
    once(page, "image")
    last_two = page.locator(".image-toolbar-group:last-child > *").all()[-2:]
    expect(last_two[0].locator(BUTTON)).to_have_count(1)
    expect(last_two[1].locator("#operation-menu")).to_have_count(1)


@pytest.mark.parametrize("prefix", ["", "/stash"])
def test_through_navigation_and_back(open_page, world):
    page = open_page("/")
    page.click("text=Free photos")
    once(page, "gallery")
    page.click(f'.wall a[href$="/images/{world.image}"]')
    once(page, "image")
    page.go_back()
    once(page, "gallery")
    page.go_back()
    page.wait_for_selector(".start")
    expect(page.locator(BUTTON)).to_have_count(0)


def test_from_image_to_image(open_page, world):
    page = open_page("/")
    for number in (1, 2):
        page.click(f'.start .wall a[href$="/images/{number}"]')
        once(page, "image")
        page.go_back()


def test_it_comes_back_after_the_page_was_loaded_anew_by_stash(open_page, world):
    page = open_page(f"/images/{world.image}")
    once(page, "image")
    page.evaluate("document.querySelector('.image-toolbar').parentElement.dispatchEvent(new Event('x'))")
    page.evaluate("document.querySelector('.sense-host').remove()")
    once(page, "image")


def test_without_a_toolbar_it_floats(open_page, world):
    page = open_page(f"/images/{world.image}?toolbarless")
    page.wait_for_selector(f"{BUTTON}.sense-floating", timeout=FLOATS_MS)
    expect(page.locator(BUTTON)).to_have_count(1)
    expect(page.locator(BUTTON)).to_be_visible()


def test_on_a_phone_it_floats_above_stashs_navigation_bar(open_page, world):
    page = open_page(f"/images/{world.image}?toolbarless", width=400, height=800)
    box = page.wait_for_selector(f"{BUTTON}.sense-floating", timeout=FLOATS_MS).bounding_box()
    assert box["y"] + box["height"] <= 800 - 4 * 14  # rem, as Stash has them


@pytest.mark.parametrize("path", ["/", "/galleries", "/galleries/new", "/images", "/plugins/stash-sense"])
def test_on_no_other_page(open_page, world, path):
    page = open_page(path)
    page.wait_for_selector(".main > *")
    settled(page)
    expect(page.locator(BUTTON)).to_have_count(0)


def test_not_on_a_scene_until_scenes_work(open_page, world):
    scene = world.stash.library.add_scene("A scene")
    page = open_page(f"/scenes/{scene}")
    page.wait_for_selector(".scene-toolbar")
    settled(page)
    expect(page.locator(BUTTON)).to_have_count(0)


def test_without_a_sidecar_it_says_so(open_page, world):
    world.sidecar.down()
    page = open_page(f"/images/{world.image}")
    page.wait_for_selector(f'{BUTTON}[title="Stash Sense: Not connected"]')


def test_a_sidecar_that_comes_back_shows_on_the_next_page(open_page, world):
    world.sidecar.down()
    page = open_page(f"/images/{world.image}")
    page.wait_for_selector(f"{BUTTON}.sense-is-off")
    world.sidecar.up()
    page.evaluate(
        "{ const now = Date.now; Date.now = () => now() + 31_000; }"
    )  # for so long it is remembered
    elsewhere(page, "/images/1")
    page.wait_for_selector(f"{BUTTON}.sense-is-ok")


def elsewhere(page, path):
    """As the browser's own keys go there: whatever is open."""
    page.evaluate(
        "path => { history.pushState(null, '', path); dispatchEvent(new PopStateEvent('popstate')); }", path
    )


def test_a_dialogue_closes_where_the_user_goes_elsewhere(open_page, world):
    world.saw()
    page = open_page(f"/images/{world.image}")
    page.click(BUTTON)
    page.wait_for_selector("text=No faces detected")
    elsewhere(page, "/images/1")
    page.wait_for_selector(".sense-dialogue", state="detached")
    once(page, "image")
    settled(page)
    asked = [body["image_id"] for _, path, body in world.sidecar.asked if path == "/identify/image"]
    assert asked == [str(world.image)]


def test_the_sidecars_state_shows(open_page, world):
    world.sidecar.people = None
    page = open_page(f"/images/{world.image}")
    page.wait_for_selector(f"{BUTTON}.sense-is-degraded")


def test_the_helpers_for_other_scripts(open_page, world):
    page = open_page(f"/galleries/{world.gallery}")
    once(page, "gallery")
    assert page.evaluate("StashSense.getRoute()") == {"type": "gallery", "id": str(world.gallery)}
    assert page.evaluate(f"StashSense.getImage('{world.image}').then(i => i.title)") == "obama2"
    assert page.evaluate(f"StashSense.getGallery('{world.gallery}').then(g => g.image_count)") == 9
    assert page.evaluate("Object.keys(StashSense)") == ["getRoute", "getImage", "getGallery"]


@pytest.mark.parametrize("prefix", ["/stash"])
def test_the_route_under_a_sub_path(open_page, world):
    page = open_page(f"/images/{world.image}")
    once(page, "image")
    assert page.evaluate("StashSense.getRoute()") == {"type": "image", "id": str(world.image)}


def test_no_other_name_appears_in_the_page(open_page, world):
    page = open_page("/")
    page.wait_for_selector(".start")
    names = page.evaluate("Object.keys(window)")
    assert "StashSense" in names
    assert [name for name in names if "sense" in name.lower()] == ["StashSense"]


def test_nothing_is_asked_while_nobody_does_anything(open_page, world):
    page = open_page(f"/galleries/{world.gallery}")
    once(page, "gallery")
    page.wait_for_selector(f"{BUTTON}.sense-is-ok")
    calls = page.evaluate("calls")
    settled(page)
    assert page.evaluate("calls") == calls


def test_a_script_that_breaks_leaves_stash_alone(open_page, world, tmp_path):
    plugin = world.stash.plugins.installed["stash-sense"]
    scripts = plugin.manifest.ui.javascript
    broken = tmp_path / "broken.js"
    broken.write_text('window.StashSense.part("broken", () => { throw new Error("on purpose"); });')
    scripts.insert(5, str(broken))
    page = open_page(f"/images/{world.image}")
    page.wait_for_selector(".image-toolbar")
    expect(page.locator(BUTTON)).to_have_count(0)
    assert page.evaluate("typeof StashSense.getRoute") == "function"


def test_a_clip_is_said_to_be_one_before_the_click(open_page, world):
    clip = world.stash.library.add_image(galleries=[world.gallery], path="/data/free/clip.mp4", video=True)
    page = open_page(f"/images/{clip}")
    page.wait_for_selector(f"{BUTTON}[title^='This image is a clip. Clips are looked at as scenes']")
    elsewhere(page, f"/images/{world.image}")
    page.wait_for_selector(f"{BUTTON}[title='Identify Performers']")


def test_a_picture_that_lasts_no_time_is_no_clip(open_page, world):
    still = world.stash.library.add_image(galleries=[world.gallery], path="/data/free/one.gif", video=True)
    world.stash.library.images[still].files[0].duration = 0.0
    page = open_page(f"/images/{still}")
    page.wait_for_selector(f"{BUTTON}.sense-is-ok")
    settled(page)
    expect(page.locator(BUTTON)).to_have_attribute("title", "Identify Performers")


@pytest.mark.parametrize("prefix", ["", "/stash"])
def test_stashs_menu_leads_to_the_plugins_page(open_page, world, prefix):
    page = open_page("/images")
    page.click(".top-nav >> text=Stash Sense")
    page.wait_for_selector(".sense-page >> text=Tag history")
    assert page.url == f"{world.stash.url}/plugins/stash-sense"


def test_stashs_settings_show_the_address_first(open_page, world):
    page = open_page("/settings?tab=plugins")
    page.wait_for_selector(".plugin-settings h3")
    shown = page.locator(".plugin-settings h3").all_inner_texts()
    assert shown == ["Sidecar address", "Token", "Minimum confidence", "Also tag individual images"]
