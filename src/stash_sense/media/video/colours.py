"""A decoded frame's rows, as the decoding process sent them, to upright 8-bit BGR."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

_PAPER_WHITE_NITS = 203.0
"""What SDR white is shown at in HDR (ITU-R BT.2408)."""

_PEAK_NITS = 1000.0
"""HLG's nominal peak."""

_KNEE = 0.75
"""Of SDR white: what is brighter is compressed instead of clipped."""

_TO_BT709 = np.array(
    [[1.1187, -0.1006, -0.0182], [-0.0083, 1.1329, -0.1246], [-0.0728, -0.5876, 1.6605]], np.float32
)
"""From BT.2020's primaries, for blue, green, red (ITU-R BT.2087)."""


def to_upright_bgr(
    rows: NDArray[np.uint8], width: int, transfer: str, *, is_wide_gamut: bool, rotation: int
) -> NDArray[np.uint8]:
    """Return (h, w, 3) uint8 BGR, or (w, h, 3) where it is turned by a quarter.

    rows: (h, row bytes) uint8, of 8-bit BGR, or 16-bit where `transfer` is `pq` or `hlg`. is_wide_gamut: of
    those, whether the primaries are BT.2020's. rotation: degrees counterclockwise that turn it upright.
    """
    if transfer:
        deep = rows[:, : 6 * width].view("<u2").reshape(len(rows), width, 3)
        pixels = _tone_mapped(deep, transfer, is_wide_gamut=is_wide_gamut)
    else:
        pixels = np.ascontiguousarray(rows[:, : 3 * width]).reshape(len(rows), width, 3)
    turns = round(rotation / 90) % 4
    if turns:
        quarter = (cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)[turns - 1]
        pixels = cv2.rotate(pixels, quarter).astype(np.uint8, copy=False)
    return pixels


def _tone_mapped(deep: NDArray[np.uint16], transfer: str, *, is_wide_gamut: bool) -> NDArray[np.uint8]:
    light = _linear(transfer)[deep]
    if is_wide_gamut:
        light = cv2.transform(light, _TO_BT709).astype(np.float32, copy=False)
    levels = np.clip(light, 0, _TOP) * np.float32((len(_sdr()) - 1) / _TOP)
    return _sdr()[levels.astype(np.uint16)]


_TOP = _PEAK_NITS / _PAPER_WHITE_NITS


@cache
def _linear(transfer: str) -> NDArray[np.float32]:
    """16-bit code -> light, SDR white being 1 (ITU-R BT.2100)."""
    code = np.linspace(0, 1, 65_536)
    if transfer == "pq":
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        power = code ** (1 / m2)
        nits = 10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    else:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
        nits = _PEAK_NITS * scene**1.2
    return (nits / _PAPER_WHITE_NITS).astype(np.float32)


@cache
def _sdr() -> NDArray[np.uint8]:
    """Light, from 0 to the peak in even steps -> 8-bit code."""
    light = np.linspace(0, _TOP, 65_536)
    over = (light - _KNEE) / (1 - _KNEE)
    light = np.where(light > _KNEE, _KNEE + (1 - _KNEE) * over / (1 + over), light)
    return np.round(255 * light ** (1 / 2.2)).astype(np.uint8)
