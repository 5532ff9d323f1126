"""`stash-sense jobs` against a real sidecar in a process of its own, the stand-in, and the real pack."""

import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from fakes.ports import free_port
from fakes.stash import Hold, StashStandIn
from stash_sense.__main__ import main
from stash_sense.domain.progress import NoProgress
from stash_sense.runtime.from_settings import database_dir, enrol, open_pack
from stash_sense.settings import Settings
from waiting import PATIENCE_S, until

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parents[2] / "samples"
KEY = "key-of-stash-0123456789"
FIELDS = {
    *("job_id", "target", "status", "done", "total", "faces", "people", "rate", "eta_s", "all_errors"),
    "error_count",
}


@pytest.fixture(scope="module")
def stash():
    """Gallery 1: the sample photos, of which one is damaged; gallery 2: nothing."""
    with StashStandIn(api_key=KEY) as stand_in:
        gallery = stand_in.library.add_gallery("Samples")
        stand_in.library.add_gallery("Empty")
        for photo in sorted((SAMPLES / "gallery").iterdir()):
            stand_in.library.add_image(photo, galleries=[gallery])
        stand_in.library.add_image(b"\xff\xd8\xff\xe0 broken", galleries=[gallery], path="/data/broken.jpg")
        yield stand_in


@pytest.fixture(autouse=True)
def no_faults(stash):
    yield
    stash.faults.clear()


@pytest.fixture(scope="module")
def environment(stash, tmp_path_factory, pack_dir, pack):
    data = tmp_path_factory.mktemp("jobs")
    (data / "models").symlink_to(pack_dir / "models")
    settings = Settings(DATA_DIR=data)
    enrol(settings, [SAMPLES / "people"], database_dir(settings), open_pack(settings), NoProgress())
    port = str(free_port())
    ours = {"STASH_URL": stash.url, "STASH_API_KEY": KEY, "DATA_DIR": str(data), "STASH_SENSE_PORT": port}
    return {**os.environ, **ours}


@pytest.fixture(scope="module")
def command(environment, tmp_path_factory):
    """Begins the command: (arguments, settings that differ) -> process."""
    folder = tmp_path_factory.mktemp("elsewhere")

    def begin(*arguments, **changed):
        return subprocess.Popen(
            [sys.executable, "-m", "stash_sense", *map(str, arguments)],
            env={**environment, **changed}, cwd=folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    return begin


@pytest.fixture(scope="module")
def serving(command, environment):
    """The sidecar at work."""
    process = command("serve")
    log = threading.Thread(target=process.stderr.read, daemon=True)
    log.start()
    url = f"http://127.0.0.1:{environment['STASH_SENSE_PORT']}/health"

    def answers():
        assert process.poll() is None
        try:
            return httpx.get(url, trust_env=False, timeout=PATIENCE_S).json()["status"] == "ok"
        except httpx.TransportError:
            return False

    until(answers)
    yield
    process.terminate()
    log.join(60)
    process.communicate(timeout=PATIENCE_S)


@pytest.fixture
def run(environment, tmp_path, monkeypatch):
    """Runs the command in this process to its end: (exit status, output, error stream)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, **changed):
        done = CliRunner().invoke(main, [*map(str, arguments)], env={**environment, **changed})
        assert done.exception is None or isinstance(done.exception, SystemExit)
        return done.exit_code, done.stdout, done.stderr

    return run


@pytest.fixture
def jobs(run, serving):
    """Runs `stash-sense jobs ... --json`, which succeeds."""

    def jobs(*arguments):
        status, output, errors = run("jobs", *arguments, "--json")
        assert status == 0, errors
        return json.loads(output)

    return jobs


def test_a_gallery_waited_for_shows_who_is_on_it_and_what_went_wrong(run, serving, jobs):
    status, output, errors = run("jobs", "gallery", 1, "--wait")
    assert (status, errors) == (0, "")
    assert "gallery:1" in output
    assert "10 of 10, 7 faces" in output
    assert "Barack Obama" in output
    assert "\n\n1 problem:\n" in output
    listed = run("jobs")[1]
    job = jobs()["jobs"][0]
    assert job.keys() >= FIELDS
    assert (job["status"], job["result"]) == ("done", None)
    assert job["job_id"] in listed
    assert "done" in listed
    whole = jobs("show", job["job_id"])
    assert {one["name"]: one["image_count"] for one in whole["result"]["performers"]}["Barack Obama"] == 4
    assert whole["result"]["error_count"] == whole["error_count"] == len(whole["all_errors"]) == 1
    assert whole["all_errors"][0] in run("jobs", "show", job["job_id"])[1]


def test_an_empty_gallery_is_done_at_once(jobs):
    job = jobs("gallery", 2, "--wait")
    assert (job["status"], job["result"]["performers"]) == ("done", [])


@pytest.fixture
def held(stash):
    """No answer of Stash's comes until this is set."""
    go = threading.Event()
    stash.faults.add(Hold(go), where="graphql")
    yield go
    go.set()


def test_begun_cancelled_and_resumed(run, jobs, stash, held):
    job_id = jobs("gallery", "1")["job_id"]
    assert jobs("gallery", "1") == {"job_id": job_id}
    assert jobs("show", job_id)["status"] in ("queued", "running")
    assert jobs("cancel", job_id)["status"] == "cancelled"
    assert "cancelled" in run("jobs", "show", job_id)[1]
    stash.faults.clear()
    held.set()
    assert jobs("resume", job_id)["status"] in ("queued", "running", "done")
    assert jobs("gallery", "2", "--wait")["status"] == "done"  # its turn is later
    assert jobs("show", job_id)["status"] == "done"
    status, _, errors = run("jobs", "resume", job_id)
    assert (status, errors.count("\n")) == (1, 1)
    assert "already done" in errors


def test_a_failed_job_ends_the_waiting_with_one_and_says_why(run, serving):
    status, output, _ = run("jobs", "gallery", 404, "--wait")
    assert status == 1
    assert "failed" in output
    assert "404" in output


@pytest.fixture
def lists_served(run, environment, serving):
    """How often the sidecar has answered a list of jobs."""
    secret = run("token")[1].strip()
    url = f"http://127.0.0.1:{environment['STASH_SENSE_PORT']}/metrics"

    def lists_served():
        metrics = httpx.get(
            url, headers={"Authorization": f"Bearer {secret}"}, timeout=PATIENCE_S, trust_env=False
        ).text
        found = re.search(r'requests_total\{method="GET",route="/jobs",status="200"\} (\S+)', metrics)
        return float(found[1]) if found else 0

    return lists_served


def test_ctrl_c_ends_the_waiting_and_not_the_job(command, jobs, held, lists_served):
    before = lists_served()
    process = command("jobs", "gallery", 2, "--wait")
    until(lambda: lists_served() > before)  # it waits
    (job,) = (job for job in jobs()["jobs"] if job["target"] == "gallery:2" and job["status"] != "done")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors.count("\n")) == (130, 1)
    assert job["job_id"] in errors
    assert jobs("show", job["job_id"])["status"] in ("queued", "running")
    assert jobs("cancel", job["job_id"])["status"] == "cancelled"


