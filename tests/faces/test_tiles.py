"""Long pictures in tiles: no face is cut, and none is found twice."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stash_sense.faces.tiles import (
    FINE_TILE_PX,
    NEAR_OVERLAP_PX,
    Tile,
    fine_tiles,
    merge_tiles,
    near_tiles,
    strip_tiles,
)

SHAPE = (4000, 500, 3)
UPPER, LOWER = Tile(0, 0, 500, 1000), Tile(0, 500, 500, 1500)


@pytest.mark.parametrize("size", [(1000, 1000), (4000, 1000), (1000, 4000), (6000, 8000)])
def test_a_photo_has_no_tiles(size):
    assert strip_tiles(*size) == []


@given(st.integers(32, 3000), st.integers(5, 60), st.booleans(), st.data())
def test_each_face_of_a_strip_is_whole_in_one_of_its_tiles(side, ratio, lies, data):
    length = side * ratio
    size = data.draw(st.integers(1, side))
    at = data.draw(st.integers(0, length - size))
    across = data.draw(st.integers(0, side - size))
    left, top = (at, across) if lies else (across, at)
    tiles = strip_tiles(side, length) if lies else strip_tiles(length, side)
    assert any(
        tile.left <= left and left + size <= tile.right and tile.top <= top and top + size <= tile.bottom
        for tile in tiles
    )


@given(st.integers(2 * FINE_TILE_PX, 9000), st.integers(2 * FINE_TILE_PX, 9000))
def test_fine_tiles_cover_the_picture_and_are_few(height, width):
    tiles = fine_tiles(height, width)
    side = FINE_TILE_PX if height * width <= 32_000_000 else 2 * FINE_TILE_PX
    assert all((tile.right - tile.left, tile.bottom - tile.top) == (side, side) for tile in tiles)
    assert max(tile.right for tile in tiles) == width
    assert max(tile.bottom for tile in tiles) == height
    assert len(tiles) <= 72


@given(st.integers(500, 1984), st.data())
def test_each_small_face_of_a_photo_is_whole_in_one_of_four_tiles_at_most(height, data):
    width = 1984
    size = data.draw(st.integers(1, NEAR_OVERLAP_PX))
    left, top = data.draw(st.integers(0, width - size)), data.draw(st.integers(0, height - size))
    tiles = near_tiles(height, width)
    assert len(tiles) <= 4
    assert all(max(tile.right - tile.left, tile.bottom - tile.top) <= 1024 for tile in tiles)
    assert any(
        tile.left <= left and left + size <= tile.right and tile.top <= top and top + size <= tile.bottom
        for tile in tiles
    )


def test_a_face_in_two_tiles_is_one(detection):
    found = [(UPPER, [detection(100, 700, 200)]), (LOWER, [detection(100, 200, 200, score=0.8)])]
    (face,) = merge_tiles(found, SHAPE)
    assert face.box.tolist() == [100, 700, 300, 900]
    assert face.score == 0.9


def test_a_cut_face_gives_way_to_the_whole_one_however_sure_it_is(detection):
    found = [(UPPER, [detection(100, 860, 140, score=0.95)]), (LOWER, [detection(80, 330, 260, score=0.8)])]
    (face,) = merge_tiles(found, SHAPE)
    assert face.box.tolist() == [80, 830, 340, 1090]


def test_a_face_that_every_tile_cuts_is_kept(detection):
    (face,) = merge_tiles([(UPPER, [detection(0, 900, 100)]), (LOWER, [])], SHAPE)
    assert face.box.tolist() == [0, 900, 100, 1000]


def test_a_face_at_the_edge_of_the_picture_is_not_cut(detection):
    found = [(UPPER, [detection(0, 0, 300, score=0.8), detection(20, 20, 320, score=0.7)])]
    assert [face.score for face in merge_tiles(found, SHAPE)] == [0.8]


def test_landmarks_move_with_their_box(detection):
    (face,) = merge_tiles([(LOWER, [detection(100, 200, 200)])], SHAPE)
    assert (face.landmarks > face.box[:2]).all()
    assert (face.landmarks < face.box[2:]).all()


def test_a_tile_is_its_part_of_the_picture():
    picture = np.arange(4000 * 500, dtype=np.uint32).reshape(4000, 500, 1).astype(np.uint8).repeat(3, axis=2)
    assert np.array_equal(LOWER.of(picture), picture[500:1500])
