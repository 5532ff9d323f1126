"""Detection: the faces of a picture, whichever way up each of them is."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from stash_sense.domain.faces import Detection, Pixels
from stash_sense.faces.boxes import best_first, merge_faces, overlaps_any
from stash_sense.faces.session import DetectionNetwork
from stash_sense.faces.shrink import shrink_to_fit
from stash_sense.faces.tiles import (
    NEAR_OVERLAP_PX,
    Tile,
    fine_tiles,
    merge_tiles,
    near_tiles,
    strip_fine_tiles,
    strip_tiles,
    whole_tile,
)
from stash_sense.faces.turns import FaceTurner

LOWEST_MIN_CONFIDENCE = 0.05
"""Below this every picture "shows" thousands of faces, and embedding them takes a minute."""

CANDIDATE_SCORE = 0.2
"""Raw score from which a box may be a face that lies, or a small one of a contact sheet."""

SEARCH_SIDE = 320
"""Longest side, pixels, of a picture without a sure face when it is searched at every quarter turn."""

SMALL_SHARE = 1 / 32
MANY = 12
"""So many faces below this share of the longer side are the sign of a contact sheet, or of a crowd."""

PixelSource = Callable[[], Pixels | None]
"""Gives a picture that is very large with more pixels; None if that is not possible."""


_Look = tuple[Tile, Pixels, Pixels, list[Detection]]
"""A tile, its pixels, the same shrunk for the main pass, and what was found in that, with candidates."""


@dataclass(frozen=True, slots=True)
class DetectorSpec:
    """How a pack's detector is run.

    main_side, close_side: longest side of the two passes, pixels. The main pass misses faces that
        fill the frame (YuNet: above about 550 px); the close pass finds them for a tenth of the price.
    close_share: the close pass may add only faces of at least this share of the longest side: smaller ones
        that only it finds are noise.
    operating_point: the raw score that is a confidence of 0.5. turned_score: the raw score from which a
    face keeps its picture from being searched at its quarter turns, and which a turned face must reach.
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


@dataclass(frozen=True, slots=True, eq=False)
class FoundFaces:
    """faces: best first, in pixels of `pixels`, the picture given or a finer one."""

    pixels: Pixels
    faces: list[Detection]


