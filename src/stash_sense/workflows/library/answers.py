"""What is answered about an image and about a gallery: the fields of the contract."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from stash_sense.facedb import FaceDatabase
from stash_sense.workflows.evidence import Faces, Found
from stash_sense.workflows.pictures import reference_id
from stash_sense.workflows.recognizer import RecognizedFace, bare_ids

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


@dataclass(frozen=True, slots=True)
class PerformerSeen:
    """Somebody found in a gallery. Distances 0 to 2; confidence: of the nearest face, 0 to 1.

    reference_id: what the nearest face rests on; None where somebody only said who it is.
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


@dataclass(frozen=True, slots=True)
class SkippedImage:
    """An image that was not looked at, and why: it is no picture."""

    image_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class GalleryAnswer:
    """A gallery's people. errors: the first of `error_count`, in gallery order.

    not_stored: images whose result could not be kept; they are looked at again when asked again.
    """

    gallery_id: str
    total_images: int
    images_processed: int
    faces_detected: int
    performers: tuple[PerformerSeen, ...]
    errors: tuple[str, ...]
    error_count: int
    skipped: tuple[SkippedImage, ...]
    not_stored: int = 0


def performer(found: Found, image_ids: Sequence[str], faces: Faces, database: FaceDatabase) -> PerformerSeen:
    """image_ids: of all images, faces: of all of them together, by their positions."""
    person, presence = found.person, found.presence
    images = presence.images
    stashdb_id, local_id = bare_ids(person)
    best = presence.best_distance
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
        reference_id=reference_id(database, _reference(found, faces)),
    )


def _reference(found: Found, faces: Faces) -> int:
    """The row of the reference that the nearest face rests on; -1: all were said to be this person."""
    for seen in sorted(found.presence.appearances, key=lambda seen: seen.distance):
        for match in faces[seen.face].matches:
            if match.performer_id == found.person.key and match.reference_id >= 0:
                return match.reference_id
    return -1


def as_json(answer: GalleryAnswer) -> dict[str, Any]:
    """The answer as JSON has it, by the contract's names."""
    found = asdict(answer)
    for one in found["performers"]:
        one["stash_ids"] = [{"endpoint": endpoint, "stash_id": own} for endpoint, own in one["stash_ids"]]
    return found
