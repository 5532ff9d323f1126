"""The contact sheet: one HTML file with the people first, then photos with boxes and names, then videos."""

from collections.abc import Sequence
from dataclasses import dataclass

from stash_sense.cli.pages import data_url, render_page
from stash_sense.cli.video_sheet import sheet_videos
from stash_sense.domain.faces import Pixels, RecognizedFace
from stash_sense.domain.progress import Progress
from stash_sense.errors import StashSenseError
from stash_sense.matching.gallery_people import UnknownTrack
from stash_sense.media.photo import load_image, name_as_utf8
from stash_sense.recognition.folder import FolderResult, RecognizedPhoto
from stash_sense.recognition.video_files import IdentifiedVideo

CROP_SIDE = 120
"""Pixels."""
MANY_PHOTOS = 600
"""With so many photos, they are smaller, so that a browser can still open the file."""


@dataclass(frozen=True, slots=True)
class _FaceBox:
    """A box on a photo: left, top, width, height in percent of it. status: of the verdict."""

    left: float
    top: float
    width: float
    height: float
    name: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Photo:
    """data_url: the photo, or "" with an error. ratio: width by height."""

    number: int
    name: str
    data_url: str
    error: str
    ratio: float
    faces: list[_FaceBox]


@dataclass(frozen=True, slots=True)
class _Person:
    """faces: (number of the photo, data URL of the crop)."""

    name: str
    count: int
    confidence: float
    faces: list[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class _Unnamed:
    """question: the candidates of an ambiguous person, else ""."""

    count: int
    question: str
    reason: str
    faces: list[tuple[int, str]]


def contact_sheet(result: FolderResult, videos: Sequence[IdentifiedVideo], progress: Progress) -> bytes:
    """Return the whole sheet as UTF-8 HTML: all images inside, no script, nothing loaded from elsewhere."""
    progress.start("Drawing", len(result.photos))
    side = 640 if len(result.photos) < MANY_PHOTOS else 320
    faces_of: dict[str, list[tuple[int, str]]] = {}
    unnamed_of = {face: index for index, track in enumerate(result.unknown) for face in track.faces}
    unnamed_faces: list[list[tuple[int, str]]] = [[] for _ in result.unknown]
    photos = []
    faces_before = 0
    for number, photo in enumerate(result.photos):
        sheet_photo, crops = _photo(number, photo, side)
        photos.append(sheet_photo)
        for index, (face, crop) in enumerate(zip(photo.faces, crops, strict=False)):
            if face.named:
                faces_of.setdefault(face.named.performer_id, []).append((number, crop))
            elif faces_before + index in unnamed_of:
                unnamed_faces[unnamed_of[faces_before + index]].append((number, crop))
        faces_before += len(photo.faces)
        progress.update(number + 1)
    people = [
        _Person(
            person.person.name, len(person.images), person.confidence, faces_of.get(person.person.key, [])
        )
        for person in result.people
    ]
    unnamed = [
        _Unnamed(len(track.images), _question(track), str(track.reason), faces)
        for track, faces in zip(result.unknown, unnamed_faces, strict=True)
    ]
    face_count = sum(len(photo.faces) for photo in result.photos)
    return render_page(
        "contact_sheet.html.j2",
        people=people,
        unnamed=unnamed,
        photos=photos,
        videos=sheet_videos(videos),
        face_count=face_count,
    )


def _question(track: UnknownTrack) -> str:
    names = [match.name for match in track.nearest[:2]] if track.status == "ambiguous" else []
    return " or ".join(names) + "?" if names else ""


def _photo(number: int, photo: RecognizedPhoto, side: int) -> tuple[_Photo, list[str]]:
    """The photo, and a crop of each of its faces; no crops if it cannot be read."""
    try:
        pixels = load_image(photo.path, frame=photo.frame).pixels if not photo.error else None
    except StashSenseError as error:  # deleted or changed since it was analysed
        return _Photo(number, name_as_utf8(photo.path.name), "", str(error), 1.5, []), []
    if pixels is None:
        return _Photo(number, name_as_utf8(photo.path.name), "", photo.error, 1.5, []), []
    crops = [_crop(pixels, face, photo) for face in photo.faces]
    boxes = [_face_box(face, photo) for face in photo.faces]
    sheet_photo = _Photo(
        number, name_as_utf8(photo.path.name), data_url(pixels, side), "", photo.width / photo.height, boxes
    )
    return sheet_photo, crops


def _face_box(face: RecognizedFace, photo: RecognizedPhoto) -> _FaceBox:
    x1, y1, x2, y2 = (float(side) for side in face.box)
    unsure = "?" if face.verdict.status == "ambiguous" else ""
    name = face.named.name if face.named else unsure
    return _FaceBox(
        100 * x1 / photo.width,
        100 * y1 / photo.height,
        100 * (x2 - x1) / photo.width,
        100 * (y2 - y1) / photo.height,
        name,
        face.verdict.status,
        str(face.verdict.reason),
    )


def _crop(pixels: Pixels, face: RecognizedFace, photo: RecognizedPhoto) -> str:
    scale = pixels.shape[1] / photo.width
    x1, y1, x2, y2 = (float(side) * scale for side in face.box)
    margin = 0.7 * max(x2 - x1, y2 - y1)
    centres = ((x1 + x2) / 2, (y1 + y2) / 2)
    low = [max(0, int(centre - margin)) for centre in centres]
    high = [min(pixels.shape[1 - axis], int(centres[axis] + margin) + 1) for axis in (0, 1)]
    return data_url(pixels[low[1] : high[1], low[0] : high[0]], CROP_SIDE)
