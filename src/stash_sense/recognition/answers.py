from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from stash_sense.domain.people import bare_ids
from stash_sense.facedb.database import FaceDatabase
from stash_sense.recognition.crops import reference_id
from stash_sense.recognition.evidence import Found, Unnamed
from stash_sense.recognition.recognizer import Match, RecognizedFace

CONFIRMED = "You confirmed this person."


MOST_ERRORS = 10
"""Errors told in a gallery's answer; a job keeps them all."""


@dataclass(frozen=True, slots=True, eq=False)
class IdentifiedFace:
    """A face under the id that stands for it outside."""

    face_id: str
    face: RecognizedFace


@dataclass(frozen=True, slots=True, eq=False)
class ImageAnswer:
    """An image's faces, the surest first. width, height: upright, pixels.

    stored: whether the state holds it. reused: whether neither picture nor networks were needed.
    """

    image_id: str
    width: int
    height: int
    faces: tuple[IdentifiedFace, ...]
    stored: bool
    reused: bool


@dataclass(frozen=True, slots=True, eq=False)
class AnsweredFaces:
    """All faces of a gallery by their positions: what they say, their ids in the state (None where one could
    not be stored), and the images they are on."""

    faces: Sequence[RecognizedFace]
    face_ids: Sequence[int | None]
    image_ids: Sequence[str]

    def stored(self, positions: Sequence[int]) -> list[int]:
        """Those of the positions whose faces have an id, the best view first."""
        known = [at for at in positions if self.face_ids[at] is not None]
        return sorted(known, key=lambda at: (-self.faces[at].quality.score, at))

    def track_id(self, positions: Sequence[int]) -> str:
        """The track's first image and which of its faces: the same however often the gallery is looked at."""
        first = start = min(positions)
        image = self.image_ids[first]
        while start and self.image_ids[start - 1] == image:
            start -= 1
        return f"{image}.{first - start}"


@dataclass(frozen=True, slots=True)
class PerformerSeen:
    """Somebody found in a gallery. Distances 0 to 2; confidence: of the nearest face, 0 to 1.

    reference_id: what the nearest face rests on; None where somebody only said who it is. face_ids: the
    stored faces, the best view first, face_image_ids their images; faces_alone: of face_count those that are
    this person's each by itself.
    """

    performer_id: str
    stashdb_id: str | None
    stash_ids: tuple[tuple[str, str], ...]
    local_id: str | None
    name: str
    best_distance: float
    avg_distance: float
    confidence: float
    image_count: int
    image_ids: tuple[str, ...]
    country: str | None
    image_url: str | None
    reference_id: str | None
    track_ids: tuple[str, ...]
    face_ids: tuple[str, ...]
    face_image_ids: tuple[str, ...]
    face_count: int
    faces_alone: int
    confirmed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class NearPerformer:
    """Somebody whom a track may be. Distances 0 to 2; confidence 0 to 1."""

    performer_id: str
    stashdb_id: str | None
    stash_ids: tuple[tuple[str, str], ...]
    local_id: str | None
    name: str
    confidence: float
    distance: float
    facenet_distance: float
    arcface_distance: float
    country: str | None
    image_url: str | None
    reference_id: str | None
    support: str | None


@dataclass(frozen=True, slots=True)
class UnknownTrack:
    """All faces of one person who was given no name. nearest: whom it may be, best first."""

    track_id: str
    verdict: Literal["ambiguous", "unknown"]
    reason: str
    face_ids: tuple[str, ...]
    face_image_ids: tuple[str, ...]
    face_count: int
    image_ids: tuple[str, ...]
    image_count: int
    nearest: tuple[NearPerformer, ...]


