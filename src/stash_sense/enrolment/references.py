"""Reference faces: which face of a picture is taken, and which of a person's faces are quarantined."""

import math
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.faces import EmbeddedFace
from stash_sense.errors import StashSenseError
from stash_sense.facedb.analyzed_photos import ReferencePhoto
from stash_sense.facedb.layout import Photo, Reference
from stash_sense.facedb.search import search_people
from stash_sense.matching.tracks import COPY_DISTANCE
from stash_sense.media.formats import MediaLimits
from stash_sense.media.photo import load_image
from stash_sense.recognition.analysis import AnalyzedPicture
from stash_sense.recognition.crops import AROUND, face_jpeg
from stash_sense.recognition.recognizer import SLOTS, LoadedPack

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


SAME_PERSON_DISTANCE = 0.6
"""Up to here two faces count as one person's: 3 in 100,000 pairs of different people are as near."""

UNLIKE_DISTANCE = 1.1046
"""From here on nothing suggests one person: 99 in 100 pairs of different people are farther (ANCHORS)."""

SEARCH_BATCH = 64
"""Doubtful references searched together."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reference that none of its person's other references supports.

    index: among the person's references. own: distance to the nearest of the others. far: beyond
    UNLIKE_DISTANCE from all of them, while at least two of them agree that are not copies of one picture.
    """

    index: int
    own: float
    far: bool


def find_doubtful(distances: NDArray[np.floating]) -> list[Doubt]:
    """Find the doubtful ones among a person's references; a single reference is never doubtful.

    distances: (n, n), of the references to one another.
    """
    count = len(distances)
    if count < 2:
        return []
    apart = distances + np.diag(np.full(count, np.inf))
    own = apart.min(axis=1)
    # Copies of one picture, which a folder often holds, are one witness and do not outvote another picture.
    agreeing = (apart <= SAME_PERSON_DISTANCE) & (apart >= COPY_DISTANCE)
    return [
        Doubt(int(index), float(own[index]), bool(own[index] > UNLIKE_DISTANCE and agreeing.any()))
        for index in np.flatnonzero(own > SAME_PERSON_DISTANCE)
    ]


def trusted_references(distances: NDArray[np.floating]) -> list[int]:
    """Indices of the references that other people's doubtful ones are compared with.

    All but the doubtful, and always the first, which is the portrait. distances: (n, n), as above.
    """
    doubtful = {doubt.index for doubt in find_doubtful(distances) if doubt.index}
    return [index for index in range(len(distances)) if index not in doubtful]


def belongs_elsewhere(doubt: Doubt, other: float) -> bool:
    """Whether a doubtful reference shows another person.

    other: distance to the nearest trusted reference of everybody else.
    """
    return other <= SAME_PERSON_DISTANCE and other < doubt.own


@dataclass(frozen=True, slots=True, eq=False)
class PersonReferences:
    """The references given for a person. photos: path of each; vectors (n, d) float32: slots side by side."""

    name: str
    photos: Sequence[str]
    vectors: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _DoubtfulReference:
    """A reference to be compared with everybody else's. person: index of its person."""

    person: int
    photo: str
    vector: NDArray[np.float32]
    doubt: Doubt


@dataclass(frozen=True, slots=True)
class _OtherPerson:
    """The nearest person other than a reference's own, by that person's trusted references."""

    name: str
    distance: float


def quarantine(
    read_people: Callable[[], Iterable[PersonReferences]], pack: LoadedPack, scratch: Path
) -> dict[str, str]:
    """Return photo -> reason for the references that seem to show another person.

    read_people: yields everybody with a face, in the same order at each call, so that the vectors need not
    fit into memory. scratch: a directory with room for all vectors.
    At least one reference of everybody stays: the first, if all are doubtful. Raises OSError.
    """
    doubtful = [
        _DoubtfulReference(index, person.photos[doubt.index], person.vectors[doubt.index], doubt)
        for index, person in enumerate(read_people())
        if len(person.photos) > 1  # nothing contradicts an only reference
        for doubt in find_doubtful(_distances(person.vectors, pack))
    ]
    if not doubtful:
        return {}
    others = _nearest_others(doubtful, read_people, pack, scratch)
    reasons = {
        reference.photo: reason
        for reference, other in zip(doubtful, others, strict=True)
        if (reason := _reason(reference.doubt, other))
    }
    for person in read_people():
        if all(photo in reasons for photo in person.photos):
            del reasons[person.photos[0]]
    return reasons


def _reason(doubt: Doubt, other: _OtherPerson | None) -> str:
    if other and belongs_elsewhere(doubt, other.distance):
        return (
            f"nearer to {other.name} ({other.distance:.2f}) than to the other pictures of this person "
            f"({doubt.own:.2f})"
        )
    return f"unlike all other pictures of this person (nearest {doubt.own:.2f})" if doubt.far else ""


def _nearest_others(
    doubtful: Sequence[_DoubtfulReference],
    read_people: Callable[[], Iterable[PersonReferences]],
    pack: LoadedPack,
    scratch: Path,
) -> list[_OtherPerson | None]:
    """For each doubtful reference, the nearest other person; None if nobody else is enrolled."""
    starts, names = [0], []
    with tempfile.TemporaryFile(dir=scratch) as file:
        for person in read_people():
            rows = person.vectors[trusted_references(_distances(person.vectors, pack))]
            file.write(np.ascontiguousarray(rows, "<f4").tobytes())
            starts.append(starts[-1] + len(rows))
            names.append(person.name)
        file.flush()
        shape = (starts[-1], len(doubtful[0].vector))
        vectors: NDArray[np.float32] = np.memmap(file, "<f4", mode="r", shape=shape)
        others: list[_OtherPerson | None] = []
        for first in range(0, len(doubtful), SEARCH_BATCH):
            batch = doubtful[first : first + SEARCH_BATCH]
            slots = _split_slots(np.stack([reference.vector for reference in batch]), pack)
            nearest = search_people(vectors, np.array(starts), pack.scorer.queries(slots), 2)
            distances = pack.scorer.distances(nearest.scores)
            for reference, people, line in zip(batch, nearest.people, distances, strict=True):
                ranked = zip(people.tolist(), line.tolist(), strict=True)
                ranked_others = (
                    _OtherPerson(names[index], distance)
                    for index, distance in ranked
                    if index not in (-1, reference.person)
                )
                others.append(next(ranked_others, None))
        return others


def _distances(vectors: NDArray[np.float32], pack: LoadedPack) -> NDArray[np.float64]:
    """Fused distances (n, n) of vectors (n, d) to one another."""
    slots = _split_slots(vectors, pack)
    return pack.scorer.fused(slots, slots)


def _split_slots(vectors: NDArray[np.float32], pack: LoadedPack) -> dict[str, NDArray[np.float32]]:
    edges = np.cumsum([pack.dimensions[slot] for slot in SLOTS])[:-1]
    return dict(zip(SLOTS, np.split(vectors, edges, axis=1), strict=True))
