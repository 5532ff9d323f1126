"""The contact sheet: one HTML file with the people first, then every photo with boxes and names."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from stash_sense.domain.faces import Pixels, RecognizedFace
from stash_sense.domain.progress import Progress
from stash_sense.errors import StashSenseError
from stash_sense.matching.evidence import UnknownTrack
from stash_sense.media.photo import load_image
from stash_sense.recognition.folder import FolderResult, RecognizedPhoto

FACE = 120
"""Side of a person's face pictures, pixels."""
MANY = 600
"""From so many photos on the sheet shows them smaller, to stay one file that opens."""


@dataclass(frozen=True, slots=True)
class _Face:
    """A box over a photo; left, top, width, height in percent of it."""

    left: float
    top: float
    width: float
    height: float
    name: str
    word: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Shot:
    number: int
    name: str
    picture: str
    error: str
    ratio: float
    faces: list[_Face]


@dataclass(frozen=True, slots=True)
class _Someone:
    name: str
    count: int
    confidence: float
    faces: list[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class _Unknown:
    """Somebody who was given no name. question: whom it may be, else empty."""

    count: int
    question: str
    reason: str
    faces: list[tuple[int, str]]


def contact_sheet(found: FolderResult, progress: Progress) -> bytes:
    """The whole sheet as UTF-8 HTML; pictures inside it, no script, nothing loaded from elsewhere."""
    progress.start("Drawing", len(found.photos))
    side = 640 if len(found.photos) < MANY else 320
    faces_of: dict[str, list[tuple[int, str]]] = {}
    unknown_of = {face: at for at, track in enumerate(found.unknown) for face in track.faces}
    unknown_faces: list[list[tuple[int, str]]] = [[] for _ in found.unknown]
    shots = []
    before = 0
    for number, photo in enumerate(found.photos):
        shot, crops = _shot(number, photo, side)
        shots.append(shot)
        for at, (face, crop) in enumerate(zip(photo.faces, crops, strict=False)):
            if face.named:
                faces_of.setdefault(face.named.performer_id, []).append((number, crop))
            elif before + at in unknown_of:
                unknown_faces[unknown_of[before + at]].append((number, crop))
        before += len(photo.faces)
        progress.update(number + 1)
    people = [
        _Someone(
            person.person.name, len(person.images), person.confidence, faces_of.get(person.person.key, [])
        )
        for person in found.people
    ]
    unknown = [
        _Unknown(len(track.images), _question(track), track.reason, faces)
        for track, faces in zip(found.unknown, unknown_faces, strict=True)
    ]
    environment = Environment(
        loader=PackageLoader("stash_sense.cli", "templates"), autoescape=True, undefined=StrictUndefined
    )
    faces = sum(len(photo.faces) for photo in found.photos)
    text = environment.get_template("sheet.html.j2").render(
        people=people, unknown=unknown, shots=shots, faces=faces
    )
    return text.encode("utf-8", "replace")


def _question(track: UnknownTrack) -> str:
    names = [match.name for match in track.nearest[:2]] if track.status == "ambiguous" else []
    return " or ".join(names) + "?" if names else ""


def _shot(number: int, photo: RecognizedPhoto, side: int) -> tuple[_Shot, list[str]]:
    """The photo, and a crop of each of its faces; none where it cannot be shown."""
    try:
        pixels = load_image(photo.path).pixels if not photo.error else None
    except StashSenseError as error:  # gone or changed since it was looked at
        return _Shot(number, photo.path.name, "", str(error), 1.5, []), []
    if pixels is None:
        return _Shot(number, photo.path.name, "", photo.error, 1.5, []), []
    crops = [_crop(pixels, face, photo) for face in photo.faces]
    faces = [_boxed(face, photo) for face in photo.faces]
    shot = _Shot(number, photo.path.name, _picture(pixels, side), "", photo.width / photo.height, faces)
    return shot, crops


def _boxed(face: RecognizedFace, photo: RecognizedPhoto) -> _Face:
    x1, y1, x2, y2 = (float(side) for side in face.box)
    unsure = "?" if face.verdict.status == "ambiguous" else ""
    name = face.named.name if face.named else unsure
    return _Face(
        100 * x1 / photo.width,
        100 * y1 / photo.height,
        100 * (x2 - x1) / photo.width,
        100 * (y2 - y1) / photo.height,
        name,
        face.verdict.status,
        face.verdict.reason,
    )


def _crop(pixels: Pixels, face: RecognizedFace, photo: RecognizedPhoto) -> str:
    scale = pixels.shape[1] / photo.width
    x1, y1, x2, y2 = (float(side) * scale for side in face.box)
    reach = 0.7 * max(x2 - x1, y2 - y1)
    middle = ((x1 + x2) / 2, (y1 + y2) / 2)
    low = [max(0, int(at - reach)) for at in middle]
    high = [min(pixels.shape[1 - axis], int(middle[axis] + reach) + 1) for axis in (0, 1)]
    return _picture(pixels[low[1] : high[1], low[0] : high[0]], FACE)


def _picture(pixels: Pixels, side: int) -> str:
    """A `data:` URL of the picture, at most `side` pixels on its longer side."""
    scale = side / max(pixels.shape[:2])
    if scale < 1:
        size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    _, encoded = cv2.imencode(".jpg", pixels, _QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")


_QUALITY: Sequence[int] = (cv2.IMWRITE_JPEG_QUALITY, 80)
