"""One image of a Stash: who is on it."""

import asyncio
import hashlib
import logging
from functools import partial

from stash_sense.domain.decisions import decisions_by_face
from stash_sense.errors import StashSenseError, StashTooSlow
from stash_sense.jobs.workers import Lane
from stash_sense.recognition.analysis_units import Fetched, Looked, look, name_anew
from stash_sense.recognition.answers import IdentifiedFace, ImageAnswer
from stash_sense.recognition.evidence import MatchOptions
from stash_sense.recognition.image_tasks import image_task, known_results
from stash_sense.recognition.parameters import RunParameters, Tools
from stash_sense.recognition.picture import content_face_id
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.recognition.stored_faces import matched, own_face, shown_face, size, with_matches
from stash_sense.stash.types import Source
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.faces import StoredFace
from stash_sense.store.results import StoredResult

log = logging.getLogger(__name__)


LONGEST_S = 25.0
"""For all of it; whoever looks at the page in Stash waits 30 s at most."""


async def identify_image(
    image_id: str,
    recognizer: FaceRecognizer,
    knobs: MatchOptions,
    tools: Tools,
    *,
    force: bool = False,
    source: Source = "original",
) -> ImageAnswer:
    """Who is on an image. What is stored of the same picture serves again, unless `force`.

    Raises NotInStash, NotAPicture, NoPicture, what the picture itself is refused for, and StashErrors:
    StashTooSlow also where all of it takes longer than LONGEST_S.
    """
    try:
        async with asyncio.timeout(LONGEST_S):
            return await _identify(image_id, recognizer, knobs, tools, force=force, source=source)
    except TimeoutError:
        raise StashTooSlow(
            f"Image {image_id} could not be had from Stash and looked at within {LONGEST_S:g} s. Try again "
            "later."
        ) from None


async def _identify(
    image_id: str,
    recognizer: FaceRecognizer,
    knobs: MatchOptions,
    tools: Tools,
    *,
    force: bool,
    source: Source,
) -> ImageAnswer:
    terms = RunParameters.of(recognizer, knobs, source)
    asked = image_task(await tools.stash.get_image_by_id(image_id))
    known = await asyncio.to_thread(known_results, [asked], terms, tools.state, force=force)
    if asked.image_id in known:
        return await _known(known[asked.image_id], recognizer, terms, tools)
    fetch = tools.stash.thumbnail if source == "thumbnail" else tools.stash.original
    fetched = Fetched(asked, (await fetch(asked.image)).data)
    unit = partial(look, [fetched], recognizer, terms, tools.media)
    (looked,) = await tools.pool.run(unit, Lane.INTERACTIVE)
    if isinstance(looked, StashSenseError):
        raise looked
    stored = await asyncio.to_thread(_keep, looked, tools.state)
    if stored is not None:
        return _answer(stored, terms, stored=True, reused=False)
    unstored = await asyncio.to_thread(_unstored, looked, tools.state)
    digest = hashlib.sha256(fetched.data).hexdigest()
    return _answer(unstored, terms, stored=False, reused=False, digest=digest)


async def _known(
    known: StoredResult, recognizer: FaceRecognizer, terms: RunParameters, tools: Tools
) -> ImageAnswer:
    if terms.matched_by(known):
        return _answer(known, terms, stored=True, reused=True)
    width, height = size(known)
    faces = tuple(own_face(face, width, height) for face in known.faces)
    (named,) = await tools.pool.run(partial(name_anew, [faces], recognizer, terms), Lane.INTERACTIVE)
    matches = [
        matched(face.face_id, new, recognizer.database) for face, new in zip(known.faces, named, strict=True)
    ]
    again = with_matches(known, matches)
    stored = True
    try:
        await asyncio.to_thread(
            tools.state.update_matches,
            terms.pack,
            terms.db_version,
            [known.stash_image_id],
            matches,
            terms.settings_over(known),
        )
    except StashSenseError as error:
        stored = False
        log.warning("image %s: its new matches were not stored: %s", known.stash_image_id, error)
    return _answer(again, terms, stored=stored, reused=True)


def _keep(looked: Looked, state: RecommendationsDB) -> StoredResult | None:
    """The result as it was stored, decisions beside it; None where it could not be."""
    asked = looked.wanted
    try:
        state.store_image_result(looked.result)
        return state.get_image_results([(asked.image_id, asked.picture)]).get(asked.image_id)
    except StashSenseError as error:
        log.warning("image %s was not stored: %s", asked.image_id, error)
        return None


def _unstored(looked: Looked, state: RecommendationsDB) -> StoredResult:
    """What would have been stored; a person's decisions on the picture count all the same."""
    asked, result = looked.wanted, looked.result
    try:
        decisions = state.decisions_for(asked.picture)
    except StashSenseError as error:
        decisions = []
        log.warning("image %s: decisions on it could not be read: %s", asked.image_id, error)
    words = decisions_by_face([face.box for face in result.faces], decisions)
    faces = tuple(
        StoredFace(
            0,
            asked.image_id,
            face.box,
            face.detection_confidence,
            face.quality,
            face.landmarks,
            face.verdict,
            face.reason,
            face.candidates,
            tuple(said),
            face.details,
            face.facenet,
            face.arcface,
        )
        for face, said in zip(result.faces, words, strict=True)
    )
    return StoredResult(
        asked.image_id,
        0,
        result.pack,
        result.db_version,
        result.source,
        looked.width,
        looked.height,
        result.settings,
        "",
        (),
        faces,
    )


def _answer(
    result: StoredResult, terms: RunParameters, *, stored: bool, reused: bool, digest: str = ""
) -> ImageAnswer:
    """digest: of the picture's bytes, for the ids of faces that have none in the state."""
    width, height = size(result)
    faces = []
    for one in result.faces:
        if one.detection_confidence < terms.knobs.min_face_confidence:
            continue
        face = shown_face(one, width, height, terms.knobs.top_k)
        face_id = str(one.face_id) if one.face_id else content_face_id(digest, face)
        faces.append(IdentifiedFace(face_id, face))
    return ImageAnswer(result.stash_image_id, width, height, tuple(faces), stored, reused)
