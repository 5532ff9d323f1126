"""The official scorer, run as its users run it."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lab

GalleryNames = Mapping[str, Mapping[str, Sequence[str]]]
"""Gallery -> person -> photos."""


def add_scorer(parser: argparse.ArgumentParser, name: str = "score_galleries.py") -> None:
    """Add the option --scorer."""
    parser.add_argument(
        "--scorer",
        type=Path,
        help=f"the official scorer (default: ../../tools/{name} from the folder of --data)",
    )


def find_scorer(data: lab.FaceData, given: Path | None, name: str = "score_galleries.py") -> Path:
    """The official scorer, or the end of the run with what to do about it, before anything is looked at."""
    scorer = given or data.root.resolve().parent.parent / "tools" / name
    if not scorer.is_file():
        sys.exit(
            f"{scorer}: the official scorer is not here. It comes with the evaluation photos; "
            "give its path with --scorer."
        )
    return scorer


def official_score(truth: Path, named: GalleryNames, scorer: Path) -> dict[str, Any]:
    """What score_galleries.py says: `photo` and `gallery`, each precision, recall, f1, wrong, missed."""
    with tempfile.TemporaryDirectory() as folder:
        for gallery, people in named.items():
            performers = [{"name": name, "images": list(photos)} for name, photos in people.items()]
            (Path(folder) / f"{gallery}.json").write_text(json.dumps({"performers": performers}), "utf-8")
        command = [sys.executable, str(scorer), str(truth), folder, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def photo_score(truth: Path, named: GalleryNames, scorer: Path) -> dict[str, float]:
    """The photo level of `official_score`."""
    photo: dict[str, float] = official_score(truth, named, scorer)["photo"]
    return photo
