"""SCRFD: a picture in, candidates out.

Source: Guo, Deng, Lattas, Zafeiriou: "Sample and Computation Redistribution for Efficient Face Detection"
(2021). Its outputs, as InsightFace exports them: scores, distances to the four sides of the box, and offsets
of the five points, each at strides 8, 16 and 32 with two anchors a cell, distances and offsets in strides.
"""

from collections.abc import Mapping

import numpy as np

from stash_sense.domain.faces import Detection, Pixels
from stash_sense.errors import AlteredFile
from stash_sense.faces.boxes import suppress_overlaps
from stash_sense.faces.session import Array, Session

STRIDES = (8, 16, 32)
ANCHORS = 2
NMS_OVERLAP = 0.4
MEAN, SCALE = 127.5, 128.0

_Stride = tuple[Array, Array, Array]
"""Scores (n,), distances (n, 4) and offsets (n, 10) of one stride, row by row, cell by cell."""


def to_network_input(image: Pixels) -> Array:
    """(H, W, 3) uint8 BGR -> (1, 3, H', W') float32 RGB, -1 to 1, sides padded to multiples of 32."""
    height, width = image.shape[:2]
    padded = np.full((1, 3, -(-height // 32) * 32, -(-width // 32) * 32), -MEAN / SCALE, np.float32)
    padded[0, :, :height, :width] = (image[..., ::-1].transpose(2, 0, 1).astype(np.float32) - MEAN) / SCALE
    return padded


def by_stride(outputs: Mapping[str, Array]) -> list[_Stride]:
    """The nine outputs by stride, whatever their names: numbers a row say what they are, rows the stride.

    Raises AlteredFile where they are others.
    """
    kinds: dict[int, list[Array]] = {1: [], 4: [], 10: []}
    for output in outputs.values():
        kinds.setdefault(output.shape[-1], []).append(output.reshape(-1, output.shape[-1]))
    if {size: len(arrays) for size, arrays in kinds.items()} != dict.fromkeys((1, 4, 10), len(STRIDES)):
        shapes = ", ".join(str(output.shape) for output in outputs.values())
        raise AlteredFile(f"The detector gives outputs of the shapes {shapes}, which are not those of SCRFD.")
    scores, distances, offsets = (sorted(arrays, key=len, reverse=True) for arrays in kinds.values())
    return [
        (score[:, 0], distance, offset)
        for score, distance, offset in zip(scores, distances, offsets, strict=True)
    ]


def decode_anchors(strides: list[_Stride], width: int, min_score: float) -> list[Detection]:
    """Candidates with at least `min_score`, overlaps suppressed, best first, in pixels of the padded input.

    width: of the padded input, pixels.
    """
    boxes, points, scores = [], [], []
    for stride, (score, distance, offset) in zip(STRIDES, strides, strict=True):
        keep = np.flatnonzero(score >= min_score)
        row, column = np.divmod(keep // ANCHORS, width // stride)
        centre = np.stack([column, row], axis=1).astype(np.float32) * stride
        near, far = distance[keep, :2] * stride, distance[keep, 2:] * stride
        boxes.append(np.concatenate([centre - near, centre + far], axis=1))
        points.append(centre[:, None] + offset[keep].reshape(-1, 5, 2) * stride)
        scores.append(score[keep])
    corners, landmarks, score = np.concatenate(boxes), np.concatenate(points), np.concatenate(scores)
    return [
        Detection(corners[i], float(score[i]), landmarks[i])
        for i in suppress_overlaps(corners, score, NMS_OVERLAP)
    ]


class Scrfd:
    """The detector, over one picture at its own size."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, image: Pixels, min_score: float) -> list[Detection]:
        """Faces with at least `min_score`, in pixels of `image` (H, W, 3) uint8 BGR as it is, best first."""
        blob = to_network_input(image)
        outputs = self._session.run({self._session.input_name: blob})
        return decode_anchors(by_stride(outputs), blob.shape[3], min_score)
