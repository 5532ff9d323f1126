"""A real Stash, made for tests: `make test-live STASH_URL=...`. Without one, these tests are skipped.

Where it has a login, STASH_API_KEY, STASH_USERNAME and STASH_PASSWORD say how to get in. It must have scanned
what `make_library.py` makes. Performers who are not there are created, tags and settings are put back. Do not
point this at a library that matters.
"""

import base64
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from fakes.ports import free_port
from stash_sense.runtime.secret import derive_token
from waiting import until

from .passing import Passing

ASK = Callable[..., dict[str, Any]]
_CREATE = "mutation($i: PerformerCreateInput!) { performerCreate(input: $i) { id } }"
_PERFORMERS = "{ findPerformers(filter: {per_page: -1}) { performers { id name } } }"
_SCENES = "{ findScenes(filter: {per_page: -1}) { scenes { id files { basename } } } }"
_GALLERIES = "{ findGalleries(filter: {per_page: -1}) { galleries { id } } }"
_IMAGES = """query($id: ID!) {
  findImages(image_filter: {galleries: {value: [$id], modifier: INCLUDES}}, filter: {per_page: -1}) {
    images { id visual_files { ... on ImageFile { path } } } } }"""


@pytest.fixture(scope="session")
def stash_url() -> str:
    url = os.environ.get("STASH_URL_LIVE", "").rstrip("/")
    if not url:
        pytest.skip("no real Stash was named: make test-live STASH_URL=...")
    return url


@pytest.fixture(scope="session")
def key() -> str:
    """Stash's API key; empty where it has no login."""
    return os.environ.get("STASH_API_KEY", "")


@pytest.fixture(scope="session")
def secret(key: str) -> dict[str, str]:
    """What the sidecar asks of its callers, as headers."""
    return {"Authorization": f"Bearer {derive_token(key)}"} if key else {}


@pytest.fixture(scope="session")
def ask(stash_url: str, key: str) -> Iterator[ASK]:
    """Asks Stash itself, past everything of ours."""
    headers = {"ApiKey": key} if key else {}
    with httpx.Client(base_url=stash_url, headers=headers, timeout=60, trust_env=False) as client:
        if (
            client.post("/graphql", json={"query": "{ version { version } }"}).status_code
            == httpx.codes.UNAUTHORIZED
        ):
            pytest.fail("that Stash asks for a login: set STASH_API_KEY to its key", pytrace=False)

        def ask(query: str, **variables: Any) -> dict[str, Any]:
            answer = client.post("/graphql", json={"query": query, "variables": variables}).json()
            assert "errors" not in answer, answer
            return answer["data"]

        yield ask


class Library(NamedTuple):
    """The gallery's id, its images and the scenes by file name, the performers by name."""

    gallery: str
    images: dict[str, str]
    scenes: dict[str, str]
    people: dict[str, str]


@pytest.fixture(scope="session")
def library(ask: ASK, samples: Path) -> Iterator[Library]:
    names = sorted(path.name for path in (samples / "gallery").iterdir())
    for gallery in ask(_GALLERIES)["findGalleries"]["galleries"]:
        images = ask(_IMAGES, id=gallery["id"])["findImages"]["images"]
        found = {Path(each["visual_files"][0]["path"]).name: each["id"] for each in images}
        if sorted(found) == names:
            break
    else:
        pytest.fail("that Stash has no gallery with the photos of samples/gallery alone", pytrace=False)
    known = {each["name"]: each["id"] for each in ask(_PERFORMERS)["findPerformers"]["performers"]}
    folders = sorted(path for path in (samples / "people").iterdir() if path.is_dir())
    for folder in folders:
        if folder.name not in known:
            (photo,) = folder.iterdir()
            portrait = "data:image/jpeg;base64," + base64.b64encode(photo.read_bytes()).decode()
            created = ask(_CREATE, i={"name": folder.name, "image": portrait})
            known[folder.name] = created["performerCreate"]["id"]
    scenes = {each["files"][0]["basename"]: each["id"] for each in ask(_SCENES)["findScenes"]["scenes"]}
    people = {folder.name: known[folder.name] for folder in folders}
    library = Library(gallery["id"], found, scenes, people)
    untag(ask, library)
    yield library
    untag(ask, library)


def untag(ask: ASK, library: Library) -> None:
    """Nobody on the gallery, its images and the scenes."""
    nobody = {"ids": [], "mode": "SET"}
    images, scenes = list(library.images.values()), list(library.scenes.values())
    for kind, ids in (("Gallery", [library.gallery]), ("Image", images), ("Scene", scenes)):
        query = f"mutation($i: Bulk{kind}UpdateInput!) {{ bulk{kind}Update(input: $i) {{ id }} }}"
        ask(query, i={"ids": ids, "performer_ids": nobody})


@pytest.fixture(scope="session")
def tagged(ask: ASK, library: Library) -> Callable[[], tuple[set[str], dict[str, set[str]]]]:
    """Who is on the gallery, and who on which of its images, as Stash has it."""

    def tagged() -> tuple[set[str], dict[str, set[str]]]:
        found = ask(
            """query($g: ID!, $f: ImageFilterType) { findGallery(id: $g) { performers { id } }
            findImages(image_filter: $f, filter: {per_page: -1}) { images { id performers { id } } } }""",
            g=library.gallery,
            f={"galleries": {"value": [library.gallery], "modifier": "INCLUDES"}},
        )
        images = {each["id"]: _ids(each["performers"]) for each in found["findImages"]["images"]}
        on_images = {image: people for image, people in images.items() if people}
        return _ids(found["findGallery"]["performers"]), on_images

    return tagged


def _ids(found: list[dict[str, str]]) -> set[str]:
    return {each["id"] for each in found}


@pytest.fixture(scope="session")
def counted(stash_url: str) -> Iterator[Passing]:
    """The way from the sidecar to Stash."""
    with Passing(stash_url) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def command(pack_dir: Path, counted: Passing, library: Library, tmp_path_factory):
    """Runs `stash-sense` beside that Stash and gives what it printed."""
    folder = tmp_path_factory.mktemp("nothing-set-here")

    def command(*arguments: str, stash: str = counted.url) -> str:
        run = subprocess.run(
            [sys.executable, "-m", "stash_sense", "--data-dir", str(pack_dir), *arguments],
            env={**os.environ, "STASH_URL": stash}, cwd=folder, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    return command


@pytest.fixture(scope="session")
def built(command) -> str:
    """The face database from that Stash's performers: what the command printed."""
    return command("database", "build", "--from-stash", "--json")


@pytest.fixture(scope="session")
def sidecar(
    built: str, pack_dir: Path, counted: Passing, secret: dict[str, str], tmp_path_factory
) -> Iterator[httpx.Client]:
    """`stash-sense serve` beside that Stash, ready."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "stash_sense", "--data-dir", pack_dir, "serve", "--port", str(port)],
        env={**os.environ, "STASH_URL": counted.url},
        cwd=tmp_path_factory.mktemp("nothing-set-here-either"),
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=url, headers=secret, timeout=120, trust_env=False) as client:
        until(lambda: _ready(client))
        yield client
    process.terminate()
    process.wait(60)


def _ready(client: httpx.Client) -> bool:
    try:
        return "jobs-gallery" in client.get("/health").json().get("features", [])
    except httpx.TransportError:
        return False
