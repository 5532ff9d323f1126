"""What one would write first: one photo after another on one core. Run by speed.py as a process of its own.

The same networks, scores, tracks and names as ours; all around them as plain as it gets: OpenCV's own
reading, resizing and warping, one face a call, no second pass, no turned photos, no measure of quality.

Reads one gallery a line (a JSON list of paths) from stdin, answers each with {person: [paths]} on stdout.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before NumPy and OpenCV count the cores

import cv2
import numpy as np
from numpy.typing import NDArray

from stash_sense.facedb.database import FaceDatabase
from stash_sense.faces.align import similarity_transform
from stash_sense.faces.engine import SLOTS
from stash_sense.faces.session import OnnxSession
from stash_sense.faces.yunet import decode_detections
from stash_sense.matching.calibration import Calibration, Scorer
from stash_sense.matching.naming import name_tracks
from stash_sense.matching.tracks import TrackFace
from stash_sense.models.prepare import prepare_pack
from stash_sense.settings import Settings

Pixels = NDArray[np.uint8]
Array = NDArray[np.float32]
SIDE = 1024


class Loop:
    """The networks and the enrolled people, one photo and one face at a time."""

    def __init__(self, database: FaceDatabase) -> None:
        settings = Settings()
        prepared = prepare_pack(settings.pack, settings.data_dir)
        manifest = prepared.manifest
        slots: dict[str, Any] = {slot: getattr(manifest.slots, slot) for slot in SLOTS}
        self.database = database
        self.floor = manifest.detector.operating_point
        self.detector = OnnxSession(prepared.paths["detector"])
        self.embedders: dict[str, OnnxSession] = {slot: OnnxSession(prepared.paths[slot]) for slot in SLOTS}
        self.templates = {slot: np.array(spec.template, np.float32) for slot, spec in slots.items()}
        self.sides = {slot: spec.size for slot, spec in slots.items()}
        self.scorer = Scorer(Calibration.read(manifest.calibration or {}), SLOTS)

    def gallery(self, paths: list[str]) -> dict[str, list[str]]:
        """Person -> their photos."""
        faces = []
        for position, path in enumerate(paths):
            image = np.asarray(cv2.imread(path), np.uint8)
            for landmarks in self.find(image):
                embeddings = {slot: self.embed(image, landmarks, slot) for slot in self.sides}
                faces.append(TrackFace(position, embeddings))
        named: dict[str, set[int]] = {}
        for track in name_tracks(faces, self.database, self.scorer, 0.6):
            if track.person is not None:
                images = {faces[face].image for face in track.faces}
                named.setdefault(self.database.person(track.person).name, set()).update(images)
        return {name: [paths[image] for image in sorted(images)] for name, images in named.items()}

    def find(self, image: Pixels) -> list[Array]:
        """The landmarks (5, 2) of every face."""
        height, width = image.shape[:2]
        scale = min(1.0, SIDE / max(height, width))
        small = cv2.resize(image, (round(width * scale), round(height * scale)))
        rows, columns = -(-small.shape[0] // 32) * 32, -(-small.shape[1] // 32) * 32
        blob = np.zeros((1, 3, rows, columns), np.float32)
        blob[0, :, : small.shape[0], : small.shape[1]] = small.transpose(2, 0, 1)
        outputs = self.detector.run({self.detector.input_name: blob})
        return [
            face.landmarks / np.float32(scale) for face in decode_detections(outputs, columns, self.floor)
        ]

    def embed(self, image: Pixels, landmarks: Array, slot: str) -> Array:
        """The unit vector of one face."""
        side, network = self.sides[slot], self.embedders[slot]
        crop = cv2.warpAffine(image, similarity_transform(landmarks, self.templates[slot]), (side, side))
        blob = np.ascontiguousarray(crop[..., ::-1].transpose(2, 0, 1)[None], np.float32)
        (vector,) = network.run({network.input_name: blob}).values()
        return np.asarray(vector.ravel() / np.linalg.norm(vector), np.float32)


def main() -> None:
    cv2.setNumThreads(1)
    with FaceDatabase.open(Path(sys.argv[1])) as database:
        loop = Loop(database)
        for line in sys.stdin:
            print(json.dumps(loop.gallery(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