@dataclass(frozen=True, slots=True)
class SkippedImage:
    """An image that was not looked at, and why: it is no picture."""

    image_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class GalleryAnswer:
    """A gallery's people, and the tracks of those who were given no name, each on most images first.

    errors: the first of `error_count`, in gallery order. not_stored: images whose result could not be kept;
    they are looked at again when asked again.
    """

    gallery_id: str
    total_images: int
    images_processed: int
    faces_detected: int
    performers: tuple[PerformerSeen, ...]
    unknown: tuple[UnknownTrack, ...]
    errors: tuple[str, ...]
    error_count: int
    skipped: tuple[SkippedImage, ...]
    not_stored: int = 0


def performer(
    found: Found, image_ids: Sequence[str], faces: AnsweredFaces, database: FaceDatabase
) -> PerformerSeen:
    """image_ids: of all images by their positions."""
    person, presence = found.person, found.presence
    images = presence.images
    stashdb_id, local_id = bare_ids(person)
    best = presence.best_distance
    nearest = min(presence.appearances, key=lambda seen: seen.distance)
    shown = faces.stored([seen.face for seen in presence.appearances])
    return PerformerSeen(
        performer_id=person.key,
        stashdb_id=stashdb_id,
        stash_ids=person.stash_ids,
        local_id=local_id,
        name=person.name,
        best_distance=round(best, 4),
        avg_distance=round(presence.avg_distance, 4),
        confidence=round(min(1.0, max(0.0, 1.0 - best)), 4),
        image_count=len(images),
        image_ids=tuple(image_ids[position] for position in images),
        country=person.country,
        image_url=person.image_url,
        reference_id=reference_id(database, _reference(found, faces.faces)),
        track_ids=tuple(faces.track_id(track) for track in found.tracks),
        face_ids=tuple(str(faces.face_ids[at]) for at in shown),
        face_image_ids=tuple(faces.image_ids[at] for at in shown),
        face_count=len(presence.appearances),
        faces_alone=presence.alone,
        confirmed=presence.confirmed,
        reason=CONFIRMED if presence.confirmed else faces.faces[nearest.face].verdict.reason,
    )


def unknown_track(
    one: Unnamed, image_ids: Sequence[str], faces: AnsweredFaces, database: FaceDatabase
) -> UnknownTrack:
    """image_ids: of all images by their positions."""
    shown = faces.stored(one.faces)
    return UnknownTrack(
        track_id=faces.track_id(one.faces),
        verdict=one.status,
        reason=one.reason,
        face_ids=tuple(str(faces.face_ids[at]) for at in shown),
        face_image_ids=tuple(faces.image_ids[at] for at in shown),
        face_count=len(one.faces),
        image_ids=tuple(image_ids[position] for position in one.images),
        image_count=len(one.images),
        nearest=tuple(_near(match, database) for match in one.nearest),
    )


def _near(match: Match, database: FaceDatabase) -> NearPerformer:
    return NearPerformer(
        performer_id=match.performer_id,
        stashdb_id=match.stashdb_id,
        stash_ids=match.stash_ids,
        local_id=match.local_id,
        name=match.name,
        confidence=round(match.confidence, 4),
        distance=round(match.combined_score, 4),
        facenet_distance=round(match.facenet_distance, 4),
        arcface_distance=round(match.arcface_distance, 4),
        country=match.country,
        image_url=match.image_url,
        reference_id=reference_id(database, match.reference_id),
        support=match.support or None,
    )


def _reference(found: Found, faces: Sequence[RecognizedFace]) -> int:
    """The row of the reference that the nearest face rests on; -1: all were said to be this person."""
    for seen in sorted(found.presence.appearances, key=lambda seen: seen.distance):
        for match in faces[seen.face].matches:
            if match.performer_id == found.person.key and match.reference_id >= 0:
                return match.reference_id
    return -1


def as_json(answer: GalleryAnswer) -> dict[str, Any]:
    """The answer as JSON has it, by the contract's names."""
    found = asdict(answer)
    for one in (*found["performers"], *(near for track in found["unknown"] for near in track["nearest"])):
        one["stash_ids"] = [{"endpoint": endpoint, "stash_id": own} for endpoint, own in one["stash_ids"]]
    return found
