"""One gallery through the workflow, with its time and memory; gallery.py also runs it as a process.

gallery_job.py STASH_URL GALLERY DATABASE STATE
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from lab import default_pack, peak_megabytes
from stash_sense.jobs import JobReport, WorkPool
from stash_sense.services import recognizer
from stash_sense.stash import StashClient
from stash_sense.store import RecommendationsDB
from stash_sense.workflows.evidence import Knobs
from stash_sense.workflows.library import GalleryAnswer, Tools, identify_gallery
from stash_sense.workflows.reading import workers
from stash_sense.workflows.recognizer import FaceRecognizer


class Watcher(JobReport):
    """The job's report, looked at once a second as a browser would."""

    _looked = 0.0

    def progress(self, done: int, total: int, *, faces: int = 0, people: int = 0) -> None:
        """See JobReport."""
        super().progress(done, total, faces=faces, people=people)
        if self.make and time.monotonic() - self._looked > 1:
            self._looked = time.monotonic()
            json.dumps(self.make())


def run_gallery(
    url: str, gallery: str, ready: FaceRecognizer, state: RecommendationsDB
) -> tuple[GalleryAnswer, float]:
    """The answer, and the wall seconds that the workflow took."""

    async def run() -> tuple[GalleryAnswer, float]:
        pool = WorkPool(workers(), 16)
        async with StashClient(url) as stash:
            start = time.perf_counter()
            tools, report = Tools(stash, state, pool), Watcher("benchmark")
            answer = await identify_gallery(gallery, ready, Knobs(), tools, report)
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
