"""Who is on the images and in the galleries of a Stash: fetched, looked at, kept, and not looked at twice."""

from stash_sense.workflows.library.answers import (
    GalleryAnswer,
    IdentifiedFace,
    ImageAnswer,
    PerformerSeen,
    SkippedImage,
    as_json,
)
from stash_sense.workflows.library.gallery import identify_gallery
from stash_sense.workflows.library.image import identify_image
from stash_sense.workflows.library.patience import DEFAULT_PATIENCE, Patience
from stash_sense.workflows.library.terms import Source
from stash_sense.workflows.library.tools import Tools

__all__ = [
    "DEFAULT_PATIENCE",
    "GalleryAnswer",
    "IdentifiedFace",
    "ImageAnswer",
    "Patience",
    "PerformerSeen",
    "SkippedImage",
    "Source",
    "Tools",
    "as_json",
    "identify_gallery",
    "identify_image",
]
