"""The state of a running gallery: what is known of each image so far, and what follows from it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from stash_sense.domain.decisions import Decision
from stash_sense.recognition.analysis_units import Looked
from stash_sense.recognition.answers import (
    MOST_ERRORS,
    AnsweredFaces,
    GalleryAnswer,
    SkippedImage,
    performer,
    unknown_track,
)
from stash_sense.recognition.evidence import Faces, Weighed, weigh
from stash_sense.recognition.parameters import RunParameters
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.recognition.stored_faces import matched, own_face, said_of, size
from stash_sense.store.rematch import FaceMatches
from stash_sense.store.results import StoredResult


@dataclass(frozen=True, slots=True, eq=False)
class RecognizedImage:
    """An image whose faces are known, each as its picture alone makes it.

    face_ids: none where the image could not be stored. words: verdict, reason and whom a match means, as they
    are stored now: two people may have one name. floor: the detection confidence from which the stored run
    kept faces.
    """

    image_id: str
    faces: Faces
    face_ids: tuple[int, ...]
    words: tuple[tuple[str, str, str], ...]
    floor: float

    @classmethod
    def fresh(cls, looked: Looked, face_ids: Sequence[int], terms: RunParameters) -> "RecognizedImage":
        return cls(looked.wanted.image_id, looked.faces, tuple(face_ids), _words(looked.faces), terms.floor)

    @classmethod
    def stored(
        cls, result: StoredResult, terms: RunParameters, named: Faces | None = None
    ) -> "RecognizedImage":
        """named: its faces, matched anew and stored so."""
        words = tuple(
            (face.verdict, face.reason, face.candidates[0].performer_id if face.verdict == "match" else "")
            for face in result.faces
        )
        return cls(
            result.stash_image_id,
            faces_of(result) if named is None else named,
            tuple(face.face_id for face in result.faces),
            words if named is None else _words(named),
            terms.settings_over(result)["floor"],
        )


@dataclass(slots=True, eq=False)
class GalleryState:
    """All images of a gallery, by their positions in it."""

    gallery_id: str
    total: int
    terms: RunParameters
    recognizer: FaceRecognizer
    entries: dict[int, RecognizedImage] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    skipped: dict[int, SkippedImage] = field(default_factory=dict)
    faces: int = 0
    named: set[str] = field(default_factory=set)

    def add(self, position: int, entry: RecognizedImage) -> None:
        """An image is done."""
        self.entries[position] = entry
        asked = self._asked(entry)
        self.faces += len(asked)
        self.named.update(face.named.performer_id for face in asked if face.named)

    @property
    def done(self) -> int:
        """Images that nothing more will be done about, but for the gallery's evidence."""
        return len(self.entries) + len(self.errors) + len(self.skipped)

    def weigh(self, decided: Mapping[int, Sequence[Decision]]) -> tuple[list[RecognizedImage], Weighed]:
        """The images that are done, in gallery order, and their evidence. decided: by face id."""
        order = [self.entries[position] for position in sorted(self.entries)]
        said = {}
        if decided:
            said = {
                place: said_of(decided[face_id])
                for place, face_id in enumerate(self._face_ids(order))
                if face_id is not None and face_id in decided
            }
        pictures = [self._asked(entry) for entry in order]
        return order, weigh(pictures, self.recognizer, self.terms.knobs, said)

    def answer(self, order: Sequence[RecognizedImage], weighed: Weighed) -> GalleryAnswer:
        """The contract's answer."""
        faces = AnsweredFaces(
            [face for own in weighed.pictures for face in own],
            list(self._face_ids(order)),
            [entry.image_id for entry, own in zip(order, weighed.pictures, strict=True) for _ in own],
        )
        image_ids = [entry.image_id for entry in order]
        errors = [self.errors[position] for position in sorted(self.errors)]
        return GalleryAnswer(
            gallery_id=self.gallery_id,
            total_images=self.total,
            images_processed=len(order),
            faces_detected=sum(len(faces) for faces in weighed.pictures),
            performers=tuple(
                performer(found, image_ids, faces, self.recognizer.database) for found in weighed.people
            ),
            unknown=tuple(
                unknown_track(one, image_ids, faces, self.recognizer.database) for one in weighed.unnamed
            ),
            errors=tuple(errors[:MOST_ERRORS]),
            error_count=len(errors),
            skipped=tuple(self.skipped[position] for position in sorted(self.skipped)),
            not_stored=sum(len(entry.face_ids) < len(entry.faces) for entry in order),
        )

    def changed(
        self, order: Sequence[RecognizedImage], weighed: Weighed
    ) -> Iterator[tuple[RecognizedImage, list[FaceMatches]]]:
        """Stored images whose faces say something else now that the gallery has spoken."""
        for entry, asked in zip(order, weighed.pictures, strict=True):
            judged = iter(asked)
            now = tuple(next(judged) if self._is_asked(face.confidence) else face for face in entry.faces)
            if len(entry.face_ids) == len(now) and _words(now) != entry.words:
                yield (
                    entry,
                    [
                        matched(face_id, face, self.recognizer.database, own)
                        for face_id, face, own in zip(entry.face_ids, now, entry.faces, strict=True)
                    ],
                )

    def _asked(self, entry: RecognizedImage) -> Faces:
        return tuple(face for face in entry.faces if self._is_asked(face.confidence))

    def _is_asked(self, confidence: float) -> bool:
        return confidence >= self.terms.knobs.min_face_confidence

    def _face_ids(self, order: Sequence[RecognizedImage]) -> Iterator[int | None]:
        for entry in order:
            ids: Sequence[int | None] = entry.face_ids or [None] * len(entry.faces)
            for face_id, face in zip(ids, entry.faces, strict=True):
                if self._is_asked(face.confidence):
                    yield face_id


def faces_of(result: StoredResult) -> Faces:
    """A stored image's faces as its picture alone makes them."""
    width, height = size(result)
    return tuple(own_face(face, width, height) for face in result.faces)


def _words(faces: Faces) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (face.verdict.word, face.verdict.reason, face.named.performer_id if face.named else "")
        for face in faces
    )
