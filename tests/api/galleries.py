"""Galleries of distinct photos with real faces in the stand-in, and what tests ask of jobs."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import httpx
import numpy as np

from stash_sense.stash.outage import OutageLimits
from stash_sense.stash.transport import StashLimits
from waiting import PATIENCE_S, until

STEADY = StashLimits(
    connect_s=60, stall_s=60, total_s=120, retry_s=0.3, attempts=2, pause_s=0.01, longest_pause_s=0.05
)
"""Patient with a busy machine, and not with a Stash that refuses connections."""

HASTY = replace(STEADY, stall_s=4, total_s=10)
"""For tests of a Stash that answers slowly or never."""

SHORT = OutageLimits(at_start_s=1, midway_s=2, first_pause_s=0.05, longest_pause_s=0.2, failures_in_a_row=6)
WAITS = {"stash_limits": STEADY, "outage_limits": SHORT}
"""For a sidecar that must not wait for a Stash as long as one at home does."""

ENDED = ("done", "failed", "cancelled")
_NAMES = ("obama2", "obama3", "biden_lying", "grace_hopper", "astronaut_mirrored", "obama_partial_face")


@cache
def _sources(samples: Path) -> list[np.ndarray]:
    """Not much larger than what is made of them: reducing the originals takes most of the time."""
    reduced = []
    for name in _NAMES:
        source = cv2.imread(str(samples / "gallery" / f"{name}.jpg"))
        scale = min(1, 840 / max(source.shape[:2]))
        reduced.append(cv2.resize(source, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    return reduced


def varied_photos(samples: Path, count: int, seed: int = 0) -> list[bytes]:
    """So many JPEGs, small and quick to look at, each with other pixels; the same for the same seed."""
    chance = np.random.default_rng(seed)
    sources = _sources(samples)
    made = []
    for number in range(count):
        source = sources[number % len(sources)]
        scale = chance.uniform(330, 420) / max(source.shape[:2])
        photo = cv2.resize(source, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        if chance.random() < 0.5:
            photo = photo[:, ::-1]
        coloured = np.clip(photo.astype(np.float32) * chance.uniform(0.9, 1.1, 3), 0, 255).astype(np.uint8)
        made.append(cv2.imencode(".jpg", coloured)[1].tobytes())
    return made


def plain_photos(count: int, seed: int = 0) -> list[bytes]:
    """So many JPEGs of 10 kB without a face, quicker to look at by far: for what does not depend on faces."""
    chance = np.random.default_rng(seed)
    return [cv2.imencode(".jpg", chance.integers(0, 256, (96, 128, 3)))[1].tobytes() for _ in range(count)]


def fill(stash, photos, *, title="Photos") -> tuple[str, list[str]]:
    """A new gallery of these: its id, and its images' ids in its order."""
    gallery = stash.library.add_gallery(title)
    images = [
        str(stash.library.add_image(photo, galleries=[gallery], path=f"/data/{gallery}/{number:04}.jpg"))
        for number, photo in enumerate(photos)
    ]
    return str(gallery), images


def fetched(stash) -> Counter[str]:
    """How often each image was fetched since the last `forget`, by its id."""
    return Counter(
        seen.path.split("/")[2] for seen in stash.record.seen if seen.kind in ("original", "thumbnail")
    )


def begin(client: httpx.Client, gallery: str, **asked) -> str:
    """Ask for a gallery's job; its id."""
    answer = client.post("/jobs/gallery", json={"gallery_id": gallery, **asked})
    assert answer.status_code == 202, answer.text
    return answer.json()["job_id"]


def job_of(client: httpx.Client, job_id: str) -> dict:
    answer = client.get(f"/jobs/{job_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def reached(client: httpx.Client, job_id: str, done: int) -> dict:
    """The job, once so many are done or it has ended."""
    return _when(client, job_id, lambda job: job["done"] >= done or job["status"] in ENDED)


def ended(client: httpx.Client, job_id: str, patience_s: float = PATIENCE_S) -> dict:
    """The job, once it has ended."""
    return _when(client, job_id, lambda job: job["status"] in ENDED, patience_s)


def _when(
    client: httpx.Client, job_id: str, fits: Callable[[dict], bool], patience_s: float = PATIENCE_S
) -> dict:
    def job() -> dict | None:
        now = job_of(client, job_id)
        return now if fits(now) else None

    return until(job, patience_s)
