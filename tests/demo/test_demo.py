"""`make demo` as a newcomer runs it: what it prints, the page it serves, and its end."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from pages import ROOT, launched, row

pytestmark = pytest.mark.slow

ENDS_S = 300
FOUND = [("Barack Obama", 4), ("Joe Biden", 1), ("Eileen Collins", 1)]
WITHOUT_LIBRARIES = """
import demo
demo.LIBRARIES = demo.Path("nowhere")
demo.identify = lambda environment, _, gallery, __: demo.run(
    environment, "jobs", "gallery", str(gallery), "--wait"
)
demo.main()
"""
AT_A_TAKEN_PORT = """
import demo
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Other(BaseHTTPRequestHandler):
    log_message = lambda *_: None

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"something else")

other = ThreadingHTTPServer(("127.0.0.1", 0), Other)
threading.Thread(target=other.serve_forever, daemon=True).start()
demo.run = lambda *_: None
usual = demo.settings
demo.settings = lambda *given: usual(*given) | {"STASH_SENSE_PORT": str(other.server_port)}
demo.main()
"""


@pytest.fixture
def start(tmp_path):
    """Starts the demo, with settings about that it must not heed."""
    running = []

    def start(*program: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, *program],
            cwd=ROOT / "demo",
            env={
                **os.environ,
                "STASH_URL": "http://127.0.0.1:9",
                "STASH_API_KEY": "k",
                "DATA_DIR": "/nowhere",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        assert _session(process.pid) == [], "the demo has left a process behind"
        process.communicate()


def _session(leader: int) -> list[int]:
    """The processes of its session that still run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, session = folder.joinpath("stat").read_text().rpartition(") ")[2].split()[:4]
        except OSError:  # it has just ended
            continue
        if int(session) == leader and state != "Z":
            found.append(int(folder.name))
    return found


def _until(process: subprocess.Popen, text: str) -> str:
    """What it prints up to a line with this text."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return "".join(lines)
    pytest.fail(f"no {text!r} in:\n{''.join(lines)}{process.stderr.read()}")


def test_the_gallery_is_named_and_can_be_tagged_on_the_page(start, tmp_path):
    with launched(libraries=True) as browser:
        process = start("demo.py", str(tmp_path))
        said = _until(process, "Ctrl-C")
        assert all(re.search(rf"^{name} +{images} ", said, re.MULTILINE) for name, images in FOUND)
        assert "9 of 9, 7 faces, 3 people" in said
        result = json.loads((tmp_path / "result.json").read_text())["result"]
        assert [(one["name"], one["image_count"]) for one in result["performers"]] == FOUND
        assert re.search(r"^Eileen Collins +\d s +0:0\d-0:0\d ", said, re.MULTILINE), "not seen in the film"
        gallery, scene, image = re.findall(r"http://\S+/\w+/\d+", said)
        page = browser.new_page()
        page.goto(gallery)
        page.click("#sense-button")
        page.wait_for_selector(".sense-summary")
        row(page, "Joe Biden").locator("text=Add to Gallery").click()
        row(page, "Joe Biden").locator("text=Added!").wait_for()
        page.goto(scene)
        page.click("#sense-button")
        row(page, "Eileen Collins").locator("text=On screen for 3 s").wait_for()
        page.goto(image)
        page.click("#sense-button")
        page.wait_for_selector("text=In library as: Barack Obama")
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    assert process.wait(ENDS_S) == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["result.json", "serve.log"]
    with pytest.raises(httpx.ConnectError):
        httpx.get(gallery, trust_env=False)


def test_without_a_page_the_result_is_printed_whatever_settings_the_folder_has(start, tmp_path):
    (tmp_path / "stash-sense.toml").write_text('pack = "nowhere"\ntoken = "secret"\n')
    process = start("-c", WITHOUT_LIBRARIES, str(tmp_path))
    said, complaint = process.communicate(timeout=ENDS_S)
    assert "9 of 9, 7 faces, 3 people" in said, complaint
    assert "npm could not fetch" in complaint
    assert "react/umd/react.production.min.js. With a network, remove node_modules/" in complaint
    assert process.returncode == 1


def pytest_generate_tests(metafunc):
    """The moments at which the demo is stopped: one, or with --torture each."""
    if "moment" in metafunc.fixturenames:
        every = metafunc.config.getoption("--torture")
        moments = ["database build", "jobs gallery", "stash-sense serve"] if every else ["stash-sense serve"]
        metafunc.parametrize("moment", moments)


def test_stopped_before_its_end_it_leaves_nothing(start, tmp_path, moment):
    process = start("demo.py", str(tmp_path), "--once")
    _until(process, moment)
    os.killpg(process.pid, signal.SIGINT)
    _, complaint = process.communicate(timeout=ENDS_S)
    assert process.returncode == 130
    assert "Traceback" not in complaint
    assert not list(tmp_path.glob("data-*"))


def test_a_folder_that_cannot_be_had_is_named(start, tmp_path):
    (tmp_path / "file").touch()
    process = start("demo.py", str(tmp_path / "file" / "demo"), "--once")
    _, complaint = process.communicate(timeout=ENDS_S)
    assert process.returncode == 1
    assert complaint.startswith("The demo cannot go on: ")
    assert "Traceback" not in complaint
    assert str(tmp_path / "file") in complaint


def test_where_another_program_took_the_port_the_sidecars_words_are_shown(start, tmp_path):
    process = start("-c", AT_A_TAKEN_PORT, str(tmp_path), "--once")
    _, complaint = process.communicate(timeout=ENDS_S)
    assert process.returncode == 1
    assert complaint.startswith("The sidecar did not start.")
    assert "Traceback" not in complaint
