"""Every format and pixel layout becomes the same upright BGR bytes."""

import io

import numpy as np
import pytest
from PIL import Image

from stash_sense.media.photo import load_image

RED, GREEN, BLUE, GREY = (40, 40, 220), (40, 200, 40), (220, 60, 60), (190, 190, 190)
UPRIGHT = [RED, GREEN, BLUE, GREY]
FORMATS = ["JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "AVIF", "HEIC"]


def _near(found, expected, tolerance=6):
    return np.abs(np.array(found) - np.array(expected)).max() <= tolerance


@pytest.mark.parametrize("kind", FORMATS)
def test_colours_and_places_survive(files, centres, kind):
    assert _near(centres(files[kind]), UPRIGHT)


@pytest.mark.parametrize("kind", FORMATS)
def test_format_is_told_by_the_bytes(files, tmp_path, kind):
    path = tmp_path / "photo.jpg"
    path.write_bytes(files[kind])
    assert load_image(path).format == kind


@pytest.mark.parametrize("kind", FORMATS)
def test_pixels_are_contiguous_uint8(files, kind):
    pixels = load_image(files[kind]).pixels
    assert (pixels.dtype, pixels.shape, pixels.flags.c_contiguous) == (np.uint8, (64, 96, 3), True)


@pytest.mark.parametrize("kind", FORMATS)
def test_pixels_cannot_be_written(files, kind):
    assert not load_image(files[kind]).pixels.flags.writeable


def test_jpeg_pixels_are_those_of_pillow(files):
    expected = np.asarray(Image.open(io.BytesIO(files["JPEG"])))[:, :, ::-1]
    assert np.array_equal(load_image(files["JPEG"]).pixels, expected)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_first_of_several_frames_is_taken(quadrants, encode, centres, kind):
    black = Image.new("RGB", quadrants.size)
    lossless = {"WEBP": {"lossless": True}, "AVIF": {"quality": 95, "subsampling": "4:4:4"}}.get(kind, {})
    data = encode(quadrants, kind, save_all=True, append_images=[black], **lossless)
    assert _near(centres(data), UPRIGHT)


def test_progressive_jpeg(quadrants, encode, centres):
    assert _near(centres(encode(quadrants, "JPEG", quality=95, subsampling=0, progressive=True)), UPRIGHT)


def test_cmyk_jpeg(quadrants, encode, centres):
    assert _near(centres(encode(quadrants.convert("CMYK"), "JPEG", quality=95)), UPRIGHT)


def test_ycck_jpeg(quadrants, encode, centres):
    # Pillow writes CMYK only. Its channels are made to hold inverted YCbCr, and the Adobe marker to say so.
    ycc = Image.eval(quadrants, lambda value: 255 - value).convert("YCbCr").split()
    inverted = [Image.eval(channel, lambda value: 255 - value) for channel in ycc]
    data = encode(Image.merge("CMYK", [*inverted, Image.new("L", quadrants.size)]), "JPEG", quality=95)
    transform = data.index(b"Adobe") + 11
    assert _near(centres(data[:transform] + b"\x02" + data[transform + 1 :]), UPRIGHT)


def test_cmyk_tiff(quadrants, encode, centres):
    assert _near(centres(encode(quadrants.convert("CMYK"), "TIFF")), UPRIGHT)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_grey_becomes_three_equal_channels(quadrants, encode, kind):
    pixels = load_image(encode(quadrants.convert("L"), kind)).pixels
    assert np.ptp(pixels.astype(int), axis=2).max() == 0


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_one_bit_becomes_black_and_white(encode, kind):
    data = encode(Image.linear_gradient("L").convert("1", dither=Image.Dither.NONE), kind)
    assert set(np.unique(load_image(data).pixels).tolist()) == {0, 255}


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "TIFF"])
def test_palette(quadrants, encode, centres, kind):
    assert _near(centres(encode(quadrants.quantize(8), kind)), UPRIGHT)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_not_clipped(encode, kind):
    ramp = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    pixels = load_image(encode(Image.fromarray(ramp), kind)).pixels[:, :, 0]
    assert np.abs(pixels.astype(float) - ramp / 257).max() <= 0.5


