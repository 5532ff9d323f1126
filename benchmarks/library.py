"""The job over the whole library: what it costs beside the engine, and a run after which nothing is new.

    python benchmarks/library.py [--photos 240] [--images 100000]

The first figure is processor time of real photos: the job's, all told, over that of reading the same photos,
finding their faces and naming them. For the second the state is filled by script with results of every image.
"""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import lab
from stash_sense.domain.faces import Box
from stash_sense.domain.identity import PictureIdentity
from stash_sense.jobs.run import JobProgress
from stash_sense.jobs.workers import WorkPool
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.media.formats import DEFAULT_LIMITS
from stash_sense.recognition.analysis import PHOTOS_PER_BATCH
from stash_sense.recognition.image_batches import FetchedImage, recognize_images
from stash_sense.recognition.library import LibraryOptions, identify_library
from stash_sense.recognition.parameters import RunParameters, Tools, image_task
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.runtime.from_settings import recognizer
from stash_sense.stash.client import StashClient
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.faces import DetectedFace
from stash_sense.store.repositories.results import ImageResult

PER_GALLERY = 25
MOST_OVERHEAD, MOST_SECONDS = 0.10, 60.0
FILLED_TOGETHER = 1000
PROGRAM = Path(__file__).resolve().parent / "library_stash.py"


@dataclass(slots=True)
class BigStash:
    """library_stash.py, running."""

    process: subprocess.Popen[str]
    url: str

    def counts(self) -> dict[str, int]:
        """What was asked of it since the last time."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer: dict[str, int] = json.loads(self.process.stdout.readline())
        return answer


@contextmanager
def big_stash(photos: Path, images: int) -> Iterator[BigStash]:
    """A Stash of so many images over the JPEGs of a folder."""
    command = [sys.executable, str(PROGRAM), str(photos), str(images), str(PER_GALLERY)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield BigStash(process, json.loads(process.stdout.readline())["url"])
    finally:
        process.communicate()


def main() -> None:
    parser = lab.parser(__doc__)
    parser.add_argument("--photos", type=int, default=240, help="real photos for the cost beside the engine")
    parser.add_argument("--images", type=int, default=100_000, help="images of the run without a change")
    arguments = parser.parse_args()
    data = lab.face_data(arguments.data)
    photos = next(iter(data.galleries().values()))[0].parent
    pack = lab.default_pack()
    figures: dict[str, Any] = {}
    with recognizer(pack, data.enrolled(pack, crowd=False)) as ready, tempfile.TemporaryDirectory() as folder:
        with big_stash(photos, arguments.photos) as stash:
            figures |= asyncio.run(cost(stash, ready, Path(folder) / "cost.db"))
        with big_stash(photos, arguments.images) as stash:
            figures |= asyncio.run(without_change(stash, ready, Path(folder) / "large.db", arguments.images))
    lab.table("figures", ["what", ""], [[name, figure] for name, figure in figures.items()])
    rows = [
        lab.bar("cost beside the engine", figures["overhead"], MOST_OVERHEAD, least=False),
        lab.bar("pictures fetched without a change", figures["fetched_again"], 0, least=False),
        lab.bar("seconds without a change", figures["second_run_s"], MOST_SECONDS, least=False),
    ]
    lab.table("bars", ["what", "figure", "wanted", "reached"], rows)
    lab.save("library", figures)


async def cost(stash: BigStash, ready: FaceRecognizer, state: Path) -> dict[str, Any]:
    """Processor seconds of the engine alone and of the whole job, on the same real photos."""
    options = LibraryOptions(MatchOptions())
    parameters = RunParameters.of(ready, options.match, "original")
    async with StashClient(stash.url) as client:
        listed = await client.list_images({}, 10**6)
        fetched = [
            FetchedImage(image_task(each.image), (await client.original(each.image)).data) for each in listed
        ]
        recognize_images(fetched[:PHOTOS_PER_BATCH], ready, parameters, DEFAULT_LIMITS)  # warm
        began = time.process_time()
        for start in range(0, len(fetched), PHOTOS_PER_BATCH):
            recognize_images(fetched[start : start + PHOTOS_PER_BATCH], ready, parameters, DEFAULT_LIMITS)
        engine_s = time.process_time() - began
        pool = WorkPool(1, 4)
        with RecommendationsDB(state) as opened:
            began, wall = time.process_time(), time.monotonic()
            result = await identify_library(options, ready, Tools(client, opened, pool), JobProgress("cost"))
            job_s, job_wall_s = time.process_time() - began, time.monotonic() - wall
        pool.close(10)
    return {
        "photos": result["listed"]["images"],
        "engine_cpu_s": engine_s,
        "job_cpu_s": job_s,
        "job_wall_s": job_wall_s,
        "overhead": job_s / engine_s - 1,
    }


async def without_change(stash: BigStash, ready: FaceRecognizer, state: Path, count: int) -> dict[str, Any]:
    """Two runs over a library whose results are all stored; the first records what Stash says."""
    options = LibraryOptions(MatchOptions())
    with RecommendationsDB(state) as opened:
        fill(opened, RunParameters.of(ready, options.match, "original"), count)
        pool = WorkPool(1, 4)
        before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        seconds = []
        async with StashClient(stash.url) as client:
            for _ in range(2):
                stash.counts()
                began = time.monotonic()
                result = await identify_library(
                    options, ready, Tools(client, opened, pool), JobProgress("again")
                )
                seconds.append(time.monotonic() - began)
        pool.close(10)
    counts = stash.counts()
    return {
        "images": result["listed"]["images"],
        "first_run_s": seconds[0],
        "second_run_s": seconds[1],
        "fetched_again": counts.get("pictures", 0),
        "queries": counts["queries"],
        "memory_grew_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000 - before_mb,
    }


def fill(state: RecommendationsDB, parameters: RunParameters, count: int) -> None:
    """Results as the job would have stored them: a face on each image."""
    chance = np.random.default_rng(3)
    vectors = chance.normal(size=(64, 2, 512)).astype(np.float16)
    in_galleries = count // 2 // PER_GALLERY * PER_GALLERY
    for start in range(1, count + 1, FILLED_TOGETHER):
        results = []
        for number in range(start, min(start + FILLED_TOGETHER, count + 1)):
            facenet, arcface = vectors[number % len(vectors)]
            face = DetectedFace(Box(0.4, 0.4, 0.1, 0.1), 0.9, facenet=facenet, arcface=arcface)
            gallery = [str((number - 1) // PER_GALLERY + 1)] if number <= in_galleries else []
            identity = PictureIdentity.of([("md5", f"{number:032x}")])
            results.append(
                ImageResult(
                    *(str(number), identity, parameters.pack, parameters.db_version, [face], gallery),
                    width=1600,
                    height=1200,
                    settings=parameters.settings(),
                )
            )
        state.store_image_results(results)


if __name__ == "__main__":
    main()
