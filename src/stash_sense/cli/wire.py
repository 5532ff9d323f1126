"""Results as JSON: the fields of docs/usage.md."""

from collections.abc import Iterable
from typing import Any

from stash_sense.recognition.folder import GalleryResult, NamedPhoto, PersonFound, UnknownPerson
from stash_sense.recognition.recognizer import Match, RecognizedFace


def result(found: GalleryResult, problems: Iterable[str]) -> dict[str, Any]:
    """Everything `identify` found out."""
    return {
        "images": [_photo(photo) for photo in found.photos],
        "performers": [_person(person) for person in found.people],
        "unknown": [_unknown(one) for one in found.unknown],
        "errors": [*problems, *(photo.error for photo in found.photos if photo.error)],
    }


def _photo(photo: NamedPhoto) -> dict[str, Any]:
    return {
        "path": str(photo.path),
        "width": photo.width,
        "height": photo.height,
        "faces": [_face(face) for face in photo.faces],
        "error": photo.error or None,
    }


def _face(face: RecognizedFace) -> dict[str, Any]:
    x1, y1, x2, y2 = (float(side) for side in face.box)
    return {
        "box": {
            "x": round(x1, 1),
            "y": round(y1, 1),
            "width": round(x2 - x1, 1),
            "height": round(y2 - y1, 1),
            "confidence": round(face.confidence, 4),
        },
        "quality": face.quality.score,
        "quality_reason": face.quality.reason,
        "verdict": face.verdict.word,
        "reason": face.verdict.reason,
        "performer_id": face.named.performer_id if face.named else None,
        "name": face.named.name if face.named else None,
        "matches": [_match(match) for match in face.matches],
    }


def _match(match: Match) -> dict[str, Any]:
    said = {
        "performer_id": match.performer_id,
        "name": match.name,
        "distance": round(match.combined_score, 4),
        "confidence": round(match.confidence, 4),
        "facenet_distance": round(match.facenet_distance, 4),
        "arcface_distance": round(match.arcface_distance, 4),
    }
    return {**said, "support": match.support} if match.support else said


def _person(found: PersonFound) -> dict[str, Any]:
    return {
        "performer_id": found.person.key,
        "name": found.person.name,
        "image_count": len(found.photos),
        "best_distance": round(found.presence.best_distance, 4),
        "avg_distance": round(found.presence.avg_distance, 4),
        "confidence": round(found.confidence, 4),
        "face_count": len(found.presence.appearances),
        "faces_alone": found.presence.alone,
        "images": [str(path) for path in found.photos],
    }


def _unknown(one: UnknownPerson) -> dict[str, Any]:
    return {
        "verdict": one.track.status,
        "reason": one.track.reason,
        "face_count": len(one.track.faces),
        "image_count": len(one.photos),
        "images": [str(path) for path in one.photos],
        "nearest": [_match(match) for match in one.track.nearest],
    }
