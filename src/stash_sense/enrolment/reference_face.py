"""Which face of a photo becomes the reference of its person, and the crop of it that is kept."""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from stash_sense.domain.faces import EmbeddedFace
from stash_sense.errors import StashSenseError
from stash_sense.facedb.layout import Photo, Reference
from stash_sense.facedb.spool import ReferencePhoto
from stash_sense.media.formats import MediaLimits
from stash_sense.media.photo import load_image
from stash_sense.recognition.analysis import AnalyzedPicture
from stash_sense.recognition.crops import AROUND, face_jpeg
from stash_sense.recognition.recognizer import SLOTS

NO_FACE = "no face found"

PROMINENT = 1.3
"""How far a portrait's first face must outweigh its second: two equal ones are a picture of two people."""

CROP_SIDE_PX = 192
CROP_QUALITY = 80
"""Of the crops kept in the database: about 8 kB each."""

FaceChooser = Callable[[Sequence[EmbeddedFace], int, int], EmbeddedFace | str]
"""Faces of a photo, its width and height in pixels -> the person's face, or the reason for taking none."""


def prominent_face(faces: Sequence[EmbeddedFace], width: int, height: int) -> EmbeddedFace | None:
    """The largest face nearest to the middle of a photo of width x height pixels; None without faces."""
    return max(faces, key=lambda face: _prominence(face, width, height), default=None)


def any_prominent_face(faces: Sequence[EmbeddedFace], width: int, height: int) -> EmbeddedFace | str:
    """The most prominent face of a photo that its owner filed under one person."""
    return prominent_face(faces, width, height) or NO_FACE


def portrait_face(faces: Sequence[EmbeddedFace], width: int, height: int) -> EmbeddedFace | str:
    """The face that a portrait clearly shows."""
    ranked = sorted(faces, key=lambda face: _prominence(face, width, height), reverse=True)
    if not ranked:
        return NO_FACE
    if len(ranked) > 1:
        first, second = (_prominence(face, width, height) for face in ranked[:2])
        if first < PROMINENT * second:
            return f"{len(ranked)} faces, none of them clearly the person's"
    return _good_enough(ranked[0])


def only_face(faces: Sequence[EmbeddedFace], _width: int, _height: int) -> EmbeddedFace | str:
    """The one face of an image on which one person is tagged."""
    if not faces:
        return NO_FACE
    if len(faces) > 1:
        return f"{len(faces)} faces, and one person tagged"
    return _good_enough(faces[0])


@dataclass(frozen=True, slots=True)
class NewPhoto:
    """A photo to analyze. content: its file or its bytes; choose_face: picks the person's face."""

    photo: Photo
    content: Path | bytes = field(repr=False)
    choose_face: FaceChooser


def reference_photo(new: NewPhoto, picture: AnalyzedPicture, limits: MediaLimits) -> ReferencePhoto:
    """The photo with the reference taken from its analyzed picture, or with the reason why none is taken."""
    face = new.choose_face(picture.faces, picture.width, picture.height)
    if isinstance(face, str):
        return ReferencePhoto(replace(new.photo, skipped=face))
    crop = b""
    with suppress(StashSenseError):  # the file changed meanwhile: the next build analyzes it again
        crop = reference_thumbnail(new.content, face, picture.width, picture.height, limits)
    x1, y1, x2, y2 = (round(float(side), 1) for side in face.box)
    reference = Reference(new.photo.path, (x1, y1, x2, y2), face.quality.score)
    vector = np.concatenate([face.embeddings[slot] for slot in SLOTS])
    return ReferencePhoto(new.photo, reference, vector, crop)


def reference_thumbnail(
    source: Path | bytes, face: EmbeddedFace, width: int, height: int, limits: MediaLimits
) -> bytes:
    """A JPEG of a face and its surroundings, at most CROP_SIDE_PX wide and high.

    width, height: of the full upright picture in pixels, in which the face's box is given.
    Raises what `load_image` raises; NoSuchReference if the picture has changed.
    """
    x1, y1, x2, y2 = (float(side) for side in face.box)
    # Decode no more than the crop needs: a JPEG in halves, quarters or eighths.
    crop_side = max(1.0, 2 * AROUND * max(x2 - x1, y2 - y1))
    wanted_side = math.ceil(max(width, height) * CROP_SIDE_PX / crop_side)
    image = load_image(source, limits=limits, wanted_side=wanted_side)
    across, down = image.scale
    box = (x1 / across, y1 / down, x2 / across, y2 / down)
    return face_jpeg(image.pixels, box, CROP_SIDE_PX, CROP_QUALITY)


def _good_enough(face: EmbeddedFace) -> EmbeddedFace | str:
    return f"the face is {face.quality.reason}" if face.quality.reason else face


def _prominence(face: EmbeddedFace, width: int, height: int) -> float:
    x1, y1, x2, y2 = (float(side) for side in face.box)
    off_centre = abs((x1 + x2) / 2 / width - 0.5) + abs((y1 + y2) / 2 / height - 0.5)
    return float(np.sqrt(max(0.0, (x2 - x1) * (y2 - y1))) * (1.0 - off_centre) ** 2)
