"""The sidecar's event loop only translates: what Stash sends is read, sorted and judged on other threads."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from stash_sense.api.app import SWITCH_S
from stash_sense.stash.types import Performer, StashImage

from .galleries import begin, ended

P99_S = 0.05  # of the time that a loop may be late
TICK_S = 0.01


@pytest.fixture
def threads(monkeypatch):
    """The names of the threads on which a class of Stash's objects is read from JSON."""
    names = {Performer: set(), StashImage: set()}

    def watched(kind):
        read = kind.from_json.__func__

        def from_json(cls, json):
            names[kind].add(threading.current_thread().name)
            return read(cls, json)

        monkeypatch.setattr(kind, "from_json", classmethod(from_json))

    for kind in names:
        watched(kind)
    return names


def build_database(client, seconds=60.0):
    return ended(client, client.post("/jobs/database", json={}).json()["job_id"], seconds)


def test_performers_and_images_of_a_job_are_read_on_the_jobs_own_thread(
    stash_app, stash, gallery, samples, threads
):
    stash.library.add_performer("Joe", image=min((samples / "people" / "Joe Biden").iterdir()))
    assert build_database(stash_app.client)["status"] == "done"
    assert threads[Performer] == {"database"}
    place, _ = gallery(2)
    job = ended(stash_app.client, begin(stash_app.client, place))
    assert (job["status"], job["done"]) == ("done", 2)
    assert threads[StashImage] == {"gallery"}


class LoopWatch:
    """How late a loop is in waking a task, in seconds, every TICK_S."""

    def __init__(self, loop):
        self.lags, self._ended = [], threading.Event()
        self._running = asyncio.run_coroutine_threadsafe(self._watch(), loop)

    async def _watch(self):
        loop = asyncio.get_running_loop()
        while not self._ended.is_set():
            due = loop.time() + TICK_S
            await asyncio.sleep(TICK_S)
            self.lags.append(loop.time() - due)

    def end(self):
        self._ended.set()
        self._running.result(60)
        return float(np.quantile(self.lags, 0.99)), max(self.lags)


@pytest.fixture
def large_stash(samples):
    """Starts a Stash with so many performers and images: (its address, its gallery)."""
    running = []

    def start(performers, images):
        script = Path(__file__).with_name("large_stash.py")
        command = [sys.executable, script, samples, str(performers), str(images)]
        running.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return running[0].stdout.readline().split()

    yield start
    for process in running:
        process.communicate()


@pytest.fixture
def as_served():
    """Threads take turns as quickly as `run_server` lets them."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("as_served")
def test_the_loop_is_not_late_while_large_jobs_run(large_stash, serve, settings_with, torture, tell):
    if not torture:
        pytest.skip("a time, on a machine that does nothing else; the thread is checked above")
    url, place = large_stash(100_000, 1000)
    with serve(settings_with(STASH_URL=url)) as served:
        watch = LoopWatch(served.sidecar.state._loop.get_loop())
        version = served.client.get("/database/info").json()["version"]
        built = build_database(served.client, 1200)
        seen = ended(served.client, begin(served.client, place), 1200)
        swapped = served.client.get("/database/info").json()["version"]
        p99, most = watch.end()
    assert (built["status"], seen["status"]) == ("done", "done")
    assert swapped != version
    tell(f"event loop: p99 {1000 * p99:.1f} ms, most {1000 * most:.0f} ms, {len(watch.lags)} ticks")
    assert p99 <= P99_S
