"""A real browser on a page like Stash's, with the real plugin in it and a library of the free photos."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from fakes.sidecar import SidecarStandIn
from fakes.stash import StashStandIn
from pages import LIBRARIES, ROOT, launched

from .tabs import Tabs
from .world import World, face_of, group_of, match_of, person_of

FIVE = ("Ann", "Ben", "Cleo", "Dora", "Emil")
HERE = Path(__file__).parent

_open = ExitStack()
"""The browser, from the first test of this folder that asks for it to the last."""
_tabs: list[Tabs] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Iterator[None]:
    """Closes the browser before another folder's test: while it is open, no other event loop can run."""
    yield
    if nextitem is None or HERE not in nextitem.path.parents:
        _tabs.clear()
        _open.close()


@pytest.fixture
def tabs() -> Iterator[Tabs]:
    """The browser's tabs, as good as new."""
    if not _tabs:
        _tabs.append(Tabs(_open.enter_context(launched(libraries=True))))
    yield _tabs[0]
    _tabs[0].reset()


@pytest.fixture
def prefix() -> str:
    """Where a proxy has put Stash: tests parametrize it."""
    return ""


@pytest.fixture
def world(
    tabs: Tabs,
    samples: Path,
    sidecar: SidecarStandIn,
    prefix: str,
    processes: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    with StashStandIn(libraries=LIBRARIES, prefix=prefix, port=tabs.port) as stash:
        stash.library.plugins["stash-sense"] = {"sidecarUrl": sidecar.url}
        stash.install(ROOT / "plugin")
        if not processes:
            stash.run_plugin = in_this_process(stash, monkeypatch)
        yield World(stash, sidecar, samples)


def in_this_process(
    stash: StashStandIn, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, dict[str, Any]], Any]:
    """The plugin's operations without starting Python for each."""
    from backend import log  # noqa: PLC0415 - on the path since this file was read
    from backend.errors import PluginError  # noqa: PLC0415
    from backend.modes import run  # noqa: PLC0415

    monkeypatch.setattr(log, "_line", lambda level, text: stash.plugins.logs.append(level + text))

    def operation(_: str, args: dict[str, Any]) -> Any:
        connection = {"Scheme": "http", "Host": "0.0.0.0", "Port": stash.own_port}
        try:
            return run({"server_connection": connection, "args": args})
        except PluginError as error:
            raise ValueError(str(error)) from error

    return operation


Open = Callable[..., Any]


@pytest.fixture
def open_page(tabs: Tabs, world: World) -> Open:
    """Opens an address of Stash's in a tab: Playwright's page. What goes wrong on it fails the test."""

    def open_page(path: str, *, width: int = 1280, height: int = 900) -> Any:
        page = tabs.open(world.stash.port, width, height)
        page.goto(f"{world.stash.url}{path}")
        return page

    return open_page


@pytest.fixture
def open_image(open_page: Open, world: World) -> Callable[..., Any]:
    """The image's page with its dialogue open."""

    def open_image(**options: Any) -> Any:
        page = open_page(f"/images/{world.image}", **options)
        page.click(".image-toolbar #sense-button")  # a floating one would move while it is clicked
        page.wait_for_selector(".sense-dialogue .sense-card, .sense-dialogue .sense-empty, .sense-problem")
        return page

    return open_image


@pytest.fixture
def open_gallery(open_page: Open, world: World) -> Callable[..., Any]:
    """The gallery's page with its dialogue open; `run` also starts the job and waits for its end."""

    def open_gallery(*, run: bool = True, **options: Any) -> Any:
        page = open_page(f"/galleries/{world.gallery}", **options)
        page.click(".gallery-toolbar #sense-button")
        if run:
            page.click("text=Identify performers in this gallery")
            page.wait_for_selector(".sense-summary")
        return page

    return open_gallery


@pytest.fixture
def five(world):
    """Five people of the library, each seen on two images: their ids."""
    images = [str(number) for number in world.stash.library.images]
    ids = [
        world.performer(name, gender="FEMALE" if name in {"Ann", "Cleo", "Dora"} else "MALE") for name in FIVE
    ]
    world.found(
        *(person_of(name, images[at : at + 2], ids[at], 0.2 + 0.08 * at) for at, name in enumerate(FIVE))
    )
    return ids


@pytest.fixture
def obama(world):
    """He is on the image, and in the library: his id."""
    local_id, match = world.known("Barack Obama", "obama.jpg")
    world.saw(face_of(match, match_of("Joe Biden", distance=0.45, performer_id="joe")))
    return local_id


@pytest.fixture
def three(world):
    """Three performers, two of them of one name, and a group to name: their ids."""
    faces = ["g1", "g2"]
    world.crops(*faces)
    world.found(unknown=[group_of("t1", faces, ["1", "2"])])
    portrait = world.samples / "gallery" / "grace_hopper.jpg"
    return [
        world.performer(
            "Grace Hopper", disambiguation="admiral", image=portrait, alias_list=["Amazing Grace"]
        ),
        world.performer("Grace Hopper", disambiguation="dancer"),
        world.performer("Mary Grace"),
    ]
