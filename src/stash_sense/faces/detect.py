"""Finding the faces of a picture: two passes merged, and quarter turns where nothing stands upright."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stash_sense.faces.shrink import fit
from stash_sense.faces.types import Detection, Pixels
from stash_sense.faces.yunet import YuNet, iou

SAME_FACE = 0.3
"""Overlap (intersection over union) from which two boxes are one face."""

LEAST_CONFIDENCE = 0.05
"""Asked for less, every picture "shows" thousands of faces, and a minute goes on embedding them."""


@dataclass(frozen=True, slots=True)
class DetectorSpec:
    """How a pack's detector is run.

    main_side, close_side: longest side of the two passes, pixels. The main pass misses faces that
        fill the frame (YuNet: above about 550 px); the close pass finds them for a tenth of the price.
    close_share: the close pass may add only faces of at least this share of the longest side,
        since small ones it "finds" beyond the main pass are noise.
    operating_point: the raw score that is a confidence of 0.5.
    turned_score: the raw score from which a picture needs no turning, and which a turned one must reach.
    """

    main_side: int
    close_side: int
    close_share: float
    operating_point: float
    turned_score: float

    def confidence(self, score: float) -> float:
        """Raw detector score -> calibrated confidence, 0 to 1."""
        point = self.operating_point
        if score <= point:
            return 0.5 * score / point
        return 0.5 + 0.5 * (score - point) / (1 - point)

    def score(self, confidence: float) -> float:
        """Calibrated confidence -> raw detector score."""
        point = self.operating_point
        if confidence <= 0.5:
            return confidence / 0.5 * point
        return point + (confidence - 0.5) / 0.5 * (1 - point)


class Detector:
    """A pack's detector over whole pictures."""

    def __init__(self, network: YuNet, spec: DetectorSpec) -> None:
        self._network = network
        self.spec = spec

    def find(self, image: Pixels, min_confidence: float) -> tuple[list[Detection], int]:
        """Faces of an upright picture, best first, and the quarter turns counter-clockwise that found them.

        image (H, W, 3) uint8 BGR. The boxes and landmarks are in pixels of `image` turned by
        `np.rot90(image, turns)`; `turns` is 0 unless the picture shows a surer face when turned.
        """
        floor = self.spec.score(max(min_confidence, LEAST_CONFIDENCE))
        # Shrunk once and turned small: turning a photo takes as long as half of its main pass.
        main = fit(image, self.spec.main_side)
        close = fit(main, self.spec.close_side)
        found = self._passes(main, close, floor)
        turns = self._better_turns(close, found)
        if turns:
            found = self._passes(_turned(main, turns), _turned(close, turns), floor)
        return _enlarged(found, main.shape, image.shape, turns), turns

    def _better_turns(self, close: Pixels, found: list[Detection]) -> int:
        """The quarter turns that show a surer face than those found upright, or 0."""
        best, turns = (found[0].score if found else 0.0), 0
        if best >= self.spec.turned_score:
            return 0
        # A lying face gives weak or wrong upright finds; the small pass tells for little which way is up.
        # Upside down the detector half-recognises upright faces, so that turn is tried only for want of any.
        for quarter in (1, 3) if found else (1, 3, 2):
            turned = self._network.find(_turned(close, quarter), self.spec.turned_score)
            if turned and turned[0].score > best:
                best, turns = turned[0].score, quarter
        return turns

    def _passes(self, main: Pixels, close: Pixels, floor: float) -> list[Detection]:
        """Both passes merged, best first, in pixels of `main`."""
        found = self._network.find(main, floor)
        if close.shape == main.shape:
            return found
        smallest = self.spec.close_share * max(main.shape[:2])
        for face in _enlarged(self._network.find(close, floor), close.shape, main.shape):
            if face.size < smallest:
                continue
            if found and iou(face.box, np.stack([other.box for other in found])).max() > SAME_FACE:
                continue
            found.append(face)
        return sorted(found, key=lambda face: -face.score)


def _enlarged(
    found: Sequence[Detection], small: tuple[int, ...], large: tuple[int, ...], turns: int = 0
) -> list[Detection]:
    """Detections in pixels of the larger picture; small, large: shapes before both were turned."""
    scale = np.array([large[1] / small[1], large[0] / small[0]], np.float32)
    if turns % 2:
        scale = scale[::-1]
    return [Detection(face.box * np.tile(scale, 2), face.score, face.landmarks * scale) for face in found]


def _turned(image: Pixels, turns: int) -> Pixels:
    return np.ascontiguousarray(np.rot90(image, turns))


def turn_back(points: np.ndarray, turns: int, width: int, height: int) -> np.ndarray:
    """Points (n, 2) of `np.rot90(image, turns)` -> points of `image`, which is `width` by `height` pixels."""
    x, y = points[:, 0], points[:, 1]
    if turns == 1:
        x, y = width - y, x
    elif turns == 2:
        x, y = width - x, height - y
    elif turns == 3:
        x, y = y, height - x
    return np.stack([x, y], axis=1).astype(np.float32)
