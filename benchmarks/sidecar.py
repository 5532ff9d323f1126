"""The sidecar as it is used: `stash-sense serve` in its own process, a Stash in another, all asked over HTTP.

    python benchmarks/sidecar.py [PART...] [--photos 1000] [--many 5000] [--references 100000] [--rounds 3]

speed      a gallery beside the engine alone on the same files, in turn
meanwhile  /health and /identify/image while a gallery runs
again      the gallery once more: unchanged, after a tag on every image, with a larger face database
memory     the most memory that a gallery takes, at two sizes
start      from the start of the process to its first answer, with a large face database

The photos are varied from samples/, the Stash is the tests' stand-in, and all share the machine's cores.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import lab
from callers import Callers, quantiles_ms
from serving import Asked, Serving, ask_gallery, serving
from stand_in import Stash, stand_in
from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment.folder import build_from_folders
from stash_sense.recognition.analysis import analyze_photos
from stash_sense.recognition.recognizer import LoadedPack
from stash_sense.runtime.from_settings import database_dir, open_pack
from stash_sense.settings import Settings
from strangers import add_strangers
from varied import SAMPLES, varied_photos

OTHERS = 60
"""Images in no gallery."""
STARTS = 5
LEAST_FACES = 0.95
"""A photo: each sample shows one person, whom a cut may spoil now and then."""
_TAKEN_INTO_USE_S = 60.0


@dataclass(frozen=True, slots=True)
class Bench:
    """What all parts work with. photos: the gallery's files; place: the face database."""

    options: argparse.Namespace
    pack: LoadedPack
    data_dir: Path
    place: Path
    photos: list[Path]
    others: list[Path]

    @contextmanager
    def stash(self, count: int) -> Iterator[Stash]:
        """A Stash with a gallery of `count` images."""
        with stand_in(self.photos[0].parent, count, self.others[0].parent) as stash:
            yield stash

    @contextmanager
    def sidecar(self, stash: Stash) -> Iterator[Serving]:
        """A sidecar that knows nothing yet."""
        with serving(self.data_dir, stash.url, self.others[0]) as running:
            yield running


def main() -> None:
    if "OPENBLAS_NUM_THREADS" not in os.environ:  # as the command sets it, and before NumPy is loaded
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.argv])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help="all of them where none is named")
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--many", type=int, default=5000, help="photos of the second gallery for memory")
    parser.add_argument("--references", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    parts = {"speed": speed, "meanwhile": meanwhile, "again": again, "memory": memory, "start": start}
    if unknown := set(options.parts) - set(parts):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="stash-sense-sidecar-") as name:
        bench = prepared(Path(name), options)
        for part in options.parts or parts:
            bars, figures = parts[part](bench)
            lab.table(f"Bars: {part}", ["what", "figure", "wanted", "reached"], bars)
            lab.save(f"sidecar-{part}", figures)


def prepared(folder: Path, options: argparse.Namespace) -> Bench:
    """Photos, networks and a small face database."""
    for name in ("photos", "others", "data"):
        (folder / name).mkdir()
    settings = Settings(data_dir=folder / "data")
    pack, place = open_pack(settings), database_dir(settings)
    build_from_folders([SAMPLES / "people"], place, pack, NoProgress())
    photos = varied_photos(folder / "photos", options.photos)
    others = varied_photos(folder / "others", OTHERS, seed=1)
    return Bench(options, pack, settings.data_dir, place, photos, others)


