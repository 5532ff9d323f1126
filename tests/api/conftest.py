"""The sidecar over real HTTP on loopback: uvicorn in a thread, the default pack, the free photos."""

import base64
import contextlib
import http.server
import itertools
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from pydantic import SecretStr

from fakes.stash import Delay, StashStandIn
from stash_sense.api.app import build_server, secrets_of
from stash_sense.api.telemetry import JsonLineFormatter, RecentEvents
from stash_sense.domain.decisions import StoredMatch
from stash_sense.domain.faces import Box
from stash_sense.domain.identity import PictureIdentity
from stash_sense.domain.progress import NoProgress
from stash_sense.runtime.from_settings import database_dir, enrol, open_pack
from stash_sense.runtime.sidecar import Sidecar, build_sidecar
from stash_sense.settings import Settings
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.faces import DetectedFace
from stash_sense.store.repositories.results import ImageResult

from .galleries import WAITS, fill, varied_photos

API_KEY = "stash-api-key-that-must-never-be-seen"
_SEEDS = itertools.count(1)
NUMBERS = itertools.count(1)


class Served:
    """A sidecar that answers; `client` brings its secret."""

    def __init__(self, sidecar: Sidecar, port: int, log: "Lines") -> None:
        self.sidecar = sidecar
        self.port = port
        self.log = log
        self.url = f"http://127.0.0.1:{port}"
        secret = sidecar.secret.value if sidecar.secret else ""
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        self.client = httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False)
        self.stranger = httpx.Client(base_url=self.url, timeout=60, trust_env=False)

    @property
    def store(self) -> RecommendationsDB:
        """The open state; raises Unavailable."""
        return self.sidecar.state.require().store


class Lines(logging.Handler):
    """What would be logged, line by line."""

    def __init__(self, formatter: JsonLineFormatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextlib.contextmanager
def serving(settings: Settings, resolve=None, **waits) -> Iterator[Served]:
    sidecar = build_sidecar(settings, resolve=resolve, **waits)
    formatter = JsonLineFormatter(secrets_of(settings, sidecar))
    handlers = [RecentEvents(formatter), Lines(formatter)]
    ours = logging.getLogger("stash_sense")
    for handler in handlers:
        ours.addHandler(handler)
    level, _ = ours.level, ours.setLevel(logging.DEBUG)
    running = build_server(sidecar, handlers[0])
    running.config.host, running.config.port = "127.0.0.1", 0
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    try:
        _until(lambda: running.started or not thread.is_alive())
        served = Served(sidecar, running.servers[0].sockets[0].getsockname()[1], handlers[1])
        for part in (sidecar.recognition, sidecar.state, sidecar.jobs):
            _until(part.first_attempt.is_set)
        with contextlib.closing(served.client), contextlib.closing(served.stranger):
            yield served
    finally:
        running.should_exit = True
        thread.join(20)
        for handler in handlers:
            ours.removeHandler(handler)
        ours.setLevel(level)
    assert not thread.is_alive()


def _until(done: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "the sidecar did not start"
        time.sleep(0.005)


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
        for name in ("models", "database"):
            (folder / name).symlink_to(api_data / name)
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


class Web(http.server.BaseHTTPRequestHandler):
    """A server of pictures, and of everything that can go wrong with them."""

    protocol_version = "HTTP/1.1"
    picture = b""
    asked: list[tuple[str, dict[str, str]]] = []  # noqa: RUF012 - shared on purpose, cleared by the fixture

    def do_GET(self) -> None:
        self.asked.append((self.path, dict(self.headers)))
        name, _, argument = self.path.lstrip("/").partition("/")
        answers = {
            "photo.jpg": lambda: self.reply(200, self.picture, "image/jpeg"),
            "bytes": lambda: self.reply(200, self.picture, "application/octet-stream"),
            "page": lambda: self.reply(200, b"<html>log in</html>", "text/html"),
            "lie": lambda: self.reply(200, b"<html>log in</html>", "image/jpeg"),
            "gone": lambda: self.reply(404, b"", "text/plain"),
            "packed": lambda: self.reply(200, b"x", "image/jpeg", ("Content-Encoding", "gzip")),
            "large": lambda: self.reply(200, b"x" * 400_000, "image/jpeg"),
            "endless": self.endless,
            "slow": self.slow,
            "cookie": lambda: self.reply(302, b"", "", ("Location", "/photo.jpg"), ("Set-Cookie", "a=b")),
            "to": lambda: self.reply(302, b"", "", ("Location", argument)),
            "round": lambda: self.reply(302, b"", "", ("Location", "/round")),
            "cut": self.cut,
        }
        answers.get(name, answers["gone"])()

    def reply(self, status: int, body: bytes, kind: str, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for header in (("Content-Type", kind), ("Content-Length", str(len(body))), *headers):
            self.send_header(*header)
        self.end_headers()
        self.wfile.write(body)

    def endless(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Connection", "close")
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(10_000):
                self.wfile.write(b"x" * 10_000)
        self.close_connection = True

    def slow(self) -> None:
        time.sleep(2)
        with contextlib.suppress(OSError):
            self.reply(200, self.picture, "image/jpeg")

    def cut(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"x" * 10)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


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
    """A sidecar for which the private web server is allowed, small and quick limits."""

    async def resolve(host, port):
        return {"pictures.example": ["127.0.0.1"], "nobody.example": []}.get(host) or []

    settings = settings_with(allow_private_urls=True, fetch_seconds=1.0, max_bytes=300_000)
    with serve(settings, resolve) as served:
        served.web = f"http://pictures.example:{web_server[1]}"
        served.asked = Web.asked
        yield served


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


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
        while True:
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < began + 60
            try:
                answer = httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False)
            except httpx.TransportError:
                time.sleep(0.02)
                continue
            if answer.json()["status"] == "ok":
                return process, time.monotonic() - began
            time.sleep(0.02)

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
def slow(stash):
    """Every original takes this long to begin."""

    def slow(seconds=0.2):
        stash.faults.add(Delay(seconds), where="original")

    return slow


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
