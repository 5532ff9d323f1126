"""One gallery through the workflow, with its time and memory; gallery.py also runs it as a process.

gallery_job.py STASH_URL GALLERY DATABASE STATE
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import default_pack, peak_megabytes
from stash_sense.jobs import WorkPool
from stash_sense.services import recognizer
from stash_sense.stash import StashClient
from stash_sense.store import RecommendationsDB
from stash_sense.workflows.evidence import Knobs
from stash_sense.workflows.library import GalleryAnswer, Tools, identify_gallery
from stash_sense.workflows.reading import workers
from stash_sense.workflows.recognizer import FaceRecognizer


@dataclass(slots=True)
class Watcher:
    """The job's report, looked at once a second as a browser would."""

    job_id: str = "benchmark"
    looks: int = 0
    _looked: float = 0.0
    _make: Callable[[], Mapping[str, Any]] | None = None

    def progress(self, done: int, total: int, *, faces: int = 0, people: int = 0) -> None:  # noqa: ARG002
        """See JobReport."""
        if self._make and time.monotonic() - self._looked > 1:
            self._looked = time.monotonic()
            json.dumps(self._make())
            self.looks += 1

    def problem(self, text: str) -> None:
        """See JobReport."""
        sys.stderr.write(f"{text}\n")

    def result_so_far(self, make: Callable[[], Mapping[str, Any]]) -> None:
        """See JobReport."""
        self._make = make


def run_gallery(
    url: str, gallery: str, ready: FaceRecognizer, state: RecommendationsDB
) -> tuple[GalleryAnswer, float]:
    """The answer, and the wall seconds that the workflow took."""

    async def run() -> tuple[GalleryAnswer, float]:
        pool = WorkPool(workers(), 16)
        async with StashClient(url) as stash:
            start = time.perf_counter()
            answer = await identify_gallery(gallery, ready, Knobs(), Tools(stash, state, pool), Watcher())
            seconds = time.perf_counter() - start
        pool.close(5)
        return answer, seconds

    return asyncio.run(run())


def main() -> None:
    url, gallery, place, path = sys.argv[1:]
    with recognizer(default_pack(), Path(place)) as ready, RecommendationsDB(path) as state:
        answer, seconds = run_gallery(url, gallery, ready, state)
    figures = {
        "photos": answer.images_processed,
        "faces": answer.faces_detected,
        "seconds": seconds,
        "peak_mb": peak_megabytes(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
