"""A recognised face as the state stores it, and back."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, cast, get_args

import numpy as np

from stash_sense.domain.decisions import (
    Decision,
    StoredMatch,
    apply_decisions,
    combine_decisions,
    decisions_by_face,
)
from stash_sense.domain.faces import Box, Candidate, Match, Quality, RecognizedFace, Verdict, VerdictStatus
from stash_sense.domain.identity import bare_ids, person_facts, person_from_facts
from stash_sense.domain.reasons import Reason
from stash_sense.domain.validation import validate_integer, validate_number
from stash_sense.facedb.database import FaceDatabase
from stash_sense.matching.gallery_people import PictureFaces
from stash_sense.matching.track_verdicts import BY_GALLERY
from stash_sense.recognition.crops import reference_id
from stash_sense.store.repositories.faces import FRAME_DETAIL, DetectedFace, StoredFace
from stash_sense.store.repositories.rematching import FaceMatches
from stash_sense.store.repositories.results import ImageResult, StoredResult
from stash_sense.store.unreadable import UNREADABLE

STORED_NEAREST = 2
"""Of the nearest people of a face: the first, and the second, whose lag is evidence for the first."""

QUALITY, _REASON, _OWN, _NEAREST = "quality", "reason", "own", "two_nearest"
"""Keys of a stored face's details. quality: what its score comes from. own: the verdict of the face alone,
before its gallery was judged."""


def to_stored(face: RecognizedFace, width: int, height: int, database: FaceDatabase) -> DetectedFace:
    """A new face to be stored. width, height: of the upright picture, pixels."""
    x1, y1, x2, y2 = (float(side) for side in face.box)
    return DetectedFace(
        Box(x1 / width, y1 / height, (x2 - x1) / width, (y2 - y1) / height),
        face.confidence,
        face.verdict.status,
        str(face.verdict.reason),
        _stored_matches(face, database),
        face.quality.score,
        face.landmarks / np.array([width, height], np.float32),
        face.embeddings["facenet"],
        face.embeddings["arcface"],
        _details(face, None),
    )


def to_stored_matches(
    face_id: int, face: RecognizedFace, database: FaceDatabase, own: RecognizedFace | None = None
) -> FaceMatches:
    """New matches and verdict of a stored face. own: the face alone, if its gallery changed the verdict."""
    return FaceMatches(
        face_id,
        face.verdict.status,
        str(face.verdict.reason),
        _stored_matches(face, database, own),
        _details(face, own.verdict if own and own.verdict != face.verdict else None),
    )


def with_matches(result: StoredResult, matches: Iterable[FaceMatches]) -> StoredResult:
    """The stored result once these matches, one a face and in order, are written."""
    faces = tuple(
        replace(
            face,
            verdict=new.verdict,
            reason=new.reason,
            candidates=new.candidates,
            details=face.details if new.details is None else new.details,
        )
        for face, new in zip(result.faces, matches, strict=True)
    )
    return replace(result, faces=faces)


def as_if_stored(result: ImageResult, decisions: Iterable[Decision]) -> StoredResult:
    """A result that could not be stored, as it would be read back; its faces have the id 0.

    decisions: on its picture.
    """
    by_face = decisions_by_face([face.box for face in result.faces], decisions)
    faces = tuple(
        StoredFace(
            face_id=0,
            stash_image_id=result.stash_image_id,
            decisions=tuple(own),
            **{field.name: getattr(face, field.name) for field in fields(face)},
        )
        for face, own in zip(result.faces, by_face, strict=True)
    )
    return StoredResult(
        stash_image_id=result.stash_image_id,
        fingerprint_id=0,
        pack=result.pack,
        db_version=result.db_version,
        source=result.source,
        width=result.width,
        height=result.height,
        settings=result.settings,
        stored_at="",
        gallery_ids=(),
        faces=faces,
    )


def picture_size(result: StoredResult) -> tuple[int, int]:
    """Width and height of the upright picture, pixels; 1 and 1 if an older program stored the result."""
    return result.width or 1, result.height or 1


def own_faces(result: StoredResult) -> PictureFaces:
    """A stored picture's faces, each recognised alone: without the gallery's evidence and any decision."""
    width, height = picture_size(result)
    return tuple(_own_face(face, width, height) for face in result.faces)


def shown_face(stored: StoredFace, width: int, height: int, top_k: int) -> RecognizedFace:
    """The face as it is shown: with the gallery's evidence and decisions applied; at most `top_k` matches.

    stored: without decisions applied, but with them in `decisions`.
    """
    decisions = combine_decisions(stored.decisions)
    details = stored.details or {}
    reason = Reason.from_stored(stored.reason, details.get(_REASON))
    decided = apply_decisions(stored.verdict, reason, stored.candidates, decisions)
    matches = tuple(_match(match) for match in decided.matches)
    named = matches[0] if decided.verdict == "match" else None
    confirmed = decisions.confirmed is not None
    ranked = sorted(matches, key=lambda match: (confirmed and match is not named, match.combined_score))
    if named is not None and named not in ranked[:top_k]:
        ranked = [*ranked[: top_k - 1], named]
    verdict = _verdict(decided.verdict, decided.reason)
    return replace(
        _own_face(stored, width, height), matches=tuple(ranked[:top_k]), verdict=verdict, named=named
    )


def _own_face(stored: StoredFace, width: int, height: int) -> RecognizedFace:
    details = stored.details or {}
    matches = sorted(
        (_match(candidate) for candidate in stored.candidates if candidate.support != BY_GALLERY),
        key=lambda match: match.combined_score,
    )
    verdict = _own_verdict(details) or _verdict(
        stored.verdict, Reason.from_stored(stored.reason, details.get(_REASON))
    )
    box, landmarks = stored.box, stored.landmarks
    return RecognizedFace(
        box=np.array(
            [box.x * width, box.y * height, (box.x + box.w) * width, (box.y + box.h) * height], np.float32
        ),
        confidence=stored.detection_confidence,
        landmarks=np.zeros((5, 2), np.float32)
        if landmarks is None
        else landmarks * np.array([width, height], np.float32),
        quality=quality_from_details(stored.quality, details),
        embeddings={
            slot: vector.astype(np.float16)
            for slot, vector in (("facenet", stored.facenet), ("arcface", stored.arcface))
            if vector is not None
        },
        frame=stored.frame,
        matches=tuple(matches),
        verdict=verdict,
        nearest=_nearest(details),
        named=matches[0] if verdict.status == "match" and matches else None,
    )


# Another program, or a fault of the disk, may have left anything in the details: what has not our form is as
# if it were not there, and costs nobody the other faces.


def quality_from_details(score: float | None, details: Mapping[str, Any] | None) -> Quality:
    """The quality of a stored face. details: with its size, blur, yaw and reason."""
    stored: Any = (details or {}).get(QUALITY)
    try:
        size, blur, yaw, reason = stored
        return Quality(score or 0.0, _number(size), _number(blur), _number(yaw), str(reason))
    except UNREADABLE:
        return Quality(score or 0.0, 0.0, 0.0, 0.0)


def _own_verdict(details: Mapping[str, Any]) -> Verdict | None:
    try:
        status, reason, *code = details[_OWN]
        if status not in get_args(VerdictStatus):
            return None
        return _verdict(status, Reason.from_stored(str(reason), *code))
    except (KeyError, *UNREADABLE):
        return None


def _nearest(details: Mapping[str, Any]) -> tuple[Candidate, ...]:
    try:
        return tuple(
            Candidate(
                validate_integer("person", person),
                _number(combined),
                _number(facenet),
                _number(arcface),
                validate_integer("reference", reference, -1),
            )
            for person, combined, facenet, arcface, reference in details[_NEAREST]
        )
    except (KeyError, *UNREADABLE):
        return ()


def _number(value: Any) -> float:
    return validate_number("a stored number", value)


def _verdict(status: str, reason: Reason) -> Verdict:
    return Verdict(cast("VerdictStatus", status), reason)


def _details(face: RecognizedFace, own: Verdict | None) -> dict[str, Any]:
    quality = face.quality
    details: dict[str, Any] = {
        QUALITY: [quality.size, quality.blur, quality.yaw, quality.reason],
        _REASON: face.verdict.reason.to_stored(),
    }
    # Index and row hold for the version of the database that is stored with the result.
    details[_NEAREST] = [
        [candidate.person, candidate.combined, candidate.facenet, candidate.arcface, candidate.reference]
        for candidate in face.nearest[:STORED_NEAREST]
    ]
    if face.frame:
        details[FRAME_DETAIL] = face.frame
    if own is not None:
        details[_OWN] = [own.status, str(own.reason), own.reason.to_stored()]
    return details


def _stored_matches(
    face: RecognizedFace, database: FaceDatabase, own: RecognizedFace | None = None
) -> tuple[StoredMatch, ...]:
    """The person meant comes first, for version 6 names that one. No match of the face alone is lost."""
    matches = {match.performer_id: match for match in (*(own.matches if own else ()), *face.matches)}
    named = face.named.performer_id if face.named else None
    order = sorted(matches.values(), key=lambda match: (match.performer_id != named, match.combined_score))
    return tuple(stored_match(match, database) for match in order)


def stored_match(match: Match, database: FaceDatabase) -> StoredMatch:
    """A match of a face or track to be stored."""
    return StoredMatch(
        match.performer_id,
        match.combined_score,
        match.facenet_distance,
        match.arcface_distance,
        match.name,
        reference_id(database, match.reference_id),
        match.support or None,
        person_facts(match.person),
    )


def _match(stored: StoredMatch) -> Match:
    person = person_from_facts(stored.performer_id, stored.name, stored.facts)
    stashdb, local_id = bare_ids(person)
    row = (stored.reference_id or "").rpartition(".")[2]
    return Match(
        performer_id=person.key,
        name=person.name,
        combined_score=stored.distance,
        facenet_distance=stored.distance if stored.facenet_distance is None else stored.facenet_distance,
        arcface_distance=stored.distance if stored.arcface_distance is None else stored.arcface_distance,
        stashdb_id=stashdb,
        stash_ids=person.stash_ids,
        local_id=local_id,
        country=person.country,
        image_url=person.image_url,
        reference_id=int(row) if row.isascii() and row.isdigit() else -1,
        support=stored.support or "",
        aliases=person.aliases,
        disambiguation=person.disambiguation,
    )
