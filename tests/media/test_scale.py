"""A picture larger than wanted is reduced by a power of two, never below the wanted side."""

import numpy as np
import pytest
from PIL import Image

from stash_sense.media.formats import reduction_factor
from stash_sense.media.photo import load_image

KINDS = ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIC", "GIF", "BMP"]


@pytest.fixture
def ramp():
    """1000 x 750 px, brightness rising from left to right."""
    return Image.fromarray(np.tile(np.linspace(0, 255, 1000).astype(np.uint8), (750, 1))).convert("RGB")


@pytest.mark.parametrize(
    ("width", "height", "wanted", "factor"),
    [
        (4095, 100, 2048, 1),
        (4096, 100, 2048, 2),
        (100, 8192, 2048, 4),
        (60000, 40000, 2048, 16),
        (50, 50, 2048, 1),
    ],
)
def test_reduction_is_the_largest_that_keeps_the_wanted_side(width, height, wanted, factor):
    assert reduction_factor(width, height, wanted) == factor


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_is_reduced_alike(ramp, encode, kind):
    assert load_image(encode(ramp, kind), wanted_side=250).pixels.shape == (188, 250, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_width_and_height_stay_those_of_the_full_picture(ramp, encode, kind):
    image = load_image(encode(ramp, kind), wanted_side=250)
    assert (image.width, image.height) == (1000, 750)


def test_nothing_is_reduced_below_twice_the_wanted_side(ramp, encode):
    assert load_image(encode(ramp, "JPEG"), wanted_side=501).pixels.shape == (750, 1000, 3)


def test_nothing_is_enlarged(ramp, encode):
    assert load_image(encode(ramp, "JPEG"), wanted_side=5000).scale == (1.0, 1.0)


def test_a_jpeg_beyond_an_eighth_is_reduced_further(ramp, encode):
    assert load_image(encode(ramp, "JPEG"), wanted_side=60).pixels.shape == (47, 63, 3)


def test_scale_maps_the_far_corner_onto_the_far_corner(ramp, encode):
    image = load_image(encode(ramp, "JPEG"), wanted_side=250)
    height, width = image.pixels.shape[:2]
    assert (width * image.scale[0], height * image.scale[1]) == pytest.approx((1000, 750))


@pytest.mark.parametrize("kind", KINDS)
def test_a_place_keeps_its_colour_when_reduced(ramp, encode, kind):
    image = load_image(encode(ramp, kind), wanted_side=250)
    places = (np.arange(20, 230, 10) + 0.5) * image.scale[0]
    assert np.abs(image.pixels[90, 20:230:10, 1] - places * 255 / 1000).max() <= 4


def test_16_bit_is_reduced(encode):
    deep = Image.fromarray(np.full((512, 512), 32896, np.uint16))
    assert load_image(encode(deep, "PNG"), wanted_side=128).pixels[100, 100].tolist() == [128] * 3


def test_a_turned_picture_is_reduced(ramp, encode):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = load_image(encode(ramp, "JPEG", exif=exif), wanted_side=250)
    assert (image.pixels.shape, image.width, image.height) == ((250, 188, 3), 750, 1000)


def test_a_wanted_side_of_nothing_is_a_programming_error(ramp, encode):
    with pytest.raises(ValueError, match="wanted_side"):
        load_image(encode(ramp, "JPEG"), wanted_side=0)
