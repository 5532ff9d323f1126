"""The state of a running gallery: what is known of each image, what follows, and what of it is stored."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from stash_sense.domain.decisions import Decision, combine_decisions
from stash_sense.errors import StashSenseError
from stash_sense.facedb.database import FaceDatabase
from stash_sense.jobs.run import JobProgress
from stash_sense.matching.gallery_people import GalleryEvidence, PictureFaces, find_people
from stash_sense.recognition.decided_people import results_in
from stash_sense.recognition.gallery_answer import MOST_ERRORS, GalleryAnswer, GalleryFaces, ImageFailure
from stash_sense.recognition.image_batches import RecognizedImage
from stash_sense.recognition.parameters import ImageTask, RunParameters, stored_results
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.recognition.state_access import StateAccess
from stash_sense.recognition.stored_faces import own_faces, to_stored_matches
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.rematching import FaceMatches
from stash_sense.store.repositories.results import StoredResult


@dataclass(frozen=True, slots=True, eq=False)
class GalleryImage:
    """An image whose faces are recognised, each alone.

    face_ids: empty if the image could not be stored. outcomes: of each face the verdict, the reason and the
    performer meant, as they are stored now (two people may have one name). floor: the detection confidence
    from which the stored run kept faces.
    """

    image_id: str
    faces: PictureFaces
    face_ids: tuple[int, ...]
    outcomes: tuple[tuple[str, str, str], ...]
    floor: float

    @classmethod
    def new(
        cls, image: RecognizedImage, face_ids: Sequence[int], parameters: RunParameters
    ) -> "GalleryImage":
        faces = image.faces
        return cls(image.task.image_id, faces, tuple(face_ids), _outcomes(faces), parameters.floor)

    @classmethod
    def stored(
        cls, result: StoredResult, parameters: RunParameters, rematched: PictureFaces | None = None
    ) -> "GalleryImage":
        """rematched: its faces, if they are matched and stored again."""
        outcomes = tuple(
            (face.verdict, face.reason, face.candidates[0].performer_id if face.verdict == "match" else "")
            for face in result.faces
        )
        return cls(
            result.stash_image_id,
            own_faces(result) if rematched is None else rematched,
            tuple(face.face_id for face in result.faces),
            outcomes if rematched is None else _outcomes(rematched),
            parameters.rematch_settings(result)["floor"],
        )


def _outcomes(faces: PictureFaces) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (face.verdict.status, str(face.verdict.reason), face.named.performer_id if face.named else "")
        for face in faces
    )


@dataclass(slots=True, eq=False)
class GalleryState:
    """The images of a gallery that are done, by their positions in it."""

    gallery_id: str
    total: int
    parameters: RunParameters
    recognizer: FaceRecognizer
    images: dict[int, GalleryImage] = field(default_factory=dict)
    errors: dict[int, ImageFailure] = field(default_factory=dict)
    skipped: dict[int, ImageFailure] = field(default_factory=dict)
    faces: int = 0
    named: set[str] = field(default_factory=set)

    def add(self, position: int, image: GalleryImage) -> None:
        """An image is done."""
        self.images[position] = image
        counted = self._counted(image)
        self.faces += len(counted)
        self.named.update(face.named.performer_id for face in counted if face.named)

    @property
    def done(self) -> int:
        """Images that are done, failed or skipped."""
        return len(self.images) + len(self.errors) + len(self.skipped)

    def find_people(
        self, decisions: Mapping[int, Sequence[Decision]]
    ) -> tuple[list[GalleryImage], GalleryEvidence]:
        """The images that are done, in gallery order, and their evidence. decisions: by face id."""
        images = [self.images[position] for position in sorted(self.images)]
        decided = {}
        if decisions:
            decided = {
                position: combine_decisions(decisions[face_id])
                for position, face_id in enumerate(self._face_ids(images))
                if face_id is not None and face_id in decisions
            }
        pack = self.recognizer.pack
        evidence = find_people(
            [self._counted(image) for image in images],
            self.recognizer.database,
            pack.scorer,
            self.parameters.options,
            decided,
            calibrated=pack.calibrated,
        )
        return images, evidence

    def answer(self, images: Sequence[GalleryImage], evidence: GalleryEvidence) -> GalleryAnswer:
        """The gallery's answer from what `find_people` gave."""
        faces = GalleryFaces(
            [face for own in evidence.pictures for face in own],
            list(self._face_ids(images)),
            [image.image_id for image, own in zip(images, evidence.pictures, strict=True) for _ in own],
            [image.image_id for image in images],
            self.recognizer.database,
        )
        errors = [self.errors[position] for position in sorted(self.errors)]
        return GalleryAnswer(
            gallery_id=self.gallery_id,
            total_images=self.total,
            images_processed=len(images),
            faces_detected=sum(len(faces) for faces in evidence.pictures),
            performers=tuple(faces.performer(person) for person in evidence.people),
            unknown=tuple(faces.unknown_track(track) for track in evidence.unknown),
            errors=tuple(str(error) for error in errors[:MOST_ERRORS]),
            error_details=tuple(errors[:MOST_ERRORS]),
            error_count=len(errors),
            skipped=tuple(self.skipped[position] for position in sorted(self.skipped)),
            not_stored=sum(len(image.face_ids) < len(image.faces) for image in images),
            db_version=self.parameters.db_version,
        )

    def changes(
        self, images: Sequence[GalleryImage], evidence: GalleryEvidence
    ) -> Iterator[tuple[GalleryImage, list[FaceMatches]]]:
        """The stored images whose verdicts or matches the evidence changes, and their new matches."""
        for image, counted in zip(images, evidence.pictures, strict=True):
            judged = iter(counted)
            faces = tuple(next(judged) if self._counts(face.confidence) else face for face in image.faces)
            if len(image.face_ids) == len(faces) and _outcomes(faces) != image.outcomes:
                yield (
                    image,
                    [
                        to_stored_matches(face_id, face, self.recognizer.database, own)
                        for face_id, face, own in zip(image.face_ids, faces, image.faces, strict=True)
                    ],
                )

    def _counted(self, image: GalleryImage) -> PictureFaces:
        """The faces as sure as asked for; surer than the floor of the run."""
        return tuple(face for face in image.faces if self._counts(face.confidence))

    def _counts(self, confidence: float) -> bool:
        return confidence >= self.parameters.options.min_face_confidence

    def _face_ids(self, images: Sequence[GalleryImage]) -> Iterator[int | None]:
        for image in images:
            ids: Sequence[int | None] = image.face_ids or [None] * len(image.faces)
            for face_id, face in zip(ids, image.faces, strict=True):
                if self._counts(face.confidence):
                    yield face_id


