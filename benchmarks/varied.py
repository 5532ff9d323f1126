"""As many distinct photos as wanted, varied from the free samples: cut, mirrored, recoloured, scaled."""

from pathlib import Path

import cv2
import numpy as np

from lab import REPOSITORY
from stash_sense.domain.faces import Pixels
from stash_sense.media.listing import list_images
from stash_sense.media.photo import load_image

SAMPLES = REPOSITORY / "samples"
WITHOUT_FACES = ("chelsea", "coffee")
_LONGER_SIDES = (1200, 1600)


def varied_photos(folder: Path, count: int, seed: int = 0) -> list[Path]:
    """Write `count` JPEGs of people into `folder`, each with other pixels; the same for the same seed."""
    rng = np.random.default_rng(seed)
    paths = [
        path
        for part in ("gallery", "people")
        for path in list_images(SAMPLES / part).images
        if path.stem not in WITHOUT_FACES
    ]
    sources = [load_image(path).pixels for path in paths]
    made = []
    for number in range(count):
        path = folder / f"{number:05}.jpg"
        cv2.imwrite(str(path), _varied(sources[number % len(sources)], rng), [cv2.IMWRITE_JPEG_QUALITY, 88])
        made.append(path)
    return made


def _varied(source: Pixels, rng: np.random.Generator) -> Pixels:
    height, width = source.shape[:2]
    share = rng.uniform(0.85, 1.0)
    tall, wide = int(height * share), int(width * share)
    top, left = rng.integers(0, height - tall + 1), rng.integers(0, width - wide + 1)
    part = source[top : top + tall, left : left + wide]
    if rng.random() < 0.5:
        part = part[:, ::-1]
    scale = rng.integers(*_LONGER_SIDES) / max(tall, wide)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(part, (round(wide * scale), round(tall * scale)), interpolation=way)
    coloured = scaled.astype(np.float32) * rng.uniform(0.85, 1.1, 3) + rng.uniform(-12, 12)
    return np.clip(coloured, 0, 255).astype(np.uint8)
