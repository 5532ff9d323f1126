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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import httpx

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "samples"
LIBRARIES = ROOT / "node_modules"
COMMAND = str(Path(sys.executable).with_name("stash-sense"))
START_S = 60.0
STOP_S = 20.0
STOPPED = 130
"""The status of a program that was stopped by Ctrl-C."""

sys.path.insert(0, str(ROOT / "tests"))
fakes = import_module("fakes.stash")


def main() -> None:
    """Runs the demo."""
    folder, once = Path(sys.argv[1]).resolve(), "--once" in sys.argv[2:]
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _stop)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    folder.mkdir(parents=True, exist_ok=True)
    lacking = fakes.page_lacks(LIBRARIES)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="data-", dir=folder) as data,
            fakes.StashStandIn(libraries=None if lacking else LIBRARIES) as stash,
        ):
            gallery = fill(stash.library)
            environment = settings(stash.url, data)
            print(f"A stand-in for Stash, with the free photos of samples/, runs at {stash.url}\n")
            run(environment, folder, "database", "build", "--from-stash")
            with sidecar(environment, folder):
                identify(environment, folder, gallery)
                if once:
                    return
                if lacking:
                    sys.exit(NO_PAGE)
                stash.library.plugins["stash-sense"] = {"sidecarUrl": _address(environment)}
                stash.install(ROOT / "plugin")
                print(SERVING.format(url=stash.url, gallery=gallery, image=_picture(stash.library)))
                _wait()
    except KeyboardInterrupt:
        sys.exit(STOPPED)


NO_PAGE = """
The page cannot be shown: npm could not fetch its libraries (package.json lists them). With a network, try
again; without one, `make demo SERVE=0` ends here."""
SERVING = """
Now with the plugin, on a page like Stash's own. Open one of these and click Identify Performers:

    {url}/galleries/{gallery}
    {url}/images/{image}

Nothing there is yours, and nothing is kept. Ctrl-C stops it all.
"""


def fill(library: Any) -> int:
    """The free photos as performers with portraits and as a gallery; the gallery's id."""
    for person in sorted((SAMPLES / "people").iterdir()):
        (portrait,) = person.iterdir()
        library.add_performer(person.name, image=portrait)
    gallery: int = library.add_gallery("Free photos")
    for path in sorted((SAMPLES / "gallery").iterdir()):
        library.add_image(path, galleries=[gallery], path=f"/data/free/{path.name}", title=path.stem)
    return gallery


def settings(stash_url: str, data: str) -> dict[str, str]:
    """The environment of every command of the demo: what is set on this machine has no say in it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("STASH_")}
    return inherited | {"STASH_URL": stash_url, "STASH_SENSE_PORT": str(port), "DATA_DIR": data}


def run(environment: Mapping[str, str], folder: Path, *arguments: str) -> None:
    """Shows a command, runs it, and ends the demo where it fails."""
    print(f"$ stash-sense {' '.join(arguments)}")
    done = subprocess.run([COMMAND, *arguments], env=environment, cwd=folder, check=False)
    if done.returncode:
        sys.exit(done.returncode)


@contextmanager
def sidecar(environment: Mapping[str, str], folder: Path) -> Iterator[None]:
    """`stash-sense serve`, ready; it is stopped at the end."""
    print("\n$ stash-sense serve &")
    log = folder / "serve.log"
    with (
        log.open("wb") as lines,
        subprocess.Popen([COMMAND, "serve"], env=environment, cwd=folder, stderr=lines) as process,
    ):
        try:
            deadline = time.monotonic() + START_S
            while not _ready(environment):
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"The sidecar did not start. {log} says why:\n{log.read_text()[-2000:]}")
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def identify(environment: Mapping[str, str], folder: Path, gallery: int) -> None:
    """The gallery through the sidecar: a table, and the same as JSON."""
    run(environment, folder, "jobs", "gallery", str(gallery), "--wait")
    result = folder / "result.json"
    (job,) = httpx.get(f"{_address(environment)}/jobs", timeout=30, trust_env=False).json()["jobs"]
    with result.open("wb") as file:
        shown = [COMMAND, "jobs", "show", job["job_id"], "--json"]
        subprocess.run(shown, env=environment, cwd=folder, stdout=file, check=True)
    print(f"\nThe same as JSON: {os.path.relpath(result)}")


def _ready(environment: Mapping[str, str]) -> bool:
    try:
        health = httpx.get(f"{_address(environment)}/health", timeout=5, trust_env=False).json()
    except httpx.TransportError:
        return False
    return "jobs-gallery" in health["features"]


def _address(environment: Mapping[str, str]) -> str:
    return f"http://127.0.0.1:{environment['STASH_SENSE_PORT']}"


def _picture(library: Any) -> int:
    (found,) = (number for number, image in library.images.items() if image.title == "obama2")
    return int(found)


def _wait() -> NoReturn:
    while True:
        time.sleep(3600)


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
