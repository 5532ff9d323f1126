"""Search in a database as large as the public one: time, exactness, memory.

    python benchmarks/search.py [--faces 366794] [--people 108001] [--probes 2000] [--batch 16]

The faces are synthetic, their scores matched to those measured on dev/enrol.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lab
from quiet import time_quietly
from stash_sense.domain.identity import Person
from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment.calibrate import embed_labelled
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import Reference, Slot
from stash_sense.facedb.writer import DatabaseWriter
from stash_sense.faces.engine import SLOTS
from stash_sense.recognition.recognizer import LoadedPack
from synthetic import Population, Scores, measured

HERE = Path(__file__).resolve().parent
SOURCE = "source.f32"
"""The vectors as they were given to the writer, next to the database: it may keep them in fewer bits."""


def main() -> None:
    parser = lab.parser(__doc__)
    parser.add_argument("--faces", type=int, default=366_794)
    parser.add_argument("--people", type=int, default=108_001)
    parser.add_argument("--probes", type=int, default=2_000)
    parser.add_argument("--batch", type=int, default=16)
    options = parser.parse_args()
    data = lab.face_data(options.data)
    pack = lab.default_pack()
    real = _measure(data, pack)
    rng = np.random.default_rng(0)
    populations = {
        slot: Population(scores, pack.dimensions[slot], options.people, rng) for slot, scores in real.items()
    }
    with tempfile.TemporaryDirectory(prefix="stash-sense-search-") as folder:
        place = Path(folder) / "database"
        owners = _write(place, pack, populations, options.faces, options.people, rng)
        probes, people = _probes(populations, options.probes, options.people, rng)
        made = _check(place, probes, people, owners)
        _print_scores(real, made)
        queries = pack.scorer.queries(probes)
        figures, found = _search(place, queries, Path(folder), options.batch)
        wanted = _brute_force(Path(folder) / SOURCE, queries, owners)
    same = float((found == wanted).mean())
    figures |= {
        "faces": options.faces,
        "people": options.people,
        "probes": options.probes,
        "batch": options.batch,
        "same_best_person": same,
        "genuine_found": float((found == people)[people >= 0].mean()),
        "scores_measured": {slot: scores.rounded() for slot, scores in real.items()},
        "scores_synthetic": {slot: scores.rounded() for slot, scores in made.items()},
    }
    _print_figures(figures)
    lab.save("search", figures)


def _measure(data: lab.FaceData, pack: LoadedPack) -> dict[str, Scores]:
    faces = embed_labelled(data.enrol, pack, NoProgress())
    owners = np.unique(faces.owners, return_inverse=True)[1]
    return {slot: measured(faces.probes[slot], faces.references[slot], owners) for slot in SLOTS}


def _write(
    place: Path,
    pack: LoadedPack,
    populations: Mapping[str, Population],
    faces: int,
    people: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Write the database through its own writer; returns each face's person."""
    counts = 1 + np.bincount(rng.integers(0, people, faces - people), minlength=people)
    owners = np.repeat(np.arange(people), counts)
    slots = [Slot(name=slot, dimension=pack.dimensions[slot]) for slot in SLOTS]
    writing = DatabaseWriter(place, pack=pack.id, pack_fingerprint=pack.fingerprint, slots=slots)
    with writing as writer, (place.parent / SOURCE).open("wb") as source:
        step = 4_000
        for first in range(0, people, step):
            ids = np.arange(first, min(first + step, people))
            rows = np.repeat(ids, counts[ids])
            vectors = np.concatenate([populations[slot].faces(rows) for slot in SLOTS], axis=1)
            source.write(vectors.astype("<f4").tobytes())
            edges = np.concatenate([[0], np.cumsum(counts[ids])])
            for i, person in enumerate(ids.tolist()):
                own = vectors[edges[i] : edges[i + 1]]
                references = [
                    Reference(f"{person}/{k}.jpg", (0.0, 0.0, 100.0, 100.0), 1.0) for k in range(len(own))
                ]
                writer.add_person(Person(f"synthetic:{person}", f"Person {person}"), references, own)
        writer.commit(["synthetic"])
    return owners


