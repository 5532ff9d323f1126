"""Alignment by five landmarks: a similarity transform onto a network's template, then a warp."""

import cv2
import numpy as np
from numpy.typing import NDArray

from stash_sense.errors import StashSenseError
from stash_sense.faces.shrink import halved
from stash_sense.faces.types import Pixels, Vectors


class BadLandmarks(StashSenseError):
    """The five points do not span a face in the picture (all in one place, far outside, or not finite)."""

    code = "bad-landmarks"


def similarity(source: Vectors, target: Vectors) -> NDArray[np.float64]:
    """The least-squares rotation, uniform scale and shift from source onto target.

    source, target (n, 2) pixels; returns (2, 3). Raises BadLandmarks.
    Source: Umeyama, "Least-squares estimation of transformation parameters" (1991), equations 40 to 42.
    """
    a, b = np.asarray(source, np.float64), np.asarray(target, np.float64)
    if not np.isfinite(a).all():
        raise BadLandmarks("the five points of a face are not numbers")
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    from_a, from_b = a - mean_a, b - mean_b
    spread = float((from_a**2).sum())
    if spread / len(a) < 1e-6:
        raise BadLandmarks("the five points of a face are all in one place")
    # In the plane the paper's singular value decomposition comes down to two sums.
    along = float((from_a * from_b).sum()) / spread
    across = float((from_a[:, 0] * from_b[:, 1] - from_a[:, 1] * from_b[:, 0]).sum()) / spread
    turn = np.array([[along, -across], [across, along]])
    return np.column_stack([turn, mean_b - turn @ mean_a])


def crop(image: Pixels, landmarks: Vectors, template: Vectors, side: int) -> Pixels:
    """The face of `landmarks` (5, 2) moved onto `template` (5, 2): (side, side, 3) uint8, black outside.

    Faces far larger than the crop are first halved by area averaging: a warp alone samples four pixels
    of each patch and aliases.
    """
    transform = similarity(landmarks, template)
    shrink = float(np.hypot(transform[0, 0], transform[1, 0]))
    if shrink < 0.5:
        image, transform = _pre_shrunk(image, landmarks, template, shrink)
    warped = cv2.warpAffine(image, transform, (side, side), flags=cv2.INTER_LINEAR, borderValue=(0, 0, 0))
    return np.asarray(warped, np.uint8)


def _pre_shrunk(
    image: Pixels, landmarks: Vectors, template: Vectors, shrink: float
) -> tuple[Pixels, NDArray[np.float64]]:
    """The patch around a face, halved as often as `shrink` allows, and its transform onto the template."""
    reach = 2 * float(np.ptp(landmarks, axis=0).max())
    bounds = [image.shape[1], image.shape[0]]
    low = np.clip(np.floor(landmarks.min(axis=0) - reach), 0, bounds).astype(int)
    high = np.clip(np.ceil(landmarks.max(axis=0) + reach), 0, bounds).astype(int)
    if (high <= low).any():
        raise BadLandmarks("the five points of a face lie outside the picture")
    patch = image[low[1] : high[1], low[0] : high[0]]
    small = halved(patch, shrink)
    scale = np.array([small.shape[1] / patch.shape[1], small.shape[0] / patch.shape[0]])
    return small, similarity(((landmarks - low) * scale).astype(np.float32), template)
