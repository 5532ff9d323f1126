"""What one would write first: one photo after another on one core. Run by speed.py as a process of its own.

Reads one gallery a line (a JSON list of paths) from stdin, answers each with {person: [paths]} on stdout.
"""

import json
import os
import sys
from pathlib import Path

if __name__ == "__main__":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before NumPy and OpenCV count the cores

import cv2
import numpy as np

from stash_sense.assets import prepare
from stash_sense.facedb import FaceDatabase
from stash_sense.faces.embed import Embedder
from stash_sense.faces.session import OnnxSession
from stash_sense.faces.yunet import YuNet
from stash_sense.identify.calibration import Calibration, Scorer
from stash_sense.identify.candidates import Candidate
from stash_sense.identify.evidence import SeenFace, together
from stash_sense.settings import Settings
from stash_sense.workflows.packs import SLOTS
from stash_sense.workflows.packs import _spec as embedder_spec


def main() -> None:
    settings = Settings()
    prepared = prepare(settings.pack, settings.data_dir)
    manifest = prepared.manifest
    cv2.setNumThreads(1)
    detector = YuNet(OnnxSession(prepared.paths["detector"]))
    embedders = {
        slot: Embedder(OnnxSession(prepared.paths[slot]), embedder_spec(getattr(manifest.slots, slot)))
        for slot in SLOTS
    }
    scorer = Scorer(Calibration.read(manifest.calibration or {}), SLOTS)
    with FaceDatabase.open(Path(sys.argv[1])) as database:
        for line in sys.stdin:
            people = identify(json.loads(line), detector, manifest.detector.operating_point, embedders, scorer, database)
            print(json.dumps(people), flush=True)


def identify(
    paths: list[str],
    detector: YuNet,
    floor: float,
    embedders: dict[str, Embedder],
    scorer: Scorer,
    database: FaceDatabase,
) -> dict[str, list[str]]:
    """Person -> photos of one gallery."""
    seen = []
    for position, path in enumerate(paths):
        image = np.asarray(cv2.imread(path), np.uint8)
        for face in detector.find(image, 1024, floor):
            embeddings = {
                slot: embedder.embed([embedder.crop(image, face.landmarks)], reference=False)
                for slot, embedder in embedders.items()
            }
            found = database.search(scorer.queries(embeddings), 5)
            near = [
                Candidate(int(person), float(distance), float(distance), float(distance), int(row))
                for person, distance, row in zip(
                    found.people[0], scorer.distances(found.scores[0]), found.rows[0], strict=True
                )
            ]
            seen.append(SeenFace(position, {slot: rows[0] for slot, rows in embeddings.items()}, near))
    return {
        database.person(one.person).name: [paths[image] for image in one.images]
        for one in together(seen, database, scorer, 0.6)
    }


if __name__ == "__main__":
    main()
