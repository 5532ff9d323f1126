"""What a worker thread does: a few images' bytes, or stored embeddings, to recognised faces."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from stash_sense.errors import NotAnalysed, StashSenseError
from stash_sense.media.limits import MediaLimits
from stash_sense.recognition.analysis import SeenPicture, faces_in, in_full
from stash_sense.recognition.evidence import Faces
from stash_sense.recognition.image_tasks import ImageTask
from stash_sense.recognition.parameters import RunParameters
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.recognition.stored_faces import KEPT_NEAREST, detected
from stash_sense.store.results import ImageResult

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Fetched:
    """An image's bytes."""

    wanted: ImageTask
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """An image that was looked at. width, height: upright, pixels. result: to be stored."""

    wanted: ImageTask
    width: int
    height: int
    faces: Faces
    result: ImageResult


def look(
    unit: Sequence[Fetched],
    recognizer: FaceRecognizer,
    terms: RunParameters,
    media: MediaLimits,
    gallery_ids: Sequence[str] = (),
) -> list[Looked | StashSenseError]:
    """Decode, find and name the faces of a few pictures; one that cannot be read takes only itself along."""
    try:
        seen = _seen(unit, recognizer, terms, media)
    except Exception:
        if len(unit) > 1:
            return [one for alone in unit for one in look([alone], recognizer, terms, media, gallery_ids)]
        image = unit[0].wanted.image_id
        log.exception("image %s could not be analysed", image)
        return [NotAnalysed(f"Image {image}: Stash Sense failed at it; the log says how.")]
    faces = [face for one in seen if isinstance(one, SeenPicture) for face in one.faces]
    named = iter(recognizer.name(faces, terms.knobs.top_k, terms.knobs.max_distance))
    found: list[Looked | StashSenseError] = []
    for fetched, one in zip(unit, seen, strict=True):
        if isinstance(one, StashSenseError):
            found.append(one)
            continue
        own = tuple(next(named) for _ in one.faces)
        result = ImageResult(
            fetched.wanted.image_id,
            fetched.wanted.picture,
            terms.pack,
            terms.db_version,
            [detected(face, one.width, one.height, recognizer.database) for face in own],
            gallery_ids,
            terms.source,
            one.width,
            one.height,
            terms.settings(),
        )
        found.append(Looked(fetched.wanted, one.width, one.height, slim(own), result))
    return found


def name_anew(pictures: Sequence[Faces], recognizer: FaceRecognizer, terms: RunParameters) -> list[Faces]:
    """Stored faces, named with the database and the knobs of now."""
    faces = [face for own in pictures for face in own]
    named = iter(recognizer.name(faces, terms.knobs.top_k, terms.knobs.max_distance))
    return [slim(tuple(next(named) for _ in own)) for own in pictures]


def slim(faces: Faces) -> Faces:
    """Without what only a look at the face itself would show: thousands are held until a gallery's end."""
    return tuple(
        replace(
            face,
            nearest=tuple(replace(one, cosines={}) for one in face.nearest[:KEPT_NEAREST]),
            matches=(matches := tuple(replace(one, diagnostics={}) for one in face.matches)),
            named=matches[0] if face.named else None,
        )
        for face in faces
    )


def _seen(
    unit: Sequence[Fetched], recognizer: FaceRecognizer, terms: RunParameters, media: MediaLimits
) -> list[SeenPicture | StashSenseError]:
    seen = faces_in(
        [one.data for one in unit],
        recognizer.pack.engine,
        min_confidence=terms.floor,
        limits=media,
        names=[f"Image {one.wanted.image_id}" for one in unit],
    )
    return [
        _kept(one, fetched.wanted, terms) if isinstance(one, SeenPicture) else one
        for fetched, one in zip(unit, seen, strict=True)
    ]


def _kept(seen: SeenPicture, asked: ImageTask, terms: RunParameters) -> SeenPicture:
    """The faces as they can be stored: in the full picture, embeddings as exact as the state keeps them.

    So a result is the same whether it was just made or is read back.
    """
    file = asked.image.primary_file
    width, height = seen.width, seen.height
    faces = seen.faces
    if terms.source == "thumbnail" and file is not None and file.width > 0 and file.height > 0:
        scale = np.array([file.width / width, file.height / height], np.float32)
        width, height = file.width, file.height
        faces = in_full(faces, scale, width, height)
    kept = [
        replace(
            face, embeddings={slot: vector.astype(np.float16) for slot, vector in face.embeddings.items()}
        )
        for face in faces
        if face.box[2] > face.box[0] and face.box[3] > face.box[1]
    ]
    return SeenPicture(width, height, kept)
