"""YuNet: one forward pass over one picture.

Source: Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector" (2023); the anchor-free decoding
(sqrt of class times objectness; boxes as cell offset and log size; points as cell offsets) is the paper's.
"""

import threading

import cv2
import numpy as np
from numpy.typing import NDArray

from stash_sense.faces.session import Array, Session
from stash_sense.faces.types import Detection, Pixels

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
