"""A gallery of a Stash through the workflow, over HTTP: speed beside the engine alone, asking again, memory.

    python benchmarks/gallery.py [--photos 1000] [--many 5000] [--references 100000] [--rounds 2]

The photos are varied from samples/, the Stash is the tests' stand-in in a process of its own, and both share
the machine's cores with the work that is measured.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

import lab
from gallery_job import run_gallery
from stash_sense.facedb import DatabaseWriter, Person, Reference
from stash_sense.facedb.layout import Slot
from stash_sense.jobs import Silent
from stash_sense.services import recognizer
from stash_sense.store import RecommendationsDB
from stash_sense.workflows.enrol import build_from_folders
from stash_sense.workflows.library import GalleryAnswer
from stash_sense.workflows.packs import SLOTS, LoadedPack
from stash_sense.workflows.reading import read_faces
from stash_sense.workflows.recognizer import FaceRecognizer
from synthetic import Population, Scores
from varied import SAMPLES, varied_photos

HERE = Path(__file__).resolve().parent
MEASURED = {
    "arcface": Scores(0.6412, 0.1202, 0.0968, 0.0884),
    "facenet": Scores(0.9516, 0.0176, 0.83, 0.0371),
}
"""Cosines of the default pack, as search.py measured them."""
REFERENCES_A_PERSON = 4
LEAST_FACES = 0.95
"""A photo: each sample shows one person, whom a cut may spoil now and then."""


@dataclass(slots=True)
class Stash:
    """gallery_stash.py, in a process of its own."""

    process: subprocess.Popen[str]
    url: str
    gallery: str
    cpu_s: float = 0.0

    def ask(self, what: str = "counts") -> dict[str, Any]:
        """What was asked of it since the last time; cpu_s: processor seconds that it took meanwhile."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        answer["cpu_s"], self.cpu_s = answer["cpu_s"] - self.cpu_s, answer["cpu_s"]
        return answer


@contextmanager
def stand_in(folder: Path, count: int) -> Iterator[Stash]:
    """A Stash with a gallery of `count` images over the photos of `folder`."""
    command = [sys.executable, str(HERE / "gallery_stash.py"), str(folder), str(count)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    stash = Stash(process, **json.loads(process.stdout.readline()))
    try:
        stash.ask()
        yield stash
    finally:
        process.communicate()


def main() -> None:
    if "OPENBLAS_NUM_THREADS" not in os.environ:  # as the command sets it, and before NumPy is loaded
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.argv])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--many", type=int, default=5000, help="photos of the second run for memory; 0: none")
    parser.add_argument("--references", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    pack = lab.default_pack()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="stash-sense-gallery-") as name:
        folder = Path(name)
        (folder / "photos").mkdir()
        paths = varied_photos(folder / "photos", options.photos)
        place = folder / "database"
        build_from_folders([SAMPLES / "people"], place, pack, Silent())
        with stand_in(folder / "photos", options.photos) as stash:
            figures["rounds"] = [
                one_round(paths, stash, pack, folder / f"state-{turn}.db", place)
                for turn in range(options.rounds)
            ]
            figures |= ask_again(stash, pack, folder / "state-0.db", place)
            figures |= after_a_change(stash, pack, folder / "state-0.db", place, options.references)
            figures["memory"] = [memory(stash, place, folder / "memory-1.db")]
        if options.many:
            with stand_in(folder / "photos", options.many) as stash:
                figures["memory"].append(memory(stash, place, folder / "memory-2.db"))
    show(figures)
    lab.save("gallery", figures)


def one_round(paths: list[Path], stash: Stash, pack: LoadedPack, path: Path, place: Path) -> dict[str, Any]:
    """Photos a second: the engine alone, and the gallery through HTTP into a new state."""
    start, cpu = perf_counter(), process_time()
    with closing(read_faces(paths, pack.engine, min_confidence=0.5)) as read:
        faces = sum(len(photo.faces) for photo in read)
    alone, alone_cpu = perf_counter() - start, process_time() - cpu
    cpu = process_time()
    answer, seconds, asked = _identify(stash, pack, place, path)
    cpu = process_time() - cpu
    if answer.images_processed != len(paths) or answer.faces_detected != faces:
        sys.exit(f"{answer.images_processed} photos, {answer.faces_detected} faces; the engine found {faces}")
    if faces < LEAST_FACES * len(paths):
        sys.exit(f"{faces} faces in {len(paths)} photos: fewer than the samples have")
    return {
        "photos": len(paths),
        "faces": faces,
        "engine_photos_per_s": len(paths) / alone,
        "gallery_photos_per_s": len(paths) / seconds,
        "share": alone / seconds,
        "engine_cpu_ms": alone_cpu / len(paths) * 1000,
        "gallery_cpu_ms": cpu / len(paths) * 1000,
        "stand_in_cpu_ms": asked["cpu_s"] / len(paths) * 1000,
        "seconds": seconds,
    }


