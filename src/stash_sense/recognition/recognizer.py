"""A loaded model pack and a face database make a recognizer: faces in, names and reasons out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from stash_sense.domain.faces import Pixels, Quality, Vectors
from stash_sense.domain.people import bare_ids
from stash_sense.errors import BadInput
from stash_sense.facedb.database import FaceDatabase
from stash_sense.faces.detect import Detector, DetectorSpec, YuNet
from stash_sense.faces.embed import Embedder, EmbedderSpec
from stash_sense.faces.engine import FaceEngine
from stash_sense.faces.session import OnnxSession
from stash_sense.matching.calibration import Calibration, Scorer, uncalibrated
from stash_sense.matching.candidates import Candidate, candidates
from stash_sense.matching.verdict import Verdict, judge
from stash_sense.models.manifest import PackManifest, Slot
from stash_sense.models.prepare import PreparedPack

SLOTS: tuple[Literal["arcface", "facenet"], ...] = ("arcface", "facenet")
"""The order of the slots in a database's rows."""


@dataclass(frozen=True, slots=True, eq=False)
class LoadedPack:
    """A pack's networks and numbers. calibrated: without it a verdict is never match."""

    id: str
    fingerprint: str
    engine: FaceEngine
    dimensions: dict[str, int]
    scorer: Scorer
    calibrated: bool


def load_pack(prepared: PreparedPack) -> LoadedPack:
    """Open the networks of a prepared pack. Raises MissingFile, BadCalibration."""
    manifest = prepared.manifest
    detector = Detector(
        YuNet(OnnxSession(prepared.paths["detector"])),
        detector_spec(manifest),
    )
    slots = {slot: getattr(manifest.slots, slot) for slot in SLOTS}
    embedders: dict[str, Embedder] = {
        slot: Embedder(OnnxSession(prepared.paths[slot]), _spec(slots[slot])) for slot in SLOTS
    }
    calibration = Calibration.read(manifest.calibration) if manifest.calibration else uncalibrated(SLOTS)
    return LoadedPack(
        manifest.id,
        prepared.fingerprint,
        FaceEngine(detector, embedders),
        {slot: slots[slot].dimension for slot in SLOTS},
        Scorer(calibration, SLOTS),
        manifest.calibration is not None,
    )


def detector_spec(manifest: PackManifest) -> DetectorSpec:
    """How the manifest wants its detector run."""
    detector = manifest.detector
    return DetectorSpec(
        main_side=detector.main_side,
        close_side=detector.close_side,
        close_share=detector.close_share,
        operating_point=detector.operating_point,
        turned_score=detector.turned_score,
    )


def _spec(slot: Slot) -> EmbedderSpec:
    return EmbedderSpec(
        crop_side=slot.crop_size,
        template=np.array(slot.template, np.float32),
        side=slot.size,
        colour=slot.pixels.colour,
        layout=slot.pixels.layout,
        mean=slot.pixels.mean,
        scale=slot.pixels.scale,
        dimension=slot.dimension,
        mirror=slot.mirror,
    )


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
