"""The labelled galleries' faces, looked at once, and a face database for every split of the enrolled."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import lab
from splits import Truth, Variant
from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment.build import database_writer
from stash_sense.facedb.database import FaceDatabase
from stash_sense.faces.engine import SLOTS
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition.folder import RecognizedPhoto, identify_photos
from stash_sense.recognition.recognizer import FaceRecognizer, LoadedPack
from stash_sense.runtime.from_settings import open_recognizer, recognizer

Photos = Mapping[str, Sequence[RecognizedPhoto]]
"""Gallery -> its photos with their faces."""
_Enrolment = tuple[frozenset[str], int | None, int]


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Every split of dev/enrol and the crowd, on the labelled galleries. known: the people of dev/enrol."""

    data: lab.FaceData
    pack: LoadedPack
    truth: Truth
    known: frozenset[str]
    whole: FaceDatabase
    seen: Photos
    folder: Path
    stack: ExitStack
    _opened: dict[_Enrolment, tuple[FaceRecognizer, Photos]] = field(default_factory=dict)

    def recognized(self, variant: Variant, split: int) -> tuple[FaceRecognizer, Photos]:
        """The recognizer of a split, and the photos that are there with each face named by it alone."""
        ready, named = self._enrolled(variant, split)
        there = self.wanted(variant, split)
        return ready, {
            gallery: [photo for photo in photos if photo.path.name in there[gallery]]
            for gallery, photos in named.items()
        }

    def wanted(self, variant: Variant, split: int) -> dict[str, dict[str, set[str]]]:
        """Gallery -> photo that is there -> the enrolled people on it."""
        enrolled = self.known - variant.left_out(self.truth, self.known, split)
        return {
            gallery: {photo: set(photos[photo]) & enrolled for photo in variant.chosen(list(photos), split)}
            for gallery, photos in sorted(self.truth.items())
        }

    def _enrolled(self, variant: Variant, split: int) -> tuple[FaceRecognizer, Photos]:
        left_out = variant.left_out(self.truth, self.known, split)
        key = left_out, variant.references, 0 if variant.references is None else split
        if key not in self._opened:
            photos = {
                str(self.data.enrol.resolve() / name / photo)
                for name in self.known - left_out
                for photo in variant.reference_photos(self.data.enrol / name, split)
            }
            place = self.folder / str(len(self._opened))
            write_part(self.whole, place, self.pack, self._rows(photos))
            ready = open_recognizer(self.pack, place)
            self.stack.enter_context(ready.database)
            self._opened[key] = ready, _named_by(ready, self.seen)
        return self._opened[key]

    def _rows(self, photos: set[str]) -> frozenset[int]:
        """The crowd's reference faces, and those of these photos of dev/enrol."""
        inside = str(self.data.enrol.resolve() / "_")[:-1]
        paths = (self.whole.reference(row).photo for row in range(self.whole.manifest.faces))
        return frozenset(
            row for row, path in enumerate(paths) if path in photos or not path.startswith(inside)
        )


@contextmanager
def trials(data: lab.FaceData) -> Iterator[Trials]:
    """Trials with the default pack; their face databases are removed at the end."""
    pack = lab.default_pack()
    with (
        TemporaryDirectory() as folder,
        ExitStack() as stack,
        recognizer(pack, data.enrolled(pack)) as whole,
    ):
        seen = {
            gallery: identify_photos(paths, whole, MatchOptions(evidence="plain"), NoProgress()).photos
            for gallery, paths in data.galleries().items()
        }
        known = frozenset(person.name for person in data.enrol.iterdir())
        truth = lab.read_truth(data)
        yield Trials(data, pack, truth, known, whole.database, seen, Path(folder), stack)


def write_part(whole: FaceDatabase, place: Path, pack: LoadedPack, rows: frozenset[int]) -> None:
    """Write a face database with these reference faces of another; who has none of them is not enrolled."""
    with database_writer(place, pack) as writer:
        for index in range(whole.people):
            own = [row for row in whole.rows(index) if row in rows]
            if not own:
                continue
            vectors = whole.vectors(np.array(own, np.int64))
            writer.add_person(
                whole.person(index),
                [whole.reference(row) for row in own],
                np.concatenate([vectors[slot] for slot in SLOTS], axis=1),
            )
        writer.commit(["part of another database"])


def _named_by(ready: FaceRecognizer, seen: Photos) -> Photos:
    named = {}
    for gallery, photos in seen.items():
        faces = iter(ready.recognize([face for photo in photos for face in photo.faces]))
        named[gallery] = [replace(photo, faces=tuple(next(faces) for _ in photo.faces)) for photo in photos]
    return named
