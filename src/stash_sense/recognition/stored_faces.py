"""A recognised face as the state stores it, and back."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np

from stash_sense.domain.boxes import Box
from stash_sense.domain.decisions import (
    APART,
    CONFIRMED,
    IGNORED,
    Decision,
    apply_decisions,
    combine_decisions,
)
from stash_sense.domain.faces import Quality
from stash_sense.domain.matches import StoredMatch
from stash_sense.facedb.database import FaceDatabase
from stash_sense.matching import candidates as near
from stash_sense.matching.verdict import Verdict, Word
from stash_sense.recognition.crops import reference_id
from stash_sense.recognition.recognizer import Match, RecognizedFace
from stash_sense.recognition.track_verdicts import Said
from stash_sense.store.faces import DetectedFace, StoredFace
from stash_sense.store.rematch import FaceMatches
from stash_sense.store.results import StoredResult

BY_GALLERY = "gallery"


BY_HAND = "decision"


_QUALITY, _OWN, _NEAREST = "quality", "own", "two_nearest"


KEPT_NEAREST = 2
"""Of the nearest people of a face: how far the second is behind decides with how near the first is."""


def detected(face: RecognizedFace, width: int, height: int, database: FaceDatabase) -> DetectedFace:
    """A face that was just found. width, height: of the upright picture, pixels."""
    x1, y1, x2, y2 = (float(side) for side in face.box)
    return DetectedFace(
        Box(x1 / width, y1 / height, (x2 - x1) / width, (y2 - y1) / height),
        face.confidence,
        face.verdict.word,
        face.verdict.reason,
        _candidates(face, database),
        face.quality.score,
        face.landmarks / np.array([width, height], np.float32),
        face.embeddings["facenet"],
        face.embeddings["arcface"],
        _details(face, None),
    )


def matched(
    face_id: int, face: RecognizedFace, database: FaceDatabase, own: RecognizedFace | None = None
) -> FaceMatches:
    """A stored face's new words. own: what it said before the gallery spoke, where that differs."""
    return FaceMatches(
        face_id,
        face.verdict.word,
        face.verdict.reason,
        _candidates(face, database, own),
        _details(face, own.verdict if own and own.verdict != face.verdict else None),
    )


def with_matches(result: StoredResult, matches: Iterable[FaceMatches]) -> StoredResult:
    """The stored result as it will be read once these matches, one a face and in order, are written."""
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


def size(result: StoredResult) -> tuple[int, int]:
    """Width and height of the upright picture, pixels; 1 where an older result lacks them."""
    return result.width or 1, result.height or 1


def own_face(stored: StoredFace, width: int, height: int) -> RecognizedFace:
    """The face as its picture alone makes it, for the evidence of a gallery; no decision counts yet."""
    details = stored.details or {}
    matches = sorted(
        (_match(one) for one in stored.candidates if one.support != BY_GALLERY),
        key=lambda match: match.combined_score,
    )
    word, reason = details.get(_OWN) or (stored.verdict, stored.reason)
    return _face(stored, width, height, tuple(matches), _verdict(word, reason))


def shown_face(stored: StoredFace, width: int, height: int, top_k: int) -> RecognizedFace:
    """The face as it is shown: with what galleries and persons said of it; at most `top_k` matches.

    stored: as found, its decisions beside it.
    """
    outcome = apply_decisions(
        stored.verdict, stored.reason, stored.candidates, combine_decisions(stored.decisions)
    )
    matches = tuple(_match(one) for one in outcome.matches)
    named = matches[0] if outcome.verdict == "match" else None
    confirmed = any(one.kind == CONFIRMED for one in stored.decisions)
    ranked = sorted(matches, key=lambda match: (confirmed and match is not named, match.combined_score))
    if named is not None and named not in ranked[:top_k]:
        ranked = [*ranked[: top_k - 1], named]
    verdict = _verdict(outcome.verdict, outcome.reason)
    return replace(
        own_face(stored, width, height), matches=tuple(ranked[:top_k]), verdict=verdict, named=named
    )


