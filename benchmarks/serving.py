"""`stash-sense serve` as a process of its own, asked over HTTP as a browser and the plugin would."""

import asyncio
import base64
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from os import environ, sysconf
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx

import lab
from stand_in import Stash

STATE_FILES = ("stash_sense.db*", "jobs.db*")
_LONGEST_START_S = 60.0
_LOOK_S = 1.0


@dataclass(slots=True)
class Serving:
    """A running sidecar. first_answer_s: from the start of the process to its first good answer."""

    process: subprocess.Popen[bytes]
    url: str
    first_answer_s: float = 0.0

    def client(self) -> httpx.AsyncClient:
        """A client that waits as long as it takes."""
        return httpx.AsyncClient(base_url=self.url, timeout=None, trust_env=False)

    def peak_megabytes(self) -> float:
        """The most resident memory it has had so far."""
        return lab.peak_megabytes(str(self.process.pid))

    def cpu_s(self) -> float:
        """Processor seconds of all its threads so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text("ascii").rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / sysconf("SC_CLK_TCK")

    def references(self) -> int:
        """How many the face database in use has."""
        answer = httpx.get(f"{self.url}/database/info", timeout=30, trust_env=False).raise_for_status()
        return int(answer.json()["faces"])


@contextmanager
def serving(data_dir: Path, stash_url: str, photo: Path, *, anew: bool = True) -> Iterator[Serving]:
    """A sidecar that has answered /identify with `photo`. anew: it knows no image and no job yet."""
    for pattern in STATE_FILES if anew else ():
        for path in data_dir.glob(pattern):
            path.unlink()
    body = {"image_base64": base64.b64encode(photo.read_bytes()).decode()}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "stash_sense", "--data-dir", str(data_dir), "serve", "--port", str(port)]
    settings = {name: value for name, value in environ.items() if not name.startswith("STASH_")}
    log = data_dir / "serve.log"
    with log.open("wb") as lines:
        began = perf_counter()
        process = subprocess.Popen(command, env={**settings, "STASH_URL": stash_url}, stderr=lines)
        found = Serving(process, f"http://127.0.0.1:{port}")
        try:
            while perf_counter() < began + _LONGEST_START_S and process.poll() is None:
                with suppress(httpx.TransportError):
                    answer = httpx.post(f"{found.url}/identify", json=body, timeout=30, trust_env=False)
                    if answer.is_success:
                        break
                time.sleep(0.005)
            else:
                sys.exit(f"the sidecar did not start:\n{log.read_text()[-2000:]}")
            found.first_answer_s = perf_counter() - began
            yield found
        finally:
            process.terminate()
            process.wait()


@dataclass(frozen=True, slots=True)
class Asked:
    """A gallery that was asked for. outside_s: the time without the stand-in's processor time."""

    answer: dict[str, Any]
    seconds: float
    outside_s: float
    originals: int
    stash_cpu_s: float


Beside = Callable[[httpx.AsyncClient, asyncio.Event], Coroutine[Any, Any, None]]
"""Asks for other things until the event is set."""


def ask_gallery(sidecar: Serving, stash: Stash, beside: Beside | None = None) -> Asked:
    """POST /identify/gallery, its job looked at once a second; and `beside` at the same time."""
    stash.ask()
    answer, seconds = asyncio.run(_ask(sidecar, stash.gallery, beside))
    said = stash.ask()
    return Asked(answer, seconds, seconds - said["cpu_s"], said["originals"], said["cpu_s"])


async def _ask(sidecar: Serving, gallery: str, beside: Beside | None) -> tuple[dict[str, Any], float]:
    done = asyncio.Event()
    async with sidecar.client() as client, asyncio.TaskGroup() as group:
        began = perf_counter()
        watching = group.create_task(_watch(client, gallery))
        if beside:
            group.create_task(beside(client, done))
        answer = await client.post("/identify/gallery", json={"gallery_id": gallery})
        seconds = perf_counter() - began
        watching.cancel()
        done.set()
        if not answer.is_success:
            raise SystemExit(f"the gallery was answered with {answer.status_code}: {answer.text[:500]}")
        return answer.json(), seconds


async def _watch(client: httpx.AsyncClient, gallery: str) -> None:
    while True:
        await asyncio.sleep(_LOOK_S)
        jobs = (await client.get("/jobs", params={"target": f"gallery:{gallery}", "limit": 1})).json()["jobs"]
        if jobs:
            (await client.get(f"/jobs/{jobs[0]['job_id']}")).raise_for_status()
