"""Faces of one picture, each with who it is and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from stash_sense.errors import BadInput
from stash_sense.facedb import FaceDatabase, Person
from stash_sense.faces.types import Pixels, Quality, Vectors
from stash_sense.identify.candidates import Candidate, candidates
from stash_sense.identify.verdict import Verdict, judge
from stash_sense.workflows.packs import LoadedPack

STASHDB = "stashdb.org:"
LOCAL = "local:"


@dataclass(frozen=True, slots=True)
class Match:
    """A person that a face may be. combined_score and the slots' distances: 0 to 2, lower is better."""

    performer_id: str
    name: str
    combined_score: float
    facenet_distance: float
    arcface_distance: float
    stashdb_id: str | None = None
    stash_ids: tuple[tuple[str, str], ...] = ()
    local_id: str | None = None
    country: str | None = None
    image_url: str | None = None
    reference_id: int = -1
    support: str = ""
    diagnostics: Mapping[str, float] = field(default_factory=dict, compare=False)

    @property
    def confidence(self) -> float:
        """1 - distance, 0 to 1."""
        return min(1.0, max(0.0, 1.0 - self.combined_score))


@dataclass(frozen=True, slots=True, eq=False)
class RecognizedFace:
    """One face of a picture.

    box: (4,) x1, y1, x2, y2 in pixels of the upright picture, clamped to it; confidence: the detector's,
    0.5 its stated operating point; landmarks (5, 2); embeddings: slot -> unit vector.
    matches: at or below the distance asked for, best first; named: the one that a verdict of match means.
    nearest: the closest people however far away, at least two where so many are enrolled.
    """

    box: Vectors
    confidence: float
    landmarks: Vectors
    quality: Quality
    embeddings: Mapping[str, Vectors]
    matches: tuple[Match, ...]
    verdict: Verdict
    nearest: tuple[Candidate, ...]
    named: Match | None = None


class Nameable(Protocol):
    """A face with what naming it needs: one just found, or one that is read back."""

    @property
    def box(self) -> Vectors: ...
    @property
    def confidence(self) -> float: ...
    @property
    def landmarks(self) -> Vectors: ...
    @property
    def quality(self) -> Quality: ...
    @property
    def embeddings(self) -> Mapping[str, Vectors]: ...


class FaceRecognizer:
    """Names the faces of pictures with one pack and one face database; safe for several threads."""

    def __init__(self, pack: LoadedPack, database: FaceDatabase) -> None:
        self.pack = pack
        self.database = database

    def recognize_image(
        self,
        image: Pixels,
        top_k: int = 5,
        max_distance: float = 0.6,
        min_face_confidence: float = 0.5,
    ) -> list[RecognizedFace]:
        """Every face of an upright picture (H, W, 3) uint8 BGR, the surest detection first.

        Raises BadInput for any other array.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise BadInput(
                f"an array of shape {image.shape} and type {image.dtype}; (height, width, 3) uint8 in BGR "
                "order is accepted. Read files with stash_sense.media.load_image."
            )
        (faces,) = self.pack.engine.analyze([image], min_confidence=min_face_confidence)
        return self.name(faces, top_k, max_distance)

    def name(
        self, faces: Sequence[Nameable], top_k: int = 5, max_distance: float = 0.6
    ) -> list[RecognizedFace]:
        """Who each of these faces is. All are searched in one batch: give many at once."""
        found = candidates(
            [dict(face.embeddings) for face in faces], self.database, self.pack.scorer, max(top_k, 2)
        )
        return [self._named(face, near, top_k, max_distance) for face, near in zip(faces, found, strict=True)]

    def match(self, candidate: Candidate) -> Match:
        """A candidate with the person's own words."""
        person = self.database.person(candidate.person)
        stashdb_id, local_id = bare_ids(person)
        return Match(
            performer_id=person.key,
            name=person.name,
            combined_score=candidate.combined,
            facenet_distance=candidate.facenet,
            arcface_distance=candidate.arcface,
            stashdb_id=stashdb_id,
            stash_ids=person.stash_ids,
            local_id=local_id,
            country=person.country,
            image_url=person.image_url,
            reference_id=candidate.reference,
            support=candidate.support,
            diagnostics=candidate.cosines,
        )

    def _named(
        self, face: Nameable, near: Sequence[Candidate], top_k: int, max_distance: float
    ) -> RecognizedFace:
        within = [candidate for candidate in near if candidate.combined <= max_distance]
        verdict = judge(
            near,
            self.pack.scorer,
            self.database.people,
            max_distance,
            lambda person: self.database.person(person).name,
            calibrated=self.pack.calibrated,
        )
        matches = tuple(self.match(candidate) for candidate in within[:top_k])
        return RecognizedFace(
            box=face.box,
            confidence=face.confidence,
            landmarks=face.landmarks,
            quality=face.quality,
            embeddings=face.embeddings,
            matches=matches,
            verdict=verdict,
            nearest=tuple(near),
            named=matches[0] if verdict.word == "match" else None,
        )


def bare_ids(person: Person) -> tuple[str | None, str | None]:
    """The person's id at stashdb.org, and the performer's in this Stash, where known."""
    return _bare(person, STASHDB), person.local_id or _bare(person, LOCAL)


def _bare(person: Person, prefix: str) -> str | None:
    """The id behind the first of the person's keys that begins with `prefix`."""
    keys = (key for key in (person.key, *person.aliases) if key.startswith(prefix))
    return next((key.removeprefix(prefix) for key in keys), None)
