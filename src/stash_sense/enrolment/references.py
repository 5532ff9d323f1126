"""Reference faces: which face of a picture is taken as its person's, and its crop."""

import hashlib
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from stash_sense.domain.faces import EmbeddedFace, Pixels, Vectors
from stash_sense.enrolment.set_aside import NO_FACE, UPSIDE_DOWN, one_person_tagged, poor_face
from stash_sense.errors import StashSenseError
from stash_sense.facedb.analyzed_photos import ReferencePhoto
from stash_sense.facedb.layout import Photo, Reference
from stash_sense.faces.engine import SLOTS
from stash_sense.media.formats import MediaLimits
from stash_sense.media.photo import load_image
from stash_sense.recognition.analysis import AnalyzedPicture
from stash_sense.recognition.crops import AROUND, face_jpeg

FACES = "faces"
"""Key of a reference's details: among how many faces of its photo its own was guessed."""

CLEAR = 3.0
"""How far a photo's first face must outweigh its second to be the person's for certain: all of 332 labelled
photos of one person each reach it."""

_LEAST_SURETY = 0.1

MOST_TILT = 120.0
"""Degrees from upright beyond which a photo counts as upside down."""

CROP_SIDE_PX = 192

CROP_QUALITY = 80
"""Of the crops kept in the database: about 8 kB each."""

FaceChooser = Callable[[Sequence[EmbeddedFace], int, int], EmbeddedFace | str]
"""Faces of a photo, its width and height in pixels -> the person's face, or the reason for taking none."""


def prominent_face(faces: Sequence[EmbeddedFace], width: int, height: int) -> EmbeddedFace | None:
    """The surest and largest face near the middle of a photo of width x height pixels, if there is any."""
    return max(faces, key=lambda face: _prominence(face, width, height), default=None)


def portrait_face(faces: Sequence[EmbeddedFace], width: int, height: int) -> EmbeddedFace | str:
    """The face of a photo that is filed under one person: the most prominent one."""
    face = prominent_face(faces, width, height)
    return NO_FACE if face is None else _good_enough(face)


def only_face(faces: Sequence[EmbeddedFace], _width: int, _height: int) -> EmbeddedFace | str:
    """The one face of an image on which one person is tagged."""
    if not faces:
        return NO_FACE
    if len(faces) > 1:
        return one_person_tagged(len(faces))
    return _good_enough(faces[0])


@dataclass(frozen=True, slots=True)
class NewPhoto:
    """A photo to analyze. content: its file or its bytes; choose_face: picks the person's face."""

    photo: Photo
    content: Path | bytes = field(repr=False)
    choose_face: FaceChooser


def picture_digest(data: bytes) -> str:
    """A hash of a picture's bytes, 32 hex digits. Face databases store it with each photo."""
    return hashlib.sha256(data).hexdigest()[:32]


def reference_photo(new: NewPhoto, picture: AnalyzedPicture, limits: MediaLimits) -> ReferencePhoto:
    """The photo with the reference taken from its analyzed picture, or with the reason why none is taken."""
    face = new.choose_face(picture.faces, picture.width, picture.height)
    if isinstance(face, str):
        return ReferencePhoto(replace(new.photo, skipped=face))
    crop = _found_crop(picture, face)
    if not crop:
        with suppress(StashSenseError):  # the file changed meanwhile: the next build analyzes it again
            crop = reference_thumbnail(new.content, face, picture.width, picture.height, limits)
    x1, y1, x2, y2 = (round(float(side), 1) for side in face.box)
    rivals = rival_count(picture.faces, picture.width, picture.height)
    details = {FACES: 1 + rivals} if rivals else {}
    reference = Reference(new.photo.path, (x1, y1, x2, y2), face.quality.score, details)
    vector = np.concatenate([face.embeddings[slot] for slot in SLOTS])
    return ReferencePhoto(new.photo, reference, vector, crop)


def cut_crop(pixels: Pixels, box: Vectors) -> bytes:
    """A JPEG of a face and its surroundings. pixels (H, W, 3) BGR; box (4,) in these."""
    x1, y1, x2, y2 = (float(side) for side in box)
    return face_jpeg(pixels, (x1, y1, x2, y2), CROP_SIDE_PX, CROP_QUALITY)


def _found_crop(picture: AnalyzedPicture, face: EmbeddedFace) -> bytes:
    """The crop from the pixels that the face was found in; b"" where the whole picture has a sharper one."""
    side = _crop_side(face)
    if not picture.crops or (picture.scale > 1 and side / picture.scale < min(side, CROP_SIDE_PX)):
        return b""
    return next(crop for own, crop in zip(picture.faces, picture.crops, strict=True) if own is face)


def _crop_side(face: EmbeddedFace) -> float:
    """Pixels of the full picture, of a crop's longer side."""
    x1, y1, x2, y2 = (float(side) for side in face.box)
    return max(1.0, 2 * AROUND * max(x2 - x1, y2 - y1))


def reference_thumbnail(
    source: Path | bytes, face: EmbeddedFace, width: int, height: int, limits: MediaLimits
) -> bytes:
    """A JPEG of a face and its surroundings, at most CROP_SIDE_PX wide and high.

    width, height: of the full upright picture in pixels, in which the face's box is given.
    Raises what `load_image` raises; NoSuchReference if the picture has changed.
    """
    # Decode no more than the crop needs: a JPEG in halves, quarters or eighths.
    wanted_side = math.ceil(max(width, height) * CROP_SIDE_PX / _crop_side(face))
    image = load_image(source, limits=limits, wanted_side=wanted_side)
    across, down = image.scale
    x1, y1, x2, y2 = (float(side) for side in face.box)
    box = (x1 / across, y1 / down, x2 / across, y2 / down)
    return face_jpeg(image.pixels, box, CROP_SIDE_PX, CROP_QUALITY)


def rival_count(faces: Sequence[EmbeddedFace], width: int, height: int) -> int:
    """How many faces are nearly as prominent as the most prominent one, so that any may be the person's."""
    ranked = sorted((_prominence(face, width, height) for face in faces), reverse=True)
    return sum(prominence * CLEAR > ranked[0] for prominence in ranked[1:])


def tilt(face: EmbeddedFace) -> float:
    """Degrees, 0 to 180, by which a face is turned from upright in its picture."""
    right_eye, left_eye, _, right_mouth, left_mouth = face.landmarks.astype(np.float64)
    across, down = (right_mouth + left_mouth - right_eye - left_eye).tolist()
    return abs(math.degrees(math.atan2(across, down)))


def _good_enough(face: EmbeddedFace) -> EmbeddedFace | str:
    if tilt(face) > MOST_TILT:
        return UPSIDE_DOWN
    return poor_face(face.quality.reason) if face.quality.reason else face


def _prominence(face: EmbeddedFace, width: int, height: int) -> float:
    x1, y1, x2, y2 = (float(side) for side in face.box)
    off_centre = abs((x1 + x2) / 2 / width - 0.5) + abs((y1 + y2) / 2 / height - 0.5)
    # What only half looks like a face, a belly or a pattern on a shirt, stands in no face's way.
    surety = max(_LEAST_SURETY, 2 * face.confidence - 1) * max(_LEAST_SURETY, face.quality.score)
    return float(np.sqrt(max(0.0, (x2 - x1) * (y2 - y1))) * (1.0 - off_centre) ** 2 * surety)
