"""Pictures made smaller without losing small faces."""

import cv2
import numpy as np

from stash_sense.domain.faces import Pixels


def shrink_to_fit(image: Pixels, longest_side: int) -> Pixels:
    """Shrink so that the longest side is at most `longest_side`; never enlarge."""
    height, width = image.shape[:2]
    scale = longest_side / max(height, width)
    if scale >= 1:
        return image
    return _resized(halve_down_to(image, scale), max(1, round(width * scale)), max(1, round(height * scale)))


def halve_down_to(image: Pixels, scale: float) -> Pixels:
    """Halve the image as often as possible without going below `scale`, 0 to 1.

    A bilinear shrink by more than two drops pixels, and small faces with them. OpenCV's area average is fast
    for exact halves; for any other factor it is ten times slower than the rest of a photo's preparation.
    """
    while scale < 0.5 and min(image.shape[:2]) > 1:
        rows, columns = image.shape[0] // 2, image.shape[1] // 2
        # An odd last row or column is dropped: a half that is not exact takes nine times as long.
        image = _resized(image[: 2 * rows, : 2 * columns], columns, rows, cv2.INTER_AREA)
        scale *= 2
    return image


def _resized(image: Pixels, width: int, height: int, how: int = cv2.INTER_LINEAR) -> Pixels:
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), np.uint8)
