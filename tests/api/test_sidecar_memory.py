"""The sidecar's memory in the long run: the same after many databases and galleries as after the first."""

import gc
from pathlib import Path

import httpx
import pytest

from stash_sense.recognition.recognizer import LoadedPack

from .galleries import begin, ended

GROWTH = 1.15
STATUS = Path("/proc/self/status")

pytestmark = pytest.mark.skipif(not STATUS.exists(), reason="reads Linux's account of memory")


def resident(process):
    """Bytes of memory that a process has in use."""
    lines = Path(f"/proc/{process.pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


@pytest.fixture
def sidecar(started, port, stash, samples):
    """The command over the stand-in, with one performer: (process, client, swap)."""
    portraits = sorted(path for path in (samples / "people").rglob("*.*") if path.is_file())
    performer = stash.library.performers[stash.library.add_performer("Joe", image=portraits[0])]
    process, _ = started(STASH_URL=stash.url, STASH_SENSE_WORKERS="2")

    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:

        def swap(number):
            """Another portrait, and so another database."""
            before = client.get("/database/info").json()["version"]
            performer.image = portraits[number % len(portraits)]
            performer.updated_at = stash.library.now()
            job = ended(client, client.post("/jobs/database", json={}).json()["job_id"])
            assert job["status"] == "done", job
            assert client.get("/database/info").json()["version"] != before

        yield process, client, swap


def test_many_databases_and_galleries_leave_the_memory_as_the_first_did(sidecar, gallery, torture, tell):
    process, client, swap = sidecar
    swaps, galleries = (50, 20) if torture else (4, 2)
    sizes = []
    for number in range(swaps):
        swap(number + 1)
        if number % (swaps // galleries) == 0 and len(sizes) < galleries:
            place, _ = gallery(12)
            assert ended(client, begin(client, place))["status"] == "done"
            sizes.append(resident(process))
    last = resident(process)
    tell(f"sidecar: {sizes[0] / 1e6:.0f} MB after the first, {last / 1e6:.0f} MB after {swaps} databases")
    assert last <= GROWTH * sizes[0]


def test_a_stopped_sidecar_lets_go_of_its_networks(serve, settings_with):
    with serve(settings_with()) as served:
        engine = served.sidecar.services.engine.pack().engine
    gc.collect()
    assert not [holder for holder in gc.get_referrers(engine) if isinstance(holder, LoadedPack)]
