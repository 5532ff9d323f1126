"""A Stash with a login: by the user's session alone, and no secret in the browser."""

import os

import pytest

from pages import card, once
from stash_sense.runtime.secret import derive_token

SETTINGS = '{ configuration { plugins(include: ["stash-sense"]) } logs { message } }'


@pytest.fixture(autouse=True)
def _with_login(key):
    if not key:
        pytest.skip("that Stash has no login")


def test_the_plugin_gives_no_secret_to_the_browser_or_to_stashs_log(open_page, library, key, ask):
    page = open_page("/images")
    said = []
    page.on("response", lambda answer: said.append(answer) if _ours(answer.request) else None)
    page.goto(page.url.replace("/images", f"/images/{library.images['obama2.jpg']}"))
    once(page, "image").click()
    card(page).locator(".sense-pair figure:nth-child(2) img[src^='data:image/jpeg']").wait_for()
    texts = [f"{answer.request.headers}{answer.request.post_data}{answer.text()}" for answer in said]
    assert any("identify_image" in text and "Barack Obama" in text for text in texts)
    found = ask(SETTINGS)
    assert "sidecarToken" not in found["configuration"]["plugins"]["stash-sense"]
    texts += [each["message"] for each in found["logs"]]
    assert any("stash-sense" in each["message"].lower() for each in found["logs"])
    for text in texts:
        assert key not in text
        assert derive_token(key) not in text


def _ours(request):
    return request.url.endswith("/graphql") and "StashSense" in (request.post_data or "")


def test_logged_out_meanwhile_it_says_so_and_goes_on_after_the_next_login(open_page, library):
    page = open_page(f"/images/{library.images['obama2.jpg']}")
    button = once(page, "image")
    page.wait_for_selector(".sense-is-ok")
    page.context.clear_cookies()
    button.click()
    page.wait_for_selector(".sense-problem >> text=logged out of Stash")
    page.troubles[:] = [each for each in page.troubles if not each.startswith("401")]
    page.reload()
    page.fill("#username", os.environ["STASH_USERNAME"])
    page.fill("#password", os.environ["STASH_PASSWORD"])
    page.click("[type=submit]")
    once(page, "image").click()
    page.wait_for_selector("text=Detected 1 face(s)")