def ask_again(stash: Stash, pack: LoadedPack, path: Path, place: Path) -> dict[str, Any]:
    """The same gallery once more, and once more after somebody was tagged on every image."""
    figures = {}
    for what in ("again", "tagged"):
        if what == "tagged":
            stash.ask("tag")
        _, seconds, asked = _identify(stash, pack, place, path)
        figures[what] = {
            "seconds": seconds,
            "outside_stand_in_s": seconds - asked["cpu_s"],
            "originals": asked["originals"],
        }
    return figures


def after_a_change(
    stash: Stash, pack: LoadedPack, path: Path, place: Path, references: int
) -> dict[str, Any]:
    """The same gallery with a larger face database, in which everybody is matched anew."""
    with recognizer(pack, place) as before:
        enlarge(before, pack, place, references)
    answer, seconds, asked = _identify(stash, pack, place, path)
    outside = seconds - asked["cpu_s"]
    return {
        "changed": {
            "references": references,
            "seconds": seconds,
            "outside_stand_in_s": outside,
            "originals": asked["originals"],
            "faces_per_s": answer.faces_detected / outside,
        }
    }


def memory(stash: Stash, place: Path, path: Path) -> dict[str, Any]:
    """The peak of a process that does nothing else."""
    command = [sys.executable, str(HERE / "gallery_job.py"), stash.url, stash.gallery, str(place), str(path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def enlarge(before: FaceRecognizer, pack: LoadedPack, place: Path, references: int) -> None:
    """The same people with strangers added, as a new version of the database."""
    people = -(-references // REFERENCES_A_PERSON)
    rng = np.random.default_rng(0)
    population = {slot: Population(MEASURED[slot], pack.dimensions[slot], people, rng) for slot in SLOTS}
    slots = [Slot(name=slot, dimension=pack.dimensions[slot]) for slot in SLOTS]
    database = before.database
    with DatabaseWriter(place, pack=pack.id, pack_fingerprint=pack.fingerprint, slots=slots) as writer:
        for index in range(database.people):
            rows = database.rows(index)
            vectors = np.concatenate([database.vectors(rows)[slot] for slot in SLOTS], axis=1)
            writer.add_person(database.person(index), [database.reference(row) for row in rows], vectors)
        for first in range(0, people, 1000):
            ids = np.repeat(np.arange(first, min(first + 1000, people)), REFERENCES_A_PERSON)
            vectors = np.concatenate([population[slot].faces(ids) for slot in SLOTS], axis=1)
            for start in range(0, len(ids), REFERENCES_A_PERSON):
                person = int(ids[start])
                faces = [
                    Reference(f"{person}/{k}.jpg", (0.0, 0.0, 9.0, 9.0), 1.0)
                    for k in range(REFERENCES_A_PERSON)
                ]
                own = vectors[start : start + REFERENCES_A_PERSON]
                writer.add_person(Person(f"synthetic:{person}", f"Person {person}"), faces, own)
        writer.commit(["synthetic"])


def _identify(
    stash: Stash, pack: LoadedPack, place: Path, path: Path
) -> tuple[GalleryAnswer, float, dict[str, Any]]:
    stash.ask()
    with recognizer(pack, place) as ready, RecommendationsDB(path) as state:
        answer, seconds = run_gallery(stash.url, stash.gallery, ready, state)
    return answer, seconds, stash.ask()


def show(figures: dict[str, Any]) -> None:
    """The tables."""
    rounds = figures["rounds"]
    head = ["round", "photos", "faces", "engine alone/s", "gallery/s", "share", "CPU ms a photo", "", ""]
    names = ("photos", "faces", "engine_photos_per_s", "gallery_photos_per_s", "share")
    spent = ("engine_cpu_ms", "gallery_cpu_ms", "stand_in_cpu_ms")
    rows = [[i, *(one[n] for n in (*names, *spent))] for i, one in enumerate(rounds)]
    lab.table("A gallery over HTTP (CPU: engine alone, gallery, stand-in)", head, rows)
    first = rounds[0]["seconds"]
    faster = {name: first / figures[name]["outside_stand_in_s"] for name in ("again", "tagged")}
    originals = sum(figures[name]["originals"] for name in ("again", "tagged", "changed"))
    peaks = [one["peak_mb"] for one in figures["memory"]]
    rows = [
        lab.bar("share of the engine's speed, best round", max(one["share"] for one in rounds), 0.85),
        lab.bar("asked again: times faster", faster["again"], 100),
        lab.bar("asked again after tagging: times faster", faster["tagged"], 100),
        lab.bar("originals fetched again", originals, 0, least=False),
        lab.bar(
            f"faces a second anew at {figures['changed']['references']:,} references",
            figures["changed"]["faces_per_s"],
            1000,
        ),
        *(
            lab.bar(f"peak MB with {one['photos']:,} photos", one["peak_mb"], 1200, least=False)
            for one in figures["memory"]
        ),
        lab.bar("peak MB, last beyond first", peaks[-1] - peaks[0], 100, least=False),
    ]
    lab.table("Bars", ["what", "figure", "wanted", "reached"], rows)


if __name__ == "__main__":
    main()
