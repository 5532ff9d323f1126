"""Installed by Stash itself; the button on its pages."""

import pytest

from pages import BUTTON, once
from waiting import until


def test_stash_knows_it_with_its_settings(ask, installed, command):
    query = "{ plugins { id version enabled tasks { name } settings { name type } } }"
    (plugin,) = [each for each in ask(query)["plugins"] if each["id"] == "stash-sense"]
    assert plugin["enabled"]
    assert {each["name"]: each["type"] for each in plugin["settings"]} == {
        "sidecarUrl": "STRING",
        "sidecarToken": "STRING",
        "minConfidence": "NUMBER",
        "tagImages": "BOOLEAN",
    }
    assert "not installed" not in command("doctor")


@pytest.mark.parametrize("width", [1280, 400])
def test_the_button_stands_once_after_a_direct_load(open_page, library, width):
    images = f"/images/{library.images['obama2.jpg']}"
    for path, kind in ((images, "image"), (f"/galleries/{library.gallery}", "gallery")):
        button = once(open_page(path, width=width), kind)
        assert button.is_visible()
        assert button.get_attribute("title") == "Identify Performers"


def test_the_button_stands_once_through_navigation_and_back(open_page, library):
    page = open_page("/galleries")
    page.click(f".gallery-card a[href='/galleries/{library.gallery}'] >> nth=0")
    once(page, "gallery")
    # The title: a click on the picture opens Stash's lightbox.
    page.click(f"a[href='/images/{library.images['obama2.jpg']}']:not(.image-card-link)")
    once(page, "image")
    page.go_back()
    once(page, "gallery")
    page.go_back()
    page.wait_for_selector(".gallery-card")
    assert page.locator(BUTTON).count() == 0


def test_stashs_menu_leads_to_the_plugins_own_page(open_page, front):
    page = open_page("/images")
    page.click(".navbar >> text=Stash Sense")
    page.wait_for_selector(".sense-page h2 >> text=Stash Sense")
    assert page.url == f"{front}/plugins/stash-sense"
    page.wait_for_selector("text=Everything works")


def test_the_sidecars_address_leads_among_the_settings(open_page):
    page = open_page("/settings?tab=plugins")
    names = ["Sidecar address", "Token", "Minimum confidence", "Also tag individual images"]
    settings = [page.locator(f'text="{name}"').first for name in names]
    settings[-1].wait_for()
    tops = [each.bounding_box()["y"] for each in settings]
    assert tops == sorted({*tops})


def test_the_task_in_stashs_own_queue_builds_the_face_database(ask, installed, sidecar):
    job = ask(
        'mutation { job: runPluginTask(plugin_id: "stash-sense", task_name: "Build from my performers") }'
    )["job"]
    look = "query($id: ID!) { findJob(input: {id: $id}) { status error } }"
    until(lambda: ask(look, id=job)["findJob"]["status"] not in {"READY", "RUNNING"})
    assert ask(look, id=job)["findJob"] == {"status": "FINISHED", "error": None}
    latest = sidecar.get("/jobs?target=database").json()["jobs"][0]
    assert (latest["kind"], latest["status"]) == ("database", "done")
