"""Damaged files of every format: a picture or one of our errors, soon, and in little memory."""

import random
import time
from contextlib import suppress

import pytest

from media.damage import damaged
from stash_sense.errors import BadInput
from stash_sense.media.formats import MediaLimits
from stash_sense.media.photo import load_image

FORMATS = ["JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "AVIF", "HEIC"]
LIMITS = MediaLimits(decode_bytes=50_000_000)


@pytest.mark.parametrize("kind", FORMATS)
def test_damage_raises_only_our_errors(files, kind, torture):
    chance = random.Random(f"{kind} 2")
    slowest = 0.0
    for _ in range(20_000 if torture else 300):
        data = damaged(files[kind], chance)
        began = time.process_time()
        with suppress(BadInput):
            load_image(data, limits=LIMITS, wanted_side=64)
        slowest = max(slowest, time.process_time() - began)
    assert slowest < 5


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_damage_to_other_layouts_raises_only_our_errors(quadrants, encode, kind, torture):
    chance = random.Random(f"{kind} 3")
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    layouts = {
        "JPEG": [
            encode(quadrants.convert("CMYK"), "JPEG"),
            encode(quadrants, "JPEG", progressive=True, exif=exif),
        ],
        "TIFF": [encode(quadrants, "TIFF"), encode(quadrants.convert("I;16"), "TIFF")],
    }[kind]
    outcomes = set()
    for _ in range(5_000 if torture else 100):
        try:
            outcomes.add(load_image(damaged(chance.choice(layouts), chance), limits=LIMITS).format)
        except BadInput as error:
            outcomes.add(error.code)
    assert kind in outcomes
