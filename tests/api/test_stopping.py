"""The sidecar is stopped while somebody waits for a gallery."""

import signal
import threading

import httpx
import pytest

from fakes.stash import Delay
from stash_sense.errors import ShuttingDown, Unavailable
from stash_sense.runtime.sidecar import build_sidecar
from waiting import PATIENCE_S, until

pytestmark = pytest.mark.slow


async def test_a_step_that_fails_keeps_no_other_from_being_taken(settings_with, monkeypatch, caplog):
    sidecar = build_sidecar(settings_with())
    await sidecar.start()
    await sidecar.recognition.first_attempt.wait()
    await sidecar.state.ready()
    for part in (sidecar.recognition, sidecar.stash_status, sidecar.jobs):
        monkeypatch.setattr(part, "close", broken(part.close))
    await sidecar.stop()
    assert caplog.text.count("cannot close") == 3
    assert "cannot close the jobs" in caplog.text
    with pytest.raises(ShuttingDown):
        sidecar.pool.submit(lambda: None)
    with pytest.raises(Unavailable, match="being stopped"):
        sidecar.state.require()
    assert sidecar.recognition.current is None


def broken(act):
    async def does_it_and_fails():
        await act()
        raise OSError("a disk that is gone")

    return does_it_and_fails


@pytest.fixture
def gallery(stash, samples):
    """A gallery whose pictures never come."""
    gallery = stash.library.add_gallery("Slow")
    stash.library.add_image(samples / "gallery" / "obama2.jpg", galleries=[gallery])
    stash.faults.add(Delay(PATIENCE_S), where="original")
    return gallery


def test_whoever_waits_for_a_gallery_is_told_and_holds_nothing_up(started, port, stash, gallery):
    process, _ = started(STASH_URL=stash.url)
    url = f"http://127.0.0.1:{port}"
    answers = []

    def ask(gallery_id):
        with httpx.Client(base_url=url, timeout=PATIENCE_S, trust_env=False) as client:
            answers.append(client.post("/identify/gallery", json={"gallery_id": gallery_id}))

    waiting = [threading.Thread(target=ask, args=[one]) for one in (gallery, 404)]  # one runs, one is queued
    with httpx.Client(base_url=url, trust_env=False, timeout=PATIENCE_S) as client:
        for jobs, thread in enumerate(waiting, 1):
            thread.start()
            until(lambda jobs=jobs: len(client.get("/jobs").json()["jobs"]) == jobs)
    until(lambda: stash.record.counts["original"])
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    for thread in waiting:
        thread.join()
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(503, "stopping")] * 2
    assert "Traceback" not in log
