"""How much a face can be trusted: size, sharpness, pose."""

import cv2

from stash_sense.domain.faces import Pixels, Quality, Vectors

FULL_SIZE = 80.0
"""Pixels; from here on, more of them change the embeddings little (the networks see 112)."""
SMALLEST = 20.0
SHARP = 60.0
"""Variance of the Laplacian of the 112 px crop at which a face counts as sharp."""
LOW = 0.35


def judge(size: float, landmarks: Vectors, crop: Pixels) -> Quality:
    """Quality of one face.

    size: pixels between the box's sides, geometric mean; landmarks (5, 2) pixels;
    crop (112, 112, 3) uint8, the aligned face.
    """
    yaw = turned(landmarks)
    blur = blurred(crop)
    large = _within((size - SMALLEST / 2) / (FULL_SIZE - SMALLEST / 2)) ** 0.5
    score = large * (1 - 0.6 * blur) * (1 - 0.6 * max(0.0, yaw - 0.3) / 0.7)
    return Quality(
        round(score, 3), round(size, 1), round(blur, 3), round(yaw, 3), _reason(score, size, blur, yaw)
    )


def _reason(score: float, size: float, blur: float, yaw: float) -> str:
    if score >= LOW:
        return ""
    faults = []
    if size < SMALLEST * 2:
        faults.append(f"small ({size:.0f} px)")
    if blur > 0.5:
        faults.append("blurred")
    if yaw > 0.7:
        faults.append("in profile")
    return ", ".join(faults) or "small and unclear"


def turned(landmarks: Vectors) -> float:
    """0 for a frontal face to 1 for a profile: how far the nose lies from the middle of the eyes.

    landmarks (5, 2) pixels, in the order of Detection. Measured along the line of the eyes, in half
    eye distances, so that a tilted head is not taken for a turned one.
    """
    right, left, nose = (complex(*point) for point in landmarks[:3].tolist())
    half = (left - right) / 2
    if abs(half) < 1e-6:
        return 1.0
    return _within(abs(((nose - (left + right) / 2) / half).real))


def blurred(crop: Pixels) -> float:
    """0 for a sharp crop to 1 for one without any detail; crop (h, w, 3) uint8."""
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    _, spread = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))
    return _within(1 - float(spread[0, 0]) ** 2 / SHARP)


def _within(value: float) -> float:
    return min(1.0, max(0.0, value))
