"""One picture that somebody hands over: who is on it. And the face that a match rests on, to be shown."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from stash_sense.errors import StashSenseError
from stash_sense.facedb import FaceDatabase
from stash_sense.faces.types import Pixels
from stash_sense.media import MediaLimits, load_image
from stash_sense.workflows.evidence import Knobs
from stash_sense.workflows.reading import faces_in
from stash_sense.workflows.recognizer import FaceRecognizer, RecognizedFace

CROP_SIDE = 320
"""The longest side of a face to be shown, pixels."""
AROUND = 0.7
"""How far a shown face reaches from its middle, in sides of its box."""
QUALITY = 88
"""Of a face to be shown, as JPEG has it."""


class NoSuchReference(StashSenseError):
    """The face database in use has no such reference, or its photo is gone."""

    code = "no-reference"


@dataclass(frozen=True, slots=True, eq=False)
class NamedPicture:
    """A picture's faces, the surest first. digest: of its bytes; width, height: upright, pixels."""

    digest: str
    width: int
    height: int
    faces: tuple[RecognizedFace, ...]


def identify_picture(
    data: bytes, recognizer: FaceRecognizer, knobs: Knobs, limits: MediaLimits
) -> NamedPicture:
    """Name the faces of a picture's bytes; boxes in pixels of the full upright picture.

    Raises NotAnImage, UnreadableImage, ImageTooLarge, ImageTooSmall.
    """
    (seen,) = faces_in(
        [data], recognizer.pack.engine, min_confidence=knobs.min_face_confidence, limits=limits
    )
    if isinstance(seen, StashSenseError):
        raise seen
    named = recognizer.name(seen.faces, knobs.top_k, knobs.max_distance)
    return NamedPicture(hashlib.sha256(data).hexdigest(), seen.width, seen.height, tuple(named))


def content_face_id(digest: str, face: RecognizedFace) -> str:
    """A name for a face that nothing stores: the same for the same bytes and place, whatever the knobs."""
    place = ",".join(str(round(float(side))) for side in face.box)
    return "seen-" + hashlib.sha256(f"{digest}:{place}".encode()).hexdigest()[:24]


def reference_id(database: FaceDatabase, row: int) -> str | None:
    """What stands for a reference face outside: other versions of the database have other rows."""
    return f"{database.manifest.version}.{row}" if row >= 0 else None


def reference_picture(database: FaceDatabase, wanted: str) -> bytes:
    """The reference face as a JPEG: kept in the database, or cut from its photo. Raises NoSuchReference."""
    version, _, row = wanted.rpartition(".")
    known = row.isascii() and row.isdigit() and len(row) < 12 and int(row) < database.manifest.faces
    if version != database.manifest.version or not known:
        raise NoSuchReference(
            "The face database in use has no such reference face; it may have been built anew since. "
            "Identify the picture again."
        )
    kept = database.crop(int(row))
    if kept:
        return kept
    reference = database.reference(int(row))
    try:
        image = load_image(Path(reference.photo))
    except (StashSenseError, ValueError):
        raise NoSuchReference(
            "The photo that this reference face was taken from is gone or cannot be read any more. "
            "Build the face database again."
        ) from None
    across, down = image.scale
    x1, y1, x2, y2 = reference.box
    return face_jpeg(image.pixels, (x1 / across, y1 / down, x2 / across, y2 / down))


def face_jpeg(
    pixels: Pixels,
    box: tuple[float, float, float, float],
    longest_side: int = CROP_SIDE,
    quality: int = QUALITY,
) -> bytes:
    """A face with some of what is around it. pixels (H, W, 3) BGR; box x1, y1, x2, y2 in these pixels."""
    height, width = pixels.shape[:2]
    x1, y1, x2, y2 = box
    reach = max(1.0, AROUND * max(x2 - x1, y2 - y1))
    middle_x, middle_y = (x1 + x2) / 2, (y1 + y2) / 2
    left, top = max(0, int(middle_x - reach)), max(0, int(middle_y - reach))
    right, bottom = min(width, int(middle_x + reach) + 1), min(height, int(middle_y + reach) + 1)
    if left >= right or top >= bottom:
        raise NoSuchReference("The photo has changed since its face was enrolled. Build the database again.")
    crop = pixels[top:bottom, left:right]
    scale = longest_side / max(crop.shape[:2])
    if scale < 1:
        size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
        crop = np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.uint8)
    _, encoded = cv2.imencode(".jpg", crop, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return encoded.tobytes()
