"""The labelled clips: real ones, and composites made of the galleries' photos, which have exact times."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lab
from stash_sense.domain.progress import NoProgress
from stash_sense.recognition.recognizer import FaceRecognizer, LoadedPack
from stash_sense.runtime.from_settings import enrol, people_database_dir, recognizer
from stash_sense.settings import Settings

TOOLS = lab.SHARED / "tools"

Spans = Sequence[tuple[float, float]]
NamedSpans = Mapping[str, Mapping[str, Spans]]
"""Clip -> person -> (from, to) in seconds."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A video and who is in it. spans: person -> (from, to) in seconds; empty where times are unknown."""

    name: str
    path: Path
    people: frozenset[str]
    spans: Mapping[str, Spans]
    seconds: float


def read_clips(data: lab.FaceData, scenes: Path, composites: Path) -> tuple[list[Clip], dict[str, Any]]:
    """All clips in the order of their names, and their truth as the scorer reads it.

    The composites are made first if they are not there.
    """
    if not (composites / "truth.json").is_file():
        print(f"making the composites in {composites}", flush=True)
        tool = [sys.executable, str(TOOLS / "make_scenes.py"), str(data.root / "dev" / "gallery")]
        subprocess.run([*tool, str(composites)], check=True, stdout=subprocess.DEVNULL)
    clips, truth = [], {}
    for folder in (scenes, composites):
        for name, facts in json.loads((folder / "truth.json").read_text("utf-8")).items():
            people = facts["people"]
            spans = people if isinstance(people, dict) else {}
            path = folder / facts["file"]
            clips.append(Clip(name, path, frozenset(people), spans, facts["seconds"]))
            truth[name] = facts
    return sorted(clips, key=lambda clip: clip.name), truth


@contextmanager
def everybody(data: lab.FaceData, scenes: Path, pack: LoadedPack) -> Iterator[FaceRecognizer]:
    """With everyone in the clips enrolled, and the crowd."""
    folders = [data.enrol, scenes / "enrol", data.crowd]
    settings = Settings()
    place = people_database_dir(settings, folders)
    enrol(settings, folders, place, pack, NoProgress())
    with recognizer(pack, place) as ready:
        yield ready


def official_scene_score(truth: Mapping[str, Any], named: NamedSpans, scorer: Path) -> dict[str, Any]:
    """What score_scenes.py says, with the timeline."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "truth.json").write_text(json.dumps(truth), "utf-8")
        for clip, people in named.items():
            persons = [
                {"name": name, "verdict": "match", "spans": list(spans)} for name, spans in people.items()
            ]
            document = {"scenes": [{"persons": persons}]}
            (place / f"{clip}.json").write_text(json.dumps(document), "utf-8")
        command = [sys.executable, str(scorer), str(place / "truth.json"), folder]
        done = subprocess.run([*command, "--spans", "--json"], capture_output=True, text=True, check=True)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def without(truth: Mapping[str, Any], left_out: frozenset[str]) -> dict[str, Any]:
    """The truth when these people are not enrolled: nobody knows them."""
    return {name: {**facts, "people": _without(facts["people"], left_out)} for name, facts in truth.items()}


def _without(people: Any, left_out: frozenset[str]) -> Any:
    if isinstance(people, dict):
        return {name: spans for name, spans in people.items() if name not in left_out}
    return [name for name in people if name not in left_out]