def said_of(decisions: Iterable[Decision]) -> Said:
    """What a person's decisions on a face mean for the evidence."""
    said = Said()
    for one in decisions:
        if one.kind == IGNORED:
            return Said(ignored=True)
        if one.kind == CONFIRMED:
            said = replace(said, confirmed=one.performer_id, name=one.name)
        elif one.kind == APART:
            said = replace(said, apart=True)
        elif one.performer_id:
            said = replace(said, rejected=said.rejected | {one.performer_id})
    return said


def _face(
    stored: StoredFace, width: int, height: int, matches: tuple[Match, ...], verdict: Verdict
) -> RecognizedFace:
    details = stored.details or {}
    box, landmarks = stored.box, stored.landmarks
    return RecognizedFace(
        box=np.array(
            [box.x * width, box.y * height, (box.x + box.w) * width, (box.y + box.h) * height], np.float32
        ),
        confidence=stored.detection_confidence,
        landmarks=np.zeros((5, 2), np.float32)
        if landmarks is None
        else landmarks * np.array([width, height], np.float32),
        quality=Quality(stored.quality or 0.0, *details.get(_QUALITY, (0.0, 0.0, 0.0, ""))),
        embeddings={
            slot: vector.astype(np.float16)
            for slot, vector in (("facenet", stored.facenet), ("arcface", stored.arcface))
            if vector is not None
        },
        matches=matches,
        verdict=verdict,
        nearest=tuple(near.Candidate(*one) for one in details.get(_NEAREST, ())),
        named=matches[0] if verdict.word == "match" and matches else None,
    )


def _verdict(word: str, reason: str) -> Verdict:
    return Verdict(cast("Word", word), reason)


def _details(face: RecognizedFace, own: Verdict | None) -> dict[str, Any]:
    quality = face.quality
    details: dict[str, Any] = {_QUALITY: [quality.size, quality.blur, quality.yaw, quality.reason]}
    # The index and row are good for the version of the database that is kept with the run.
    details[_NEAREST] = [
        [one.person, one.combined, one.facenet, one.arcface, one.reference]
        for one in face.nearest[:KEPT_NEAREST]
    ]
    if own is not None:
        details[_OWN] = [own.word, own.reason]
    return details


def _candidates(
    face: RecognizedFace, database: FaceDatabase, own: RecognizedFace | None = None
) -> tuple[StoredMatch, ...]:
    """The person meant first: the older tables name that one. None of the face's own is lost to `top_k`."""
    matches = {match.performer_id: match for match in (*(own.matches if own else ()), *face.matches)}
    named = face.named.performer_id if face.named else None
    order = sorted(matches.values(), key=lambda one: (one.performer_id != named, one.combined_score))
    return tuple(_candidate(match, database) for match in order)


def _candidate(match: Match, database: FaceDatabase) -> StoredMatch:
    facts: Mapping[str, Any] = {
        "stashdb_id": match.stashdb_id,
        "stash_ids": [list(pair) for pair in match.stash_ids],
        "local_id": match.local_id,
        "country": match.country,
        "image_url": match.image_url,
    }
    return StoredMatch(
        match.performer_id,
        match.combined_score,
        match.facenet_distance,
        match.arcface_distance,
        match.name,
        reference_id(database, match.reference_id),
        match.support or None,
        facts,
    )


def _match(stored: StoredMatch) -> Match:
    facts = stored.facts or {}
    row = (stored.reference_id or "").rpartition(".")[2]
    return Match(
        performer_id=stored.performer_id,
        name=stored.name or stored.performer_id,
        combined_score=stored.distance,
        facenet_distance=stored.distance if stored.facenet_distance is None else stored.facenet_distance,
        arcface_distance=stored.distance if stored.arcface_distance is None else stored.arcface_distance,
        stashdb_id=facts.get("stashdb_id"),
        stash_ids=tuple((endpoint, own) for endpoint, own in facts.get("stash_ids", ())),
        local_id=facts.get("local_id"),
        country=facts.get("country"),
        image_url=facts.get("image_url"),
        reference_id=int(row) if row.isdigit() else -1,
        support=stored.support or "",
    )
