"""YuNet: a picture in, candidates out.

Source: Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector" (2023); the anchor-free decoding
(sqrt of class times objectness; boxes as cell offset and log size; points as cell offsets) is the paper's.
"""

from queue import Empty, SimpleQueue

import cv2
import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.faces import Detection, Pixels
from stash_sense.faces.boxes import suppress_overlaps
from stash_sense.faces.session import Array, Session

STRIDES = (8, 16, 32)

NMS_OVERLAP = 0.3


class InputBuffers:
    """Buffers for the network's input, of one call at a time, and reused for later pictures.

    Allocating ten megabytes costs three times as much as filling them.
    """

    def __init__(self) -> None:
        self._input = np.empty(0, np.float32)
        self._planes = np.empty(0, np.uint8)

    def input(self, height: int, width: int) -> Array:
        """(1, 3, height, width), uninitialized; shares its memory with the former one."""
        count = 3 * height * width
        if self._input.size < count:
            self._input = np.empty(count, np.float32)
        return self._input[:count].reshape(1, 3, height, width)

    def planes(self, height: int, width: int) -> NDArray[np.uint8]:
        """(3, height, width), uninitialized; shares its memory with the former one."""
        count = 3 * height * width
        if self._planes.size < count:
            self._planes = np.empty(count, np.uint8)
        return self._planes[:count].reshape(3, height, width)


def to_input(image: Pixels, buffers: InputBuffers) -> Array:
    """(H, W, 3) uint8 BGR -> (1, 3, H', W') float32 0..255, sides padded with black to multiples of 32."""
    height, width = image.shape[:2]
    padded = buffers.input(-(-height // 32) * 32, -(-width // 32) * 32)
    planes = buffers.planes(height, width)
    cv2.split(image, list(planes))
    padded[0, :, :height, :width] = planes
    padded[:, :, height:] = 0
    padded[:, :, :, width:] = 0
    return padded


def decode_detections(outputs: dict[str, Array], width: int, min_score: float) -> list[Detection]:
    """Candidates with at least `min_score`, overlaps suppressed, in pixels of the padded input.

    outputs: cls_s, obj_s (1, n, 1), bbox_s (1, n, 4), kps_s (1, n, 10) at strides s = 8, 16, 32;
    width: of the padded input, pixels.
    """
    per_stride = []
    for stride in STRIDES:
        classes, objects = outputs[f"cls_{stride}"][0, :, 0], outputs[f"obj_{stride}"][0, :, 0]
        # Nearly all of the 16,000 cells show nothing: decode only those that can matter.
        keep = np.flatnonzero(classes * objects >= 0.99 * min_score**2)
        if keep.size:
            row, column = np.divmod(keep, width // stride)
            score = np.sqrt(np.clip(classes[keep], 0, 1) * np.clip(objects[keep], 0, 1))
            cell = np.stack([column, row], axis=1).astype(np.float32)
            box, point = outputs[f"bbox_{stride}"][0, keep], outputs[f"kps_{stride}"][0, keep]
            per_stride.append((np.full((len(keep), 1), stride, np.float32), cell, box, point, score))
    if not per_stride:
        return []
    step, cell, box, point, score = (np.concatenate(part) for part in zip(*per_stride, strict=True))
    centre, half = (cell + box[:, :2]) * step, np.exp(box[:, 2:]) * step / 2
    corners = np.concatenate([centre - half, centre + half], axis=1)
    landmarks = (point.reshape(-1, 5, 2) + cell[:, None]) * step[:, None]
    best = [i for i in suppress_overlaps(corners, score, NMS_OVERLAP) if score[i] >= min_score]
    return [Detection(corners[i], float(score[i]), landmarks[i]) for i in best]


class YuNet:
    """The detector, over one picture at its own size."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._unused = SimpleQueue[InputBuffers]()

    def find(self, image: Pixels, min_score: float) -> list[Detection]:
        """Faces with at least `min_score`, in pixels of `image` (H, W, 3) uint8 BGR as it is, best first."""
        try:
            buffers = self._unused.get_nowait()
        except Empty:  # as many as calls at a time, which may be far fewer than threads
            buffers = InputBuffers()
        try:
            blob = to_input(image, buffers)
            outputs = self._session.run({self._session.input_name: blob})
            return decode_detections(outputs, blob.shape[3], min_score)
        finally:
            self._unused.put(buffers)
