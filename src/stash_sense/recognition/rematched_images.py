"""Stored images matched again: their new matches, and the faces that these give another name."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stash_sense.domain.decisions import Decision, apply_decisions, combine_decisions
from stash_sense.domain.faces import RecognizedFace
from stash_sense.domain.reasons import Reason
from stash_sense.facedb.database import FaceDatabase
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition.gallery_state import GalleryState
from stash_sense.recognition.image_batches import rematch_faces
from stash_sense.recognition.parameters import RunParameters
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.recognition.stored_faces import own_faces, to_stored_matches, with_matches
from stash_sense.store.repositories.faces import StoredFace
from stash_sense.store.repositories.newly_named import NewName
from stash_sense.store.repositories.rematching import FaceMatches
from stash_sense.store.repositories.results import StoredResult


@dataclass(frozen=True, slots=True)
class RematchedImages:
    """New matches of images that share their settings, and the faces that they give another name."""

    matches: dict[str, list[FaceMatches]]
    settings: dict[str, Any]
    names: list[NewName]


def rematch_images(
    results: Mapping[str, StoredResult], recognizer: FaceRecognizer, parameters: RunParameters
) -> list[RematchedImages]:
    """New matches of images, each for itself, by settings; without those that lack embeddings."""
    usable = [result for result in results.values() if has_embeddings(result)]
    judged: dict[str, list[FaceMatches]] = {}
    for options, own in _by_options(usable, parameters.options).items():
        pictures = rematch_faces(
            [own_faces(result) for result in own], recognizer, replace(parameters, options=options)
        )
        for result, faces in zip(own, pictures, strict=True):
            judged[result.stash_image_id] = _matches_of(result, faces, recognizer.database)
    return group_by_settings(usable, judged, parameters)


def _matches_of(
    result: StoredResult, faces: Sequence[RecognizedFace], database: FaceDatabase
) -> list[FaceMatches]:
    return [
        to_stored_matches(face.face_id, new, database) for face, new in zip(result.faces, faces, strict=True)
    ]


def judge_gallery(
    gallery: GalleryState, decisions: Mapping[int, Sequence[Decision]]
) -> dict[str, list[FaceMatches]]:
    """New matches of each image of a gallery, by its evidence. decisions: by face id."""
    images, evidence = gallery.find_people(decisions)
    database = gallery.recognizer.database
    judged = {
        image.image_id: [
            to_stored_matches(face_id, face, database)
            for face_id, face in zip(image.face_ids, image.faces, strict=True)
        ]
        for image in images
    }
    return judged | {image.image_id: matches for image, matches in gallery.changes(images, evidence)}


def group_by_settings(
    results: Sequence[StoredResult],
    judged: Mapping[str, list[FaceMatches]],
    parameters: RunParameters,
    options: MatchOptions | None = None,
) -> list[RematchedImages]:
    """Images with their new matches, together where their settings are the same.

    options: that all were matched with; None: each with its own.
    """
    groups: dict[str, RematchedImages] = {}
    for result in results:
        stored = result.settings or {}
        used = options or options_of(result, parameters.options)
        settings = replace(parameters, options=used).rematch_settings(result)
        settings |= {"analysis": stored.get("analysis"), "job": stored.get("job", "")}
        group = groups.setdefault(json.dumps(settings, sort_keys=True), RematchedImages({}, settings, []))
        matches = judged[result.stash_image_id]
        group.matches[result.stash_image_id] = matches
        group.names.extend(_new_names(result, matches))
    return [*groups.values()]


def _new_names(result: StoredResult, matches: Sequence[FaceMatches]) -> Iterator[NewName]:
    """The faces whose verdict, decisions applied, becomes a name that it was not before."""
    for before, after in zip(result.faces, with_matches(result, matches).faces, strict=True):
        name = _name(after)
        if name is not None and name != _name(before):
            yield NewName(after.face_id, name)


def _name(face: StoredFace) -> str | None:
    """Whom a stored face's verdict means, decisions applied."""
    if not face.decisions:
        return face.candidates[0].performer_id if face.verdict == "match" and face.candidates else None
    decided = apply_decisions(
        face.verdict, Reason.from_stored(face.reason), face.candidates, combine_decisions(face.decisions)
    )
    return decided.matches[0].performer_id if decided.verdict == "match" and decided.matches else None


def has_embeddings(result: StoredResult) -> bool:
    """Whether all faces of a result can be matched again."""
    return all(face.facenet is not None for face in result.faces)


def options_of(result: StoredResult, usual: MatchOptions) -> MatchOptions:
    """The options that a result was matched with."""
    settings = result.settings or {}
    top_k, max_distance = settings.get("top_k"), settings.get("max_distance")
    if type(top_k) is not int or not 1 <= top_k <= 20 or not isinstance(max_distance, int | float):
        return usual
    return replace(usual, top_k=top_k, max_distance=float(max_distance))


def _by_options(
    results: Sequence[StoredResult], usual: MatchOptions
) -> dict[MatchOptions, list[StoredResult]]:
    groups: dict[MatchOptions, list[StoredResult]] = {}
    for result in results:
        groups.setdefault(options_of(result, usual), []).append(result)
    return groups


def by_faces(results: Sequence[StoredResult], most: int) -> Iterator[list[StoredResult]]:
    """Batches of about `most` faces."""
    batch: list[StoredResult] = []
    faces = 0
    for result in results:
        batch.append(result)
        faces += len(result.faces)
        if faces >= most:
            yield batch
            batch, faces = [], 0
    if batch:
        yield batch