def speed(bench: Bench) -> tuple[list[list[object]], dict[str, Any]]:
    """Photos a second, in turn: the engine alone, and the gallery by a sidecar that knows nothing."""
    rounds = []
    with bench.stash(len(bench.photos)) as stash:
        for _ in range(bench.options.rounds):
            began = perf_counter()
            with closing(analyze_photos(bench.photos, bench.pack.engine, min_confidence=0.5)) as read:
                faces = sum(len(photo.faces) for photo in read)
            alone = perf_counter() - began
            with bench.sidecar(stash) as sidecar:
                cpu = sidecar.cpu_s()
                asked = first_time(bench, sidecar, stash)
                cpu = sidecar.cpu_s() - cpu
            if asked.answer["faces_detected"] != faces:
                sys.exit(f"{asked.answer['faces_detected']} faces; the engine alone found {faces}")
            count = len(bench.photos)
            rounds.append(
                {
                    "photos": count,
                    "faces": faces,
                    "engine_photos_per_s": count / alone,
                    "gallery_photos_per_s": count / asked.seconds,
                    "share": alone / asked.seconds,
                    "sidecar_cpu_ms": cpu / count * 1000,
                    "stand_in_cpu_ms": asked.stash_cpu_s / count * 1000,
                }
            )
    head = [
        "round",
        "photos",
        "faces",
        "engine alone/s",
        "gallery/s",
        "share",
        "sidecar CPU ms",
        "Stash CPU ms",
    ]
    lab.table("A gallery over HTTP", head, [[i, *one.values()] for i, one in enumerate(rounds)])
    share = sorted(one["share"] for one in rounds)[len(rounds) // 2]
    return [lab.bar("share of the engine's speed, middle round", share, 0.85)], {"rounds": rounds}


def meanwhile(bench: Bench) -> tuple[list[list[object]], dict[str, Any]]:
    """How long others wait for their answers while the gallery runs."""
    with bench.stash(len(bench.photos)) as stash, bench.sidecar(stash) as sidecar:
        callers = Callers(stash.others)
        asked = ask_gallery(sidecar, stash, callers.ask)
    figures: dict[str, Any] = {"health": quantiles_ms(callers.health), "image": quantiles_ms(callers.image)}
    rows = [[name, *one.values()] for name, one in figures.items()]
    lab.table("While a gallery runs, ms", ["asked", "times", "p50", "p95", "p99", "slowest"], rows)
    figures["gallery_photos_per_s"] = len(bench.photos) / asked.seconds
    bars = [
        lab.bar("/health p99, ms", figures["health"]["p99"], 50, least=False),
        lab.bar("/identify/image p95, ms", figures["image"]["p95"], 2000, least=False),
    ]
    return bars, figures


def again(bench: Bench) -> tuple[list[list[object]], dict[str, Any]]:
    """A known gallery: nothing is fetched, whatever was tagged or enrolled since."""
    found = {}
    with bench.stash(len(bench.photos)) as stash, bench.sidecar(stash) as sidecar:
        found["first"] = first_time(bench, sidecar, stash)
        found["again"] = ask_gallery(sidecar, stash)
        stash.ask("tag")
        found["tagged"] = ask_gallery(sidecar, stash)
        with more_references(bench):
            take_into_use(sidecar, bench.options.references)
            found["changed"] = ask_gallery(sidecar, stash)
    figures: dict[str, Any] = {
        name: {"seconds": one.seconds, "outside_stand_in_s": one.outside_s, "originals": one.originals}
        for name, one in found.items()
    }
    rows = [[name, *one.values()] for name, one in figures.items()]
    lab.table("Asked again", ["when", "seconds", "outside the stand-in", "originals"], rows)
    first, changed = found["first"].outside_s, found["changed"]
    bars = [
        *(
            lab.bar(f"{name}: times less outside the stand-in", first / found[name].outside_s, 100)
            for name in ("again", "tagged")
        ),
        *(
            lab.bar(f"{name}: originals fetched", found[name].originals, 0, least=False)
            for name in ("again", "tagged", "changed")
        ),
        lab.bar(
            f"faces a second at {bench.options.references:,} references",
            changed.answer["faces_detected"] / changed.outside_s,
            1000,
        ),
    ]
    return bars, figures


def memory(bench: Bench) -> tuple[list[list[object]], dict[str, Any]]:
    """The peak of a sidecar that did nothing else."""
    peaks = {}
    for count in (len(bench.photos), bench.options.many):
        with bench.stash(count) as stash, bench.sidecar(stash) as sidecar:
            asked = ask_gallery(sidecar, stash)
            if asked.answer["images_processed"] != count:
                sys.exit(f"{asked.answer['images_processed']} of {count:,} photos were looked at")
            peaks[count] = sidecar.peak_megabytes()
    few, many = peaks.values()
    bars = [
        *(lab.bar(f"peak MB, {count:,} photos", peak, 1200, least=False) for count, peak in peaks.items()),
        lab.bar("peak MB, the second beyond the first", many - few, 100, least=False),
    ]
    return bars, {"peak_megabytes": peaks}


def start(bench: Bench) -> tuple[list[list[object]], dict[str, Any]]:
    """Seconds from the start of the process; the first start warms the disk and is not counted."""
    seconds = []
    with bench.stash(1) as stash, more_references(bench):
        for _ in range(STARTS + 1):
            with bench.sidecar(stash) as sidecar:
                take_into_use(sidecar, bench.options.references)
                seconds.append(sidecar.first_answer_s)
    seconds = seconds[1:]
    rows = [[min(seconds), sorted(seconds)[len(seconds) // 2], max(seconds)]]
    lab.table("Start to first answer, s", ["quickest", "middle", "slowest"], rows)
    return [lab.bar("start to first answer, slowest, s", max(seconds), 3, least=False)], {"seconds": seconds}


def first_time(bench: Bench, sidecar: Serving, stash: Stash) -> Asked:
    """The gallery by a sidecar that knows nothing of it; all of it must be looked at."""
    asked = ask_gallery(sidecar, stash)
    count, answer = len(bench.photos), asked.answer
    if answer["images_processed"] != count or asked.originals != count:
        sys.exit(f"{answer['images_processed']} of {count:,} photos, {asked.originals:,} originals fetched")
    if answer["faces_detected"] < LEAST_FACES * count:
        sys.exit(f"{answer['faces_detected']} faces in {count:,} photos: fewer than the samples have")
    return asked


@contextmanager
def more_references(bench: Bench) -> Iterator[None]:
    """A larger face database, until the end of the block."""
    add_strangers(bench.place, bench.pack, bench.options.references)
    yield
    add_strangers(bench.place, bench.pack, 0)


def take_into_use(sidecar: Serving, references: int) -> None:
    """Wait until the sidecar uses the larger face database."""
    end = perf_counter() + _TAKEN_INTO_USE_S
    while sidecar.references() < references:
        if perf_counter() > end:
            sys.exit("the sidecar did not take the larger face database into use")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
