"""Alignment: the similarity that moves a face's points onto those of a template, and the crop it makes."""

import cmath
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.faces import Pixels, Vectors
from stash_sense.errors import BadLandmarks
from stash_sense.faces.shrink import halve_down_to

MAX_WARP_SIDE_PX = 32_000
"""OpenCV's warp accepts no picture with a side of 2**15."""


def similarity_transform(source: Vectors, target: Vectors) -> NDArray[np.float64]:
    """The least-squares rotation, uniform scale and shift that take source to target.

    source, target (n, 2) pixels; returns (2, 3). Raises BadLandmarks.
    Source: Umeyama, "Least-squares estimation of transformation parameters" (1991), equations 40 to 42. In
    the plane its singular value decomposition reduces to one complex number: rotation and scale.
    """
    # For five points plain numbers take a tenth of the time of arrays.
    a, b = [complex(*point) for point in source.tolist()], [complex(*point) for point in target.tolist()]
    if not all(map(cmath.isfinite, a)):
        raise BadLandmarks("the landmarks of a face are not numbers")
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    from_a = [point - mean_a for point in a]
    spread = sum(abs(point) ** 2 for point in from_a)
    if spread / len(a) < 1e-6:
        raise BadLandmarks("the landmarks of a face are all in one place")
    turn = sum(p.conjugate() * (q - mean_b) for p, q in zip(from_a, b, strict=True)) / spread
    shift = mean_b - turn * mean_a
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def align_face(image: Pixels, landmarks: Vectors, template: Vectors, side: int) -> Pixels:
    """Move a face's `landmarks` (5, 2) onto `template` (5, 2): (side, side, 3) uint8, black outside.

    Faces far larger than the crop are first halved by area averaging: a warp alone samples only four pixels
    for each of its own, and aliases.
    """
    transform = similarity_transform(landmarks, template)
    shrink = math.hypot(transform[0, 0], transform[1, 0])
    if shrink < 0.5 or max(image.shape) > MAX_WARP_SIDE_PX:
        image, transform = _patch(image, landmarks, template, shrink)
    warped = cv2.warpAffine(image, transform, (side, side), flags=cv2.INTER_LINEAR, borderValue=(0, 0, 0))
    return np.asarray(warped, np.uint8)


def _patch(
    image: Pixels, landmarks: Vectors, template: Vectors, shrink: float
) -> tuple[Pixels, NDArray[np.float64]]:
    """The patch around a face, halved as often as `shrink` allows, and its transform onto the template."""
    reach = 2 * float(np.ptp(landmarks, axis=0).max())
    bounds = [image.shape[1], image.shape[0]]
    low = np.clip(np.floor(landmarks.min(axis=0) - reach), 0, bounds).astype(int)
    high = np.clip(np.ceil(landmarks.max(axis=0) + reach), 0, bounds).astype(int)
    if (high <= low).any():
        raise BadLandmarks("the landmarks of a face are outside the picture")
    patch = image[low[1] : high[1], low[0] : high[0]]
    small = halve_down_to(patch, shrink)
    scale = np.array([small.shape[1] / patch.shape[1], small.shape[0] / patch.shape[0]])
    return small, similarity_transform(((landmarks - low) * scale).astype(np.float32), template)