def _probes(
    populations: Mapping[str, Population], count: int, people: int, rng: np.random.Generator
) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.int64]]:
    """Half genuine, half strangers, shuffled; and whose each is, -1 for strangers."""
    genuine = rng.choice(people, count // 2, replace=False)
    owners = np.concatenate([genuine, np.full(count - len(genuine), -1)])
    order = rng.permutation(count)
    faces = {
        slot: np.concatenate([population.faces(genuine), population.strangers(count - len(genuine))])[order]
        for slot, population in populations.items()
    }
    return faces, owners[order]


def _check(
    place: Path,
    probes: Mapping[str, NDArray[np.float32]],
    people: NDArray[np.int64],
    owners: NDArray[np.int64],
) -> dict[str, Scores]:
    """What the synthetic faces score: every genuine probe with its own references, all with 2,000 others."""
    made: dict[str, Scores] = {}
    some = np.sort(np.random.default_rng(1).choice(len(owners), 2_000, replace=False))
    genuine = np.nonzero(people >= 0)[0]
    with FaceDatabase.open(place) as database:
        others = database.vectors(some)
        own = [database.vectors(database.rows(int(people[i]))) for i in genuine]
    for slot in SLOTS:
        pairs = [references[slot] @ probes[slot][i] for i, references in zip(genuine, own, strict=True)]
        same = np.concatenate(pairs)
        different = (probes[slot] @ others[slot].T)[people[:, None] != owners[some][None, :]]
        values = same.mean(), same.std(), different.mean(), different.std()
        made[slot] = Scores(*(float(value) for value in values))
    return made


def _search(
    place: Path, queries: NDArray[np.float32], folder: Path, batch: int
) -> tuple[dict[str, Any], NDArray[np.int64]]:
    np.save(folder / "probes.npy", queries)
    paths = [str(folder / name) for name in ("probes.npy", "answers.npy")]
    command = [sys.executable, str(HERE / "searcher.py"), str(place), *paths, str(batch)]
    runs: list[dict[str, Any]] = []

    def run() -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        runs.append(json.loads(done.stdout))

    timing = time_quietly(run)
    best = min(runs, key=lambda one: one["ms_a_probe"])
    return {**best, "disturbed": timing.disturbed}, np.load(folder / "answers.npy")


def _brute_force(source: Path, queries: NDArray[np.float32], owners: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each query's best person by one plain product with all rows, without any of our search."""
    vectors = np.fromfile(source, "<f4").reshape(len(owners), -1)
    people = []
    for first in range(0, len(queries), 50):
        products = queries[first : first + 50] @ vectors.T
        rows = products.argmax(axis=1)
        people.append(owners[rows])
    return np.concatenate(people)


def _print_scores(real: Mapping[str, Scores], made: Mapping[str, Scores]) -> None:
    rows = [
        [f"{slot}, {what}", *scores[slot].rounded().values()]
        for slot in SLOTS
        for what, scores in (("measured", real), ("synthetic", made))
    ]
    lab.table(
        "Cosines that the synthetic faces are matched to",
        ["slot", "same person", "sd", "different people", "sd"],
        rows,
    )


def _print_figures(figures: Mapping[str, Any]) -> None:
    lab.table(
        f"Search: {figures['faces']:,} faces, {figures['people']:,} people, {figures['probes']:,} probes",
        ["what", "figure"],
        [
            ["ms a probe, slowest tenth", round(figures["ms_a_probe_slowest_tenth"], 2)],
            ["ms a probe, first batch", round(figures["ms_first_batch"], 2)],
            ["MB resident before opening", round(figures["before_mb"])],
            ["MB of mapped files", round(figures["mapped_mb"])],
            ["genuine probes whose person is found", round(figures["genuine_found"], 4)],
            ["time taken by other processes", f"{figures['disturbed']:.1%}"],
        ],
    )
    rows = [
        lab.bar(f"ms a probe at batch {figures['batch']}", figures["ms_a_probe"], 5, least=False),
        lab.bar("same best person as brute force", figures["same_best_person"], 1),
        lab.bar("resident MB, mapped pages counted, peak", figures["peak_mb"], 500, least=False),
        lab.bar("open, s", figures["open_s"], 1, least=False),
    ]
    lab.table("Bars", ["what", "figure", "wanted", "reached"], rows)


if __name__ == "__main__":
    main()
