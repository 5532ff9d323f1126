"""The sidecar over real HTTP on loopback: uvicorn in a thread, the default pack, the free photos."""

import base64
import http.server
import itertools
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from pydantic import SecretStr

from fakes.ports import free_port
from fakes.stash import Hold, StashStandIn
from stash_sense.domain.decisions import StoredMatch
from stash_sense.domain.faces import Box
from stash_sense.domain.identity import PictureIdentity
from stash_sense.domain.progress import NoProgress
from stash_sense.runtime.from_settings import database_dir, enrol, open_pack
from stash_sense.settings import Settings
from stash_sense.store.repositories.faces import DetectedFace
from stash_sense.store.repositories.results import ImageResult
from waiting import PATIENCE_S, until

from .galleries import WAITS, fill, varied_photos
from .serving import serving
from .web import Web

API_KEY = "stash-api-key-that-must-never-be-seen"
_SEEDS = itertools.count(1)
NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def serve():
    """Serves a sidecar with these settings, as a context."""
    return serving


@pytest.fixture(scope="session")
def api_data(pack_dir, samples) -> Path:
    """A data folder with the default pack and the sample people enrolled."""
    settings = Settings(DATA_DIR=pack_dir)
    enrol(settings, [samples / "people"], database_dir(settings), open_pack(settings), NoProgress())
    return pack_dir


@pytest.fixture(scope="session")
def fresh_data(api_data, tmp_path_factory):
    """Makes a data folder with the pack and the people of `api_data`, and a state and jobs of its own."""

    def made() -> Path:
        folder = tmp_path_factory.mktemp("data")
        (folder / "models").symlink_to(api_data / "models")
        shutil.copytree(api_data / "database", folder / "database")  # a test may build another
        return folder

    return made


@pytest.fixture(scope="session")
def settings_with(fresh_data):
    """Settings by their names in the environment, over safe ones for tests; without a Stash."""

    def made(**given) -> Settings:
        folder = given.get("DATA_DIR") or fresh_data()
        safe = {"DATA_DIR": folder, "STASH_URL": "", "workers": 2}
        return Settings(**{**safe, **given})

    return made


@pytest.fixture(scope="session")
def app(settings_with, serve):
    """The session's sidecar: loopback, no key, no token, nothing asked."""
    with serve(settings_with()) as served:
        yield served


@pytest.fixture(scope="session")
def locked(settings_with, serve):
    """A sidecar that asks for the secret derived from a key of Stash."""
    with serve(settings_with(STASH_API_KEY=SecretStr(API_KEY))) as served:
        yield served


@pytest.fixture(scope="session")
def photo(samples) -> bytes:
    """A photo of one enrolled person."""
    return (samples / "gallery" / "obama2.jpg").read_bytes()


@pytest.fixture(scope="session")
def photo64(photo) -> str:
    return base64.b64encode(photo).decode()


@pytest.fixture(scope="session")
def web_server(photo):
    """Where the Web answers: (host, port)."""
    Web.picture = photo
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web) as running:
        running.daemon_threads = True
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running.server_address
        running.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def web_app(settings_with, serve, web_server):
    """A sidecar for which the private web server is allowed, and small pictures alone."""

    async def resolve(host, port):
        return {"pictures.example": ["127.0.0.1"], "nobody.example": []}.get(host) or []

    settings = settings_with(allow_private_urls=True, max_bytes=300_000)
    with serve(settings, resolve) as served:
        served.web = f"http://pictures.example:{web_server[1]}"
        served.asked = Web.asked
        yield served


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def started(fresh_data, port, tmp_path):
    """Starts the command in a process of its own: (process, the seconds to its first good answer)."""
    running = []

    def start(*, data_dir=None, **environment):
        data_dir = data_dir or fresh_data()
        command = [sys.executable, "-m", "stash_sense", "--data-dir", data_dir, "serve", "--port", str(port)]
        began = time.monotonic()
        process = subprocess.Popen(
            command,
            env={**os.environ, "STASH_URL": "", **environment},
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)

        def answers():
            assert process.poll() is None, process.stderr.read()
            try:
                answer = httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False, timeout=PATIENCE_S)
            except httpx.TransportError:
                return False
            return answer.json()["status"] == "ok"

        until(answers)
        return process, time.monotonic() - began

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def without_database(tmp_path, pack_dir):
    """A data folder with the pack alone."""
    (tmp_path / "models").symlink_to(pack_dir / "models")
    return tmp_path


