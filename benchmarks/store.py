"""The state's speed bar: storing, reading for a new match, looking up, and bytes a face.

    python benchmarks/store.py [--faces 1000000] [--folder FOLDER]

Prints a table and writes benchmarks/out/store.json. The million faces are stored for real, through the
same calls the workflows make; the file needs about 1 GB.
"""

import argparse
import json
import os
import platform
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from stash_sense.domain.decisions import StoredMatch
from stash_sense.domain.faces import Box
from stash_sense.domain.identity import PictureIdentity
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.faces import DetectedFace
from stash_sense.store.repositories.results import ImageResult

PACK = "stash-sense-default"
FACES_AN_IMAGE = 3
OUT = Path(__file__).parent / "out" / "store.json"
BARS: dict[str, tuple[str, float]] = {
    "batched_images_per_s": (">=", 1000),
    "single_images_per_s": (">=", 200),
    "rematch_read_s_per_million": ("<=", 10),
    "lookup_median_ms": ("<=", 1),
    "lookup_p99_ms": ("<=", 1),
    "lookup_faces_median_ms": ("<=", 1),
    "lookup_result_median_ms": ("<=", 1),
    "lookup_by_picture_median_ms": ("<=", 1),
}


def image_results(start: int, count: int, sizes: tuple[int, int]) -> Iterator[ImageResult]:
    """Images of three faces, two candidates each, as the workflows hand them over."""
    rng = np.random.default_rng(start)
    facenet = rng.standard_normal((FACES_AN_IMAGE * 64, sizes[0])).astype(np.float32)
    arcface = rng.standard_normal((FACES_AN_IMAGE * 64, sizes[1])).astype(np.float32)
    for number in range(start, start + count):
        faces = []
        for index in range(FACES_AN_IMAGE):
            row = (number * FACES_AN_IMAGE + index) % len(facenet)
            person = (number * 31 + index * 7) % 5000
            candidates = (
                StoredMatch(
                    f"stashdb.org:{person:08d}-0000-4000-8000-000000000000", 0.31, 0.3, 0.3, f"P {person}"
                ),
                StoredMatch(f"stashdb.org:{person + 1:08d}-0000-4000-8000-000000000000", 0.55, 0.5, 0.6, "Q"),
            )
            box = Box(0.05 + 0.3 * index, 0.2, 0.2, 0.25)
            reason = "0.31, and nobody else is near"
            faces.append(
                DetectedFace(
                    box, 0.93, "match", reason, candidates, 0.8, facenet=facenet[row], arcface=arcface[row]
                )
            )
        picture = PictureIdentity.of([("md5", f"{number:032x}")])
        yield ImageResult(
            str(number), picture, PACK, "2026.11", faces, [str(number // 100)], width=3000, height=2000
        )


def batched(db: RecommendationsDB, start: int, images: int) -> tuple[float, float]:
    """Images a second in batches of 64, and CPU milliseconds an image; making the results is not counted."""
    spent = cpu = 0.0
    for first in range(start, start + images, 4096):
        results = list(image_results(first, min(4096, start + images - first), (128, 128)))
        begun, worked = time.perf_counter(), time.process_time()
        outcome = db.store_image_results(results)
        spent += time.perf_counter() - begun
        cpu += time.process_time() - worked
        if outcome.failed:
            raise SystemExit(outcome.failed[0])
    return images / spent, cpu / images * 1000


def singly(db: RecommendationsDB, start: int, images: int) -> float:
    results = list(image_results(start, images, (128, 128)))
    begun = time.perf_counter()
    for result in results:
        db.store_image_result(result)
    return images / (time.perf_counter() - begun)


def read_all(db: RecommendationsDB) -> tuple[int, float]:
    begun, faces = time.perf_counter(), 0
    for batch in db.read_embeddings(PACK):
        faces += len(batch.face_ids)
    return faces, time.perf_counter() - begun


def lookups(db: RecommendationsDB, images: int) -> dict[str, float]:
    """Milliseconds to read an image: its row, its named faces, its whole result, and by its picture."""
    rng = np.random.default_rng(1)
    calls: dict[str, Callable[[str], object]] = {
        "lookup": db.get_image_fingerprint,
        "lookup_faces": db.get_image_fingerprint_faces,
        "lookup_result": db.get_image_result,
        "lookup_by_picture": lambda image: db.find_image_result(
            PictureIdentity.of([("md5", f"{int(image):032x}")]), PACK, "2026.11", image
        ),
    }
    found = {}
    for name, call in calls.items():
        taken = []
        for number in rng.integers(0, images, 2000):
            begun = time.perf_counter()
            if not call(str(number)):
                raise SystemExit(f"{name} found nothing for image {number}")
            taken.append((time.perf_counter() - begun) * 1000)
        found[f"{name}_median_ms"] = float(np.median(taken))
        found[f"{name}_p99_ms"] = float(np.percentile(taken, 99))
    return found


def bytes_a_face(folder: Path, sizes: tuple[int, int]) -> float:
    """Growth of the file per face, everything counted: box, candidates, indexes, picture, embeddings."""
    path = folder / "size.db"
    with RecommendationsDB(path) as db:
        db.store_image_results(list(image_results(0, 64, sizes)))
    before = path.stat().st_size
    with RecommendationsDB(path) as db:
        db.store_image_results(list(image_results(64, 6400, sizes)))
    grown = path.stat().st_size - before
    path.unlink()
    return grown / (6400 * FACES_AN_IMAGE)


def measure(folder: Path, faces: int) -> dict[str, Any]:
    images = faces // FACES_AN_IMAGE
    figures: dict[str, Any] = {
        "bytes_a_face_default_pack": bytes_a_face(folder, (128, 128)),
        "bytes_a_face_512_pack": bytes_a_face(folder, (512, 512)),
    }
    path = folder / "bench.db"
    with RecommendationsDB(path) as db:
        figures["batched_images_per_s"], figures["batched_cpu_ms_an_image"] = batched(db, 0, images)
        figures["single_images_per_s"] = singly(db, images, 2000)
        figures.update(lookups(db, images))
        count, seconds = read_all(db)
        figures["rematch_faces"] = count
        figures["rematch_read_s_per_million"] = seconds / count * 1e6
    figures["file_bytes"] = path.stat().st_size
    return figures


def verdict(name: str, value: float) -> str:
    if name not in BARS:
        return ""
    sign, bar = BARS[name]
    met = value >= bar if sign == ">=" else value <= bar
    return f"{sign} {bar:g}  {'met' if met else 'MISSED'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the file is made (default: a temporary folder)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        figures = measure(Path(folder), given.faces)
    figures |= {
        "synchronous": "NORMAL",
        "sqlite": sqlite3.sqlite_version,
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
    }
    for name, value in figures.items():
        shown = (
            f"{value:,.3f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else value
        )
        print(f"{name:32} {shown:>16}  {verdict(name, value)}")
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
