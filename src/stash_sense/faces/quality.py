"""The quality of a face: how far its size, sharpness and pose let it be trusted."""

import cv2

from stash_sense.domain.faces import Pixels, Quality, Vectors

FULL_SIZE_PX = 80.0
"""From here on, more pixels hardly change the embeddings, since the networks see 112."""
MIN_SIZE_PX = 20.0
SHARP_VARIANCE = 60.0
"""Variance of the Laplacian of the 112 px crop from which a face is sharp."""
LOW_SCORE = 0.35


def assess_quality(size: float, landmarks: Vectors, crop: Pixels) -> Quality:
    """The quality of one face.

    size: pixels between the box's sides, geometric mean; landmarks (5, 2) pixels;
    crop (112, 112, 3) uint8, the aligned face.
    """
    yaw = estimate_yaw(landmarks)
    blur = estimate_blur(crop)
    large = _clamped((size - MIN_SIZE_PX / 2) / (FULL_SIZE_PX - MIN_SIZE_PX / 2)) ** 0.5
    score = large * (1 - 0.6 * blur) * (1 - 0.6 * max(0.0, yaw - 0.3) / 0.7)
    return Quality(
        round(score, 3), round(size, 1), round(blur, 3), round(yaw, 3), _reason(score, size, blur, yaw)
    )


def _reason(score: float, size: float, blur: float, yaw: float) -> str:
    if score >= LOW_SCORE:
        return ""
    faults = []
    if size < MIN_SIZE_PX * 2:
        faults.append(f"small ({size:.0f} px)")
    if blur > 0.5:
        faults.append("blurred")
    if yaw > 0.7:
        faults.append("in profile")
    return ", ".join(faults) or "small and unclear"


def estimate_yaw(landmarks: Vectors) -> float:
    """Return 0 for a frontal face to 1 for a profile: the distance of the nose from the middle of the eyes.

    landmarks (5, 2) pixels, in the order of Detection. Measured along the line of the eyes, in half eye
    distances, so that a tilted head is not mistaken for a turned one.
    """
    right, left, nose = (complex(*point) for point in landmarks[:3].tolist())
    half = (left - right) / 2
    if abs(half) < 1e-6:
        return 1.0
    return _clamped(abs(((nose - (left + right) / 2) / half).real))


def estimate_blur(crop: Pixels) -> float:
    """Return 0 for a sharp crop to 1 for one without any detail. crop: (h, w, 3) uint8."""
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    _, spread = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))
    return _clamped(1 - float(spread[0, 0]) ** 2 / SHARP_VARIANCE)


def _clamped(value: float) -> float:
    return min(1.0, max(0.0, value))
