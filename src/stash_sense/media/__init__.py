"""Pictures: a path or bytes -> upright BGR uint8 pixels, safely; and the pictures of a folder."""

from stash_sense.media.errors import (
    ImageTooLarge,
    ImageTooSmall,
    NotAFolder,
    NotAnImage,
    UnreadableImage,
)
from stash_sense.media.folder import EXTENSIONS, Listing, list_images
from stash_sense.media.image import Image, load_image
from stash_sense.media.limits import DEFAULT_LIMITS, MediaLimits

__all__ = [
    "DEFAULT_LIMITS",
    "EXTENSIONS",
    "Image",
    "ImageTooLarge",
    "ImageTooSmall",
    "Listing",
    "MediaLimits",
    "NotAFolder",
    "NotAnImage",
    "UnreadableImage",
    "list_images",
    "load_image",
]
