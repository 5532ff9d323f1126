"""Pages for a browser that hold everything inside: no script, and nothing loaded from elsewhere."""

import base64
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from stash_sense.domain.faces import Pixels
from stash_sense.domain.reasons import percent

_JPEG_QUALITY: Sequence[int] = (cv2.IMWRITE_JPEG_QUALITY, 80)


def render_page(template: str, **values: Any) -> bytes:
    """A page of `cli/templates` as UTF-8 HTML, every value escaped."""
    environment = Environment(
        loader=PackageLoader("stash_sense.cli", "templates"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["percent"] = percent
    return environment.get_template(template).render(values).encode("utf-8", "replace")


def data_url(pixels: Pixels, side: int) -> str:
    """A `data:` URL of the image as a JPEG, at most `side` pixels on its longer side."""
    scale = side / max(pixels.shape[:2])
    if scale < 1:
        size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    _, encoded = cv2.imencode(".jpg", pixels, _JPEG_QUALITY)
    return jpeg_url(encoded.tobytes())


def jpeg_url(content: bytes) -> str:
    """A `data:` URL of a JPEG."""
    return "data:image/jpeg;base64," + base64.b64encode(content).decode("ascii")