@pytest.mark.parametrize("job_id", ["unknown", "0" * 24])
def test_an_unknown_job_is_a_sentence(run, serving, job_id):
    for act in ("show", "cancel", "resume"):
        status, _, errors = run("jobs", act, job_id)
        assert (status, errors.count("\n")) == (1, 1)
        assert "no job" in errors


@pytest.mark.parametrize(
    "arguments", [("show", "../health"), ("show", ""), ("gallery", "x"), ("gallery", -1)]
)
def test_what_can_be_no_id_is_wrong_usage(run, arguments):
    assert run("jobs", *arguments)[0] == 2


def refused(run, *arguments, **changed):
    status, output, errors = run("jobs", *arguments, **changed)
    assert (status, output, errors.count("\n")) == (1, "", 1)
    assert KEY not in errors
    return errors


def test_a_wrong_secret_is_reported_without_showing_it(run, serving):
    said = refused(run, STASH_API_KEY="another-key-987654321")
    assert "STASH_API_KEY" in said
    assert "another-key" not in said
    assert "another secret" in refused(run, "gallery", 1, STASH_API_KEY="")


def test_without_a_sidecar_it_says_how_to_start_one(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    for host in ("127.0.0.1", "0.0.0.0", "localhost"):
        said = refused(run, STASH_SENSE_PORT=port, STASH_SENSE_HOST=host)
        assert "stash-sense serve" in said


class Other(http.server.BaseHTTPRequestHandler):
    """Some other program."""

    body = b"<html>"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"jobs": 3}'])
def test_another_program_at_the_port_is_reported(run, body, monkeypatch):
    monkeypatch.setattr(Other, "body", body)
    with http.server.HTTPServer(("127.0.0.1", 0), Other) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        said = refused(run, STASH_SENSE_PORT=str(running.server_address[1]))
        running.shutdown()
        thread.join()
    assert "is not Stash Sense" in said


@pytest.mark.parametrize("act", [(), ("show",), ("cancel",), ("resume",), ("gallery",)])
def test_help_teaches(run, act):
    status, output, _ = run("jobs", *act, "--help")
    assert status == 0
    assert len(output.splitlines()) > 6
