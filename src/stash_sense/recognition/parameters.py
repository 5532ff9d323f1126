"""What a run is computed with, the images to run on, and which stored results serve instead."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stash_sense.domain.identity import PictureIdentity
from stash_sense.errors import NoPicture, NotAPicture
from stash_sense.jobs.workers import WorkPool
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.media.formats import DEFAULT_LIMITS, MediaLimits
from stash_sense.recognition.recognizer import FaceRecognizer, LoadedPack
from stash_sense.stash.client import StashClient
from stash_sense.stash.types import Source, StashImage
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.library_work import StoredRun
from stash_sense.store.repositories.results import StoredResult


@dataclass(frozen=True, slots=True)
class Tools:
    """What a run works with. stash: with the limits that this run may take. media: limits on a picture."""

    stash: StashClient
    state: RecommendationsDB
    pool: WorkPool
    media: MediaLimits = DEFAULT_LIMITS


RULES = "tracks-2"
"""The version of the rules behind verdicts: after a change stored faces are matched again, without their
pictures."""

ANALYSIS = "turns-and-tiles-2"
"""The version of how faces are found and embedded: after a change that finds others in the same picture, a
stored result serves no more. Results without one are older than turns of each face and tiles."""

USUAL_FLOOR = 0.5
"""Faces of this confidence are stored even if only surer ones were asked for: the next caller may ask for
them."""


@dataclass(frozen=True, slots=True)
class RunParameters:
    """Everything that decides what a run finds, and so whether a stored result can serve instead.

    scale: stands for the calibration, which the pack's fingerprint does not cover. job: the job that the run
    belongs to, empty for a single request.
    """

    pack: str
    db_version: str
    scale: str
    source: Source
    options: MatchOptions
    job: str = ""

    @classmethod
    def of(
        cls, recognizer: FaceRecognizer, options: MatchOptions, source: Source, job: str = ""
    ) -> "RunParameters":
        return cls(
            pack_key(recognizer.pack),
            recognizer.database.manifest.version,
            _scale(recognizer.pack),
            source,
            options,
            job,
        )

    @property
    def floor(self) -> float:
        """The detection confidence from which faces are stored."""
        return min(self.options.min_face_confidence, USUAL_FLOOR)

    def settings(self) -> dict[str, Any]:
        """The settings stored with a result."""
        return {
            "top_k": self.options.top_k,
            "max_distance": self.options.max_distance,
            "floor": self.floor,
            "analysis": ANALYSIS,
            "scale": self.scale,
            "job": self.job,
        }

    def rematch_settings(self, stored: StoredResult) -> dict[str, Any]:
        """The settings stored with a result that is matched again: its faces keep the floor of their run."""
        return {**self.settings(), "floor": (stored.settings or {}).get("floor", self.floor)}

    def has_same_faces(self, stored: StoredResult) -> bool:
        """Whether a new run would find the stored faces and embeddings."""
        return self.has_same_analysis(stored) and all(face.facenet is not None for face in stored.faces)

    def has_same_analysis(self, stored: StoredResult | StoredRun) -> bool:
        """The same, as far as the stored run tells without its faces."""
        settings = stored.settings or {}
        floor = settings.get("floor")
        return (
            stored.pack == self.pack
            and stored.source in ("original", self.source)
            and stored.width is not None
            and stored.height is not None
            and settings.get("analysis") == ANALYSIS
            and isinstance(floor, int | float)
            and floor <= self.options.min_face_confidence
        )

    def has_same_matches(self, stored: StoredResult) -> bool:
        """Whether a new run would give these faces the stored matches."""
        settings = stored.settings or {}
        return (
            stored.db_version == self.db_version
            and settings.get("scale") == self.scale
            and settings.get("top_k") == self.options.top_k
            and settings.get("max_distance") == self.options.max_distance
        )

    def is_of_this_job(self, stored: StoredResult) -> bool:
        """Whether this job stored the result, before it was interrupted."""
        return bool(self.job) and (stored.settings or {}).get("job") == self.job


def pack_key(pack: LoadedPack) -> str:
    """The key that embeddings are stored under; a pack with other weights has another key."""
    return f"{pack.id}@{pack.fingerprint[:16]}"


def _scale(pack: LoadedPack) -> str:
    text = pack.scorer.calibration.model_dump_json()
    return hashlib.sha256(f"{RULES}{text}{pack.calibrated}".encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, eq=False)
class ImageTask:
    """An image to identify. position: in its gallery; picture: what its result is stored under."""

    position: int
    image: StashImage
    picture: PictureIdentity

    @property
    def image_id(self) -> str:
        return self.image.id


def image_task(image: StashImage, position: int = 0) -> ImageTask:
    """Raises NotAPicture for a video, NoPicture for an image whose file Stash has lost."""
    if image.is_video:
        raise NotAPicture(f"Image {image.id}: is a video; only pictures and GIFs are looked at.")
    return ImageTask(position, image, picture_of(image))


def picture_of(image: StashImage) -> PictureIdentity:
    """The picture that an image shows, by its primary file. Raises NoPicture if it has none."""
    file = image.primary_file
    if file is None or not image.image_url:
        raise NoPicture(f"Image {image.id}: Stash has no file for it, or no longer. Rescan it in Stash.")
    fingerprints = [
        (fingerprint.type, fingerprint.value) for fingerprint in file.fingerprints if fingerprint.value
    ]
    return PictureIdentity.of(fingerprints, file.path, file.size, file.mod_time)


def stored_results(
    tasks: Sequence[ImageTask],
    parameters: RunParameters,
    state: RecommendationsDB,
    *,
    gallery_id: str = "",
    force: bool,
) -> dict[str, StoredResult]:
    """The stored results whose faces serve: image id -> result without decisions applied.

    A result of another image with the same picture is copied. force: only results of this very job count.
    """
    own = state.get_image_results([(task.image_id, task.picture) for task in tasks])
    results = {image: stored for image, stored in own.items() if parameters.has_same_faces(stored)}
    if force:
        return {image: stored for image, stored in results.items() if parameters.is_of_this_job(stored)}
    adopted = []
    left = [task for task in tasks if task.image_id not in results]
    known = set(state.known_pictures(task.picture for task in left)) if left else set()
    for task in left:
        if task.picture not in known:  # nearly always: a new picture
            continue
        other = state.find_image_result(
            task.picture,
            parameters.pack,
            parameters.db_version,
            task.image_id,
            any_version=True,
            embeddings=True,
        )
        if other is not None and other.stash_image_id != task.image_id and parameters.has_same_faces(other):
            state.copy_image_result(other.stash_image_id, task.image_id, [gallery_id] if gallery_id else ())
            adopted.append((task.image_id, task.picture))
    return results | state.get_image_results(adopted) if adopted else results
