"""What a gallery answers: at its end, and live while it runs."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from stash_sense.domain.faces import Match, RecognizedFace, reason_person
from stash_sense.domain.identity import bare_ids
from stash_sense.domain.reasons import Reason, ReasonCode
from stash_sense.errors import StashSenseError
from stash_sense.facedb.database import FaceDatabase
from stash_sense.jobs.workers import Lane, WorkPool
from stash_sense.matching.gallery_people import GalleryPerson, UnknownTrack
from stash_sense.recognition.crops import reference_id

MOST_ERRORS = 10
"""Errors listed in a gallery's answer; its job keeps them all."""

LEAST_PAUSE_S = 2.0
"""Between two live results."""

_SHARE = 20
"""Computing live results may take one part in so many of the job's time."""


@dataclass(frozen=True, slots=True)
class PerformerAnswer:
    """A person found in a gallery. Distances 0 to 2; confidence: of the nearest face, 0 to 1.

    reference_id: the reference that the nearest face matches; None if only decisions name the person.
    face_ids: the stored faces, best view first; face_image_ids: their images. faces_alone: how many of the
    faces are near enough each by itself.
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
    reason: Reason


@dataclass(frozen=True, slots=True)
class UnknownTrackAnswer:
    """All faces of one person without a name. nearest: `match_fields` of whom it may show, best first."""

    track_id: str
    verdict: Literal["ambiguous", "unknown"]
    reason: Reason
    face_ids: tuple[str, ...]
    face_image_ids: tuple[str, ...]
    face_count: int
    image_ids: tuple[str, ...]
    image_count: int
    nearest: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class ImageFailure:
    """An image that was skipped or failed. reason: a sentence; code and numbers: it in any language."""

    image_id: str
    code: str
    reason: str
    numbers: Mapping[str, float]

    @classmethod
    def of(cls, image_id: str, error: StashSenseError) -> "ImageFailure":
        reason = str(error).removeprefix(f"Image {image_id}: ")
        return cls(image_id, error.code, reason, dict(error.numbers))

    def __str__(self) -> str:
        return f"Image {self.image_id}: {self.reason}"


@dataclass(frozen=True, slots=True)
class GalleryAnswer:
    """A gallery's people, and the tracks without a name; those on most images first.

    errors: the first of `error_count`, in gallery order, as sentences; error_details: the same with codes.
    not_stored: images whose result could not be stored; the next run analyses them again. db_version: of the
    face database that the faces were matched with. decisions_revision: of the decisions that were applied;
    empty while the gallery is running.
    """

    gallery_id: str
    total_images: int
    images_processed: int
    faces_detected: int
    performers: tuple[PerformerAnswer, ...]
    unknown: tuple[UnknownTrackAnswer, ...]
    errors: tuple[str, ...]
    error_details: tuple[ImageFailure, ...]
    error_count: int
    skipped: tuple[ImageFailure, ...]
    not_stored: int = 0
    db_version: str = ""
    decisions_revision: str = ""

    def as_json(self) -> dict[str, Any]:
        """The answer with the names of the HTTP API, ready for JSON."""
        answer = asdict(self)
        for person in answer["performers"]:
            person["stash_ids"] = stash_id_fields(person["stash_ids"])
        entries = [*answer["performers"], *answer["unknown"]]
        reasons = [*(each.reason for each in self.performers), *(each.reason for each in self.unknown)]
        for entry, reason in zip(entries, reasons, strict=True):
            entry.update(reason.as_json())
        return answer


def match_fields(match: Match, database: FaceDatabase) -> dict[str, Any]:
    """A match with the names of the HTTP API, ready for JSON. Distances 0 to 2; confidence 0 to 1."""
    return {
        "performer_id": match.performer_id,
        "stashdb_id": match.stashdb_id,
        "stash_ids": stash_id_fields(match.stash_ids),
        "local_id": match.local_id,
        "name": match.name,
        "confidence": round(match.confidence, 4),
        "distance": round(match.combined_score, 4),
        "facenet_distance": round(match.facenet_distance, 4),
        "arcface_distance": round(match.arcface_distance, 4),
        "country": match.country,
        "image_url": match.image_url,
        "reference_id": reference_id(database, match.reference_id),
        "support": "gallery" if match.support else None,
    }


def stash_id_fields(stash_ids: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """A person's ids at stash-boxes, ready for JSON."""
    return [{"endpoint": endpoint, "stash_id": stash_id} for endpoint, stash_id in stash_ids]


