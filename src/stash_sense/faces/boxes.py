"""Overlapping boxes: what two passes found of one face is one."""

from collections.abc import Sequence

import cv2
import numpy as np

from stash_sense.domain.faces import Detection
from stash_sense.faces.session import Array

SAME_FACE_IOU = 0.3
"""Intersection over union from which two passes found the same face."""


def suppress_overlaps(boxes: Array, scores: Array, overlap: float) -> list[int]:
    """Greedy non-maximum suppression: indices to keep, best score first. boxes (n, 4), scores (n,) > 0."""
    sides = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    return [int(i) for i in cv2.dnn.NMSBoxes(sides.tolist(), scores.tolist(), 0.0, overlap)]


def iou(box: Array, others: Array) -> Array:
    """Intersection over union of one box (4,) with others (n, 4), each x1, y1, x2, y2; returns (n,)."""
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    shared = _area(np.maximum(high - low, 0))
    areas = _area(box[2:] - box[:2]) + _area(others[:, 2:] - others[:, :2]) - shared
    return np.asarray(shared / np.maximum(areas, 1e-9), np.float32)


def _area(sides: Array) -> Array:
    return sides[..., 0] * sides[..., 1]


def overlaps_any(box: Array, faces: Sequence[Detection]) -> bool:
    """Whether one of these is the same face as `box` (4,)."""
    return bool(faces) and iou(box, np.stack([face.box for face in faces])).max() > SAME_FACE_IOU


def best_first(face: Detection) -> float:
    """The key that sorts faces by their score."""
    return -face.score


def merge_faces(faces: Sequence[Detection]) -> list[Detection]:
    """Each face once, as the surest of several passes found it; best first."""
    merged: list[Detection] = []
    for face in sorted(faces, key=best_first):
        if not overlaps_any(face.box, merged):
            merged.append(face)
    return merged
