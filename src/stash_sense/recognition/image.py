"""One image, uploaded or of Stash: who is on it."""

import asyncio
import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from stash_sense.domain.decisions import Decision
from stash_sense.domain.faces import RecognizedFace
from stash_sense.errors import StashSenseError, StashTooSlow
from stash_sense.jobs.workers import Lane
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.media.formats import MediaLimits
from stash_sense.recognition.analysis import analyze_pictures
from stash_sense.recognition.decided_people import decisions_in, results_in
from stash_sense.recognition.image_batches import (
    FetchedImage,
    RecognizedImage,
    recognize_images,
    rematch_faces,
)
from stash_sense.recognition.parameters import ImageTask, RunParameters, Tools, image_task, stored_results
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.recognition.stored_faces import (
    as_if_stored,
    own_faces,
    picture_size,
    shown_face,
    to_stored_matches,
    with_matches,
)
from stash_sense.stash.types import Source
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.results import StoredResult

log = logging.getLogger(__name__)

LONGEST_S = 25.0
"""For the whole call: the plugin waits 30 s at most."""


@dataclass(frozen=True, slots=True, eq=False)
class PictureAnswer:
    """The faces of an uploaded picture, best detection first, and the id of each.

    width, height: of the upright picture, pixels; boxes are in these.
    """

    width: int
    height: int
    faces: tuple[RecognizedFace, ...]
    face_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ImageAnswer(PictureAnswer):
    """The faces of an image of Stash.

    stored: whether the state holds the result. reused: whether it served without fetching the picture.
    decisions: those on each face, oldest first.
    """

    image_id: str
    stored: bool
    reused: bool
    decisions: tuple[tuple[Decision, ...], ...]


def identify_picture(
    data: bytes, recognizer: FaceRecognizer, options: MatchOptions, limits: MediaLimits
) -> PictureAnswer:
    """Recognise the faces of an uploaded picture.

    Raises NotAnImage, UnreadableImage, ImageTooLarge, ImageTooSmall.
    """
    (picture,) = analyze_pictures(
        [data], recognizer.pack.engine, min_confidence=options.min_face_confidence, limits=limits
    )
    if isinstance(picture, StashSenseError):
        raise picture
    faces = tuple(recognizer.recognize(picture.faces, options.top_k, options.max_distance))
    return PictureAnswer(picture.width, picture.height, faces, _content_ids(data, faces))


def _content_ids(data: bytes, faces: Iterable[RecognizedFace]) -> tuple[str, ...]:
    """Ids for faces that are not stored: the same for the same bytes and box, whatever the options."""
    digest = hashlib.sha256(data).hexdigest()
    boxes = (",".join(str(round(float(side))) for side in face.box) for face in faces)
    return tuple("seen-" + hashlib.sha256(f"{digest}:{box}".encode()).hexdigest()[:24] for box in boxes)


async def identify_image(
    image_id: str,
    recognizer: FaceRecognizer,
    options: MatchOptions,
    tools: Tools,
    *,
    force: bool = False,
    source: Source = "original",
) -> ImageAnswer:
    """Who is on an image of Stash. A stored result of the same picture serves again, unless `force`.

    Raises NotInStash, NotAPicture, NoPicture, the picture's own MediaError, and StashErrors, among them
    StashTooSlow if the whole call takes longer than LONGEST_S.
    """
    try:
        async with asyncio.timeout(LONGEST_S):
            return await _identify(
                image_id, recognizer, RunParameters.of(recognizer, options, source), tools, force=force
            )
    except TimeoutError:
        raise StashTooSlow(
            f"Image {image_id} could not be had from Stash and looked at within {LONGEST_S:g} s. Try again "
            "later."
        ) from None


