"""The plugin in a real Stash: installed from the source that `make plugin` makes, used in a real browser."""

import functools
import http.server
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pages import BUTTON, ROOT, Watched, card, launched, once, outcome, row

from .conftest import until

SLOW_MS = 30_000
SET = 'mutation($i: Map!) { configurePlugin(plugin_id: "stash-sense", input: $i) }'


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, without a line for each request."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with launched(libraries=False) as browser:
        yield browser


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Iterator[str]:
    """The address of an index.yml, as on a web server."""
    folder = tmp_path_factory.mktemp("source")
    make = [sys.executable, str(ROOT / "packaging" / "plugin_source.py"), str(folder)]
    subprocess.run(make, check=True, capture_output=True)
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/index.yml"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def installed(ask, source, sidecar) -> Iterator[None]:
    """By Stash's own package manager; told where the sidecar is."""
    package = [{"id": "stash-sense", "sourceURL": source}]

    def change(how: str) -> None:
        query = f"mutation($p: [PackageSpecInput!]!) {{ job: {how}Packages(type: Plugin, packages: $p) }}"
        job = ask(query, p=package)["job"]
        look = "query($id: ID!) { findJob(input: {id: $id}) { status } }"
        until(lambda: ask(look, id=job)["findJob"]["status"] == "FINISHED")

    change("install")
    ask(SET, i={"sidecarUrl": str(sidecar.base_url)})
    yield
    ask(SET, i={})
    change("uninstall")


@pytest.fixture
def open_page(chromium, installed, stash_url) -> Iterator[Callable[..., Any]]:
    contexts, watched = [], []

    def open_page(path: str, *, width: int = 1280, height: int = 900) -> Any:
        contexts.append(chromium.new_context(viewport={"width": width, "height": height}))
        contexts[-1].set_default_timeout(SLOW_MS)
        page = contexts[-1].new_page()
        watched.append(Watched(page, stash_url))
        page.on("response", lambda answer: _refused(answer, watched[-1].troubles))
        page.goto(f"{stash_url}{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    for each in watched:
        assert each.troubles == []


def _refused(answer: Any, troubles: list[str]) -> None:
    """Stash answers 400 or 422 to a document that its schema does not know."""
    if answer.url.endswith("/graphql") and answer.status != 200:
        troubles.append(f"{answer.status} to {answer.request.post_data}")


@pytest.fixture
def open_gallery(open_page, library) -> Callable[..., Any]:
    """The gallery's page with the results in the dialogue."""

    def open_gallery(**options: Any) -> Any:
        page = open_page(f"/galleries/{library.gallery}", **options)
        once(page, "gallery").click()
        page.click("text=/^(Identify performers in this gallery|Run again)$/")
        page.wait_for_selector(".sense-summary")
        return page

    return open_gallery


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


def test_an_image_from_the_button_to_a_written_tag_and_back(open_page, library, tagged, sidecar):
    image, obama = library.images["obama2.jpg"], library.people["Barack Obama"]
    page = open_page(f"/images/{image}")
    once(page, "image").click()
    page.wait_for_selector("text=Detected 1 face(s)")
    card(page).locator("text=In library as: Barack Obama").wait_for()
    card(page).locator(".sense-pair figure:nth-child(2) img[src^='data:image/jpeg']").wait_for()
    page.click("text=Add to Image")
    page.wait_for_selector("text=Added!")
    assert tagged() == (set(), {image: {obama}})
    page.wait_for_selector(".performer-card >> text=Barack Obama")  # Stash's own page, behind the dialogue
    page.click(".sense-tagging >> text=Undo")
    page.wait_for_selector("text=Undone")
    assert tagged() == (set(), {})
    page.wait_for_selector(".performer-card", state="detached")
    page.wait_for_timeout(1000)
    again = sidecar.post("/identify/image", json={"image_id": image}).json()
    assert "confirmed" not in again["faces"][0]["reason"]


def test_the_box_lies_over_the_face_of_a_photo_stored_lying(open_page, library):
    page = open_page(f"/images/{library.images['biden_lying.jpg']}")
    once(page, "image").click()
    box, frame = (page.locator(each).bounding_box() for each in (".sense-box", ".sense-frame img"))
    assert frame["height"] > frame["width"]
    assert frame["x"] < box["x"] < box["x"] + box["width"] < frame["x"] + frame["width"]
    assert frame["y"] < box["y"] < box["y"] + box["height"] < frame["y"] + frame["height"] / 2


def test_the_gallery_alone_is_tagged_and_back(open_gallery, library, tagged):
    page = open_gallery()
    assert page.locator(".sense-summary").inner_text().startswith("processed 9/9 images")
    assert "Found in 4/9 images" in row(page, "Barack Obama").inner_text()
    row(page, "Barack Obama").locator("text=Add to Gallery").click()
    row(page, "Barack Obama").locator("text=Added!").wait_for()
    assert tagged() == ({library.people["Barack Obama"]}, {})
    row(page, "Barack Obama").locator("text=Undo").click()
    row(page, "Barack Obama").locator("text=Undone").wait_for()
    assert tagged() == (set(), {})


def test_with_the_switch_its_images_too_and_back(open_gallery, library, tagged):
    page = open_gallery()
    person = row(page, "Barack Obama")
    person.locator("label").click()
    person.locator("text=Add to Gallery").click()
    person.locator("text=Added!").wait_for()
    obama = library.people["Barack Obama"]
    images = [number for name, number in library.images.items() if name.startswith("obama")]
    assert tagged() == ({obama}, {number: {obama} for number in images})
    person.locator("text=Undo").click()
    person.locator("text=Undone").wait_for()
    assert tagged() == (set(), {})


def test_accept_all_and_back_on_the_plugins_own_page(open_gallery, library, tagged, stash_url):
    page = open_gallery()
    page.click("text=Also tag individual images (all)")
    page.click(".sense-accept")
    assert outcome(page) == "3 added, 0 failed, 0 left out"
    on_gallery, on_images = tagged()
    assert on_gallery == set(library.people.values())
    assert len(on_images) == 6
    page.click(".sense-to-page")
    assert page.url == f"{stash_url}/plugins/stash-sense"
    page.reload()
    page.wait_for_selector(".sense-list li button:has-text('Undo')")
    undo = page.locator(".sense-list li button:has-text('Undo')")
    for left in range(undo.count(), 0, -1):
        assert undo.count() == left
        undo.first.click()
        until(lambda left=left: (page.wait_for_timeout(50), undo.count() < left)[1])
    assert tagged() == (set(), {})
