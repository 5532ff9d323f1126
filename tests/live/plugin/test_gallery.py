"""A gallery: from the button to written tags and back."""

from pages import outcome, row


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
    assert outcome(page) == "3 added, 0 failed, 0 skipped"
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
        undo.nth(left - 1).wait_for(state="detached")
    assert tagged() == (set(), {})


def test_with_the_setting_on_the_images_are_tagged_too_but_for_whom_it_is_switched_off(
    open_gallery, library, tagged, ask, sidecar
):
    change = 'mutation($i: Map!) { configurePlugin(plugin_id: "stash-sense", input: $i) }'
    url = str(sidecar.base_url)
    ask(change, i={"sidecarUrl": url, "tagImages": True})
    try:
        page = open_gallery()
        row(page, "Joe Biden").locator("label").click()
        for name in ("Joe Biden", "Eileen Collins"):
            row(page, name).locator("text=Add to Gallery").click()
            row(page, name).locator("text=Added!").wait_for()
        collins = library.people["Eileen Collins"]
        both = {library.people["Joe Biden"], collins}
        assert tagged() == (both, {library.images["astronaut_mirrored.jpg"]: {collins}})
        for name in ("Joe Biden", "Eileen Collins"):
            row(page, name).locator("text=Undo").click()
            row(page, name).locator("text=Undone").wait_for()
        assert tagged() == (set(), {})
    finally:
        ask(change, i={"sidecarUrl": url})
