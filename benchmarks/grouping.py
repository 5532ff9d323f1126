"""Putting a large gallery's faces together and naming the tracks: time, memory, and any order alike.

    python benchmarks/grouping.py

Synthetic faces whose cosines lie where measured ones do (synthetic.py): 1,000 and 5,000 photos with 1.3 faces
each, of few people, of many, and each face of another person. Half of the people are among the 10,000
enrolled. Each gallery runs in a process of its own.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import lab
from quiet import Timing, time_quietly
from stash_sense.domain.identity import Person
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import Reference, Slot
from stash_sense.facedb.writer import DatabaseWriter
from stash_sense.faces.engine import SLOTS
from stash_sense.matching.calibration import Calibration, Scorer
from stash_sense.matching.naming import Track, name_tracks
from stash_sense.matching.tracks import FaceSimilarity, TrackFace, group_faces
from stash_sense.models.prepare import prepare_pack
from stash_sense.settings import Settings
from strangers import MEASURED
from synthetic import Array, Population

PHOTOS = (1000, 5000)
FACES_A_PHOTO = 1.3
PEOPLE = {"few people": 8, "many people": 400, "nobody twice": 0}
"""How many people share the faces; 0: each face is another person's."""
ENROLLED = 10_000
FACES_A_PERSON = 2
MOST_SECONDS = {1000: 2.0, 5000: 15.0}
MOST_MEGABYTES = 150
"""The similarity of all pairs of 6,500 faces would take 169."""


def made(photos: int, kind: str, place: Path, dimensions: dict[str, int]) -> list[TrackFace]:
    """The faces of one gallery; the face database of half of its people and others is written to `place`."""
    rng = np.random.default_rng(0)
    count = round(photos * FACES_A_PHOTO)
    people = PEOPLE[kind] or count
    population = {
        slot: Population(MEASURED[slot], dimensions[slot], people + ENROLLED, rng) for slot in SLOTS
    }
    # Everybody once, then at random; a photo never shows the same person twice.
    owners = np.concatenate([np.arange(people), rng.integers(0, people, count - people)])
    rng.shuffle(owners)
    images = np.concatenate([np.arange(photos), rng.permutation(photos)[: count - photos]])
    twice = owners[photos:] == owners[images[photos:]]
    owners[photos:][twice] = (owners[photos:][twice] + 1) % people
    vectors = {slot: population[slot].faces(owners) for slot in SLOTS}
    quality = rng.uniform(0.2, 1.0, count)
    enrolled = np.arange(people // 2, people // 2 + ENROLLED)
    references = {slot: population[slot].faces(np.repeat(enrolled, FACES_A_PERSON)) for slot in SLOTS}
    _write(place, enrolled.tolist(), np.concatenate([references[slot] for slot in SLOTS], axis=1), dimensions)
    return [
        TrackFace(int(images[at]), {slot: vectors[slot][at] for slot in SLOTS}, float(quality[at]))
        for at in range(count)
    ]


def _write(place: Path, people: Sequence[int], vectors: Array, dimensions: dict[str, int]) -> None:
    slots = [Slot(name=slot, dimension=dimensions[slot]) for slot in SLOTS]
    with DatabaseWriter(place, pack="synthetic", pack_fingerprint="synthetic", slots=slots) as writer:
        for person, own in zip(people, np.split(vectors, len(people)), strict=True):
            references = [Reference(f"{person}/{k}.jpg", (0.0, 0.0, 9.0, 9.0), 1.0) for k in range(len(own))]
            writer.add_person(Person(f"synthetic:{person}", f"Person {person}"), references, own)
        writer.commit(["synthetic"])


def measured(photos: int, kind: str) -> dict[str, Any]:
    """Seconds and added memory of one gallery, and whether another order of its faces changes anything."""
    prepared = prepare_pack(Settings().pack, Settings().data_dir)
    dimensions: dict[str, int] = {slot: getattr(prepared.manifest.slots, slot).dimension for slot in SLOTS}
    scorer = Scorer(Calibration.read(prepared.manifest.calibration or {}), SLOTS)
    with tempfile.TemporaryDirectory() as folder:
        faces = made(photos, kind, Path(folder), dimensions)
        with FaceDatabase.open(Path(folder)) as database:
            lab.forget_peak()
            before = lab.peak_megabytes()
            grouping, own = _timed(lambda: group_faces(faces, FaceSimilarity(faces, scorer)))
            naming, _ = _timed(lambda: name_tracks(faces, database, scorer, 0.6))
            peak = lab.peak_megabytes() - before
            tracks = name_tracks(faces, database, scorer, 0.6)
            turned = np.random.default_rng(1).permutation(len(faces)).tolist()
            again = name_tracks([faces[at] for at in turned], database, scorer, 0.6)
    return {
        "photos": photos,
        "kind": kind,
        "faces": len(faces),
        "tracks": len(tracks),
        "named": sum(track.person is not None for track in tracks),
        "put_together_s": grouping.seconds,
        "put_together_processor_s": own,
        "name_tracks_s": naming.seconds,
        "disturbed": max(grouping.disturbed, naming.disturbed),
        "added_mb": peak,
        "any_order": _as_said(tracks, list(range(len(faces)))) == _as_said(again, turned),
    }


def _timed(work: Callable[[], object]) -> tuple[Timing, float]:
    """Wall seconds, and the processor seconds of the try that took least."""
    spent: list[float] = []

    def watched() -> None:
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)

    timing = time_quietly(watched)
    return timing, min(spent)


def _as_said(tracks: Sequence[Track], position: Sequence[int]) -> set[tuple[frozenset[int], int | None, str]]:
    return {
        (frozenset(position[face] for face in track.faces), track.person, track.status) for track in tracks
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--one", nargs=2, metavar=("PHOTOS", "KIND"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measured(int(options.one[0]), options.one[1])))
        return
    rows = []
    for photos in PHOTOS:
        for kind in PEOPLE:
            command = [sys.executable, __file__, "--one", str(photos), kind]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            rows.append(json.loads(done.stdout))
    lab.save("grouping", {"galleries": rows})
    head = (
        "photos",
        "of",
        "faces",
        "tracks",
        "named",
        "put together, s",
        "processor s",
        "and named, s",
        "others",
        "added MB",
    )
    shown = (
        "kind",
        "faces",
        "tracks",
        "named",
        "put_together_s",
        "put_together_processor_s",
        "name_tracks_s",
    )
    lab.table(
        f"One gallery, {ENROLLED:,} people enrolled",
        head,
        [
            [row["photos"], *(row[key] for key in shown), f"{row['disturbed']:.0%}", round(row["added_mb"])]
            for row in rows
        ],
    )
    bars = []
    for photos, most in MOST_SECONDS.items():
        slowest = max(row["put_together_s"] for row in rows if row["photos"] == photos)
        bars.append(lab.bar(f"{photos:,} photos put together, s", slowest, most, least=False))
    bars.append(lab.bar("added MB", max(row["added_mb"] for row in rows), MOST_MEGABYTES, least=False))
    changed = sum(not row["any_order"] for row in rows)
    bars.append(lab.bar("galleries that another order changes", changed, 0, least=False))
    lab.table("Bars", ["what", "figure", "wanted", "reached"], bars)


if __name__ == "__main__":
    main()
