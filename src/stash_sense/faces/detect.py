"""Detection: YuNet over a picture in two passes, and in quarter turns where no face is upright.

Source: Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector" (2023); the anchor-free decoding
(sqrt of class times objectness; boxes as cell offset and log size; points as cell offsets) is the paper's.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.faces import Detection, Pixels
from stash_sense.faces.session import Array, Session


def fit(image: Pixels, longest_side: int) -> Pixels:
    """Shrink so that the longest side is at most `longest_side`; never enlarge."""
    height, width = image.shape[:2]
    scale = longest_side / max(height, width)
    if scale >= 1:
        return image
    return _resized(halved(image, scale), max(1, round(width * scale)), max(1, round(height * scale)))


def halved(image: Pixels, scale: float) -> Pixels:
    """Halve as often as `scale` (0 to 1) allows without going below it.

    A bilinear shrink beyond two drops pixels and small faces with them. OpenCV's area average of whole halves
    is fast, of any other factor ten times slower than the rest of a photo's preparation.
    """
    while scale < 0.5 and min(image.shape[:2]) > 1:
        rows, columns = image.shape[0] // 2, image.shape[1] // 2
        # An odd last row or column goes: a half that is not exact takes nine times as long.
        image = _resized(image[: 2 * rows, : 2 * columns], columns, rows, cv2.INTER_AREA)
        scale *= 2
    return image


def _resized(image: Pixels, width: int, height: int, how: int = cv2.INTER_LINEAR) -> Pixels:
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), np.uint8)


STRIDES = (8, 16, 32)


NMS_OVERLAP = 0.3


class Memory(threading.local):
    """Each thread's memory for the network's input, used again for every picture.

    Ten megabytes asked of the system anew cost three times as much as filling them.
    """

    def __init__(self) -> None:
        self._input = np.empty(0, np.float32)
        self._planes = np.empty(0, np.uint8)

    def input(self, height: int, width: int) -> Array:
        """(1, 3, height, width), holding anything; the thread's one before is overwritten."""
        count = 3 * height * width
        if self._input.size < count:
            self._input = np.empty(count, np.float32)
        return self._input[:count].reshape(1, 3, height, width)

    def planes(self, height: int, width: int) -> NDArray[np.uint8]:
        """(3, height, width), holding anything; the thread's one before is overwritten."""
        count = 3 * height * width
        if self._planes.size < count:
            self._planes = np.empty(count, np.uint8)
        return self._planes[:count].reshape(3, height, width)


def to_input(image: Pixels, memory: Memory) -> Array:
    """(H, W, 3) uint8 BGR -> (1, 3, H', W') float32 0..255, sides padded with black to multiples of 32."""
    height, width = image.shape[:2]
    padded = memory.input(-(-height // 32) * 32, -(-width // 32) * 32)
    planes = memory.planes(height, width)
    cv2.split(image, list(planes))
    padded[0, :, :height, :width] = planes
    padded[:, :, height:] = 0
    padded[:, :, :, width:] = 0
    return padded


def decode(outputs: dict[str, Array], width: int, floor: float) -> list[Detection]:
    """Candidates scoring at least `floor`, overlaps suppressed, in pixels of the padded input.

    outputs: cls_s, obj_s (1, n, 1), bbox_s (1, n, 4), kps_s (1, n, 10) at strides s = 8, 16, 32;
    width: of the padded input, pixels.
    """
    found = []
    for stride in STRIDES:
        sure, there = outputs[f"cls_{stride}"][0, :, 0], outputs[f"obj_{stride}"][0, :, 0]
        # Nearly all of the 16,000 cells show nothing: everything else only where it can matter.
        keep = np.flatnonzero(sure * there >= 0.99 * floor**2)
        if keep.size:
            row, column = np.divmod(keep, width // stride)
            score = np.sqrt(np.clip(sure[keep], 0, 1) * np.clip(there[keep], 0, 1))
            cell = np.stack([column, row], axis=1).astype(np.float32)
            box, point = outputs[f"bbox_{stride}"][0, keep], outputs[f"kps_{stride}"][0, keep]
            found.append((np.full((len(keep), 1), stride, np.float32), cell, box, point, score))
    if not found:
        return []
    step, cell, box, point, score = (np.concatenate(part) for part in zip(*found, strict=True))
    centre, half = (cell + box[:, :2]) * step, np.exp(box[:, 2:]) * step / 2
    corners = np.concatenate([centre - half, centre + half], axis=1)
    landmarks = (point.reshape(-1, 5, 2) + cell[:, None]) * step[:, None]
    best = [i for i in suppress(corners, score, NMS_OVERLAP) if score[i] >= floor]
    return [Detection(corners[i], float(score[i]), landmarks[i]) for i in best]


def suppress(boxes: Array, scores: Array, overlap: float) -> list[int]:
    """Greedy non-maximum suppression: indices kept, best score first. boxes (n, 4), scores (n,) above 0."""
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


class YuNet:
    """The detector over one picture at its size."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._memory = Memory()

    def find(self, image: Pixels, floor: float) -> list[Detection]:
        """Faces scoring at least `floor`, in pixels of `image` (H, W, 3) uint8 BGR as it is, best first."""
        blob = to_input(image, self._memory)
        outputs = self._session.run({self._session.input_name: blob})
        return decode(outputs, blob.shape[3], floor)


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