class GalleryStore(StateAccess):
    """Reads and writes the results of images: those of one gallery, or of none where its id is empty."""

    def __init__(
        self,
        gallery_id: str,
        parameters: RunParameters,
        database: FaceDatabase,
        state: RecommendationsDB,
        progress: JobProgress,
        busy_s: float,
    ) -> None:
        super().__init__(f"gallery {gallery_id}" if gallery_id else "images", progress, busy_s)
        self._gallery_id = gallery_id
        self._parameters = parameters
        self._database = database
        self._state = state

    def look_up(
        self, tasks: Sequence[ImageTask], *, force: bool
    ) -> tuple[dict[str, StoredResult], dict[str, GalleryImage]]:
        """The stored results that serve, and as images those whose matches serve too. Blocks."""
        results = stored_results(
            tasks, self._parameters, self._state, gallery_id=self._gallery_id, force=force
        )
        results = results_in(self._database, results, self._state)
        unseen = [image for image, stored in results.items() if self._gallery_id not in stored.gallery_ids]
        if unseen and self._gallery_id:
            self.write(partial(self._state.add_images_to_gallery, self._gallery_id, unseen))
        images = {
            image: GalleryImage.stored(stored, self._parameters)
            for image, stored in results.items()
            if self._parameters.has_same_matches(stored)
        }
        return results, images

    def add(self, images: Sequence[RecognizedImage]) -> dict[str, tuple[int, ...]]:
        """Image id -> ids of its faces, without the images that could not be stored. Blocks."""
        gallery_ids = [self._gallery_id] if self._gallery_id else []
        try:
            outcome = self._state.store_image_results(
                [replace(image.result, gallery_ids=gallery_ids) for image in images]
            )
        except StashSenseError as error:
            self.report(error)
            return {}
        for image_id, refusal in outcome.failed:
            self.report(refusal, f"image {image_id}")
        return {stored.stash_image_id: stored.face_ids for stored in outcome.stored}

    def rematch(self, changes: Iterable[tuple[GalleryImage, list[FaceMatches]]]) -> None:
        """Write new matches. Images of one floor, nearly always all, are written together. Blocks."""
        by_floor: dict[float, list[tuple[GalleryImage, list[FaceMatches]]]] = {}
        for image, matches in changes:
            by_floor.setdefault(image.floor, []).append((image, matches))
        for floor, own in by_floor.items():
            self.write(
                partial(
                    self._state.update_matches,
                    self._parameters.pack,
                    self._parameters.db_version,
                    [image.image_id for image, _ in own],
                    [match for _, matches in own for match in matches],
                    {**self._parameters.settings(), "floor": floor},
                )
            )
