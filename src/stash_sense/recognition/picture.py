"""One uploaded picture: every face with who it is."""

import hashlib
from dataclasses import dataclass

from stash_sense.errors import StashSenseError
from stash_sense.media.limits import MediaLimits
from stash_sense.recognition.analysis import faces_in
from stash_sense.recognition.evidence import MatchOptions
from stash_sense.recognition.recognizer import FaceRecognizer, RecognizedFace


@dataclass(frozen=True, slots=True, eq=False)
class NamedPicture:
    """A picture's faces, the surest first. digest: of its bytes; width, height: upright, pixels."""

    digest: str
    width: int
    height: int
    faces: tuple[RecognizedFace, ...]


def identify_picture(
    data: bytes, recognizer: FaceRecognizer, knobs: MatchOptions, limits: MediaLimits
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