async def _identify(
    image_id: str, recognizer: FaceRecognizer, parameters: RunParameters, tools: Tools, *, force: bool
) -> ImageAnswer:
    task = image_task(await tools.stash.get_image_by_id(image_id))
    results = await asyncio.to_thread(_stored_results, task, recognizer, parameters, tools.state, force=force)
    if task.image_id in results:
        return await _reuse(results[task.image_id], recognizer, parameters, tools)
    fetch = tools.stash.thumbnail if parameters.source == "thumbnail" else tools.stash.original
    fetched = FetchedImage(task, (await fetch(task.image)).data)
    work = partial(recognize_images, [fetched], recognizer, parameters, tools.media)
    (recognized,) = await tools.pool.run(work, Lane.INTERACTIVE)
    if isinstance(recognized, StashSenseError):
        raise recognized
    stored = await asyncio.to_thread(_store, recognized, recognizer, tools.state)
    if stored is not None:
        return _answer(stored, parameters, stored=True, reused=False)
    unstored = await asyncio.to_thread(_unstored, recognized, recognizer, tools.state)
    return _answer(unstored, parameters, stored=False, reused=False, data=fetched.data)


def _stored_results(
    task: ImageTask,
    recognizer: FaceRecognizer,
    parameters: RunParameters,
    state: RecommendationsDB,
    *,
    force: bool,
) -> dict[str, StoredResult]:
    results = stored_results([task], parameters, state, force=force)
    return results_in(recognizer.database, results, state)


async def _reuse(
    stored: StoredResult, recognizer: FaceRecognizer, parameters: RunParameters, tools: Tools
) -> ImageAnswer:
    if parameters.has_same_matches(stored):
        return _answer(stored, parameters, stored=True, reused=True)
    work = partial(rematch_faces, [own_faces(stored)], recognizer, parameters)
    (rematched,) = await tools.pool.run(work, Lane.INTERACTIVE)
    matches = [
        to_stored_matches(face.face_id, new, recognizer.database)
        for face, new in zip(stored.faces, rematched, strict=True)
    ]
    written = True
    try:
        await asyncio.to_thread(
            tools.state.update_matches,
            parameters.pack,
            parameters.db_version,
            [stored.stash_image_id],
            matches,
            parameters.rematch_settings(stored),
        )
    except StashSenseError as error:
        written = False
        log.warning("image %s: its new matches were not stored: %s", stored.stash_image_id, error)
    return _answer(with_matches(stored, matches), parameters, stored=written, reused=True)


def _store(
    recognized: RecognizedImage, recognizer: FaceRecognizer, state: RecommendationsDB
) -> StoredResult | None:
    """Store the result and read it back with its decisions; None if that failed."""
    task = recognized.task
    try:
        state.store_image_result(recognized.result)
        results = state.get_image_results([(task.image_id, task.picture)])
        return results_in(recognizer.database, results, state).get(task.image_id)
    except StashSenseError as error:
        log.warning("image %s was not stored: %s", task.image_id, error)
        return None


def _unstored(
    recognized: RecognizedImage, recognizer: FaceRecognizer, state: RecommendationsDB
) -> StoredResult:
    """The result as it would be read back, with the decisions on its picture."""
    task = recognized.task
    try:
        decisions = state.decisions_for(task.picture)
        decisions = decisions_in(recognizer.database, {0: decisions}, state)[0]
    except StashSenseError as error:
        decisions = []
        log.warning("image %s: decisions on it could not be read: %s", task.image_id, error)
    return as_if_stored(recognized.result, decisions)


def _answer(
    result: StoredResult, parameters: RunParameters, *, stored: bool, reused: bool, data: bytes = b""
) -> ImageAnswer:
    """data: the picture's bytes, for the ids of faces that are not stored."""
    width, height = picture_size(result)
    options = parameters.options
    shown = [face for face in result.faces if face.detection_confidence >= options.min_face_confidence]
    faces = tuple(shown_face(face, width, height, options.top_k) for face in shown)
    face_ids = _content_ids(data, faces) if data else tuple(str(face.face_id) for face in shown)
    decisions = tuple(face.decisions for face in shown)
    return ImageAnswer(width, height, faces, face_ids, result.stash_image_id, stored, reused, decisions)
