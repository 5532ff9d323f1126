"""A folder of photos as one gallery: who is on each photo, and who is in the folder altogether."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice

from stash_sense.domain.progress import Progress
from stash_sense.matching.gallery_people import (
    GalleryPerson,
    MatchOptions,
    PictureFaces,
    UnknownTrack,
    find_people,
)
from stash_sense.media.photo import PhotoFile
from stash_sense.recognition.analysis import AnalyzedPhoto, analyze_photos
from stash_sense.recognition.recognizer import FaceRecognizer

RECOGNIZED_TOGETHER = 16
"""Photos whose faces are searched in one pass over the references."""


@dataclass(frozen=True, slots=True, eq=False)
class RecognizedPhoto:
    """A photo with its recognised faces. error: why it could not be read, else empty."""

    path: PhotoFile
    width: int
    height: int
    faces: PictureFaces
    error: str = ""

    @property
    def frame(self) -> int:
        """Of an animation: the frame that its faces are in."""
        return self.faces[0].frame if self.faces else 0


@dataclass(frozen=True, slots=True, eq=False)
class FolderResult:
    """The photos in order, the people, and the tracks without a name; those on most photos first.

    The images of people and tracks are positions in `photos`.
    """

    photos: tuple[RecognizedPhoto, ...]
    people: tuple[GalleryPerson, ...]
    unknown: tuple[UnknownTrack, ...] = ()

    def paths(self, images: Iterable[int]) -> list[PhotoFile]:
        """The photos at these positions."""
        return [self.photos[position].path for position in images]


def identify_photos(
    paths: Sequence[PhotoFile],
    recognizer: FaceRecognizer,
    options: MatchOptions,
    progress: Progress,
    *,
    workers: int = 0,
) -> FolderResult:
    """Recognise the people of the photos, taken as one gallery. `progress` may raise Cancelled."""
    (result,) = identify_folders([paths], recognizer, options, progress, workers=workers)
    return result


def identify_folders(
    folders: Sequence[Sequence[PhotoFile]],
    recognizer: FaceRecognizer,
    options: MatchOptions,
    progress: Progress,
    *,
    workers: int = 0,
) -> list[FolderResult]:
    """The result of each folder, given by its photos. All are read in one go, so that no core waits for the
    end of a small folder.

    workers: threads; 0: one for each core.
    """
    paths = [path for folder in folders for path in folder]
    progress.start("Identifying", len(paths))
    analyzed = analyze_photos(
        paths,
        recognizer.pack.engine,
        min_confidence=options.min_face_confidence,
        workers=workers,
    )
    with closing(analyzed) as photos:
        recognized = _recognized(_counted(photos, progress), recognizer, options)
        return [
            judge_photos(list(islice(recognized, len(folder))), recognizer, options) for folder in folders
        ]


def judge_photos(
    photos: Sequence[RecognizedPhoto], recognizer: FaceRecognizer, options: MatchOptions
) -> FolderResult:
    """The people of photos whose faces are recognised each alone; the faces' verdicts follow the evidence."""
    evidence = find_people(
        [photo.faces for photo in photos],
        recognizer.database,
        recognizer.pack.scorer,
        options,
        calibrated=recognizer.pack.calibrated,
    )
    judged = (replace(photo, faces=faces) for photo, faces in zip(photos, evidence.pictures, strict=True))
    return FolderResult(tuple(judged), evidence.people, evidence.unknown)


def _counted(photos: Iterable[AnalyzedPhoto], progress: Progress) -> Iterator[AnalyzedPhoto]:
    faces = 0
    for done, photo in enumerate(photos, 1):
        faces += len(photo.faces)
        progress.update(done, faces=faces)
        yield photo


def _recognized(
    photos: Iterable[AnalyzedPhoto], recognizer: FaceRecognizer, options: MatchOptions
) -> Iterator[RecognizedPhoto]:
    batch: list[AnalyzedPhoto] = []
    for photo in photos:
        batch.append(photo)
        if len(batch) == RECOGNIZED_TOGETHER:
            yield from _recognize_batch(batch, recognizer, options)
            batch = []
    yield from _recognize_batch(batch, recognizer, options)


def _recognize_batch(
    batch: Sequence[AnalyzedPhoto], recognizer: FaceRecognizer, options: MatchOptions
) -> Iterator[RecognizedPhoto]:
    faces = [face for photo in batch for face in photo.faces]
    recognized = iter(recognizer.recognize(faces, options.top_k, options.max_distance))
    for photo in batch:
        own = tuple(next(recognized) for _ in photo.faces)
        yield RecognizedPhoto(photo.path, photo.width, photo.height, own, photo.error)


def join_folders(results: Sequence[FolderResult]) -> FolderResult:
    """Several folders' results as one: photos one after another, each person once.

    An unknown track of one folder stays another than those of the next.
    """
    photos: list[RecognizedPhoto] = []
    people: dict[int, GalleryPerson] = {}
    unknown: list[UnknownTrack] = []
    faces = 0
    for result in results:
        unknown += [_moved_track(track, faces, len(photos)) for track in result.unknown]
        for person in result.people:
            moved = _moved_person(person, faces, len(photos))
            before = people.get(person.index)
            people[person.index] = moved if before is None else _joined(before, moved)
        photos += result.photos
        faces += sum(len(photo.faces) for photo in result.photos)
    order = sorted(people.values(), key=lambda person: (-len(person.images), person.best_distance))
    unknown.sort(key=lambda track: -len(track.images))
    return FolderResult(tuple(photos), tuple(order), tuple(unknown))


def _moved_track(track: UnknownTrack, faces: int, images: int) -> UnknownTrack:
    """At the positions that its faces and images have behind so many others."""
    return replace(
        track,
        faces=tuple(face + faces for face in track.faces),
        images=tuple(image + images for image in track.images),
    )


def _moved_person(person: GalleryPerson, faces: int, images: int) -> GalleryPerson:
    return replace(
        person,
        faces=tuple(
            replace(face, face=face.face + faces, image=face.image + images) for face in person.faces
        ),
        tracks=tuple(tuple(face + faces for face in track) for track in person.tracks),
    )


def _joined(person: GalleryPerson, other: GalleryPerson) -> GalleryPerson:
    return replace(
        person,
        faces=person.faces + other.faces,
        alone=person.alone + other.alone,
        tracks=person.tracks + other.tracks,
    )