@dataclass(frozen=True, slots=True, eq=False)
class GalleryFaces:
    """All faces of a gallery, in gallery order.

    face_ids: in the state, None for a face that is not stored. face_image_ids: the image of each face.
    image_ids: of all images, in gallery order.
    """

    faces: Sequence[RecognizedFace]
    face_ids: Sequence[int | None]
    face_image_ids: Sequence[str]
    image_ids: Sequence[str]
    database: FaceDatabase

    def performer(self, found: GalleryPerson) -> PerformerAnswer:
        """The answer for a person who was found."""
        person, images = found.person, found.images
        stashdb_id, local_id = bare_ids(person)
        shown = self._stored([face.face for face in found.faces])
        return PerformerAnswer(
            performer_id=person.key,
            stashdb_id=stashdb_id,
            stash_ids=person.stash_ids,
            local_id=local_id,
            name=person.name,
            best_distance=round(found.best_distance, 4),
            avg_distance=round(found.avg_distance, 4),
            confidence=round(found.confidence, 4),
            image_count=len(images),
            image_ids=tuple(self.image_ids[position] for position in images),
            country=person.country,
            image_url=person.image_url,
            reference_id=reference_id(self.database, self._reference(found)),
            track_ids=tuple(self._track_id(track) for track in found.tracks),
            face_ids=tuple(str(self.face_ids[at]) for at in shown),
            face_image_ids=tuple(self.face_image_ids[at] for at in shown),
            face_count=len(found.faces),
            faces_alone=found.alone,
            confirmed=found.confirmed,
            reason=self._reason(found),
        )

    def unknown_track(self, track: UnknownTrack) -> UnknownTrackAnswer:
        """The answer for a track without a name."""
        shown = self._stored(track.faces)
        return UnknownTrackAnswer(
            track_id=self._track_id(track.faces),
            verdict=track.status,
            reason=track.reason,
            face_ids=tuple(str(self.face_ids[at]) for at in shown),
            face_image_ids=tuple(self.face_image_ids[at] for at in shown),
            face_count=len(track.faces),
            image_ids=tuple(self.image_ids[position] for position in track.images),
            image_count=len(track.images),
            nearest=tuple(match_fields(match, self.database) for match in track.nearest),
        )

    def _reason(self, found: GalleryPerson) -> Reason:
        """Why the person is named: the reason of the nearest face, with the person's own confidence."""
        if found.confirmed:
            return Reason(ReasonCode.CONFIRMED)
        nearest = min(found.faces, key=lambda face: face.distance)
        verdict = self.faces[nearest.face].verdict
        if verdict.status == "match":
            return verdict.reason.with_confidence(found.confidence)
        # By plain evidence a person may be named none of whose faces is named by itself.
        people = (reason_person(found.person.key, found.person.name, found.best_distance),)
        others = len(found.images) - 1
        return Reason(ReasonCode.TOGETHER, people, others) if others else Reason(ReasonCode.UNSURE, people)

    def _stored(self, positions: Sequence[int]) -> list[int]:
        """Those of the positions whose faces are stored, best view first."""
        stored = [at for at in positions if self.face_ids[at] is not None]
        return sorted(stored, key=lambda at: (-self.faces[at].quality.score, at))

    def _track_id(self, positions: Sequence[int]) -> str:
        """The track's first image and the number of its face there: the same in every run."""
        first = start = min(positions)
        image = self.face_image_ids[first]
        while start and self.face_image_ids[start - 1] == image:
            start -= 1
        return f"{image}.{first - start}"

    def _reference(self, found: GalleryPerson) -> int:
        """The row of the reference that the nearest face matches; -1 if all faces were confirmed by hand."""
        for face in sorted(found.faces, key=lambda face: face.distance):
            for match in self.faces[face.face].matches:
                if match.performer_id == found.person.key and match.reference_id >= 0:
                    return match.reference_id
        return -1


class LiveResult:
    """The partial result of a running job, computed again from time to time however often it is read."""

    def __init__(self, first: Mapping[str, Any], pool: WorkPool) -> None:
        self._last = first
        self._pool = pool
        self._was_read = False
        self._computing = False
        self._due = time.monotonic()
        self._pending: Callable[[], Mapping[str, Any]] | None = None

    def read(self) -> Mapping[str, Any]:
        """The last result, at once; asks for a newer one. From any thread."""
        self._was_read = True
        pending, self._pending = self._pending, None
        if pending is not None:
            self._last = pending()
        return self._last

    async def refresh(self, compute: Callable[[], Mapping[str, Any]]) -> None:
        """Called after each step of the work: computes the result if it was read since, and it is time."""
        if self._computing or not self._was_read or time.monotonic() < self._due:
            return
        self._computing, self._was_read = True, False
        began = time.monotonic()
        try:
            self._last = await self._pool.run(compute, Lane.BACKGROUND)
        finally:
            self._computing = False
        spent = time.monotonic() - began
        self._due = time.monotonic() + max(LEAST_PAUSE_S, _SHARE * spent)

    def stop_early(self, compute: Callable[[], Mapping[str, Any]]) -> None:
        """The job was cancelled or failed: the next read computes what was done by then."""
        self._pending = compute

    def end(self, result: Mapping[str, Any]) -> None:
        """The result is final."""
        self._last = result
