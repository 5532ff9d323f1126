"""Sizes are refused from the header, before anything is decoded, in a sentence that says what to do."""

import io
import struct
import zlib

import pytest
from PIL import Image

from stash_sense.errors import ImageTooLarge, ImageTooSmall, UnreadableImage
from stash_sense.media.formats import MediaLimits
from stash_sense.media.jpeg_header import BadHeader, read_jpeg_header
from stash_sense.media.photo import load_image

pytestmark = pytest.mark.slow


def _patched(data, before, replacement, skip=0):
    start = data.index(before) + len(before) + skip
    return data[:start] + replacement + data[start + len(replacement) :]


def _png(data, width, height):
    header = b"IHDR" + struct.pack(">II", width, height) + data[24:29]
    return data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]


def _tiff(width, height):
    tags = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (279, 4, 1),
    ]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)


def _webp(data, width, height):
    bits = (width - 1) | (height - 1) << 14  # of a lossless WebP: 14 bits a side
    return data[:21] + struct.pack("<I", bits) + data[25:]


@pytest.fixture
def bomb(files):
    """A file of a few hundred bytes that announces a picture of the given size."""

    def bomb(kind, width, height):
        return {
            "JPEG": lambda: _patched(files["JPEG"], b"\xff\xc0", struct.pack(">HH", height, width), skip=3),
            "PNG": lambda: _png(files["PNG"], width, height),
            "GIF": lambda: files["GIF"][:6] + struct.pack("<HH", width, height) + files["GIF"][10:],
            "BMP": lambda: files["BMP"][:18] + struct.pack("<ii", width, height) + files["BMP"][26:],
            "TIFF": lambda: _tiff(width, height),
            "WebP": lambda: _webp(files["WebP"], width, height),
            "AVIF": lambda: _patched(files["AVIF"], b"ispe", struct.pack(">III", 0, width, height)),
            "HEIC": lambda: _patched(files["HEIC"], b"ispe", struct.pack(">III", 0, width, height)),
        }[kind]()

    return bomb


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF"])
def test_a_header_of_60000_x_60000_px_is_refused(bomb, kind):
    with pytest.raises(ImageTooLarge, match=r"60000x60000 px \(3,600.0 megapixels\)"):
        load_image(bomb(kind, 60_000, 60_000))


@pytest.mark.parametrize("kind", ["PNG", "WebP", "GIF", "BMP", "TIFF", "AVIF", "HEIC"])
def test_144_megapixels_are_refused_without_a_warning(bomb, kind):
    with pytest.raises(ImageTooLarge, match="12000x12000 px"):
        load_image(bomb(kind, 12_000, 12_000))


@pytest.mark.parametrize("kind", ["AVIF", "HEIC"])
def test_more_than_the_container_can_hold_is_refused(bomb, kind):
    with pytest.raises((ImageTooLarge, UnreadableImage)):
        load_image(bomb(kind, 60_000, 60_000))


def test_a_large_jpeg_is_accepted_since_it_is_decoded_at_an_eighth():
    buffer = io.BytesIO()
    Image.new("L", (12_000, 9_000)).save(buffer, "JPEG")
    assert load_image(buffer.getvalue(), wanted_side=1024).pixels.shape == (1125, 1500, 3)


def test_a_progressive_jpeg_is_held_to_the_memory_of_its_coefficients(quadrants, encode):
    limits = MediaLimits(decode_bytes=96 * 64 * 12)
    data = encode(quadrants, "JPEG", progressive=True, subsampling=0)
    with pytest.raises(ImageTooLarge, match="96x64 px"):
        load_image(data, limits=limits)


def test_a_baseline_jpeg_of_the_same_size_is_not(quadrants, encode):
    limits = MediaLimits(decode_bytes=96 * 64 * 12)
    assert load_image(encode(quadrants, "JPEG"), limits=limits).width == 96


@pytest.mark.parametrize("size", [(1, 1), (18, 22), (31, 500), (500, 31)])
def test_too_small_is_refused_with_its_size_and_what_to_do(encode, tmp_path, size):
    path = tmp_path / "photo.jpg"
    path.write_bytes(encode(Image.new("RGB", size), "JPEG"))
    with pytest.raises(ImageTooSmall) as caught:
        load_image(path)
    assert str(caught.value) == (
        f"photo.jpg: {size[0]}x{size[1]} px; the shorter side must be at least 32 px. "
        "Send the full image, not its thumbnail."
    )


def test_the_smallest_accepted_size_is_accepted(encode):
    assert load_image(encode(Image.new("RGB", (32, 32)), "PNG")).width == 32


def test_too_many_bytes_are_refused(files):
    with pytest.raises(ImageTooLarge, match=r"at most 0\.0001 MB are accepted"):
        load_image(files["PNG"], limits=MediaLimits(file_bytes=100))


def test_a_file_of_too_many_bytes_is_refused_unread(tmp_path):
    path = tmp_path / "huge.tif"
    with path.open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(ImageTooLarge, match=r"huge.tif: 1,000,000.0 MB; at most 200 MB"):
        load_image(path)


def test_a_jpeg_of_endless_scans_is_refused(quadrants, encode):
    data = encode(quadrants, "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    with pytest.raises(UnreadableImage, match="more than 100 scans"):
        load_image(data[: data.index(b"\xff\xda")] + scan * 101 + b"\xff\xd9")


def test_a_jpeg_of_endless_segments_is_refused(files):
    with pytest.raises(BadHeader, match="no end"):
        read_jpeg_header(b"\xff\xd8" + b"\xff\xfe\0\x02" * 10_000 + files["JPEG"][2:])


def test_a_gif_of_millions_of_blocks_is_refused(files):
    data = files["GIF"]
    header = data[: 13 + 3 * (2 << (data[10] & 7))]
    with pytest.raises(UnreadableImage, match="too many pieces"):
        load_image(header + b"\x21\xfe" + b"\x01a" * 1_100_000 + b"\0" + data[len(header) :])


def test_every_error_has_its_own_code():
    assert len({error.code for error in (ImageTooLarge, ImageTooSmall, UnreadableImage)}) == 3
