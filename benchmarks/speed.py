"""Photos a second: a straight loop, the bare inference of our passes, and ours end to end, in one go.

    python benchmarks/speed.py [--rounds 5] [--skip-growth]

Round by round the three take turns, so that whatever else the machine does falls on all alike.
"""

import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lab
from quiet import Timing, time_quietly
from score import add_scorer, find_scorer, photo_score
from stash_sense.domain.progress import NoProgress
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition.folder import identify_folders
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.runtime.from_settings import recognizer

HERE = Path(__file__).resolve().parent
WAYS = ("straight loop, one core", "bare inference, two cores", "ours, end to end")
LOOP, BARE, OURS = WAYS
GROWTH = (100, 500, 1000, 5000)
Named = dict[str, dict[str, list[str]]]


class Apart:
    """A script of this folder as a process of its own, asked line by line."""

    def __init__(self, script: str, place: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / script), str(place)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def ask(self, question: object) -> str:
        """The line that answers a line of JSON."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def close(self) -> None:
        self.process.communicate()


def main() -> None:
    parser = lab.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--skip-growth", action="store_true", help="not the 100 to 5,000 photos")
    add_scorer(parser)
    options = parser.parse_args()
    data = lab.face_data(options.data)
    scorer = find_scorer(data, options.scorer)
    place = data.enrolled(lab.default_pack())
    galleries = data.galleries()
    photos = sum(map(len, galleries.values()))

    timings, named = compare(galleries, place, options.rounds)
    figures: dict[str, Any] = rates(timings, photos)
    figures["scores"] = {way: photo_score(data.truth, named[way], scorer) for way in (LOOP, OURS)}
    _print_rates(figures, photos)
    figures["stages_ms"] = stages(galleries, place, photos)
    if not options.skip_growth:
        figures["growth"] = growth(galleries, place)
    _print_bars(figures)
    lab.save("speed", figures)


def compare(
    galleries: Mapping[str, Sequence[Path]], place: Path, rounds: int
) -> tuple[dict[str, list[Timing]], dict[str, Named]]:
    """way -> a timing a round; way -> who was found."""
    named: dict[str, Named] = {LOOP: {}, OURS: {}}
    timings: dict[str, list[Timing]] = {way: [] for way in WAYS}
    paths = {gallery: list(map(str, photos)) for gallery, photos in galleries.items()}
    loop, bare = Apart("straight_loop.py", place), Apart("bare.py", place)
    loop.ask(next(iter(paths.values()))[:8])
    bare.ask(list(paths.values()))
    with recognizer(lab.default_pack(), place) as ours:
        _identify(galleries, ours)

        def run_loop() -> None:
            named[LOOP] = {gallery: json.loads(loop.ask(photos)) for gallery, photos in paths.items()}

        def run_ours() -> None:
            named[OURS] = _identify(galleries, ours)

        work = {LOOP: run_loop, BARE: lambda: bare.ask("run"), OURS: run_ours}
        for _ in range(rounds):
            for way in WAYS:
                timings[way].append(time_quietly(work[way], [loop.process.pid, bare.process.pid]))
    loop.close()
    bare.close()
    return timings, named


def _identify(galleries: Mapping[str, Sequence[Path]], ours: FaceRecognizer) -> Named:
    results = identify_folders(list(galleries.values()), ours, MatchOptions(), NoProgress())
    return {
        gallery: {
            person.person.name: [str(path) for path in result.paths(person.images)]
            for person in result.people
        }
        for gallery, result in zip(galleries, results, strict=True)
    }


def rates(timings: Mapping[str, Sequence[Timing]], photos: int) -> dict[str, Any]:
    """Photos a second of each way (median over rounds), and the ratios, each taken within a round."""
    seconds = {way: [one.seconds for one in line] for way, line in timings.items()}
    every = [one.disturbed for line in timings.values() for one in line]
    return {
        "photos": photos,
        "photos_per_second": {way: photos / statistics.median(walls) for way, walls in seconds.items()},
        "rounds_s": seconds,
        "ours_to_bare": _ratio(seconds[BARE], seconds[OURS]),
        "ours_to_loop": _ratio(seconds[LOOP], seconds[OURS]),
        "disturbed_mean": statistics.mean(every),
        "disturbed_most": max(every),
    }


def _ratio(above: Sequence[float], below: Sequence[float]) -> float:
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def stages(galleries: Mapping[str, Sequence[Path]], place: Path, photos: int) -> dict[str, float]:
    """Processor milliseconds a photo of every stage of ours, on one core."""
    given = json.dumps([[str(path) for path in paths] for paths in galleries.values()])
    command = [sys.executable, str(HERE / "stages.py"), str(place)]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True, encoding="utf-8")
    seconds: dict[str, float] = json.loads(done.stdout)
    per_photo = {stage: 1000 * spent / photos for stage, spent in seconds.items()}
    whole = sum(per_photo.values())
    rows = [
        [stage, round(spent, 2), f"{spent / whole:.1%}"]
        for stage, spent in sorted(per_photo.items(), key=lambda item: -item[1])
    ]
    lab.table(
        "Where the time goes (ours, one core, processor time)",
        ["stage", "ms a photo", "share"],
        [*rows, ["all", round(whole, 2), "100%"]],
    )
    return per_photo


def growth(galleries: Mapping[str, Sequence[Path]], place: Path) -> list[dict[str, float]]:
    """Cost a photo and peak memory for folders of 100 to 5,000 photos, each a multiple of the same 100."""
    every = [path for paths in galleries.values() for path in paths]
    chosen = random.Random(0).sample(every, GROWTH[0])
    rows = []
    for count in GROWTH:
        with tempfile.TemporaryDirectory() as folder:
            for i in range(count):
                source = chosen[i % len(chosen)]
                _link(source, Path(folder) / f"{i:05d}{source.suffix}")
            rows.append(_grown(place, folder))
    lab.table(
        "Cost a photo, one folder",
        ["photos", "ms a photo", "peak RSS, MB", "disturbed"],
        [
            [int(row["photos"]), round(row["ms"], 2), round(row["peak_mb"]), f"{row['disturbed']:.1%}"]
            for row in rows
        ],
    )
    return rows


def _grown(place: Path, folder: str) -> dict[str, float]:
    command = [sys.executable, str(HERE / "growth.py"), str(place), folder]
    answer: dict[str, float] = {}

    def run() -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        answer.update(json.loads(done.stdout))

    disturbed = time_quietly(run).disturbed
    return {**answer, "ms": 1000 * answer["seconds"] / answer["photos"], "disturbed": disturbed}


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # another disk
        target.symlink_to(source)


def _print_rates(figures: Mapping[str, Any], photos: int) -> None:
    rate = figures["photos_per_second"]
    scores = figures["scores"]
    rows = [
        [way, round(rate[way], 1), round(1000 / rate[way], 1), scores[way]["f1"] if way in scores else ""]
        for way in WAYS
    ]
    lab.table(f"Speed on {photos} photos", ["way", "photos/s", "ms a photo", "photo F1"], rows)
    mean, most = figures["disturbed_mean"], figures["disturbed_most"]
    print(f"processor time taken by others: mean {mean:.1%}, most {most:.1%}")


def _print_bars(figures: Mapping[str, Any]) -> None:
    rows = [
        lab.bar("ours / bare inference", figures["ours_to_bare"], 0.85),
        lab.bar("ours / straight loop", figures["ours_to_loop"], 1.7),
        lab.bar("ours / straight loop, stretch", figures["ours_to_loop"], 2.5),
        lab.bar("F1 beside the loop's", figures["scores"][OURS]["f1"] - figures["scores"][LOOP]["f1"], 0),
    ]
    if "growth" in figures:
        costs = [row["ms"] for row in figures["growth"]]
        rows.append(lab.bar("cost of 5,000 / cost of 100", costs[-1] / costs[0], 1.1, least=False))
        peak = max(row["peak_mb"] for row in figures["growth"])
        rows.append(lab.bar("peak RSS, MB", peak, 900, least=False))
    lab.table("Bars", ["what", "figure", "wanted", "reached"], rows)


if __name__ == "__main__":
    main()
