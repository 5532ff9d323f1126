"""What every benchmark needs: the photos, the enrolled people, a place for figures, a quiet machine."""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stash_sense.domain.progress import NoProgress
from stash_sense.media.listing import list_images
from stash_sense.recognition.recognizer import LoadedPack
from stash_sense.runtime.from_settings import enrol, open_pack, people_database_dir
from stash_sense.settings import Settings

REPOSITORY = Path(__file__).resolve().parent.parent
OUT = REPOSITORY / "benchmarks" / "out"
SHARED = REPOSITORY.parent / "shared"


@dataclass(frozen=True, slots=True)
class FaceData:
    """The evaluation photos' folder; see its README.md. They are never copied into the project."""

    root: Path

    @property
    def enrol(self) -> Path:
        """One folder per person that the galleries show."""
        return self.root / "dev" / "enrol"

    @property
    def crowd(self) -> Path:
        """One folder per person that no gallery shows."""
        return self.root / "crowd"

    @property
    def truth(self) -> Path:
        """Gallery -> photo -> names."""
        return self.root / "dev" / "truth.json"

    @property
    def detect(self) -> Path:
        """Crowded photos and their official face boxes."""
        return self.root / "detect"

    def galleries(self) -> dict[str, list[Path]]:
        """Gallery -> its photos, in order."""
        folders = sorted((self.root / "dev" / "gallery").iterdir())
        return {folder.name: list(list_images(folder).images) for folder in folders}

    def enrolled(self, pack: LoadedPack, *, crowd: bool = True) -> Path:
        """The face database of dev/enrol and the crowd, built or brought up to date."""
        folders = [self.enrol, *([self.crowd] if crowd else [])]
        settings = Settings()
        place = people_database_dir(settings, folders)
        enrol(settings, folders, place, pack, NoProgress())
        return place


def parser(purpose: str | None) -> argparse.ArgumentParser:
    """An argument parser with the options that all benchmarks share."""
    made = argparse.ArgumentParser(
        description=purpose, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    default = os.environ.get("STASH_SENSE_BENCH_DATA", str(SHARED / "data" / "faces"))
    made.add_argument(
        "--data", type=Path, default=Path(default), help="evaluation photos (or STASH_SENSE_BENCH_DATA)"
    )
    return made


def face_data(folder: Path) -> FaceData:
    """The evaluation photos, or the end of the run with what to do about it."""
    if not (folder / "dev" / "truth.json").is_file():
        sys.exit(
            f"{folder}: no evaluation photos here (dev/truth.json is missing). "
            "They are no part of the project; give their folder with --data or STASH_SENSE_BENCH_DATA."
        )
    return FaceData(folder)


def default_pack() -> LoadedPack:
    """The pack of the settings, as every command uses it."""
    return open_pack(Settings())


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under a title, columns aligned: text to the left, figures to the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(head), *cells]) for i in range(len(head))]
    print(f"\n{title}\n{'-' * len(title)}")
    for row in [list(head), *cells]:
        texts = [
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(texts).rstrip())
    sys.stdout.flush()


def _cell(value: object) -> str:
    return f"{value:,.4g}" if isinstance(value, float) and abs(value) < 1e4 else f"{value}"


def bar(name: str, figure: float, wanted: float, *, least: bool = True) -> list[object]:
    """A row of a table of bars: what, figure, wanted, reached or not."""
    good = figure >= wanted if least else figure <= wanted
    return [name, round(figure, 4), f"{'>=' if least else '<='} {wanted:g}", "yes" if good else "NO"]


def save(name: str, figures: Mapping[str, Any]) -> None:
    """Write figures with the machine they were taken on as benchmarks/out/<name>.json."""
    OUT.mkdir(parents=True, exist_ok=True)
    machine = {
        "python": platform.python_version(),
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
    path = OUT / f"{name}.json"
    path.write_text(json.dumps({"machine": machine, **figures}, indent=1, default=float) + "\n", "utf-8")
    print(f"\nwritten: {path.relative_to(REPOSITORY)}")


def cpu_name() -> str:
    """What the machine calls its processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")


def peak_megabytes(process: str = "self") -> float:
    """The most resident memory this program, or the process of another id, has had so far.

    Not getrusage's figure: a process started by a large one begins with that one's peak.
    """
    lines = Path(f"/proc/{process}/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def forget_peak() -> None:
    """Let the peak of resident memory begin at what there is now; where Linux forbids it, the peak stays."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "ascii")


def interval(samples: Iterable[float], level: float = 0.95) -> tuple[float, float]:
    """The middle `level` of bootstrap samples."""
    low, high = np.quantile(list(samples), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def read_truth(data: FaceData) -> dict[str, dict[str, list[str]]]:
    """Gallery -> photo -> names, UNKNOWN for a clear face of nobody enrolled."""
    truth: dict[str, dict[str, list[str]]] = json.loads(data.truth.read_text("utf-8"))
    return truth


def read_details(data: FaceData) -> dict[str, Any]:
    """Gallery -> photos, with the boxes of their faces, and who the unknown are where that is known."""
    details = data.truth.with_name("truth_details.json")
    galleries: dict[str, Any] = json.loads(details.read_text("utf-8"))["galleries"]
    return galleries
