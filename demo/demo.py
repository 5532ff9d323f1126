"""`make demo`: a Stash of free photos, the sidecar beside it, and the plugin on its pages; all on loopback.

demo.py FOLDER [--once]: what it makes goes into FOLDER. --once: end after the result has been printed.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
from film import SIZE, write_film

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "samples"
LIBRARIES = ROOT / "node_modules"
COMMAND = str(Path(sys.executable).with_name("stash-sense"))
LOOK_S = 0.05
START_S = 60.0
STOP_S = 20.0
STOPPED = 130
"""The status of a program that was stopped by Ctrl-C."""

Process = subprocess.Popen[bytes]

sys.path.insert(0, str(ROOT / "tests"))
fakes = import_module("fakes.stash")
videos = import_module("fakes.videos")


def main() -> None:
    """Runs the demo."""
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, stop.asked)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        show(Path(sys.argv[1]).resolve(), "--once" in sys.argv[2:])
    except OSError as error:  # of the folder, its disk, or whoever read what was printed
        sys.exit(f"The demo cannot go on: {error}")


def show(folder: Path, once: bool) -> None:
    """All of it, in order; whatever ends it, nothing of it stays but the result and the sidecar's log."""
    folder.mkdir(parents=True, exist_ok=True)
    lacking = fakes.page_lacks(LIBRARIES)
    with (
        tempfile.TemporaryDirectory(prefix="data-", dir=folder) as data,
        tempfile.TemporaryDirectory(prefix="film-", dir=folder) as film,
        fakes.StashStandIn(libraries=None if lacking else LIBRARIES) as stash,
    ):
        gallery, scene = fill(stash.library, Path(film))
        environment = settings(stash.url, data)
        print(f"A stand-in for Stash, with the free photos of samples/, runs at {stash.url}\n")
        run(environment, "database", "build", "--from-stash")
        with sidecar(environment, folder):
            identify(environment, folder, gallery, scene)
            if once:
                return
            if lacking:
                sys.exit(NO_PAGE.format(lacking=lacking[0]))
            stash.library.plugins["stash-sense"] = {"sidecarUrl": _address(environment)}
            stash.install(ROOT / "plugin")
            print(SERVING.format(url=stash.url, gallery=gallery, scene=scene, image=_picture(stash.library)))
            stop.until(lambda: False)


NO_PAGE = """
The page cannot be shown: npm could not fetch its libraries (package.json lists them), or some are gone since:
{lacking}. With a network, remove node_modules/ and try again; without one, `make demo SERVE=0` ends here."""
SERVING = """
Now with the plugin, on a page like Stash's own. Open one of these and click Identify Performers:

    {url}/galleries/{gallery}
    {url}/scenes/{scene}
    {url}/images/{image}

Nothing there is yours, and nothing is kept. Ctrl-C stops it all.
"""


def fill(library: Any, folder: Path) -> tuple[int, int]:
    """The free photos as performers with portraits, as a gallery and as a scene; the ids of these two.

    folder: for the scene's file.
    """
    for person in sorted((SAMPLES / "people").iterdir()):
        (portrait,) = person.iterdir()
        library.add_performer(person.name, image=portrait)
    gallery: int = library.add_gallery("Free photos")
    for path in sorted((SAMPLES / "gallery").iterdir()):
        library.add_image(path, galleries=[gallery], path=f"/data/free/{path.name}", title=path.stem)
    film = folder / "film.mp4"
    duration = write_film(film, SAMPLES / "gallery", videos.write_video)
    scene: int = library.add_scene(
        "Free film", content=film, path="/data/free/film.mp4", size=SIZE, duration=duration
    )
    return gallery, scene


def settings(stash_url: str, data: str) -> dict[str, str]:
    """The environment of every command of the demo: what is set on this machine has no say in it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("STASH_")}
    return inherited | {"STASH_URL": stash_url, "STASH_SENSE_PORT": str(port), "DATA_DIR": data}


class Stop:
    """Ctrl-C and the like. Looked for, not thrown: in the middle of starting a process it would be lost."""

    def __init__(self) -> None:
        self._asked = False

    def asked(self, *_: object) -> None:
        """Takes a signal."""
        self._asked = True

    def until(self, done: Callable[[], bool]) -> None:
        """Waits; ends the demo where that is asked for meanwhile."""
        while not (self._asked or done()):
            time.sleep(LOOK_S)
        if self._asked:
            sys.exit(STOPPED)


stop = Stop()


@contextmanager
def running(environment: Mapping[str, str], *arguments: str, **files: Any) -> Iterator[Process]:
    """A command of Stash Sense, which only we stop, at the end: no Ctrl-C in a terminal reaches it."""
    with subprocess.Popen(
        [COMMAND, *arguments],
        env=environment,
        cwd=environment["DATA_DIR"],  # where no file with settings lies
        start_new_session=True,
        **files,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def run(environment: Mapping[str, str], *arguments: str, **files: Any) -> None:
    """Runs a command, and ends the demo where it fails."""
    if not files:
        print(f"$ stash-sense {' '.join(arguments)}")
    with running(environment, *arguments, **files) as process:
        stop.until(lambda: process.poll() is not None)
    if process.returncode:
        sys.exit(process.returncode)


@contextmanager
def sidecar(environment: Mapping[str, str], folder: Path) -> Iterator[None]:
    """`stash-sense serve`, ready; it is stopped at the end."""
    print("\n$ stash-sense serve &")
    log = folder / "serve.log"
    with log.open("wb") as lines, running(environment, "serve", stderr=lines) as process:
        deadline = time.monotonic() + START_S
        stop.until(lambda: _ready(environment) or process.poll() is not None or time.monotonic() > deadline)
        if not _ready(environment):
            sys.exit(f"The sidecar did not start. {log} says why:\n{log.read_text()[-2000:]}")
        yield


def identify(environment: Mapping[str, str], folder: Path, gallery: int, scene: int) -> None:
    """The gallery and the scene through the sidecar: tables, and the gallery's as JSON."""
    run(environment, "jobs", "gallery", str(gallery), "--wait")
    result = folder / "result.json"
    (job,) = httpx.get(f"{_address(environment)}/jobs", timeout=30, trust_env=False).json()["jobs"]
    with result.open("wb") as file:
        run(environment, "jobs", "show", job["job_id"], "--json", stdout=file)
    print(f"\nThe same as JSON: {os.path.relpath(result)}\n")
    run(environment, "jobs", "scene", str(scene), "--wait")


def _ready(environment: Mapping[str, str]) -> bool:
    try:
        health = httpx.get(f"{_address(environment)}/health", timeout=5, trust_env=False).json()
        return "jobs-gallery" in health["features"]
    except (httpx.HTTPError, ValueError, LookupError, TypeError):  # nobody yet, or somebody else at this port
        return False


def _address(environment: Mapping[str, str]) -> str:
    return f"http://127.0.0.1:{environment['STASH_SENSE_PORT']}"


def _picture(library: Any) -> int:
    (found,) = (number for number, image in library.images.items() if image.title == "obama2")
    return int(found)


if __name__ == "__main__":
    main()
