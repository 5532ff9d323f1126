"""EXIF orientation 1 to 8 is applied, whatever holds it; a broken one is ignored."""

import struct

import numpy as np
import pytest
from PIL import Image

from media.jpegs import SOI, segment
from stash_sense.media.formats import exif_orientation
from stash_sense.media.photo import load_image

UPRIGHT = [(40, 40, 220), (40, 200, 40), (220, 60, 60), (190, 190, 190)]
# What a camera stored, so that the orientation of the key makes it upright again.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def _exif(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def _stored(picture, orientation):
    method = STORED[orientation]
    return picture.transpose(method) if method is not None else picture


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_every_orientation_is_undone(quadrants, encode, centres, kind, orientation):
    options = {"WEBP": {"lossless": True}, "PNG": {}, "TIFF": {}}.get(
        kind, {"quality": 95, "subsampling": "4:4:4"}
    )
    data = encode(_stored(quadrants, orientation), kind, exif=_exif(orientation), **options)
    assert np.abs(np.array(centres(data)) - UPRIGHT).max() <= 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_heic_is_turned_once(quadrants, encode, centres, orientation):
    data = encode(
        _stored(quadrants, orientation), "HEIC", exif=_exif(orientation).tobytes(), quality=95, chroma=444
    )
    assert np.abs(np.array(centres(data)) - UPRIGHT).max() <= 6


def test_compressed_tiff_is_turned_once(quadrants, encode, centres):
    data = encode(_stored(quadrants, 6), "TIFF", exif=_exif(6), compression="tiff_lzw")
    assert np.abs(np.array(centres(data)) - UPRIGHT).max() <= 6


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_width_and_height_are_those_of_the_upright_picture(quadrants, encode, kind):
    image = load_image(encode(_stored(quadrants, 6), kind, exif=_exif(6)))
    assert (image.width, image.height, image.pixels.shape) == (96, 64, (64, 96, 3))


def test_turned_pixels_are_contiguous(quadrants, encode):
    assert load_image(encode(quadrants, "JPEG", exif=_exif(7))).pixels.flags.c_contiguous


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_ignored(value):
    assert exif_orientation(_exif(value).tobytes()) == 1


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"Exif\0\0",
        b"Exif\0\0II*\0",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"MM\0*\0\0\0\x08\xff\xff\x01",
        b"??",
    ],
)
def test_broken_exif_is_ignored(block):
    assert exif_orientation(block) == 1


def test_every_cut_of_an_exif_block_is_read_without_error():
    whole = _exif(6).tobytes()
    assert {exif_orientation(whole[:length]) for length in range(len(whole))} <= {1, 6}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_picture_with_broken_exif_is_read(quadrants, encode, kind):
    data = encode(quadrants, kind, exif=b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01")
    assert load_image(data).width == 96


def _exif_segments(*blocks):
    return b"".join(segment(0xE1, b"Exif\0\0" + block) for block in blocks)


@pytest.mark.parametrize("second", range(1, 9))
@pytest.mark.parametrize("first", [1, 6])
def test_the_first_of_several_exif_blocks_of_a_jpeg_decides(files, first, second):
    blocks = [_exif(value).tobytes().removeprefix(b"Exif\0\0") for value in (first, second)]
    image = load_image(SOI + _exif_segments(*blocks) + files["JPEG"][2:])
    assert (image.width, image.height) == ((96, 64) if first == 1 else (64, 96))


def test_an_exif_segment_without_a_block_is_passed_over(files):
    block = _exif(6).tobytes().removeprefix(b"Exif\0\0")
    data = SOI + _exif_segments(b"", bytes(20), block) + files["JPEG"][2:]
    assert load_image(data).width == 64


@pytest.mark.parametrize("length", [40_000, 65_527])
@pytest.mark.parametrize("order", ["<", ">"])
def test_an_exif_block_in_several_segments_is_read_whole(files, order, length):
    """The directory stands behind 150 kB of a maker's notes."""
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "I", 150_008) + bytes(150_000)
    block = head + struct.pack(order + "HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)
    parts = [block[start : start + length] for start in range(0, len(block), length)]
    assert load_image(SOI + _exif_segments(*parts) + files["JPEG"][2:]).width == 64
