"""A short video made of the free photos: each moves slowly through the picture, one after another."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

SIZE = (640, 360)
RATE = 12
SECONDS = 3
PHOTOS = ("obama2.jpg", "coffee.png", "astronaut_mirrored.jpg", "grace_hopper.jpg", "obama3.jpg")

Picture = NDArray[np.uint8]


def write_film(path: Path, photos: Path, write_video: Any) -> float:
    """Write the video; returns how long it is, in seconds. write_video: that of the tests."""
    pictures = [picture for name in PHOTOS for picture in _shot(photos / name)]
    write_video(path, pictures=pictures, rate=RATE, gop=RATE)
    return len(pictures) / RATE


def _shot(photo: Path) -> list[Picture]:
    """A photo as frames: from its whole width to four fifths of it."""
    pixels = cv2.imread(str(photo))
    assert pixels is not None
    count = SECONDS * RATE
    return [_view(np.asarray(pixels, np.uint8), 1 - 0.2 * at / count) for at in range(count)]


def _view(pixels: Picture, share: float) -> Picture:
    """The middle of a photo on a dark ground. share: of its width."""
    height, width = pixels.shape[:2]
    left, top = int(width * (1 - share) / 2), int(height * (1 - share) / 4)
    part = pixels[top : height - 3 * top, left : width - left]
    scale = min(SIZE[0] / part.shape[1], SIZE[1] / part.shape[0])
    size = (round(part.shape[1] * scale), round(part.shape[0] * scale))
    view = np.full((SIZE[1], SIZE[0], 3), 24, np.uint8)
    x, y = (SIZE[0] - size[0]) // 2, (SIZE[1] - size[1]) // 2
    view[y : y + size[1], x : x + size[0]] = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    return view
