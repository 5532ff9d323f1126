"""A folder of photos as one gallery: who is on each photo, and who is in it altogether."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from stash_sense.domain.people import Person
from stash_sense.domain.progress import Progress
from stash_sense.matching.evidence import Presence
from stash_sense.recognition.analysis import PhotoFaces, read_faces
from stash_sense.recognition.evidence import MatchOptions, Unnamed, weigh
from stash_sense.recognition.recognizer import FaceRecognizer, RecognizedFace


@dataclass(frozen=True, slots=True, eq=False)
class NamedPhoto:
    """One photo of a gallery. error: why it could not be read, else empty."""

    path: Path
    width: int
    height: int
    faces: tuple[RecognizedFace, ...]
    error: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class PersonFound:
    """Somebody found in a gallery, with the photos they stand on."""

    person: Person
    presence: Presence
    photos: tuple[Path, ...]

    @property
    def confidence(self) -> float:
        """Of the nearest face, 0 to 1."""
        return min(1.0, max(0.0, 1.0 - self.presence.best_distance))


@dataclass(frozen=True, slots=True, eq=False)
class UnknownPerson:
    """Somebody on a gallery's photos who was given no name."""

    track: Unnamed
    photos: tuple[Path, ...]


@dataclass(frozen=True, slots=True, eq=False)
class GalleryResult:
    """A gallery's photos in order, the people in it, and those who were given no name, most photos first."""

    photos: tuple[NamedPhoto, ...]
    people: tuple[PersonFound, ...]
    unknown: tuple[UnknownPerson, ...] = ()


def identify_photos(
    paths: Sequence[Path], recognizer: FaceRecognizer, knobs: MatchOptions, progress: Progress
) -> GalleryResult:
    """Name the people of the photos, taken as one gallery. Cancelled by way of `progress`."""
    (result,) = identify_galleries([paths], recognizer, knobs, progress)
    return result


def identify_galleries(
    galleries: Sequence[Sequence[Path]], recognizer: FaceRecognizer, knobs: MatchOptions, progress: Progress
) -> list[GalleryResult]:
    """Each gallery's result. All are read in one go, so that no core waits for the end of a small one."""
    paths = [path for gallery in galleries for path in gallery]
    progress.start("Identifying", len(paths))
    engine = recognizer.pack.engine
    with closing(read_faces(paths, engine, min_confidence=knobs.min_face_confidence)) as read:
        named = _named(_counted(read, progress), recognizer, knobs)
        return [gather(list(islice(named, len(gallery))), recognizer, knobs) for gallery in galleries]


def gather(photos: Sequence[NamedPhoto], recognizer: FaceRecognizer, knobs: MatchOptions) -> GalleryResult:
    """The people of already named photos, by the evidence asked for; faces' verdicts follow it."""
    weighed = weigh([photo.faces for photo in photos], recognizer, knobs)
    people = tuple(
        PersonFound(
            found.person,
            found.presence,
            tuple(photos[position].path for position in found.presence.images),
        )
        for found in weighed.people
    )
    unknown = tuple(
        UnknownPerson(track, tuple(photos[position].path for position in track.images))
        for track in weighed.unnamed
    )
    named = (replace(photo, faces=faces) for photo, faces in zip(photos, weighed.pictures, strict=True))
    return GalleryResult(tuple(named), people, unknown)


def _counted(read: Iterable[PhotoFaces], progress: Progress) -> Iterator[PhotoFaces]:
    faces = 0
    for done, photo in enumerate(read, 1):
        faces += len(photo.faces)
        progress.update(done, faces=faces)
        yield photo


NAME_BATCH = 16
"""Photos named together: a search reads all references once a batch."""


def _named(
    read: Iterable[PhotoFaces], recognizer: FaceRecognizer, knobs: MatchOptions
) -> Iterator[NamedPhoto]:
    batch: list[PhotoFaces] = []
    for photo in read:
        batch.append(photo)
        if len(batch) == NAME_BATCH:
            yield from _name_batch(batch, recognizer, knobs)
            batch = []
    yield from _name_batch(batch, recognizer, knobs)


def _name_batch(
    batch: Sequence[PhotoFaces], recognizer: FaceRecognizer, knobs: MatchOptions
) -> Iterator[NamedPhoto]:
    faces = [face for photo in batch for face in photo.faces]
    named = iter(recognizer.name(faces, knobs.top_k, knobs.max_distance))
    for photo in batch:
        own = tuple(next(named) for _ in photo.faces)
        yield NamedPhoto(photo.path, photo.width, photo.height, own, photo.error)


def joined(results: Sequence[GalleryResult]) -> GalleryResult:
    """Several galleries' results as one: photos one after another, a person's appearances together.

    An unknown person of one gallery stays another than those of the next.
    """
    photos: list[NamedPhoto] = []
    people: dict[int, PersonFound] = {}
    unknown: list[UnknownPerson] = []
    faces = 0
    for result in results:
        unknown += [_moved(one, faces, len(photos)) for one in result.unknown]
        for found in result.people:
            moved = tuple(
                replace(seen, image=seen.image + len(photos), face=seen.face + faces)
                for seen in found.presence.appearances
            )
            before = people.get(found.presence.person)
            seen_before = before.presence.appearances if before else ()
            photos_before = before.photos if before else ()
            alone = found.presence.alone + (before.presence.alone if before else 0)
            presence = Presence(found.presence.person, seen_before + moved, alone)
            people[presence.person] = PersonFound(found.person, presence, photos_before + found.photos)
        photos += result.photos
        faces += sum(len(photo.faces) for photo in result.photos)
    order = sorted(people.values(), key=lambda one: (-len(one.photos), one.presence.best_distance))
    unknown.sort(key=lambda one: -len(one.photos))
    return GalleryResult(tuple(photos), tuple(order), tuple(unknown))


def _moved(one: UnknownPerson, faces: int, images: int) -> UnknownPerson:
    """With the positions that the faces and images have behind so many others."""
    track = replace(
        one.track,
        faces=tuple(face + faces for face in one.track.faces),
        images=tuple(image + images for image in one.track.images),
    )
    return replace(one, track=track)
