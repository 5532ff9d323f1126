"""The sidecar is stopped while somebody waits for a gallery."""

import signal
import threading
import time

import httpx
import pytest

from fakes.stash import Delay
from stash_sense.errors import ShuttingDown, Starting
from stash_sense.runtime.sidecar import build_sidecar


async def test_a_step_that_fails_keeps_no_other_from_being_taken(settings_with, monkeypatch, caplog):
    sidecar = build_sidecar(settings_with())
    await sidecar.start()
    await sidecar.recognition.first_look.wait()
    await sidecar.state.opened()
    for part in (sidecar.recognition, sidecar.stash_watch):
        monkeypatch.setattr(part, "stop", broken(part.stop))
    monkeypatch.setattr(sidecar.jobs, "close", broken(sidecar.jobs.close))
    await sidecar.stop()
    assert caplog.text.count("could not be closed") == 3
    assert "the jobs could not be closed" in caplog.text
    with pytest.raises(ShuttingDown):
        sidecar.pool.submit(lambda: None)
    with pytest.raises(Starting, match="being stopped"):
        _ = sidecar.store
    assert sidecar.recognition.in_use.current is None


def broken(act):
    async def does_it_and_fails():
        await act()
        raise OSError("a disk that is gone")

    return does_it_and_fails


@pytest.fixture
def gallery(stash, samples):
    """A gallery whose pictures take their time."""
    gallery = stash.library.add_gallery("Slow")
    for number in range(40):
        photo = (samples / "gallery" / "obama2.jpg").read_bytes() + bytes([number])
        stash.library.add_image(photo, galleries=[gallery])
    stash.faults.add(Delay(1), where="original")
    return gallery


def test_whoever_waits_for_a_gallery_is_told_and_holds_nothing_up(started, port, stash, gallery):
    process, _ = started(STASH_URL=stash.url)
    url = f"http://127.0.0.1:{port}"
    answers = []

    def ask(gallery_id):
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
            answers.append(client.post("/identify/gallery", json={"gallery_id": gallery_id}))

    waiting = [threading.Thread(target=ask, args=[one]) for one in (gallery, 404)]  # one runs, one is queued
    for thread in waiting:
        thread.start()
        time.sleep(1)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=30)
    assert time.monotonic() - began < 6
    assert process.returncode == 0
    for thread in waiting:
        thread.join()
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(503, "stopping")] * 2
    assert "Traceback" not in log
