"""The bar of matching again: stored faces against a newer face database, without images.

    python benchmarks/rematch.py [--faces 1000000] [--references 100000] [--folder FOLDER]

Prints faces a second, the minutes that a million takes on two cores by processor time, and how memory grew
from a tenth of the way to the end. Synthetic embeddings, three faces an image, two references a person.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from lab import peak_megabytes
from stash_sense.domain.faces import Box
from stash_sense.domain.identity import Person, PictureIdentity
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import Reference, Slot
from stash_sense.facedb.writer import DatabaseWriter
from stash_sense.jobs.workers import WorkPool
from stash_sense.matching.calibration import Calibration, Curve, Scorer, SlotCalibration
from stash_sense.recognition.parameters import Tools, pack_key
from stash_sense.recognition.recognizer import FaceRecognizer, LoadedPack
from stash_sense.recognition.rematching import rematch_stored
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.faces import DetectedFace
from stash_sense.store.repositories.results import ImageResult

SLOTS = ("arcface", "facenet")
DIMENSION, FACES_AN_IMAGE, REFERENCES_A_PERSON = 128, 3, 2
BAR_MINUTES = 10.0
MILLION = 1_000_000


def unit(rng: np.random.Generator, count: int) -> Any:
    vectors = rng.standard_normal((count, DIMENSION), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def pack() -> LoadedPack:
    curve = Curve(scores=(-1.0, 0.3, 1.0), distances=(2.0, 0.6, 0.0))
    slot = SlotCalibration(mean=0.0, sd=1.0, weight=0.5, curve=curve)
    calibration = Calibration(
        slots=dict.fromkeys(SLOTS, slot), curve=curve, gallery_slack=0.2, made_on="synthetic"
    )
    scorer = Scorer(calibration, SLOTS)
    return LoadedPack("synthetic", "f" * 64, None, dict.fromkeys(SLOTS, DIMENSION), scorer, True)  # type: ignore[arg-type]


def build(place: Path, references: int) -> FaceDatabase:
    rng = np.random.default_rng(1)
    slots = [Slot(name=slot, dimension=DIMENSION) for slot in SLOTS]
    with DatabaseWriter(place, pack="synthetic", pack_fingerprint="f" * 64, slots=slots) as writer:
        for number in range(references // REFERENCES_A_PERSON):
            vectors = np.hstack([unit(rng, REFERENCES_A_PERSON) for _ in slots])
            faces = [Reference(f"/p/{number}/{i}.jpg", (0, 0, 1, 1), 0.9) for i in range(len(vectors))]
            writer.add_person(Person(f"person {number}", f"Person {number}"), faces, vectors)
        writer.commit(["/p"])
    return FaceDatabase.open(place)


def fill(state: RecommendationsDB, faces: int, database: FaceDatabase, key: str) -> None:
    """Every third face is near somebody's reference."""
    rng = np.random.default_rng(2)
    for start in range(0, faces // FACES_AN_IMAGE, 2048):
        results = []
        for image in range(start, min(start + 2048, faces // FACES_AN_IMAGE)):
            facenet, arcface = unit(rng, FACES_AN_IMAGE), unit(rng, FACES_AN_IMAGE)
            row = database.vectors(np.array([image % database.manifest.faces]))
            facenet[0], arcface[0] = row["facenet"][0], row["arcface"][0]
            detected = [
                DetectedFace(
                    Box(0.3 * i, 0.2, 0.2, 0.2), 0.9, "unknown", facenet=facenet[i], arcface=arcface[i]
                )
                for i in range(FACES_AN_IMAGE)
            ]
            picture = PictureIdentity.of([("md5", f"{image:032x}")])
            results.append(
                ImageResult(str(image), picture, key, "old", detected, width=3000, height=2000, settings={})
            )
        if state.store_image_results(results).failed:
            raise SystemExit("not stored")


async def rematch(database: FaceDatabase, state: RecommendationsDB, faces: int) -> None:
    pool = WorkPool(2, 4)
    marks: list[float] = []
    done = 0

    def is_current() -> bool:
        nonlocal done
        done += 512
        if done >= faces // 10 and len(marks) == 0:
            marks.append(peak_megabytes())
        return True

    async def in_state(work: Any) -> Any:
        return await asyncio.to_thread(work, state)

    tools = Tools(None, state, pool)  # type: ignore[arg-type]  # there is no scene
    began, worked = time.perf_counter(), time.process_time()
    await rematch_stored(FaceRecognizer(pack(), database), tools, in_state, is_current)
    wall, cpu = time.perf_counter() - began, time.process_time() - worked
    pool.close(60)
    minutes = cpu / 2 / faces * MILLION / 60
    grown = peak_megabytes() - (marks[0] if marks else 0)
    named = len(state.list_newly_named(limit=200).items)
    print(f"{faces:,} stored faces, {database.manifest.faces:,} references: {faces / wall:,.0f} a second")
    print(f"{cpu / faces * 1e6:.0f} us of processor time a face; a million on two cores, by processor time:")
    print(f"{minutes:.1f} min (bar {BAR_MINUTES:g}); by the clock {wall / faces * MILLION / 60:.1f} min")
    print(f"peak memory grew by {grown:.0f} MB after the first tenth")
    print(f"newly named, first page: {named}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=int, default=MILLION)
    parser.add_argument("--references", type=int, default=100_000)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(dir=given.folder) as folder,
        build(Path(folder) / "database", given.references) as database,
        RecommendationsDB(Path(folder) / "state.db") as state,
    ):
        fill(state, given.faces, database, pack_key(pack()))
        asyncio.run(rematch(database, state, given.faces))


if __name__ == "__main__":
    main()