class Detector:
    """A pack's detector, over pictures of any size."""

    def __init__(self, network: DetectionNetwork, spec: DetectorSpec) -> None:
        self._network = network
        self._turner = FaceTurner(network, spec.turned_score, spec.operating_point)
        self.spec = spec

    def find(self, image: Pixels, min_confidence: float) -> list[Detection]:
        """Faces of a picture with at least `min_confidence`, 0 to 1, best first, in pixels of `image`.

        image (H, W, 3) uint8 BGR, as it is meant to be seen. The landmarks of each face are in their order as
        seen on the face: the right eye of a face upside down lies on the right.
        """
        return self.search(image, min_confidence).faces

    def search(self, image: Pixels, min_confidence: float, finer: PixelSource | None = None) -> FoundFaces:
        """As `find`; a very large picture, for which `finer` is given, is searched more closely.

        The faces of a contact sheet are looked for in the picture that `finer` gives.
        """
        min_score = self.spec.score(max(min_confidence, LOWEST_MIN_CONFIDENCE))
        tiles = strip_tiles(*image.shape[:2])
        if tiles:
            tiles += strip_fine_tiles(*image.shape[:2])
            return FoundFaces(image, self._in_tiles(image, tiles, min_score))
        if finer is not None:
            return self._in_very_large(image, min_score, finer)
        main = shrink_to_fit(image, self.spec.main_side)
        return FoundFaces(image, self._in_photo(image, main, self._passes(main, min_score), min_score))

    def _in_very_large(self, image: Pixels, min_score: float, finer: PixelSource) -> FoundFaces:
        """Faces of the whole and of its quarters, or of its fine tiles if these show many small ones."""
        near = shrink_to_fit(image, 2 * self.spec.main_side - NEAR_OVERLAP_PX)
        size = near.shape[:2]
        looks = list(self._looks(near, [whole_tile(*size), *near_tiles(*size)], min_score))
        candidates = [face for look in looks[1:] for face in look[3]]
        fine = finer() if _shows_many_small(candidates, near.shape) else None
        if fine is None:
            return FoundFaces(image, _enlarged(self._merged(looks, near, min_score), near.shape, image.shape))
        size = fine.shape[:2]
        return FoundFaces(fine, self._in_tiles(fine, [whole_tile(*size), *fine_tiles(*size)], min_score))

    def _in_tiles(self, image: Pixels, tiles: Sequence[Tile], min_score: float) -> list[Detection]:
        return self._merged(self._looks(image, tiles, min_score), image, min_score)

    def _looks(self, image: Pixels, tiles: Sequence[Tile], min_score: float) -> Iterator[_Look]:
        for tile in tiles:
            part = tile.of(image)
            main = shrink_to_fit(part, self.spec.main_side)
            yield tile, part, main, self._passes(main, min_score)

    def _merged(self, looks: Iterable[_Look], image: Pixels, min_score: float) -> list[Detection]:
        found = [
            (tile, self._in_photo(part, main, candidates, min_score))
            for tile, part, main, candidates in looks
        ]
        return merge_tiles(found, image.shape)

    def _in_photo(
        self, image: Pixels, main: Pixels, candidates: Sequence[Detection], min_score: float
    ) -> list[Detection]:
        """Faces whichever way up, best first, in pixels of `image`. candidates: of its shrunk form `main`."""
        faces = self._turner.set_upright(main, candidates, min_score)
        quarters = {face.eighths // 2 for face in faces if face.eighths in (2, 4, 6)}
        sure = any(face.detection.score >= self.spec.turned_score for face in faces)
        if quarters or not sure:
            # Where one face lies others may that showed no sign of it. Upright faces are half-recognised
            # upside down, so that turn is searched only if there are none.
            quarters |= self._quarters_with_faces(main, (1, 3) if faces else (1, 2, 3))
        found = [face.detection for face in faces]
        for quarter in sorted(quarters):
            lying = _rotated(main, quarter)
            candidates = self._passes(lying, min_score)
            found += [
                _turned_back(face.detection, quarter, main.shape)
                for face in self._turner.set_upright(lying, candidates, min_score)
                if face.eighths == 0
            ]
        turned = any(face.eighths for face in faces) or quarters
        return _enlarged(
            merge_faces(found) if turned else sorted(found, key=best_first), main.shape, image.shape
        )

    def _quarters_with_faces(self, main: Pixels, quarters: Sequence[int]) -> set[int]:
        """Those of these quarter turns at which a small copy of the picture shows a sure face."""
        small = shrink_to_fit(main, SEARCH_SIDE)
        return {
            quarter
            for quarter in quarters
            if self._network.find(_rotated(small, quarter), self.spec.turned_score)
        }

    def _passes(self, main: Pixels, min_score: float) -> list[Detection]:
        """Both passes merged, best first, in pixels of `main`; with candidates, below `min_score`."""
        close = shrink_to_fit(main, self.spec.close_side)
        floor = min(min_score, CANDIDATE_SCORE)
        found = self._network.find(main, floor)
        if close.shape == main.shape:
            return found
        smallest = self.spec.close_share * max(main.shape[:2])
        found_close = _enlarged(self._network.find(close, floor), close.shape, main.shape)
        fill_the_frame = [face for face in found_close if face.size >= smallest]
        faces = [face for face in found if face.score >= min_score]
        candidates = [face for face in found + fill_the_frame if face.score < min_score]
        sure = [face for face in fill_the_frame if face.score >= min_score]
        for face in sure + sorted(candidates, key=best_first):
            if not overlaps_any(face.box, faces):
                faces.append(face)
        return sorted(faces, key=best_first)


def _shows_many_small(faces: Sequence[Detection], shape: tuple[int, ...]) -> bool:
    return sum(face.size < SMALL_SHARE * max(shape) for face in faces) >= MANY


def _enlarged(
    detections: Sequence[Detection], small: tuple[int, ...], large: tuple[int, ...]
) -> list[Detection]:
    """Detections in pixels of the larger picture. small, large: shapes of the two."""
    if small == large:
        return list(detections)
    scale = np.array([large[1] / small[1], large[0] / small[0]], np.float32)
    return [
        Detection(face.box * np.tile(scale, 2), face.score, face.landmarks * scale) for face in detections
    ]


def _rotated(image: Pixels, quarters: int) -> Pixels:
    return np.ascontiguousarray(np.rot90(image, quarters))


def _turned_back(face: Detection, quarters: int, shape: tuple[int, ...]) -> Detection:
    """A face of `np.rot90(image, quarters)` in pixels of `image`. shape: of `image`."""
    height, width = shape[:2]
    corners = undo_turns(face.box.reshape(2, 2), quarters, width, height)
    box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    return Detection(box, face.score, undo_turns(face.landmarks, quarters, width, height))


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
