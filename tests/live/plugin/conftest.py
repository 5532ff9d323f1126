"""The plugin in a real Stash: installed from the sidecar by Stash itself, used in a real browser."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from live.conftest import untag
from pages import Watched, launched, once
from waiting import until

SLOW_MS = 300_000
NOTES_SEEN = 'mutation { configureUISetting(key: "lastNoteSeen", value: 99991231) }'
"""Or a new Stash shows its release notes over the page."""
AS_OF_CHANGED = """(before) => {
  const lines = [...document.querySelectorAll(".sense-dialogue p")].map((each) => each.innerText);
  const now = lines.filter((each) => each.startsWith("Results from"));
  return now.length > 0 && now[0] !== before[0];
}"""
STASHS_OWN = "cast_sender.js"
"""Stash's player loads it from elsewhere."""
SET = 'mutation($i: Map!) { configurePlugin(plugin_id: "stash-sense", input: $i) }'


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with launched(libraries=False) as browser:
        yield browser


@pytest.fixture(scope="module")
def installed(ask, sidecar) -> Iterator[None]:
    """By Stash's own package manager from the sidecar; told where that is."""
    package = [{"id": "stash-sense", "sourceURL": f"{sidecar.base_url}/plugin/index.yml"}]

    def change(how: str) -> None:
        query = f"mutation($p: [PackageSpecInput!]!) {{ job: {how}Packages(type: Plugin, packages: $p) }}"
        job = ask(query, p=package)["job"]
        look = "query($id: ID!) { findJob(input: {id: $id}) { status } }"
        until(lambda: ask(look, id=job)["findJob"]["status"] == "FINISHED")

    ask(NOTES_SEEN)
    change("install")
    ask(SET, i={"sidecarUrl": str(sidecar.base_url)})
    yield
    ask(SET, i={})
    change("uninstall")


@pytest.fixture(scope="module")
def front(stash_url) -> str:
    """Where the browser finds Stash: a module may put a proxy there."""
    return stash_url


@pytest.fixture(scope="module")
def logged_in(chromium, front, key) -> Any:
    """What a browser holds once its user is in, by Stash's own login form; None where there is none."""
    if not key:
        return None
    user, password = (os.environ.get(f"STASH_{name}", "") for name in ("USERNAME", "PASSWORD"))
    if not (user and password):
        pytest.fail("that Stash asks for a login: set STASH_USERNAME and STASH_PASSWORD", pytrace=False)
    with chromium.new_context() as context:
        context.set_default_timeout(SLOW_MS)
        page = context.new_page()
        page.goto(f"{front}/galleries")
        assert page.url.startswith(f"{front}/login?")
        page.fill("#username", user)
        page.fill("#password", password)
        page.click("[type=submit]")
        page.wait_for_url(f"{front}/galleries")
        return context.storage_state()


@pytest.fixture(autouse=True)
def _untagged(ask, library) -> None:
    """A test that failed half-way leaves its tags to no other."""
    untag(ask, library)


@pytest.fixture
def open_page(chromium, installed, front, logged_in) -> Iterator[Callable[..., Any]]:
    contexts, watched = [], []

    def open_page(path: str, *, width: int = 1280, height: int = 900) -> Any:
        size = {"width": width, "height": height}
        contexts.append(chromium.new_context(viewport=size, storage_state=logged_in))
        contexts[-1].set_default_timeout(SLOW_MS)
        page = contexts[-1].new_page()
        watched.append(Watched(page, "/".join(front.split("/")[:3])))
        page.troubles = watched[-1].troubles
        page.on("response", lambda answer: _refused(answer, page.troubles))
        page.goto(f"{front}{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    for each in watched:
        assert [trouble for trouble in each.troubles if STASHS_OWN not in trouble] == []


def _refused(answer: Any, troubles: list[str]) -> None:
    """Stash answers 400 or 422 to a document that its schema does not know."""
    if answer.url.endswith("/graphql") and answer.status != 200:
        troubles.append(f"{answer.status} to {answer.request.post_data}")


@pytest.fixture
def open_gallery(open_page, library) -> Callable[..., Any]:
    """The gallery's page with its dialogue open: results in it, or a job from scratch just begun."""

    def open_gallery(*, scratch: bool = False, **options: Any) -> Any:
        page = open_page(f"/galleries/{library.gallery}", **options)
        once(page, "gallery").click()
        again = "Run again from scratch" if scratch else "Run again"
        start = page.locator(f"text=/^(Identify performers in this gallery|{again})$/")
        start.wait_for()
        before = page.locator("text=/^Results from/").all_inner_texts()
        start.click()
        if scratch:
            page.wait_for_selector(".sense-running")
        else:
            page.wait_for_function(AS_OF_CHANGED, arg=before)
        return page

    return open_gallery
