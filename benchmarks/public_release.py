"""A public face database, made, imported and searched: time, memory, size, exactness.

    python benchmarks/public_release.py [--faces 366794] [--people 108001] [--probes 2000]

The release is synthetic, of Voyager's kind, with 512 numbers a slot. Its scores are those that `search.py`
measures for the default pack; the directions that faces have are turned at random, so that no number of a
vector is empty. Half of the probes show people of the release, half strangers, whose best person is the one
that rounding changes first.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lab
from stash_sense.enrolment.public_index import open_index
from stash_sense.facedb.database import FaceDatabase
from stash_sense.matching.calibration import Scorer, uncalibrated
from synthetic import Population, Scores

sys.path.insert(0, str(lab.REPOSITORY / "tests"))
releases = import_module("fakes.releases")

PACK = "stash-sense-community"
DIMENSION = 512
SCORES = {"arcface": Scores(0.55, 0.15, 0.082, 0.088), "facenet": Scores(0.925, 0.03, 0.834, 0.035)}
SLOTS = tuple(SCORES)
BLOCK = 8192

IMPORT = """
import resource, sys
from stash_sense.__main__ import main
try:
    main.main(sys.argv[1:], standalone_mode=False)
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    status = open("/proc/self/status").read()
    peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    print(int(peak) / 1024, used.ru_utime + used.ru_stime, file=sys.stderr)
"""


class Turned:
    """A population whose directions are turned at random."""

    def __init__(self, scores: Scores, people: int, rng: np.random.Generator) -> None:
        self._population = Population(scores, DIMENSION, people, rng)
        self._turn = np.linalg.qr(rng.standard_normal((DIMENSION, DIMENSION)))[0].astype(np.float32)

    def faces(self, people: NDArray[np.int64]) -> NDArray[np.float32]:
        """One face for each index of a person."""
        return self._population.faces(people) @ self._turn

    def strangers(self, count: int) -> NDArray[np.float32]:
        """Faces of people who are not in the release."""
        return self._population.strangers(count) @ self._turn


def main() -> None:
    parser = lab.parser(__doc__)
    parser.add_argument("--faces", type=int, default=366_794)
    parser.add_argument("--people", type=int, default=108_001)
    parser.add_argument("--probes", type=int, default=2_000)
    parser.add_argument("--folder", type=Path, help="make the release here and keep it")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory(prefix="stash-sense-public-") as temporary:
        folder = Path(temporary)
        release, owners, probes = _made(options, folder, rng)
        figures = _import(release, folder / "data")
        place = folder / "data" / "database"
        scorer = Scorer(uncalibrated(SLOTS), SLOTS)
        queries = scorer.queries(probes)
        best = _brute_force(release, queries, owners)
        for batch in (16, 1):
            few = queries if batch > 1 else queries[:200]
            found, searched = _search(place, few, folder, batch)
            same = found == best[: len(found)]
            figures[f"batch_{batch}"] = searched
            if batch > 1:
                figures |= _agreement(same, len(queries))
        with FaceDatabase.open(place) as database:
            sizes = {
                name: size for name, size in database.manifest.sizes.items() if name.startswith("vectors.")
            }
        figures |= {
            "faces": options.faces,
            "people": options.people,
            "vectors_mb": sum(sizes.values()) / 1e6,
            "float32_mb": 4e-6 * options.faces * DIMENSION * len(SLOTS),
        }
    _print(figures)
    lab.save("public_release", figures)


def _made(
    options: Any, folder: Path, rng: np.random.Generator
) -> tuple[Path, NDArray[np.int64], dict[str, NDArray[np.float32]]]:
    """The release, whose each face is, and the probes, the first half of them of enrolled people."""
    counts = 1 + np.bincount(
        rng.integers(0, options.people, options.faces - options.people), minlength=options.people
    )
    # As in a real release: a person's faces are not all in a row.
    owners = rng.permutation(np.repeat(np.arange(options.people), counts))
    release = options.folder or folder / "release"
    release.mkdir()
    ids = [f"stashdb.org:00000000-0000-4000-8000-{person:012x}" for person in range(options.people)]
    names = {
        id_: {"name": f"Person {i}", "country": "GB", "image_url": f"https://example.org/{i}.jpg"}
        for i, id_ in enumerate(ids)
    }
    (release / "performers.json").write_text(json.dumps(names))
    (release / "faces.json").write_text(json.dumps([ids[owner] for owner in owners.tolist()]))
    probes = {}
    genuine = rng.choice(options.people, options.probes // 2, replace=False)
    for slot in SLOTS:
        population = Turned(SCORES[slot], options.people, rng)
        blocks = (population.faces(owners[row : row + BLOCK]) for row in range(0, len(owners), BLOCK))
        releases.write_voyager(release / releases.SLOTS[slot], blocks, len(owners), DIMENSION)
        strangers = population.strangers(options.probes - len(genuine))
        probes[slot] = np.concatenate([population.faces(genuine), strangers])
    releases.write_manifest(release, version="2026.02.18")
    return release, owners, probes


def _import(release: Path, data_dir: Path) -> dict[str, Any]:
    environment = os.environ | {"STASH_SENSE_PACK": PACK}
    command = [
        sys.executable,
        "-c",
        IMPORT,
        "--data-dir",
        str(data_dir),
        "database",
        "import",
        str(release),
        "--json",
    ]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    peak, used = done.stderr.split()[-2:]
    return {
        "import_s": time.perf_counter() - start,
        "import_cpu_s": float(used),
        "import_peak_mb": float(peak),
        "report": {name: value for name, value in json.loads(done.stdout).items() if name != "conflicts"},
    }


def _search(
    place: Path, queries: NDArray[np.float32], folder: Path, batch: int
) -> tuple[NDArray[np.int64], dict[str, float]]:
    np.save(folder / "probes.npy", queries)
    searcher = str(Path(__file__).with_name("searcher.py"))
    command = [
        sys.executable,
        searcher,
        str(place),
        *(str(folder / n) for n in ("probes.npy", "a.npy")),
        str(batch),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    indices = np.load(folder / "a.npy")
    with FaceDatabase.open(place) as database:
        people = [int(database.person(index).key[-12:], 16) for index in indices.tolist()]
    return np.array(people), json.loads(done.stdout)


def _brute_force(release: Path, queries: NDArray[np.float32], owners: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each query's best person by a product in single precision with every vector of the release."""
    best = np.full(len(queries), -np.inf, np.float32)
    who = np.full(len(queries), -1)
    with (
        open_index(release / releases.SLOTS["arcface"]) as left,
        open_index(release / releases.SLOTS["facenet"]) as right,
    ):
        for row in range(0, len(owners), BLOCK):
            places = np.arange(row, min(row + BLOCK, len(owners)))
            parts = [index.read(places) for index in (left, right)]
            unit = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in parts]
            scores = queries @ np.concatenate(unit, axis=1).T
            top = scores.argmax(axis=1)
            score = scores[np.arange(len(queries)), top]
            who = np.where(score > best, owners[row + top], who)
            best = np.maximum(best, score)
            left.give_back()
            right.give_back()
    return who


