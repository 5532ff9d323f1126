"""YuNet: one forward pass over one picture.

Source: Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector" (2023); the anchor-free decoding
(sqrt of class times objectness; boxes as cell offset and log size; points as cell offsets) is the paper's.
"""

import math
import threading

import cv2
import numpy as np

from stash_sense.faces.session import Array, Session
from stash_sense.faces.shrink import fit
from stash_sense.faces.types import Detection, Pixels

STRIDES = (8, 16, 32)
NMS_OVERLAP = 0.3


class Memory(threading.local):
    """Each thread's memory for the network's input, used again for every picture.

    Ten megabytes asked of the system anew cost three times as much as filling them.
    """

    def __init__(self) -> None:
        self._flat = np.empty(0, np.float32)

    def shaped(self, *shape: int) -> Array:
        """An array of this shape, holding anything; the thread's one before is overwritten."""
        count = math.prod(shape)
        if self._flat.size < count:
            self._flat = np.empty(count, np.float32)
        return self._flat[:count].reshape(shape)


def to_input(image: Pixels, memory: Memory) -> Array:
    """(H, W, 3) uint8 BGR -> (1, 3, H', W') float32 0..255, sides padded with black to multiples of 32."""
    height, width = image.shape[:2]
    padded = memory.shaped(1, 3, -(-height // 32) * 32, -(-width // 32) * 32)
    for plane, channel in zip(padded[0], cv2.split(image), strict=True):
        plane[:height, :width] = channel
    padded[:, :, height:] = 0
    padded[:, :, :, width:] = 0
    return padded


def decode(outputs: dict[str, Array], width: int, floor: float) -> list[Detection]:
    """Candidates scoring at least `floor`, overlaps suppressed, in pixels of the padded input.

    outputs: cls_s, obj_s (1, n, 1), bbox_s (1, n, 4), kps_s (1, n, 10) at strides s = 8, 16, 32;
    width: of the padded input, pixels.
    """
    boxes, points, scores = [], [], []
    for stride in STRIDES:
        columns = width // stride
        score = np.sqrt(
            np.clip(outputs[f"cls_{stride}"][0, :, 0], 0, 1)
            * np.clip(outputs[f"obj_{stride}"][0, :, 0], 0, 1)
        )
        (keep,) = np.nonzero(score >= floor)
        if not keep.size:
            continue
        cell = np.stack([keep % columns, keep // columns], axis=1).astype(np.float32)
        raw = outputs[f"bbox_{stride}"][0, keep]
        centre = (cell + raw[:, :2]) * stride
        half = np.exp(raw[:, 2:]) * stride / 2
        boxes.append(np.concatenate([centre - half, centre + half], axis=1))
        points.append((outputs[f"kps_{stride}"][0, keep].reshape(-1, 5, 2) + cell[:, None]) * stride)
        scores.append(score[keep])
    if not boxes:
        return []
    box, point, score = np.concatenate(boxes), np.concatenate(points), np.concatenate(scores)
    return [Detection(box[i], float(score[i]), point[i]) for i in suppress(box, score, NMS_OVERLAP)]


def suppress(boxes: Array, scores: Array, overlap: float) -> list[int]:
    """Greedy non-maximum suppression: indices kept, best score first. boxes (n, 4), scores (n,)."""
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while order.size:
        best, rest = int(order[0]), order[1:]
        kept.append(best)
        order = rest[iou(boxes[best], boxes[rest]) <= overlap]
    return kept


def iou(box: Array, others: Array) -> Array:
    """Intersection over union of one box (4,) with others (n, 4), each x1, y1, x2, y2; returns (n,)."""
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1) - shared
    return np.asarray(shared / np.maximum(areas, 1e-9), np.float32)


class YuNet:
    """The detector over one picture at one size."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._memory = Memory()

    def find(self, image: Pixels, longest_side: int, floor: float) -> list[Detection]:
        """Faces scoring at least `floor`, in pixels of `image`, best first."""
        small = fit(image, longest_side)
        blob = to_input(small, self._memory)
        outputs = self._session.run({self._session.input_name: blob})
        found = decode(outputs, blob.shape[3], floor)
        scale = np.array([image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]], np.float32)
        return [Detection(face.box * np.tile(scale, 2), face.score, face.landmarks * scale) for face in found]
