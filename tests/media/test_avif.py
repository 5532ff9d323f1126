"""An AVIF's clean aperture is cut out, and its size is the one that is decoded, not the one it states."""

import struct

import numpy as np
import pytest
from PIL import Image

from stash_sense.errors import ImageTooLarge, ImageTooSmall, UnreadableImage
from stash_sense.media.avif import read_avif_header
from stash_sense.media.formats import MediaLimits
from stash_sense.media.photo import load_image

RED, GREEN, BLUE, GREY = (40, 40, 220), (40, 200, 40), (220, 60, 60), (190, 190, 190)


def box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4) + kind + content


def with_clap(data: bytes, *values: int) -> bytes:
    """The AVIF with a `clap` box as the last property of its first item."""
    clap = box(b"clap", struct.pack(">IIIIiIiI", *values))
    ipco = data.index(b"ipco")
    end = ipco - 4 + int.from_bytes(data[ipco - 4 : ipco])
    position, properties = ipco + 4, 0
    while position < end:
        position, properties = position + int.from_bytes(data[position : position + 4]), properties + 1
    ipma = data.index(b"ipma") + 8
    count = ipma + 4 + 2  # of the first item's properties, behind the number of items and its id
    added = len(clap) + 1
    patched = bytearray(data)
    for kind in (b"meta", b"iprp"):
        place = data.index(kind) - 4
        patched[place : place + 4] = (int.from_bytes(data[place : place + 4]) + added).to_bytes(4)
    patched[ipco - 4 : ipco] = (int.from_bytes(data[ipco - 4 : ipco]) + len(clap)).to_bytes(4)
    patched[ipma - 12 : ipma - 8] = (int.from_bytes(data[ipma - 12 : ipma - 8]) + 1).to_bytes(4)
    iloc = data.index(b"iloc") + 4
    assert (data[iloc], data[iloc + 4 : iloc + 6]) == (0, b"\x44\x00")  # 4 bytes each, no base
    for item in range(int.from_bytes(data[iloc + 6 : iloc + 8])):
        offset = iloc + 8 + 14 * item + 6
        patched[offset : offset + 4] = (int.from_bytes(data[offset : offset + 4]) + added).to_bytes(4)
    after = count + 1 + patched[count]
    patched[count] += 1
    return bytes(patched[:end] + clap + patched[end:after] + bytes([0x80 | properties + 1]) + patched[after:])


@pytest.fixture
def avif(quadrants, encode):
    def avif(**options):
        return encode(quadrants, "AVIF", quality=95, subsampling="4:4:4", **options)

    return avif


@pytest.mark.parametrize(
    ("aperture", "shape", "corner"),
    [
        ((48, 1, 32, 1, -24, 1, -16, 1), (32, 48), RED),
        ((48, 1, 32, 1, 24, 1, -16, 1), (32, 48), GREEN),
        ((96, 2, 64, 2, -24, 1, 32, 2), (32, 48), BLUE),
        ((48, 1, 32, 1, 24, 1, 16, 1), (32, 48), GREY),
    ],
)
def test_the_clean_aperture_is_cut_out(avif, aperture, shape, corner):
    image = load_image(with_clap(avif(), *aperture))
    assert image.pixels.shape[:2] == shape == (image.height, image.width)
    assert np.abs(image.pixels.astype(int) - corner).max() <= 12


def test_the_aperture_is_cut_out_before_the_picture_is_turned(avif):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = load_image(with_clap(avif(exif=exif), 48, 1, 32, 1, -24, 1, -16, 1))
    assert (image.width, image.height) == (32, 48)
    assert np.abs(image.pixels.astype(int) - RED).max() <= 12


@pytest.mark.parametrize(
    "aperture",
    [
        (96, 1, 64, 1, 0, 1, 0, 1),
        (200, 1, 32, 1, 0, 1, 0, 1),
        (48, 1, 32, 1, 90, 1, 0, 1),
        (48, 0, 32, 1, 0, 1, 0, 1),
        (0, 1, 32, 1, 0, 1, 0, 1),
    ],
)
def test_an_aperture_that_is_whole_or_makes_no_sense_is_ignored(avif, aperture):
    image = load_image(with_clap(avif(), *aperture))
    assert (image.width, image.height) == (96, 64)


def test_an_aperture_too_small_for_a_face_is_refused(avif):
    with pytest.raises(ImageTooSmall, match="20x20 px"):
        load_image(with_clap(avif(), 20, 1, 20, 1, 0, 1, 0, 1))


def stated(data: bytes, kind: bytes, width: int, height: int) -> bytes:
    patched = bytearray(data)
    place = data.find(kind)
    while place >= 0:
        patched[place + 8 : place + 16] = struct.pack(">II", width, height)
        place = data.find(kind, place + 4)
    return bytes(patched)


@pytest.mark.parametrize("animated", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_size_stated_smaller_than_it_is_does_not_pass_the_limit(encode, mode, animated):
    picture = Image.new(mode, (640, 480))
    frames = {"save_all": True, "append_images": [picture, picture]} if animated else {}
    data = encode(picture, "AVIF", speed=10, **frames)
    limits = MediaLimits(pixels=200_000)
    with pytest.raises(ImageTooLarge, match=r"640x480 px"):
        load_image(stated(data, b"ispe", 96, 64), limits=limits)


def test_a_heic_stated_smaller_than_it_is_is_refused(encode):
    data = encode(Image.new("RGB", (640, 480)), "HEIC")
    with pytest.raises(UnreadableImage, match="640x480"):
        load_image(stated(data, b"ispe", 96, 64), limits=MediaLimits(pixels=200_000))


@pytest.mark.parametrize("size", [(96, 64), (333, 77), (1024, 40)])
@pytest.mark.parametrize(
    "options", [{}, {"tile_rows": 1, "tile_cols": 1}, {"codec": "auto", "range": "limited"}]
)
def test_the_coded_size_is_read_from_the_av1_data(encode, size, options):
    assert read_avif_header(encode(Image.new("RGB", size), "AVIF", speed=10, **options)).coded == size


def test_the_boxes_of_any_damaged_avif_are_read_without_an_error(avif):
    data = with_clap(avif(), 48, 1, 32, 1, 0, 1, 0, 1)
    for place in range(0, min(len(data), 500), 3):
        for value in (0, 1, 0x7F, 0xFF):
            read_avif_header(data[:place] + bytes([value]) + data[place + 1 :])
            read_avif_header(data[:place])
