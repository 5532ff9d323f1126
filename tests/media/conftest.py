"""Pictures made on the spot: four quadrants of known colour, in every format that is read."""

import io
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pillow_heif import from_pillow

from stash_sense.media.photo import load_image

Encode = Callable[..., bytes]

# BGR of the quadrants' centres: top left, top right, bottom left, bottom right.
RED, GREEN, BLUE, GREY = (40, 40, 220), (40, 200, 40), (220, 60, 60), (190, 190, 190)


@pytest.fixture
def quadrants() -> Image.Image:
    """96 x 64 px RGB: red, green / blue, grey."""
    pixels = np.zeros((64, 96, 3), np.uint8)
    pixels[:32, :48], pixels[:32, 48:], pixels[32:, :48], pixels[32:, 48:] = (
        RED[::-1],
        GREEN[::-1],
        BLUE[::-1],
        GREY[::-1],
    )
    return Image.fromarray(pixels)


@pytest.fixture
def encode() -> Encode:
    def encode(picture: Image.Image, kind: str, **options: object) -> bytes:
        buffer = io.BytesIO()
        if kind == "HEIC":
            from_pillow(picture).save(buffer, **options)
        else:
            picture.save(buffer, kind, **options)
        return buffer.getvalue()

    return encode


@pytest.fixture
def files(quadrants: Image.Image, encode: Encode) -> dict[str, bytes]:
    """The quadrants in each format, by the format's name."""
    return {
        "JPEG": encode(quadrants, "JPEG", quality=95, subsampling=0),
        "PNG": encode(quadrants, "PNG"),
        "WebP": encode(quadrants, "WEBP", lossless=True),
        "GIF": encode(quadrants, "GIF"),
        "BMP": encode(quadrants, "BMP"),
        "TIFF": encode(quadrants, "TIFF", compression="tiff_lzw"),
        "AVIF": encode(quadrants, "AVIF", quality=95, subsampling="4:4:4"),
        "HEIC": encode(quadrants, "HEIC", quality=95, chroma=444),
    }


@pytest.fixture
def centres() -> Callable[..., list[list[int]]]:
    """Load a picture and give its quadrants' centres, BGR, reading order."""

    def centres(source: bytes | Path, **options: object) -> list[list[int]]:
        pixels = load_image(source, **options).pixels
        height, width = pixels.shape[:2]
        rows, columns = (height // 4, 3 * height // 4), (width // 4, 3 * width // 4)
        return [pixels[y, x].astype(int).tolist() for y in rows for x in columns]

    return centres


@pytest.fixture
def deep_png() -> Callable[[np.ndarray], bytes]:
    """(H, W, 3) uint16 RGB as a PNG, which Pillow cannot write."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return len(content).to_bytes(4) + body + zlib.crc32(body).to_bytes(4)

    def deep_png(pixels: np.ndarray) -> bytes:
        height, width = pixels.shape[:2]
        rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
        header = width.to_bytes(4) + height.to_bytes(4) + bytes([16, 2, 0, 0, 0])
        return (
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b"")
        )

    return deep_png


@pytest.fixture
def noise() -> Image.Image:
    """640 x 480 px of soft noise: its JPEG has much to lose in every row."""
    coarse = np.random.default_rng(2).integers(0, 256, (60, 80, 3), np.uint8)
    return Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC)


@pytest.fixture
def noisy_jpeg(noise: Image.Image, encode: Encode) -> bytes:
    return encode(noise, "JPEG")
