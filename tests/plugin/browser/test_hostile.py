"""Whatever stands in names, texts and addresses stays text: nothing runs, nothing loads, the layout holds."""

import re

from fakes.sidecar import Problem
from pages import expect

from .scenes import found_in_scene, scene_person, scene_unknown
from .steps import group, settled
from .world import BOX, face_of, group_of, match_of, person_of

TEXTS = {
    "markup": "<img src=x onerror=alert(1)><script>alert(2)</script><b>bold</b>",
    "quotes": "\"'`><svg/onload=alert(3)>{{7*7}}${alert(4)}&lt;&amp;",
    "long": "W" * 10_000,
    "right-to-left": "\u202e\u202d\u0645\u0631\u062d\u0628\u0627\u2066 abc \u0000\u200b",
    "prototype": "__proto__",
    "template": "{name} {n} constructor",
}
LINKS = [
    "javascript:alert(5)//",
    "data:text/html,<script>alert(6)</script>",
    "//evil.invalid/x",
    "vbscript:x",
    "\x00",
]


def hostile(text, **fields):
    ids = [{"endpoint": link, "stash_id": "../../x?y#" + text[:200]} for link in (*LINKS, BOX)]
    return match_of(
        text, performer_id=text, country=text, image_url=LINKS[0] + text[:100], stash_ids=ids, **fields
    )


def holds(page):
    """Nothing is wider than the window, nothing of ours became an element of theirs."""
    wide = page.evaluate("document.querySelector('.modal-content')?.scrollWidth - window.innerWidth")
    assert wide is None or wide <= 0
    expect(page.locator(".sense-dialogue script, .sense-dialogue b, .sense-dialogue svg")).to_have_count(0)
    for href in page.eval_on_selector_all(".sense-dialogue a", "all => all.map(a => a.href)"):
        assert href.startswith(("https://stashdb.example/performers/", "http://127.0.0.1"))


def pytest_generate_tests(metafunc):
    """Every text at both widths, or without --torture at one of them in turn, or one of each kind alone."""
    both = metafunc.config.getoption("--torture")
    if "width" in metafunc.fixturenames:
        pairs = [
            (text, width)
            for number, text in enumerate(TEXTS)
            for place, width in enumerate((400, 1280))
            if both or number % 2 == place
        ]
        ids = [f"{name}-{width}" for name, width in pairs]
        metafunc.parametrize(("text", "width"), [(TEXTS[name], width) for name, width in pairs], ids=ids)
    elif "text" in metafunc.fixturenames:
        names = list(TEXTS) if both else ["markup", "long", "right-to-left", "prototype"]
        metafunc.parametrize("text", [TEXTS[name] for name in names], ids=names)


def test_on_an_image(open_image, world, text, width):
    world.performer(text[:3000] or "x", stash_ids=[(BOX, "b")], disambiguation=text)
    tagged = match_of(text, performer_id="b", stash_ids=[{"endpoint": BOX, "stash_id": "b"}])
    world.saw(
        face_of(hostile(text), match_of(text, performer_id="other", distance=0.5), reason=text),
        face_of(tagged, number=2, reason=text),
    )
    world.stash.library.images[world.image].title = text
    page = open_image(width=width)
    page.wait_for_selector("text=In library as")
    page.click("text=Other possible matches (1)")
    settled(page)
    holds(page)


def test_on_a_gallery(open_gallery, world):
    texts = list(TEXTS.values())
    people = []
    for text in texts:
        person = {**person_of(text, ["1", "2"]), "performer_id": text, "country": text, "image_url": LINKS[1]}
        people.append(person | {"stash_ids": [{"endpoint": each, "stash_id": text[:200]} for each in LINKS]})
    skipped = [{"image_id": "1", "reason": text} for text in texts]
    world.found(*people, errors=texts, error_count=len(texts), skipped=skipped)
    page = open_gallery(width=400)
    page.wait_for_selector(f"text=Not in library >> nth={len(texts) - 1}")
    settled(page)
    holds(page)


def test_on_an_unknown_group(open_gallery, world, text):
    ids = [text[:150], "../../x?y#"]
    world.performer(text[:3000], disambiguation=text, alias_list=[f"xyz {text}", text])
    nearest = [hostile(text), match_of(text, performer_id="other", distance=0.5)]
    world.found(unknown=[group_of(ids[0], ids, ["1"], *nearest, reason=text)])
    page = open_gallery(width=400)
    group(page).locator("text=Not in library").wait_for()  # the stash id of the first is nobody's
    group(page).locator("text=In library as").wait_for()  # the second has the performer's name
    group(page).locator("text=Choose performer").click()
    page.keyboard.insert_text("xyz")
    group(page).locator("[role=option]").wait_for()
    holds(page)
    group(page).locator("text=Create performer").click()
    page.keyboard.insert_text(text[:3000].strip("\x00"))
    group(page).locator("text=/^Create$/").click()
    group(page).locator(".sense-same, .sense-done").first.wait_for()
    holds(page)


def test_on_a_scene(open_page, world):
    scene = world.stash.library.add_scene("A scene")
    people = [(hostile(text), match_of(text, performer_id=f"other {text}")) for text in TEXTS.values()]
    persons = [scene_person(both[0], [[1.0, 2.0]], all_matches=[*both]) for both in people]
    world.sidecar.features.append("scenes")
    unknown = [scene_unknown("x", [[3.0, 4.0]], *people[0])]
    found_in_scene(world, scene, *persons, unknown=unknown, errors=[*TEXTS.values()])
    page = open_page(f"/scenes/{scene}", width=400)
    page.click(".scene-toolbar #sense-button")
    page.wait_for_selector(f"text=Not in library >> nth={len(TEXTS) - 1}")
    settled(page)
    holds(page)


def test_in_a_failure(open_image, world, text):
    world.sidecar.faults["/identify/image"] = Problem(502, "x", text)
    page = open_image(width=400)
    expect(page.locator(".sense-problem")).to_have_text(
        re.compile("^Identification failed:"), use_inner_text=True
    )
    holds(page)


def test_on_the_plugins_page(open_page, world):
    for text in TEXTS.values():
        local_id = world.performer(text[:3000])
        world.sidecar.begin({"target_type": "image", "target_ids": ["1"], "local_id": local_id})
    page = open_page("/plugins/stash-sense")
    page.wait_for_selector(".sense-list li >> nth=5")
    expect(page.locator(".sense-page script, .sense-page b, .sense-page svg")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


def test_a_person_with_a_hostile_name_is_created_as_named(open_image, world):
    world.saw(face_of(match_of(TEXTS["markup"], performer_id="x")))
    page = open_image()
    page.click("text=Create and tag")
    page.wait_for_selector("text=Added!")
    (performer,) = world.stash.library.performers.values()
    assert performer.name == TEXTS["markup"]
