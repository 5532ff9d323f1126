"""Small videos of colours, which a pack of colours takes for faces."""

from pathlib import Path

import numpy as np
from PIL import ImageColor

from fakes.videos import write_video

SIZE = (64, 48)


def make_video(path: Path, colours: list[tuple[str, int]], *, rate: int = 5, keyframe_every: int = 5) -> Path:
    """colours: names or 0xRRGGBB, and seconds of each, one after another."""
    pictures = []
    for colour, seconds in colours:
        red, green, blue = ImageColor.getrgb(colour.replace("0x", "#"))
        pictures += [np.full((SIZE[1], SIZE[0], 3), (blue, green, red), np.uint8)] * (seconds * rate)
    return write_video(path, pictures=pictures, rate=rate, gop=keyframe_every)


def make_large_video(path: Path, seconds: int = 40) -> Path:
    """Red with noise, of which every keyframe is tens of kilobytes."""
    rng = np.random.default_rng(0)
    noise = (rng.integers(-80, 81, (240, 320, 3)) for _ in range(2 * seconds))
    pictures = [np.clip(np.add(each, (0, 0, 255)), 0, 255).astype(np.uint8) for each in noise]
    return write_video(path, pictures=pictures, rate=2, gop=2)