@pytest.fixture(scope="module")
def stash():
    """The stand-in; what a test does to it ends with the test."""
    with StashStandIn() as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def stash_app(serve, settings_with, stash):
    """A sidecar with a state of its own and the stand-in, for which it does not wait long."""
    with serve(settings_with(STASH_URL=stash.url), **WAITS) as served:
        yield served


@pytest.fixture
def gallery(stash, samples):
    """Puts so many new photos into a new gallery: (its id, its images' ids)."""

    def gallery(count):
        made = fill(stash, varied_photos(samples, count, next(_SEEDS)))
        stash.record.forget()
        return made

    return gallery


@pytest.fixture
def hold(stash):
    """Holds back the originals of these images until what it returns is set."""
    held = []

    def hold(images):
        go, wanted = threading.Event(), set(images)
        held.append(go)
        stash.faults.add(
            Hold(go), where=lambda seen: seen.kind == "original" and seen.path.split("/")[2] in wanted
        )
        return go

    yield hold
    for go in held:
        go.set()


@pytest.fixture(autouse=True)
def no_faults(request):
    stash = request.getfixturevalue("stash") if "stash" in request.fixturenames else None
    yield
    if stash:
        stash.faults.clear()
        stash.up()


def picture_with_a_mark(width=1600, height=1200, spot=(0.25, 0.5, 0.1, 0.1)):
    """Grey, with a red square at `spot` (fractions of the picture)."""
    pixels = np.full((height, width, 3), 90, np.uint8)
    x, y, w, h = (round(part * side) for part, side in zip(spot, (width, height) * 2, strict=True))
    pixels[y : y + h, x : x + w] = (0, 0, 255)
    return cv2.imencode(".jpg", pixels)[1].tobytes()


@pytest.fixture
def stored(stash_app, stash):
    """Puts an image with one stored face into Stash: (image id, face id)."""

    def put(content, spot=(0.25, 0.5, 0.1, 0.1), people=("Anna", "Berta"), **image):
        image_id = stash.library.add_image(content, **image)
        file = stash.library.images[image_id].files[0]
        candidates = tuple(StoredMatch(one, 0.3 + 0.1 * rank, name=one) for rank, one in enumerate(people))
        face = DetectedFace(Box(*spot), 0.9, "match" if people else "unknown", "because", candidates)
        picture = PictureIdentity.of(file.fingerprints.items())
        result = ImageResult(str(image_id), picture, "stash-sense-default", "v1", [face])
        return image_id, stash_app.store.store_image_result(result).face_ids[0]

    return put


@pytest.fixture
def face(stored):
    """The id of a stored face, which looks like Anna, or Berta."""
    return stored(picture_with_a_mark() + bytes(np.random.default_rng().bytes(8)))[1]


@pytest.fixture
def put(stash, photo):
    """Puts a photo into Stash, the enrolled person's if no other is given, as a picture of its own."""

    def put(content=photo, **image):
        stash.record.forget()
        return str(stash.library.add_image(content + bytes(f"#{next(NUMBERS)}", "ascii"), **image))

    return put


@pytest.fixture
def look(stash_app):
    def look(image_id, served=stash_app, **asked):
        answer = served.client.post("/identify/image", json={"image_id": image_id, **asked})
        assert answer.status_code == 200, answer.text
        return answer.json()

    return look


@pytest.fixture
def awaited(stash_app):
    """The answer about a gallery, waited for."""

    def awaited(gallery_id, **asked):
        answer = stash_app.client.post("/identify/gallery", json={"gallery_id": gallery_id, **asked})
        assert answer.status_code == 200, answer.text
        return answer.json()

    return awaited
