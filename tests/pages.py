"""A real browser, what goes wrong on its pages, and the places of the plugin on them."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

from fakes.stash import page_lacks

ROOT = Path(__file__).parents[1]
LIBRARIES = ROOT / "node_modules"
BUTTON = "#sense-button"
LONGEST_WAIT_MS = 60_000
SKIPPED = """BROWSER TESTS ARE SKIPPED: {what}.
To run them: `apt-get install chromium` (or put another on the PATH), and `make web` for the libraries."""


def _cannot(what: str) -> NoReturn:
    """With CI=true a missing browser is a failure."""
    text = SKIPPED.format(what=what)
    if os.environ.get("CI") == "true":
        pytest.fail(text, pytrace=False)
    pytest.skip(text)


@contextmanager
def launched(*, libraries: bool) -> Iterator[Any]:
    """Chromium. libraries: whether those of Stash's page are needed too."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")  # the lightest first
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        _cannot("there is no Chromium on the PATH")
    if libraries and page_lacks(LIBRARIES):
        _cannot("the libraries of Stash's page are not there")
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - needs not be there
    except ImportError:
        _cannot("Playwright is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-gpu", "--disable-software-rasterizer"],  # nobody sees it
        )
        yield browser
        browser.close()


def expect(what: Any) -> Any:
    """Playwright's assertions, which wait until they hold, however busy the machine."""
    from playwright.sync_api import expect as expectation  # noqa: PLC0415 - needs not be there

    expectation.set_options(timeout=LONGEST_WAIT_MS)
    return expectation(what)


class Watched:
    """What went wrong on a page: must stay empty, unless a test takes it out."""

    def __init__(self, page: Any, origin: str = "") -> None:
        self.troubles: list[str] = []
        self.origin = origin
        page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        page.on("dialog", self._dialog)
        page.on("console", self._console)
        page.on("request", lambda request: self._request(request.url))

    def _dialog(self, dialog: Any) -> None:
        self.troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _console(self, message: Any) -> None:
        if message.type == "error" and "Content Security Policy" in message.text:
            self.troubles.append(message.text)

    def _request(self, url: str) -> None:
        if not url.startswith((f"{self.origin}/", "data:")):
            self.troubles.append(f"left the page's origin: {url}")


def once(page: Any, where: str) -> Any:
    """The button, which stands exactly once in the toolbar of this kind of page."""
    page.wait_for_selector(f".{where}-toolbar {BUTTON}")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(page.locator(BUTTON)).to_have_count(1)
    return page.locator(BUTTON)


def card(page: Any, number: int = 1) -> Any:
    """A face of the image's dialogue."""
    return page.locator(".sense-card").nth(number - 1)


def row(page: Any, name: str) -> Any:
    """A person of the gallery's dialogue."""
    return page.locator(".sense-person", has=page.locator("h6", has_text=name))


def outcome(page: Any) -> str:
    """What Accept All says once it is done."""
    page.wait_for_selector(".sense-outcome", timeout=LONGEST_WAIT_MS)
    return str(page.locator(".sense-outcome").inner_text())
