"""Tiles: a long or very large picture is searched as several overlapping ones, and each face is kept once.

Shrunk as a whole to the detector's size, a strip of 600 x 24,000 px would be 26 px wide.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stash_sense.domain.faces import Detection, Pixels
from stash_sense.domain.pictures import is_long
from stash_sense.faces.boxes import best_first, overlaps_any
from stash_sense.faces.session import Array

MIN_TILE_PX = 640
"""Length of a tile of a narrow strip: shorter ones cost more calls for the same pixels."""
FINE_TILE_PX = 1024
FINE_STRIP_PX = 768
"""Shorter side of a long picture from which its tiles, twice as long, are shrunk to less than two thirds."""
FINE_OVERLAP = 1 / 4
"""Of a tile's side. Larger faces are found in the coarser tiles, or in the whole picture."""
FINE_TILE_PIXELS = 32_000_000
"""Pixels of a picture from which its fine tiles are twice as large, so that they are no more than before."""
NEAR_OVERLAP_PX = 64
"""Overlap of the four tiles of a photo. Larger faces are found in the whole picture."""
CONTAINED = 0.6
"""Share of a cut face's box within another's from which it is a part of it."""
EDGE_PX = 4.0


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle of a picture, in its pixels."""

    left: int
    top: int
    right: int
    bottom: int

    def of(self, image: Pixels) -> Pixels:
        return np.ascontiguousarray(image[self.top : self.bottom, self.left : self.right])


def strip_tiles(height: int, width: int) -> list[Tile]:
    """A long picture in tiles that span its shorter side and are twice as long, by half overlapping.

    A face is at most as large as the shorter side, so each is whole in one of them. None if the picture is
    not long, one if the tile would be as long as the picture.
    """
    if not is_long(width, height):
        return []
    side = min(height, width)
    spans = _spans(max(height, width), max(2 * side, MIN_TILE_PX), side)
    if width > height:
        return [Tile(start, 0, end, height) for start, end in spans]
    return [Tile(0, start, width, end) for start, end in spans]


def strip_fine_tiles(height: int, width: int) -> list[Tile]:
    """A long picture in squares of FINE_TILE_PX, if its small faces would be lost in the tiles of a strip."""
    if min(height, width) <= FINE_STRIP_PX:
        return []
    return _squares(height, width, FINE_TILE_PX, int(FINE_OVERLAP * FINE_TILE_PX))


def fine_tiles(height: int, width: int) -> list[Tile]:
    """The picture in squares of FINE_TILE_PX or twice that, in which its small faces are found."""
    side = FINE_TILE_PX if height * width <= FINE_TILE_PIXELS else 2 * FINE_TILE_PX
    return _squares(height, width, side, int(FINE_OVERLAP * side))


def near_tiles(height: int, width: int) -> list[Tile]:
    """A photo in four, in which its faces are twice as large as in the whole."""
    return _squares(height, width, (max(height, width) + NEAR_OVERLAP_PX + 1) // 2, NEAR_OVERLAP_PX)


def whole_tile(height: int, width: int) -> Tile:
    """The picture as one tile."""
    return Tile(0, 0, width, height)


def _squares(height: int, width: int, side: int, overlap: int) -> list[Tile]:
    rows, columns = _spans(height, side, overlap), _spans(width, side, overlap)
    return [Tile(left, top, right, bottom) for top, bottom in rows for left, right in columns]


def _spans(length: int, side: int, overlap: int) -> list[tuple[int, int]]:
    """Starts and ends of equal, evenly spaced pieces that overlap by at least `overlap`."""
    if length <= side:
        return [(0, length)]
    count = -(-(length - overlap) // (side - overlap))
    starts = np.linspace(0, length - side, count).astype(int).tolist()
    return [(start, start + side) for start in starts]


def merge_tiles(found: Sequence[tuple[Tile, Sequence[Detection]]], shape: tuple[int, ...]) -> list[Detection]:
    """Each face once, best first, in pixels of the whole picture.

    found: tiles and their faces in pixels of the tile. shape: of the picture. A face that an edge of its tile
    cuts counts only where no other tile shows it.
    """
    faces: list[tuple[bool, Detection]] = []
    for tile, detections in found:
        corner = np.array([tile.left, tile.top], np.float32)
        for face in detections:
            moved = Detection(face.box + np.tile(corner, 2), face.score, face.landmarks + corner)
            faces.append((_is_cut(moved.box, tile, shape), moved))
    merged: list[Detection] = []
    for cut, face in sorted(faces, key=lambda pair: (pair[0], -pair[1].score)):
        if not overlaps_any(face.box, merged) and not (cut and _is_part_of_any(face.box, merged)):
            merged.append(face)
    return sorted(merged, key=best_first)


def _is_cut(box: Array, tile: Tile, shape: tuple[int, ...]) -> bool:
    """Whether the box reaches an edge of its tile inside the picture."""
    height, width = shape[:2]
    left, top, right, bottom = box.tolist()
    return (
        (tile.left > 0 and left < tile.left + EDGE_PX)
        or (tile.top > 0 and top < tile.top + EDGE_PX)
        or (tile.right < width and right > tile.right - EDGE_PX)
        or (tile.bottom < height and bottom > tile.bottom - EDGE_PX)
    )


def _is_part_of_any(box: Array, faces: Sequence[Detection]) -> bool:
    if not faces:
        return False
    others = np.stack([face.box for face in faces])
    sides = np.maximum(np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2]), 0)
    return bool(sides.prod(axis=1).max() > CONTAINED * float((box[2:] - box[:2]).prod()))
