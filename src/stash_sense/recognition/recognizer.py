"""A recognizer: a loaded model pack and a face database; faces in, matches and verdicts out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stash_sense.domain.faces import Candidate, EmbeddedFace, Match, Pixels, RecognizedFace
from stash_sense.errors import BadInput
from stash_sense.facedb.database import FaceDatabase
from stash_sense.faces.detect import Detector, DetectorSpec
from stash_sense.faces.embed import Embedder, EmbedderSpec
from stash_sense.faces.engine import SLOTS, FaceEngine
from stash_sense.faces.scrfd import Scrfd
from stash_sense.faces.session import OnnxSession
from stash_sense.faces.yunet import YuNet
from stash_sense.matching.calibration import Calibration, Scorer, uncalibrated
from stash_sense.matching.candidates import find_candidates
from stash_sense.matching.verdict import judge_face
from stash_sense.models.manifest import EmbedderSettings, PackManifest
from stash_sense.models.prepare import PreparedPack


@dataclass(frozen=True, slots=True, eq=False)
class LoadedPack:
    """A model pack, ready to run. Without a calibration no verdict is `match`.

    dimensions: of each slot; 0 of one that the pack leaves empty.
    """

    id: str
    fingerprint: str
    engine: FaceEngine
    dimensions: dict[str, int]
    scorer: Scorer
    calibrated: bool


def load_pack(prepared: PreparedPack) -> LoadedPack:
    """Open the networks of a prepared pack. Raises MissingFile, BadCalibration."""
    manifest = prepared.manifest
    session = OnnxSession(prepared.paths["detector"])
    network = Scrfd(session) if manifest.detector.kind == "scrfd" else YuNet(session)
    detector = Detector(network, detector_spec(manifest))
    filled = manifest.slots.filled
    embedders: dict[str, Embedder] = {
        slot: Embedder(OnnxSession(prepared.paths[slot]), _spec(own)) for slot, own in filled.items()
    }
    slots = tuple(filled)
    calibration = Calibration.read(manifest.calibration) if manifest.calibration else uncalibrated(slots)
    return LoadedPack(
        manifest.id,
        prepared.fingerprint,
        FaceEngine(detector, embedders),
        {slot: filled[slot].dimension if slot in filled else 0 for slot in SLOTS},
        Scorer(calibration, slots),
        manifest.calibration is not None,
    )


def detector_spec(manifest: PackManifest) -> DetectorSpec:
    """How the manifest says to run its detector."""
    detector = manifest.detector
    return DetectorSpec(
        main_side=detector.main_side,
        close_side=detector.close_side,
        close_share=detector.close_share,
        operating_point=detector.operating_point,
        turned_score=detector.turned_score,
    )


def _spec(slot: EmbedderSettings) -> EmbedderSpec:
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


class FaceRecognizer:
    """Recognises the faces of pictures with one pack and one face database; safe for several threads."""

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
        """Every face of an upright picture (H, W, 3) uint8 BGR, best detection first.

        Raises BadInput for any other array.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise BadInput(
                f"an array of shape {image.shape} and type {image.dtype}; (height, width, 3) uint8 in BGR "
                "order is accepted. Read files with stash_sense.media.load_image."
            )
        (faces,) = self.pack.engine.analyze([image], min_confidence=min_face_confidence)
        return self.recognize(faces, top_k, max_distance)

    def recognize(
        self, faces: Sequence[EmbeddedFace], top_k: int = 5, max_distance: float = 0.6
    ) -> list[RecognizedFace]:
        """Who each of these faces is. One pass over the references serves them all: give many at once."""
        nearest = find_candidates(
            [face.embeddings for face in faces], self.database, self.pack.scorer, max(top_k, 2)
        )
        return [
            self._recognized(face, near, top_k, max_distance)
            for face, near in zip(faces, nearest, strict=True)
        ]

    def _recognized(
        self, face: EmbeddedFace, near: Sequence[Candidate], top_k: int, max_distance: float
    ) -> RecognizedFace:
        within = [candidate for candidate in near if candidate.combined <= max_distance]
        verdict = judge_face(
            near,
            self.pack.scorer,
            self.database.people,
            max_distance,
            self.database.person,
            calibrated=self.pack.calibrated,
        )
        matches = tuple(
            Match.of(candidate, self.database.person(candidate.person)) for candidate in within[:top_k]
        )
        return RecognizedFace(
            box=face.box,
            confidence=face.confidence,
            landmarks=face.landmarks,
            quality=face.quality,
            embeddings=face.embeddings,
            frame=face.frame,
            matches=matches,
            verdict=verdict,
            nearest=tuple(near),
            named=matches[0] if verdict.status == "match" else None,
        )
