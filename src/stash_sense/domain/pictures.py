"""Pictures whose shape or size calls for more than a look at the whole."""

LONG_RATIO = 4
"""Longer side by shorter side above which a picture is a strip or a panorama, not a photo."""

SHEET_PIXELS = 36_000_000
"""Pixels from which a picture may be a contact sheet, and is searched more closely."""

FINE_PIXELS = 64_000_000
"""The most pixels at which a long picture or a contact sheet is searched: 192 MB of memory."""


def is_long(width: int, height: int) -> bool:
    """Whether a picture of so many pixels is a strip, a panorama or a contact sheet."""
    return max(width, height) > LONG_RATIO * min(width, height)


def fine_side(width: int, height: int) -> int:
    """The longer side, pixels, to which a picture of width x height is halved to have FINE_PIXELS at most."""
    factor = 1
    while width * height > FINE_PIXELS * factor**2:
        factor *= 2
    return max(width, height) // factor
