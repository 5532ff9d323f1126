"""The plugin beside a stand-in Stash and a sidecar, run as Stash runs it."""

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fakes.sidecar import SidecarStandIn, performer_of
from fakes.stash import StashStandIn

PLUGIN = Path(__file__).parents[2] / "plugin"
sys.path.insert(0, str(PLUGIN))  # what the backend's process starts with
KEY = "eyJ-the-api-key-of-stash"
SESSION = "crumb-of-the-session"
PERSON = performer_of("Ann", "7")
FACE = {
    "face_id": "f1",
    "box": {"x": 1.0, "y": 2.0, "width": 3.0, "height": 4.0, "confidence": 0.9},
    "quality": 0.9,
    "verdict": "unknown",
    "reason": "nobody near",
    "matches": [],
}
JPEG = b"\xff\xd8\xff\xe0 a picture \xff\xd9"


class Ran(NamedTuple):
    """What one process of the plugin left: the one JSON document, and its log as (level, text)."""

    answer: dict[str, Any]
    log: list[tuple[str, str]]

    @property
    def output(self) -> Any:
        assert "error" not in self.answer, self.answer
        return self.answer["output"]

    @property
    def error(self) -> str:
        assert set(self.answer) == {"error"}, self.answer
        return self.answer["error"]


def run_backend(stdin: bytes, python: str = sys.executable) -> Ran:
    command = [python, str(PLUGIN / "stash_sense_backend.py")]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return _ran(done.stdout.decode(), done.stderr)


def run_backend_here(stdin: bytes) -> Ran:
    """The same in this process, without starting Python."""
    from stash_sense_backend import main  # noqa: PLC0415 - on the path since this file was read

    out, log = io.StringIO(), io.TextIOWrapper(io.BytesIO())
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(log):
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        assert main() == 0
    return _ran(out.getvalue(), log.buffer.getvalue())


def _ran(out: str, log: bytes) -> Ran:
    lines = log.decode().splitlines()
    assert all(line[0] == "\x01" and line[1] in "tdiwep" and line[2] == "\x02" for line in lines), lines
    return Ran(json.loads(out), [(line[1], line[3:]) for line in lines])


@pytest.fixture
def processes(torture: bool) -> bool:
    """Whether each call of the plugin is a process, as in a real Stash, and not a call in this one."""
    return torture


@pytest.fixture
def sidecar() -> Iterator[SidecarStandIn]:
    with SidecarStandIn() as stand_in:
        yield stand_in
    assert not stand_in.wrong


@pytest.fixture
def known(sidecar: SidecarStandIn) -> None:
    """What the sidecar knows: one image, one gallery, two pictures."""
    sidecar.images["3"] = {"faces": [FACE], "face_count": 1}
    sidecar.galleries["45"] = {
        "total_images": 2,
        "images_processed": 2,
        "faces_detected": 2,
        "performers": [PERSON],
    }
    sidecar.pictures = {"f1": JPEG, "v.1/2": JPEG}


@pytest.fixture
def stash(sidecar: SidecarStandIn) -> Iterator[StashStandIn]:
    with StashStandIn() as stand_in:
        stand_in.library.plugins["stash-sense"] = {"sidecarUrl": sidecar.url}
        yield stand_in


@pytest.fixture
def call(stash: StashStandIn, processes: bool) -> Callable[..., Ran]:
    """Runs the backend in a mode, as the user whose session it is. python: in a process of that one."""

    def call(mode: str, *, python: str = "", host: str = "0.0.0.0", **args: Any) -> Ran:
        cookie = {"Name": "session", "Value": stash.session, "Path": "", "Expires": "0001-01-01T00:00:00Z"}
        connection = {
            "Scheme": "http",
            "Host": host,
            "Port": stash.port,
            "SessionCookie": cookie if stash.session else None,
            "Dir": "/root/.stash",
            "PluginDir": str(PLUGIN),
        }
        asked = {"server_connection": connection, "args": {"mode": mode, **args}}
        stdin = json.dumps(asked).encode()
        if python or processes:
            return run_backend(stdin, python or sys.executable)
        return run_backend_here(stdin)

    return call


@pytest.fixture
def hurried(call: Callable[..., Ran], tmp_path: Path) -> Callable[..., Ran]:
    """The same with clocks that run fifty times as fast, so that a test need not wait for 30 s."""
    starter = tmp_path / "python"
    starter.write_text(
        f"#!{sys.executable}\n"
        "import runpy, sys\n"
        "sys.path.insert(0, sys.argv[1].rpartition('/')[0])\n"
        "from backend import modes, sidecar\n"
        "assert (sidecar.TIMEOUT_S, modes.GALLERY_TIMEOUT_S) == (30.0, 300.0)\n"
        "real = sidecar.send_request\n"
        "def quick(*args, timeout_s, **rest):\n"
        "    return real(*args, timeout_s=1.0, **rest)\n"
        "sidecar.send_request = quick\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    starter.chmod(0o755)

    def hurried(mode: str, **args: Any) -> Ran:
        return call(mode, python=str(starter), **args)

    return hurried
