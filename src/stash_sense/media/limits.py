"""How large and how small a picture may be, checked from its header before it is decoded."""

from dataclasses import dataclass

from stash_sense.errors import ImageTooLarge, ImageTooSmall

# Above this count Pillow warns (and above its double refuses), by a process-wide setting that is not ours
# to change. Staying below it keeps Pillow silent.
PILLOW_PIXELS = 89_478_485


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """What is accepted.

    `file_bytes`: of the file as it arrives. 200 MB holds every photo; scans above it are archive masters.
    `pixels`: of a JPEG, which is decoded at reduced scale; others are also held to `PILLOW_PIXELS`.
    `decode_bytes`: memory that one decoding may take, estimated from the header: this is what refuses a
    decompression bomb, and a progressive JPEG whose coefficients would not fit.
    `shorter_side`: pixels; a face in less than 32 px cannot be told from another.
    """

    file_bytes: int = 200_000_000
    pixels: int = 250_000_000
    decode_bytes: int = 768_000_000
    shorter_side: int = 32


DEFAULT_LIMITS = MediaLimits()


def reduction(width: int, height: int, wanted_side: int) -> int:
    """Return the largest power of two by which the longer side can shrink and still reach `wanted_side`."""
    factor = 1
    while max(width, height) >= 2 * factor * wanted_side:
        factor *= 2
    return factor


def check_file_bytes(name: str, count: int, limits: MediaLimits) -> None:
    """Raise ImageTooLarge if a file of `count` bytes is more than is accepted."""
    if count > limits.file_bytes:
        raise ImageTooLarge(
            f"{name}: {count / 1e6:,.1f} MB; at most {limits.file_bytes / 1e6:,g} MB are accepted. "
            "Save a smaller copy, as a JPEG for instance, and send that."
        )


def check_size(
    name: str, kind: str, size: tuple[int, int], bytes_per_pixel: float, most: int, limits: MediaLimits
) -> None:
    """Hold a picture of `size` (width, height) px to the limits.

    `kind` is the format's name for people, `bytes_per_pixel` the memory that decoding takes at its peak,
    `most` the pixels that the decoder takes at all.
    Raises ImageTooSmall, ImageTooLarge.
    """
    width, height = size
    if min(size) < limits.shorter_side:
        raise ImageTooSmall(
            f"{name}: {width}x{height} px; the shorter side must be at least {limits.shorter_side} px. "
            "Send the full image, not its thumbnail."
        )
    allowed = min(limits.pixels, most, int(limits.decode_bytes / bytes_per_pixel))
    if width * height > allowed:
        raise ImageTooLarge(
            f"{name}: {width}x{height} px ({width * height / 1e6:,.1f} megapixels); at most "
            f"{allowed / 1e6:,.1f} megapixels are accepted in a {kind} like this. "
            "Save a smaller copy and send that."
        )
