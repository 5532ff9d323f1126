"""Pictures in, faces with embeddings out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stash_sense.faces.align import BadLandmarks
from stash_sense.faces.detect import Detector, turn_back
from stash_sense.faces.embed import Embedder
from stash_sense.faces.quality import judge
from stash_sense.faces.types import Detection, Face, Pixels, Quality, Vectors

EMBED_BATCH = 8
"""Faces a call: 4 to 8 were best; larger batches leave the cache (docs/decisions.md)."""


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """A found face and what the networks will see of it."""

    detection: Detection
    crops: dict[str, Pixels]
    quality: Quality


class FaceEngine:
    """A pack's networks, ready to run; safe to call from several threads at once.

    detector: finds the faces. embedders: slot name -> network, `facenet` and `arcface`.
    """

    def __init__(self, detector: Detector, embedders: Mapping[str, Embedder]) -> None:
        self._detector = detector
        self._embedders = dict(embedders)

    def analyze(
        self, images: Sequence[Pixels], *, min_confidence: float = 0.5, reference: bool = False
    ) -> list[list[Face]]:
        """Faces of each picture, best detection first.

        images: (H, W, 3) uint8 BGR, upright; sizes may differ. min_confidence: calibrated, 0 to 1.
        reference: embed for enrolment rather than as probes. Boxes are clamped to the picture.
        """
        cuts = [self._cut(image, min_confidence) for image in images]
        vectors = self._embed([cut for per_image in cuts for cut, _ in per_image], reference)
        faces, position = [], 0
        for image, per_image in zip(images, cuts, strict=True):
            faces.append(
                [
                    self._face(
                        cut, turns, image, {slot: rows[position + i] for slot, rows in vectors.items()}
                    )
                    for i, (cut, turns) in enumerate(per_image)
                ]
            )
            position += len(per_image)
        return faces

    def _cut(self, image: Pixels, min_confidence: float) -> list[tuple[_Cut, int]]:
        found, turns = self._detector.find(image, min_confidence)
        upright = np.ascontiguousarray(np.rot90(image, turns)) if turns else image
        cuts = []
        for detection in found:
            try:
                crops = {
                    slot: embedder.crop(upright, detection.landmarks)
                    for slot, embedder in self._embedders.items()
                }
            except BadLandmarks:
                continue  # a box whose five points fall together shows no face that could be named
            quality = judge(detection.size, detection.landmarks, crops["arcface"])
            cuts.append((_Cut(detection, crops, quality), turns))
        return cuts

    def _embed(self, cuts: Sequence[_Cut], reference: bool) -> dict[str, Vectors]:
        return {
            slot: np.concatenate(
                [
                    embedder.embed(
                        [cut.crops[slot] for cut in cuts[i : i + EMBED_BATCH]], reference=reference
                    )
                    for i in range(0, max(len(cuts), 1), EMBED_BATCH)
                ]
            )
            for slot, embedder in self._embedders.items()
        }

    def _face(self, cut: _Cut, turns: int, image: Pixels, embeddings: dict[str, Vectors]) -> Face:
        height, width = image.shape[:2]
        landmarks = turn_back(cut.detection.landmarks, turns, width, height)
        corners = turn_back(cut.detection.box.reshape(2, 2), turns, width, height)
        low = np.clip(corners.min(axis=0), 0, [width, height])
        high = np.clip(corners.max(axis=0), 0, [width, height])
        box = np.concatenate([low, high]).astype(np.float32)
        confidence = self._detector.spec.confidence(cut.detection.score)
        return Face(box, confidence, landmarks, cut.quality, embeddings)
