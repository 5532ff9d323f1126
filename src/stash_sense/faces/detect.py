"""Detection: YuNet over a picture in two passes, and over quarter turns of it if no face is upright.

Source: Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector" (2023); the anchor-free decoding
(sqrt of class times objectness; boxes as cell offset and log size; points as cell offsets) is the paper's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import cv2
import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.faces import Detection, Pixels
from stash_sense.faces.session import Array, Session


def shrink_to_fit(image: Pixels, longest_side: int) -> Pixels:
    """Shrink so that the longest side is at most `longest_side`; never enlarge."""
    height, width = image.shape[:2]
    scale = longest_side / max(height, width)
    if scale >= 1:
        return image
    return _resized(halve_down_to(image, scale), max(1, round(width * scale)), max(1, round(height * scale)))


def halve_down_to(image: Pixels, scale: float) -> Pixels:
    """Halve the image as often as possible without going below `scale`, 0 to 1.

    A bilinear shrink by more than two drops pixels, and small faces with them. OpenCV's area average is fast
    for exact halves; for any other factor it is ten times slower than the rest of a photo's preparation.
    """
    while scale < 0.5 and min(image.shape[:2]) > 1:
        rows, columns = image.shape[0] // 2, image.shape[1] // 2
        # An odd last row or column is dropped: a half that is not exact takes nine times as long.
        image = _resized(image[: 2 * rows, : 2 * columns], columns, rows, cv2.INTER_AREA)
        scale *= 2
    return image


def _resized(image: Pixels, width: int, height: int, how: int = cv2.INTER_LINEAR) -> Pixels:
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), np.uint8)


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


SAME_FACE_IOU = 0.3
"""Intersection over union from which the two passes found the same face."""

LOWEST_MIN_CONFIDENCE = 0.05
"""Below this every picture "shows" thousands of faces, and embedding them takes a minute."""


@dataclass(frozen=True, slots=True)
class DetectorSpec:
    """How a pack's detector is run.

    main_side, close_side: longest side of the two passes, pixels. The main pass misses faces that
        fill the frame (YuNet: above about 550 px); the close pass finds them for a tenth of the price.
    close_share: the close pass may add only faces of at least this share of the longest side: smaller ones
        that only it finds are noise.
    operating_point: the raw score that is a confidence of 0.5. turned_score: the raw score from which a
    picture is not turned, and which a face in a turned one must reach.
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
    """A pack's detector, over pictures of any size."""

    def __init__(self, network: YuNet, spec: DetectorSpec) -> None:
        self._network = network
        self.spec = spec

    def find(self, image: Pixels, min_confidence: float) -> tuple[list[Detection], int]:
        """Faces of an upright picture, best first, and the quarter turns counter-clockwise that reveal them.

        image (H, W, 3) uint8 BGR. The boxes and landmarks are in pixels of `image` turned by
        `np.rot90(image, turns)`; `turns` is 0 unless the picture shows a surer face when turned.
        """
        min_score = self.spec.score(max(min_confidence, LOWEST_MIN_CONFIDENCE))
        # Shrink once and turn the small picture: turning a photo takes as long as half of its main pass.
        main = shrink_to_fit(image, self.spec.main_side)
        close = shrink_to_fit(main, self.spec.close_side)
        faces = self._passes(main, close, min_score)
        turns = self._better_turns(close, faces)
        if turns:
            faces = self._passes(_rotated(main, turns), _rotated(close, turns), min_score)
        return _enlarged(faces, main.shape, image.shape, turns), turns

    def _better_turns(self, close: Pixels, faces: list[Detection]) -> int:
        """The quarter turns that show a surer face than the upright ones, or 0."""
        best, turns = (faces[0].score if faces else 0.0), 0
        if best >= self.spec.turned_score:
            return 0
        # A face lying on its side is found weakly or wrongly; the small pass tells cheaply which way is up.
        # The detector half-recognises faces upside down, so that turn is tried only if there are none.
        for quarter in (1, 3) if faces else (1, 3, 2):
            turned = self._network.find(_rotated(close, quarter), self.spec.turned_score)
            if turned and turned[0].score > best:
                best, turns = turned[0].score, quarter
        return turns

    def _passes(self, main: Pixels, close: Pixels, min_score: float) -> list[Detection]:
        """Both passes merged, best first, in pixels of `main`."""
        faces = self._network.find(main, min_score)
        if close.shape == main.shape:
            return faces
        smallest = self.spec.close_share * max(main.shape[:2])
        for face in _enlarged(self._network.find(close, min_score), close.shape, main.shape):
            if face.size < smallest:
                continue
            if faces and iou(face.box, np.stack([other.box for other in faces])).max() > SAME_FACE_IOU:
                continue
            faces.append(face)
        return sorted(faces, key=lambda face: -face.score)


def _enlarged(
    detections: Sequence[Detection], small: tuple[int, ...], large: tuple[int, ...], turns: int = 0
) -> list[Detection]:
    """Detections in pixels of the larger picture. small, large: shapes before both were turned."""
    scale = np.array([large[1] / small[1], large[0] / small[0]], np.float32)
    if turns % 2:
        scale = scale[::-1]
    return [
        Detection(face.box * np.tile(scale, 2), face.score, face.landmarks * scale) for face in detections
    ]


def _rotated(image: Pixels, turns: int) -> Pixels:
    return np.ascontiguousarray(np.rot90(image, turns))


def undo_turns(points: np.ndarray, turns: int, width: int, height: int) -> np.ndarray:
    """Points (n, 2) of `np.rot90(image, turns)` -> points of `image`, which is `width` by `height` pixels."""
    x, y = points[:, 0], points[:, 1]
    if turns == 1:
        x, y = width - y, x
    elif turns == 2:
        x, y = width - x, height - y
    elif turns == 3:
        x, y = y, height - x
    return np.stack([x, y], axis=1).astype(np.float32)