def _agreement(same: NDArray[np.bool_], count: int) -> dict[str, float]:
    half = count // 2
    return {
        "same_best_person": float(same.mean()),
        "same_of_genuine": float(same[:half].mean()),
        "same_of_strangers": float(same[half:].mean()),
    }


def _print(figures: Mapping[str, Any]) -> None:
    many, single = figures["batch_16"], figures["batch_1"]
    rows = [
        ["s of processor time to import", round(figures["import_cpu_s"], 1)],
        ["MB of vectors in single precision", round(figures["float32_mb"])],
        ["ms a probe, one at a time", round(single["ms_a_probe"], 1)],
        ["ms a probe at batch 16, of processor time", round(many["cpu_ms_a_probe"], 2)],
        ["MB resident before opening", round(many["before_mb"])],
        ["same best person, enrolled people", round(figures["same_of_genuine"], 4)],
        ["same best person, strangers", round(figures["same_of_strangers"], 4)],
    ]
    size = f"{figures['faces']:,} faces, {figures['people']:,} people, {DIMENSION} numbers a slot"
    title = f"A public release: {size}"
    lab.table(title, ["what", "figure"], rows)
    bars = [
        lab.bar("s to import", figures["import_s"], 600, least=False),
        lab.bar("MB at most while importing", figures["import_peak_mb"], 1500, least=False),
        lab.bar("MB of vectors", figures["vectors_mb"], 500, least=False),
        lab.bar("ms a probe at batch 16", many["ms_a_probe"], 10, least=False),
        lab.bar("same best person as brute force in single precision", figures["same_best_person"], 0.999),
        lab.bar("MB resident, mapped pages counted, peak", many["peak_mb"], 600, least=False),
        lab.bar("s to open", many["open_s"], 2, least=False),
    ]
    lab.table("Bars", ["what", "figure", "wanted", "reached"], bars)


if __name__ == "__main__":
    main()
