"""Pictures in, faces with embeddings out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from stash_sense.domain.faces import Detection, EmbeddedFace, Pixels, Quality, Vectors
from stash_sense.errors import BadLandmarks
from stash_sense.faces.detect import Detector, PixelSource
from stash_sense.faces.embed import Embedder
from stash_sense.faces.quality import assess_quality
from stash_sense.memory import NETWORK_BYTES, pictures_budget

SLOTS: tuple[Literal["arcface", "facenet"], ...] = ("arcface", "facenet")
"""In the order of a database's rows. Every pack has a network for the first, whose crop shows the quality."""

EMBED_BATCH = 8
"""Faces per call: 4 to 8 are fastest; larger batches do not fit the cache."""


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """A detected face, clamped to the picture that was given, and its crops for the embedding networks."""

    detection: Detection
    crops: dict[str, Pixels]
    quality: Quality


class FaceEngine:
    """A pack's networks, ready to run; safe to call from several threads at once.

    embedders: slot name, `facenet` and `arcface` -> network. Embeddings of a slot without one are empty.
    """

    def __init__(self, detector: Detector, embedders: Mapping[str, Embedder]) -> None:
        self._detector = detector
        self.embedders = dict(embedders)

    def analyze(
        self,
        images: Iterable[Pixels],
        *,
        min_confidence: float = 0.5,
        reference: bool = False,
        finer: Callable[[], PixelSource | None] | None = None,
        seen: Callable[[Pixels, Vectors], None] | None = None,
    ) -> list[list[EmbeddedFace]]:
        """Faces of each picture, best detection first.

        images: (H, W, 3) uint8 BGR, upright; sizes may differ. Each is released before the next is taken.
        min_confidence: calibrated, 0 to 1. reference: embed for enrolment rather than as probes.
        finer: called for each picture after it was taken; gives what can decode it with more pixels, or None.
        seen: called for each picture, while its pixels are there, with those that its faces were found in and
        the boxes of the faces in these, (n, 4), in the order of the result.
        Boxes are clamped to the picture.
        """
        cuts = [self._cut(image, min_confidence, finer() if finer else None, seen) for image in images]
        vectors = self._embed([cut for per_image in cuts for cut in per_image], reference)
        faces, position = [], 0
        for per_image in cuts:
            rows = range(position, position + len(per_image))
            own = ({slot: line[row] for slot, line in vectors.items()} for row in rows)
            faces.append(
                [self._face(cut, embeddings) for cut, embeddings in zip(per_image, own, strict=True)]
            )
            position += len(per_image)
        return faces

    def _cut(
        self,
        image: Pixels,
        min_confidence: float,
        finer: PixelSource | None,
        seen: Callable[[Pixels, Vectors], None] | None,
    ) -> list[_Cut]:
        found = self._detector.search(image, min_confidence, finer)
        size = np.array(image.shape[1::-1], np.float32)
        scale = size / np.array(found.pixels.shape[1::-1], np.float32)
        cuts = []
        for detection in found.faces:
            try:
                crops = {
                    slot: embedder.crop(found.pixels, detection.landmarks)
                    for slot, embedder in self.embedders.items()
                }
            except BadLandmarks:
                continue  # a box with unusable landmarks shows no face that could be recognised
            quality = assess_quality(detection.size, detection.landmarks, crops["arcface"])
            box = np.clip(detection.box * np.tile(scale, 2), 0, np.tile(size, 2))
            landmarks = np.asarray(detection.landmarks * scale, np.float32)
            inside = Detection(box, detection.score, landmarks)
            cuts.append(_Cut(inside, crops, quality))
        if seen:
            boxes = [cut.detection.box / np.tile(scale, 2) for cut in cuts]
            seen(found.pixels, np.array(boxes, np.float32).reshape(-1, 4))
        return cuts

    def _embed(self, cuts: Sequence[_Cut], reference: bool) -> dict[str, Vectors]:
        batches = _even_batches(cuts, EMBED_BATCH)
        empty = {slot: np.zeros((len(cuts), 0), np.float32) for slot in SLOTS if slot not in self.embedders}
        with pictures_budget().reserve(NETWORK_BYTES if cuts else 0):
            return empty | {
                slot: np.concatenate(
                    [
                        embedder.embed([cut.crops[slot] for cut in batch], reference=reference)
                        for batch in batches
                    ]
                )
                for slot, embedder in self.embedders.items()
            }

    def _face(self, cut: _Cut, embeddings: dict[str, Vectors]) -> EmbeddedFace:
        found = cut.detection
        confidence = self._detector.spec.confidence(found.score)
        return EmbeddedFace(found.box, confidence, found.landmarks, cut.quality, embeddings)


def _even_batches(cuts: Sequence[_Cut], most: int) -> list[Sequence[_Cut]]:
    """Batches of at most `most`, as equal as possible: a single face costs more than its share of a batch."""
    count = max(1, -(-len(cuts) // most))
    ends = [len(cuts) * i // count for i in range(count + 1)]
    return [cuts[first:last] for first, last in pairwise(ends)]
