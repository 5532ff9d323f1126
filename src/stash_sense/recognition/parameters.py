"""Run parameters: what a stored result must have been made with to be served again."""

import hashlib
from dataclasses import dataclass
from typing import Any

from stash_sense.jobs.workers import WorkPool
from stash_sense.media.limits import DEFAULT_LIMITS, MediaLimits
from stash_sense.recognition.evidence import MatchOptions
from stash_sense.recognition.recognizer import FaceRecognizer, LoadedPack
from stash_sense.stash.client import StashClient
from stash_sense.stash.types import Source
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.results import StoredResult


@dataclass(frozen=True, slots=True)
class Tools:
    """stash: with the limits that the work may take. media: what is accepted of a picture."""

    stash: StashClient
    state: RecommendationsDB
    pool: WorkPool
    media: MediaLimits = DEFAULT_LIMITS


RULES = "tracks-1"
"""Stands for how verdicts are made; where it changes, stored faces are matched again, without a look at a
picture."""


USUAL_FLOOR = 0.5
"""Faces as sure as this are kept even where only surer ones are asked for: the next one may ask for these."""


@dataclass(frozen=True, slots=True)
class RunParameters:
    """How a run is made. scale: stands for the calibration, which the pack's fingerprint does not cover.

    job: the job that the run belongs to, empty for a person's own request.
    """

    pack: str
    db_version: str
    scale: str
    source: Source
    knobs: MatchOptions
    job: str = ""

    @classmethod
    def of(
        cls, recognizer: FaceRecognizer, knobs: MatchOptions, source: Source, job: str = ""
    ) -> "RunParameters":
        return cls(
            pack_key(recognizer.pack),
            recognizer.database.manifest.version,
            _scale(recognizer.pack),
            source,
            knobs,
            job,
        )

    @property
    def floor(self) -> float:
        """The detection confidence from which faces are kept."""
        return min(self.knobs.min_face_confidence, USUAL_FLOOR)

    def settings(self) -> dict[str, Any]:
        """What is kept with the run."""
        return {
            "top_k": self.knobs.top_k,
            "max_distance": self.knobs.max_distance,
            "floor": self.floor,
            "scale": self.scale,
            "job": self.job,
        }

    def settings_over(self, stored: StoredResult) -> dict[str, Any]:
        """What is kept with a stored run that is matched anew: its faces are still those of its own floor."""
        return {**self.settings(), "floor": (stored.settings or {}).get("floor", self.floor)}

    def found_by(self, stored: StoredResult) -> bool:
        """Whether the stored run's faces and embeddings are those that a new one would find."""
        settings = stored.settings or {}
        return (
            stored.pack == self.pack
            and stored.source in ("original", self.source)
            and stored.width is not None
            and stored.height is not None
            and settings.get("floor", 2.0) <= self.knobs.min_face_confidence
            and all(face.facenet is not None for face in stored.faces)
        )

    def matched_by(self, stored: StoredResult) -> bool:
        """Whether the stored run's matches are those that a new one would give for these faces."""
        settings = stored.settings or {}
        return (
            stored.db_version == self.db_version
            and settings.get("scale") == self.scale
            and settings.get("top_k") == self.knobs.top_k
            and settings.get("max_distance") == self.knobs.max_distance
        )

    def of_this_job(self, stored: StoredResult) -> bool:
        """Whether this very job stored it, before it was cut short."""
        return bool(self.job) and (stored.settings or {}).get("job") == self.job


def pack_key(pack: LoadedPack) -> str:
    """What embeddings are stored under: a pack in another state is another pack."""
    return f"{pack.id}@{pack.fingerprint[:16]}"


def _scale(pack: LoadedPack) -> str:
    text = pack.scorer.calibration.model_dump_json()
    return hashlib.sha256(f"{RULES}{text}{pack.calibrated}".encode()).hexdigest()[:12]