def test_big_endian_16_bit_grey_is_scaled(encode):
    ramp = np.linspace(0, 65535, 64 * 64).astype(">u2").reshape(64, 64)
    picture = Image.frombytes("I;16B", (64, 64), ramp.tobytes())
    pixels = load_image(encode(picture, "TIFF")).pixels[:, :, 0]
    assert np.abs(pixels.astype(float) - ramp / 257).max() <= 0.5


def test_16_bit_colour_png_is_scaled(quadrants, centres, deep_png):
    assert _near(centres(deep_png(np.asarray(quadrants).astype(np.uint16) * 257)), UPRIGHT, tolerance=1)


@pytest.mark.parametrize(("dtype", "white"), [(np.float32, 1.0), (np.float32, 255.0), (np.int32, 65535)])
def test_32_bit_grey_is_scaled_to_its_white(encode, dtype, white):
    ramp = np.linspace(0, white, 64 * 64).astype(dtype).reshape(64, 64)
    pixels = load_image(encode(Image.fromarray(ramp), "TIFF")).pixels[:, :, 0]
    assert np.abs(pixels.astype(float) - ramp * (255 / white)).max() <= 0.51


def test_float_grey_with_nan_is_read(encode):
    values = np.full((64, 64), np.nan, np.float32)
    values[0, 0] = 1.0
    assert load_image(encode(Image.fromarray(values), "TIFF")).pixels[..., 0].sum() == 255


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "AVIF", "HEIC"])
def test_transparency_is_laid_over_mid_grey(encode, kind):
    clear = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    assert _near(load_image(encode(clear, kind)).pixels, 128, tolerance=2)


def test_half_transparent_is_mixed(encode):
    half = Image.new("RGBA", (64, 64), (255, 0, 0, 128))
    assert _near(load_image(encode(half, "PNG")).pixels[0, 0], (64, 64, 192), tolerance=1)


def test_grey_with_alpha(encode):
    assert _near(load_image(encode(Image.new("LA", (64, 64), (255, 0)), "PNG")).pixels, 128, tolerance=1)


def test_opaque_rgba_is_unchanged(quadrants, encode, centres):
    assert _near(centres(encode(quadrants.convert("RGBA"), "PNG")), UPRIGHT, tolerance=0)


@pytest.mark.parametrize(("mode", "colour"), [("RGB", (10, 20, 30)), ("L", 10)])
def test_a_colour_declared_transparent_is_transparent(encode, mode, colour):
    picture = Image.new(mode, (64, 64), colour)
    assert _near(load_image(encode(picture, "PNG", transparency=colour)).pixels, 128, tolerance=0)


def test_a_palette_entry_declared_transparent_is_transparent(quadrants, encode, centres):
    palette = quadrants.quantize(8)
    data = encode(palette, "PNG", transparency=palette.getpixel((0, 0)))
    assert _near(centres(data), [(128, 128, 128), *UPRIGHT[1:]])


def test_a_transparent_gif_is_laid_over_mid_grey(quadrants, encode, centres):
    palette = quadrants.quantize(8)
    data = encode(palette, "GIF", transparency=palette.getpixel((0, 0)))
    assert _near(centres(data), [(128, 128, 128), *UPRIGHT[1:]])


def test_hidden_colours_do_not_bleed_when_reduced(encode):
    pixels = np.zeros((256, 256, 4), np.uint8)
    pixels[:, ::2] = (255, 0, 0, 0)
    pixels[:, 1::2] = (0, 0, 255, 255)
    found = load_image(encode(Image.fromarray(pixels), "PNG"), wanted_side=64).pixels
    assert found[..., 2].max() <= 66


def test_icc_profile_is_ignored(quadrants, encode, centres):
    assert _near(centres(encode(quadrants, "PNG", icc_profile=b"no profile at all")), UPRIGHT, tolerance=0)


def test_trailing_bytes_after_a_jpeg_are_ignored(files, centres):
    assert _near(centres(files["JPEG"] + b"a motion photo's video" * 50), UPRIGHT)


def test_fill_bytes_before_a_jpeg_marker_are_passed_over(files, centres):
    assert _near(centres(files["JPEG"][:2] + b"\xff" * 20 + files["JPEG"][2:]), UPRIGHT)
